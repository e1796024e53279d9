/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/clock_watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "base/failure.h"
#include "base/file.h"
#include "json/text.h"
#include "json/value.h"
#include "policy/model.h"
#include "policy/windows.h"
#include "run/numbers.h"
#include "run/supervisor.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"
#define CHIP "/sys/class/rtc/rtc0/since_epoch"
#define FILE_MAX 4096
#define SAVE_EVERY (600 * 1000) /* ms */
#define JUDGE_EVERY 1000
#define AGAIN 5000 /* ms, when the policy could not be compiled again */

/* ---- readings ---- */

static bool read_line(const char *path, char *line, size_t size)
{
	FILE *f = fopen(path, "re");
	bool good = f && fgets(line, (int)size, f);

	if (f)
		fclose(f);
	line[good ? strcspn(line, "\n") : 0] = '\0';
	return good;
}

static int64_t read_chip(void)
{
	char line[32];

	return read_line(CHIP, line, sizeof(line)) ? strtoll(line, NULL, 10) : 0;
}

static bool is_synchronised(void)
{
	struct timex timex = { .modes = 0 };

	return adjtimex(&timex) >= 0 && !(timex.status & STA_UNSYNC);
}

static void read_clock(const struct clock_watch *w, struct clock_reading *ret)
{
	*ret = (struct clock_reading){ .wall = time(NULL), .boot = child_now() / 1000,
				       .chip = w->clock.known ? 0 : read_chip(),
				       .synchronised = is_synchronised(), .has_servers = w->has_servers };
}

/* ---- the file ---- */

static void clock_path(const char *state, char path[static 4096])
{
	snprintf(path, 4096, "%s/clock.json", state);
}

static int64_t number_of(const struct value *map, const char *name)
{
	const struct value *v = value_member(map, name);

	return v && v->type == VALUE_INT ? v->integer : 0;
}

static bool truth_of(const struct value *map, const char *name)
{
	const struct value *v = value_member(map, name);

	return v && v->type == VALUE_BOOL && v->boolean;
}

static const struct value *load(const char *state, struct arena *arena)
{
	struct value_source *source = arena_alloc(arena, sizeof(*source));
	struct diag_list diags;
	char path[4096], *text;

	clock_path(state, path);
	if (file_read(path, FILE_MAX, arena, &text, &source->len) < 0)
		return NULL;
	diag_init(&diags, arena);
	source->file = path;
	source->text = text;
	return value_parse(source, arena, &diags);
}

/* Of the same boot it is known how long ago that was. */
static void take(struct clock_watch *w, const struct value *stored, int64_t boot)
{
	const char *id = value_member_text(stored, "boot");
	char now[64];
	bool same = read_line(BOOT_ID, now, sizeof(now)) && id && strcmp(id, now) == 0 &&
		    number_of(stored, "boot_seconds") <= boot;

	w->has_servers = truth_of(stored, "time_servers");
	w->clock = (struct clock){ .latest = number_of(stored, "latest"), .recorded = true };
	w->clock.known = same && truth_of(stored, "known");
	w->clock.latest_at = same ? number_of(stored, "boot_seconds") : 0;
}

/* A box on which no gate has run: the program was built before now, and a policy may have been compiled. */
static void guess(struct clock_watch *w, const char *state, int64_t boot)
{
	struct arena arena = { 0 };
	struct numbers numbers;
	struct stat program;

	w->clock = (struct clock){ .latest_at = boot };
	if (stat("/proc/self/exe", &program) == 0)
		w->clock.latest = program.st_mtime;
	if (numbers_load(arena_printf(&arena, "%s/conduits.json", state), &arena, &numbers) == 0 &&
	    numbers.time.now > w->clock.latest)
		w->clock.latest = numbers.time.now;
	arena_free(&arena);
}

static void read_stored(struct clock_watch *w, const char *state)
{
	int64_t boot = child_now() / 1000;
	struct arena arena = { 0 };
	const struct value *stored = load(state, &arena);

	if (number_of(stored, "latest") > 0)
		take(w, stored, boot);
	else
		guess(w, state, boot);
	arena_free(&arena);
}

static void write_clock(const struct clock_watch *w, int64_t boot, struct writer *writer)
{
	char id[64];

	read_line(BOOT_ID, id, sizeof(id));
	writer_open_map(writer);
	writer_put_int(writer, "latest", clock_latest(&w->clock, boot));
	writer_put_bool(writer, "known", w->clock.known);
	writer_put_text(writer, "boot", id);
	writer_put_int(writer, "boot_seconds", boot);
	writer_put_bool(writer, "time_servers", w->has_servers);
	writer_close_map(writer);
}

static int store(const struct clock_watch *w, const char *state)
{
	char path[4096];
	struct json_text text;
	struct writer *writer = json_text_begin(&text, true);

	if (!writer)
		return -ENOMEM;
	clock_path(state, path);
	write_clock(w, child_now() / 1000, writer);
	return json_text_store(&text, path, 0640);
}

static void save(struct supervisor *s)
{
	struct clock_watch *w = &s->clock;
	int r = store(w, s->state);

	w->save_at = child_now() + SAVE_EVERY;
	if (r < 0 && !w->unsaved)
		supervisor_warn(s, "cannot write %s/clock.json: %s. After a restart the gate may not know how late it "
				"is", s->state, failure_text(r));
	w->unsaved = r < 0;
}

/* ---- judging ---- */

static void tell(struct supervisor *s, enum events_deed deed, const char *text)
{
	events_deed(&s->events, deed, text);
	s->voice->warn(text);
}

static void tell_judgement(struct supervisor *s, enum clock_doubt doubt)
{
	char text[300];

	if (doubt == CLOCK_TRUSTED) {
		tell(s, EVENTS_CLOCK_TRUSTED, "The clock is trusted again: what was closed because of it follows its "
		     "rules again.");
		return;
	}
	snprintf(text, sizeof(text), "%s Until then schedules, and rules that expire within %d days, are closed.",
		 clock_doubt_text(doubt), CLOCK_SOON);
	tell(s, EVENTS_CLOCK_DOUBTED, text);
}

static void judge(struct supervisor *s)
{
	struct clock_watch *w = &s->clock;
	enum clock_doubt before = w->clock.doubt;
	struct clock_reading reading;

	read_clock(w, &reading);
	w->synchronised = reading.synchronised;
	clock_judge(&w->clock, &reading);
	if (w->clock.doubt == before)
		return;
	tell_judgement(s, w->clock.doubt);
	w->changed = true;
	save(s);
}

/* Set far ahead; the kernel ends it with ECANCELED when the clock is set, and it is armed anew. */
static void arm(struct clock_watch *w)
{
	const struct itimerspec far = { .it_value.tv_sec = INT64_C(1) << 40 };

	if (w->timer >= 0)
		(void)timerfd_settime(w->timer, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far, NULL);
}

static bool was_set(struct clock_watch *w)
{
	uint64_t expirations;

	if (w->timer < 0 || (read(w->timer, &expirations, sizeof(expirations)) < 0 && errno != ECANCELED))
		return false;
	arm(w);
	return true;
}

void clock_watch_tick(struct supervisor *s)
{
	struct clock_watch *w = &s->clock;
	int64_t now = child_now();

	if (was_set(w) || now >= w->judge_at) {
		judge(s);
		w->judge_at = now + JUDGE_EVERY;
	}
	if (now >= w->save_at)
		save(s);
}

bool clock_watch_calls(struct supervisor *s)
{
	int64_t now = child_now();

	if (!s->clock.changed || now < s->clock.call_at)
		return false;
	s->clock.call_at = now + AGAIN;
	return true;
}

void clock_watch_time(struct supervisor *s, struct compile_time *ret)
{
	int64_t latest = clock_latest(&s->clock.clock, child_now() / 1000), now = time(NULL);
	bool doubted = s->clock.clock.doubt != CLOCK_TRUSTED;

	*ret = (struct compile_time){ .now = doubted ? latest : now, .floor = latest - CLOCK_SLACK,
				      .doubted = doubted };
}

static bool names_time_servers(const struct site *site)
{
	for (size_t i = 0; i < site->gate.peer_count; i++)
		if (!site->gate.peers[i].collects)
			return true;
	return false;
}

void clock_watch_applied(struct supervisor *s, const struct site *site)
{
	s->clock.changed = false;
	s->clock.call_at = 0;
	s->clock.has_servers = site && names_time_servers(site);
	save(s);
}

void clock_watch_confirm(struct supervisor *s)
{
	struct clock_watch *w = &s->clock;
	struct clock_reading reading;

	read_clock(w, &reading);
	w->changed = true; /* windows may begin later than what is right now */
	clock_confirm(&w->clock, &reading);
	events_deed(&s->events, EVENTS_CLOCK_CONFIRMED, "A person confirmed that the clock is right: this time is the "
		    "one that everything is judged on from now on.");
	save(s);
}

void clock_watch_stored(const char *state, struct compile_time *ret)
{
	struct clock_watch w = { .timer = -1 };
	struct clock_reading reading;
	int64_t latest;

	read_stored(&w, state);
	read_clock(&w, &reading);
	latest = clock_latest(&w.clock, reading.boot);
	clock_judge(&w.clock, &reading);
	*ret = (struct compile_time){ .now = w.clock.doubt ? latest : reading.wall, .floor = latest - CLOCK_SLACK,
				      .doubted = w.clock.doubt != CLOCK_TRUSTED };
}

/* ---- begin and end ---- */

void clock_watch_open(struct supervisor *s)
{
	s->clock = (struct clock_watch){ .timer = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK) };
	arm(&s->clock);
	read_stored(&s->clock, s->state);
	judge(s);
	save(s);
}

void clock_watch_close(struct supervisor *s)
{
	if (s->clock.save_at) /* it was opened */
		save(s);
	if (s->clock.timer > 0)
		close(s->clock.timer);
	s->clock.timer = -1;
}

int clock_watch_fd(const struct supervisor *s)
{
	return s->clock.timer;
}

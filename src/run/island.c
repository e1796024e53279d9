/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/island.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/failure.h"
#include "base/file.h"
#include "json/text.h"
#include "json/value.h"
#include "record/change_log.h"
#include "run/in_force.h"
#include "run/supervisor.h"

#define FILE_NAME "island.json"
#define FILE_MOST 4096u

/* ---- on the disk ---- */

static void take(const struct value *map, const char *name, char *ret, size_t size)
{
	const char *text = value_member_text(map, name);

	snprintf(ret, size, "%s", text ? text : "");
}

void island_load(const char *state, struct island *ret)
{
	struct arena arena = { 0 };
	struct value_source source = { .file = arena_printf(&arena, "%s/" FILE_NAME, state) };
	const struct value *map, *since;
	struct diag_list diags;
	char *text;
	int r = file_read(source.file, FILE_MOST, &arena, &text, &source.len);

	*ret = (struct island){ .on = r != -ENOENT };
	if (r == 0) {
		diag_init(&diags, &arena);
		source.text = text;
		map = value_parse(&source, &arena, &diags);
		since = value_member(map, "since");
		ret->since = since && since->type == VALUE_INT ? since->integer : 0;
		take(map, "user", ret->user, sizeof(ret->user));
		take(map, "because", ret->because, sizeof(ret->because));
	}
	arena_free(&arena);
}

static int sync_folder(const char *state)
{
	int fd = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 || fsync(fd) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return r;
}

static int write_file(const char *path, const struct island *island)
{
	struct json_text text;
	struct writer *w = json_text_begin(&text, true);

	if (!w)
		return -ENOMEM;
	writer_open_map(w);
	writer_put_int(w, "since", island->since);
	writer_put_text(w, "user", island->user);
	writer_put_text(w, "because", island->because);
	writer_close_map(w);
	return json_text_store(&text, path, 0600);
}

int island_store(const char *state, const struct island *island)
{
	struct arena arena = { 0 };
	const char *path = arena_printf(&arena, "%s/" FILE_NAME, state);
	int r;

	if (island->on)
		r = write_file(path, island);
	else
		r = unlink(path) < 0 && errno != ENOENT ? -errno : sync_folder(state);
	arena_free(&arena);
	return r;
}

void island_make(const char *user, const char *because, struct island *ret)
{
	*ret = (struct island){ .on = true, .since = time(NULL) };
	snprintf(ret->user, sizeof(ret->user), "%s", user);
	snprintf(ret->because, sizeof(ret->because), "%s", because ? because : "");
}

/* ---- the record ---- */

int island_record(const char *state, const struct island *island, const char *user)
{
	struct change change = { .event = island->on ? "island-begun" : "island-ended", .user = user };
	struct arena arena = { 0 };
	int r;

	change.text = !island->on ? "What is in force serves again." :
		      !*island->because ? "Every conduit is closed." :
		      arena_printf(&arena, "Every conduit is closed: %s", island->because);
	r = change_log_append(state, &change);
	arena_free(&arena);
	return r;
}

/* ---- with a supervisor ---- */

static void record(struct supervisor *s, enum events_deed deed, const char *user, const char *text)
{
	int r = island_record(s->state, &s->island, user);

	events_deed(&s->events, deed, text);
	if (r < 0)
		supervisor_warn(s, "this is not in the change log (%s/" CHANGE_LOG "): %s", s->state, failure_text(r));
}

static int apply_again(struct supervisor *s, struct arena *arena, const char **ret_text)
{
	enum policy_source from = s->policy ? SOURCE_RUNNING : SOURCE_IN_FORCE;
	struct diag_list diags;
	int r;

	if (!s->policy && !in_force_exists(s->state, &s->trial.slots))
		return 0;
	diag_init(&diags, arena);
	r = supervisor_apply(s, from, NULL, arena, &diags, ret_text);
	s->voice->findings(&diags);
	return r > 0 ? -EINVAL : r;
}

int island_begin(struct supervisor *s, const char *user, const char *because, struct arena *arena,
		 const char **ret_text)
{
	int r;

	island_make(user, because, &s->island);
	r = island_store(s->state, &s->island);
	if (r < 0)
		supervisor_warn(s, "that this is an island cannot be written to %s (%s): after a restart conduits are open "
				"again", s->state, failure_text(r));
	r = apply_again(s, arena, ret_text);
	if (r < 0) /* without the inspectors' consent, then */
		r = supervisor_deny(s);
	*ret_text = r < 0 ? "the kernel does not close the conduits: PULL THE CABLE" :
		    "Every conduit is closed. It stays so, over restarts, until `gatehouse island --end`.";
	record(s, EVENTS_ISLAND_BEGUN, user, *ret_text);
	return r;
}

void island_follow(struct supervisor *s)
{
	struct arena arena = { 0 };
	const char *text = "";
	int r;

	if (s->island.on)
		return;
	island_load(s->state, &s->island);
	if (!s->island.on)
		return;
	r = apply_again(s, &arena, &text);
	if (r < 0 && supervisor_deny(s) < 0)
		supervisor_warn(s, "the kernel does not close the conduits: %s", text);
	arena_free(&arena);
}

int island_end(struct supervisor *s, const char *user, struct arena *arena, const char **ret_text)
{
	const struct island before = s->island;
	const char *text = "";
	int r;

	*ret_text = "this box is no island: nothing was changed";
	if (!before.on)
		return 1;
	s->island = (struct island){ 0 };
	r = island_store(s->state, &s->island);
	if (r == 0)
		r = apply_again(s, arena, &text);
	if (r < 0) {
		s->island = before;
		if (island_store(s->state, &before) < 0)
			supervisor_warn(s, "that this is an island cannot be written to %s", s->state);
		*ret_text = arena_printf(arena, "it stays an island: %s %s", failure_text(r), text);
		return r;
	}
	*ret_text = "This box is no island any more: what is in force serves again.";
	record(s, EVENTS_ISLAND_ENDED, user, *ret_text);
	return 0;
}

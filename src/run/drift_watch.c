/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/drift_watch.h"

#include <stdio.h>
#include <time.h>

#include "base/failure.h"
#include "netfilter/commit.h"
#include "netfilter/verify.h"
#include "run/supervisor.h"

#define EVERY 60000       /* ms between verifications when nothing is heard */
#define AGAIN 1000        /* ms, when the kernel could not be asked */
#define TOLD_MAX 20u      /* findings that become events, one each */
#define BURST 5u          /* restorations at once; then they are spaced */
#define SPACING_FIRST 100 /* ms */
#define SPACING_MOST 1000
#define PEACE 60000       /* ms without a restoration: the fight is over */

/* ---- records ---- */

static uint64_t digest_text(uint64_t digest, const char *text)
{
	for (; *text; text++)
		digest = (digest ^ (uint8_t)*text) * 0x100000001b3u;
	return digest;
}

static uint64_t list_digest(const struct drift_list *list)
{
	uint64_t digest = 0xcbf29ce484222325u;

	if (!list->count)
		return 0;
	for (size_t i = 0; i < list->count; i++)
		digest = digest_text(digest_text(digest, list->items[i].where), list->items[i].text);
	return digest;
}

static void tell(struct supervisor *s, const struct drift_list *list)
{
	const struct watch_change *by = &s->drift.by;
	char who[96] = "";
	size_t left;

	if (by->pid)
		snprintf(who, sizeof(who), " Changed by %s, process %u.",
			 *by->program ? by->program : "?", by->pid);
	for (size_t i = 0; i < list->count && i < TOLD_MAX; i++)
		events_drift(&s->events, &list->items[i], who);
	left = list->findings + list->warnings - (list->count < TOLD_MAX ? list->count : TOLD_MAX);
	if (left)
		events_drift_more(&s->events, left);
}

/* The same findings are told once. */
static void record(struct supervisor *s, const struct drift_list *list)
{
	uint64_t digest = list_digest(list);

	s->drift.findings = list->findings;
	s->drift.warnings = list->warnings;
	if (digest && digest != s->drift.recorded) {
		tell(s, list);
		s->voice->warn("the kernel's ruleset is not what the policy says: `gatehouse verify` and "
			       "the event log tell what differs");
	}
	s->drift.recorded = digest;
	if (!digest)
		s->drift.by = (struct watch_change){ 0 };
}

/* ---- putting it back ---- */

/*
 * The first few at once. Then spaced, and by the more the longer one takes, so that most of the time is left
 * for everything else.
 */
static void space(struct supervisor *s, int64_t began)
{
	struct drift_watch *d = &s->drift;
	int64_t now = child_now(), spacing = 4 * (now - began), least;
	unsigned over;

	if (began - d->restored_at > PEACE)
		d->burst = 0;
	d->restored_at = now;
	d->restore_from = now;
	if (++d->burst <= BURST)
		return;
	over = d->burst - BURST;
	if (over == 1)
		events_deed(&s->events, EVENTS_FIGHT, "Another program keeps changing the gate's ruleset. It is "
			    "put back again and again, but at most about once a second: find that program "
			    "and stop it.");
	least = over < 4 ? SPACING_FIRST << over : SPACING_MOST;
	d->restore_from = now + (spacing > least ? spacing : least);
}

static const struct ruleset *wanted(const struct supervisor *s)
{
	return s->policy ? &s->policy->compiled.ruleset : &supervisor_nothing;
}

static int load_again(struct supervisor *s, struct arena *arena)
{
	struct diag_list diags;
	int r;

	diag_init(&diags, arena);
	r = netfilter_commit(wanted(s), &diags);
	if (r < 0)
		s->voice->findings(&diags);
	return r;
}

static void restore(struct supervisor *s, struct arena *arena)
{
	struct drift_list list;
	int64_t began = child_now();
	char text[160];
	int r = load_again(s, arena);

	space(s, began);
	if (r == 0)
		r = netfilter_verify(wanted(s), arena, &list);
	if (r < 0 || list.ours) {
		snprintf(text, sizeof(text), "The policy could not be put back: %s. Trying again.",
			 r < 0 ? failure_text(r) : "the kernel differs again");
		events_deed(&s->events, EVENTS_NOT_RESTORED, text);
		s->drift.due = child_now() + AGAIN;
		return;
	}
	s->drift.restored++;
	events_deed(&s->events, EVENTS_RESTORED, "The kernel holds what the policy says again.");
	record(s, &list);
}

/* ---- looking ---- */

static int load_guard(struct supervisor *s)
{
	int r = s->drift.guarded ? 0 : guard_open(&s->drift.guard);

	s->drift.guarded = r == 0;
	return r;
}

static void look(struct supervisor *s)
{
	struct arena arena = { 0 };
	struct drift_list list;
	int r = netfilter_verify(wanted(s), &arena, &list);

	(void)load_guard(s); /* where it could not be loaded at the start; that was said */
	s->drift.due = child_now() + (r < 0 ? AGAIN : EVERY);
	if (r < 0 && !s->drift.deaf)
		s->voice->warn(arena_printf(&arena, "the kernel's ruleset cannot be verified: %s. Trying again",
					    failure_text(r)));
	s->drift.deaf = r < 0;
	if (r < 0)
		s->drift.restore_from = s->drift.due;
	if (r == 0) {
		s->drift.checked_at = time(NULL);
		record(s, &list);
		if (list.ours)
			island_follow(s);
		if (list.ours && !s->drift.maintenance_until)
			restore(s, &arena);
	}
	arena_free(&arena);
}

static void stop_listening(struct supervisor *s)
{
	if (s->drift.open)
		watch_close(&s->drift.watch);
	s->drift.open = false;
}

/* In a fight there is one look for each restoration. */
void drift_watch_read(struct supervisor *s)
{
	struct watch_change change;
	int r = watch_read(&s->drift.watch, &change);

	if (r < 0) {
		s->voice->warn("changes of the ruleset are no longer heard of; it is verified once a minute");
		stop_listening(s);
		return;
	}
	if (!change.foreign)
		return;
	s->drift.by = change;
	if (s->drift.due > s->drift.restore_from)
		s->drift.due = s->drift.restore_from;
}

void drift_watch_tick(struct supervisor *s)
{
	int64_t now = child_now();

	if (s->drift.maintenance_until && now >= s->drift.maintenance_until)
		drift_watch_maintenance(s, 0);
	if (now >= s->drift.due)
		look(s);
}

int drift_watch_timeout(const struct supervisor *s)
{
	int64_t left = s->drift.due - child_now();

	return left <= 0 ? 0 : left < EVERY ? (int)left : EVERY;
}

void drift_watch_applied(struct supervisor *s)
{
	s->drift.due = child_now();
}

/* ---- maintenance ---- */

void drift_watch_maintenance(struct supervisor *s, int64_t seconds)
{
	time_t until = time(NULL) + seconds;
	char text[200], instant[32];
	struct tm tm;

	if (!seconds && !s->drift.maintenance_until)
		return;
	s->drift.maintenance_until = seconds ? child_now() + seconds * 1000 : 0;
	s->drift.due = child_now();
	if (!seconds) {
		events_deed(&s->events, EVENTS_MAINTENANCE_ENDED,
			    "Maintenance is over: what differs from the policy is put back from now on.");
		return;
	}
	strftime(instant, sizeof(instant), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&until, &tm));
	snprintf(text, sizeof(text), "Maintenance until %s: what differs from the policy is recorded, but not "
		 "put back.", instant);
	events_deed(&s->events, EVENTS_MAINTENANCE_BEGUN, text);
}

/* ---- begin and end ---- */

static void warn_unguarded(struct supervisor *s, int error)
{
	char line[200];

	snprintf(line, sizeof(line), "the guard table cannot be loaded (%s): should another program delete the "
		 "gate's table, everything is forwarded until it is put back", failure_text(error));
	s->voice->warn(line);
}

void drift_watch_open(struct supervisor *s)
{
	int r = watch_open(&s->drift.watch);

	s->drift.open = r == 0;
	if (r < 0)
		s->voice->warn("changes of the ruleset by others cannot be heard of; it is verified once a "
			       "minute");
	r = load_guard(s);
	if (r < 0)
		warn_unguarded(s, r);
}

void drift_watch_close(struct supervisor *s)
{
	stop_listening(s);
	if (s->drift.guarded)
		guard_close(&s->drift.guard);
	s->drift.guarded = false;
}

int drift_watch_fd(const struct supervisor *s)
{
	return s->drift.open ? watch_fd(&s->drift.watch) : -1;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/status_inspectors.h"

#include <time.h>
#include <unistd.h>

void status_put_time(struct writer *w, const char *name, int64_t seconds)
{
	time_t t = seconds;
	struct tm tm;
	char text[32];

	gmtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	writer_put_text(w, name, text);
}

/* ---- of one conduit ---- */

static const struct child *member_of(const struct supervisor *s, uint32_t mark)
{
	const struct ruleset *ruleset = s->policy ? &s->policy->compiled.ruleset : &supervisor_nothing;

	return crew_member(&s->crew, ruleset, mark);
}

bool status_quarantined(const struct supervisor *s, uint32_t mark)
{
	const struct child *child = member_of(s, mark);

	return child && atomic_load(&child->board->traps[mark & MARK_CONDUIT]) >= QUARANTINE_AFTER;
}

uint64_t status_uninspected(const struct supervisor *s, uint32_t mark)
{
	const struct child *child = s->crew.stand_in.child;

	return child ? child->board->uninspected_by[mark & MARK_CONDUIT] : 0;
}

bool status_passing(const struct supervisor *s)
{
	const struct child *child = s->crew.stand_in.child;

	return child && child->board->openings % 2;
}

/* ---- counters ---- */

static void count_core(struct status_counts *c, const struct core_totals *totals)
{
	if (!totals)
		return;
	c->seen = true;
	c->passed += totals->passed;
	c->dropped += totals->dropped;
	c->requests_allowed += totals->requests_allowed;
	c->requests_denied += totals->requests_denied;
	c->flows_opened += totals->flows_opened;
	c->flows_now += totals->flows_now;
	c->cyclics_now += totals->cyclics_now;
}

void status_count(struct status_counts *c, struct child *child)
{
	const struct board *board = child->board;

	c->received += board->received;
	c->overruns += board->overruns;
	c->truncated += board->truncated;
	c->unknown += board->unknown;
	c->quarantined += board->quarantined;
	c->unsent += board->unsent;
	count_core(c, child_totals(child));
}

static void write_counts(struct writer *w, const struct status_counts *c)
{
	writer_name(w, "counters");
	writer_open_map(w);
	writer_put_uint(w, "received", c->received);
	writer_put_uint(w, "overruns", c->overruns);
	writer_put_uint(w, "truncated", c->truncated);
	writer_put_uint(w, "unknown", c->unknown);
	writer_put_uint(w, "quarantined", c->quarantined);
	writer_put_uint(w, "unsent", c->unsent);
	if (c->seen) {
		writer_put_uint(w, "passed", c->passed);
		writer_put_uint(w, "dropped", c->dropped);
		writer_put_uint(w, "requests_allowed", c->requests_allowed);
		writer_put_uint(w, "requests_denied", c->requests_denied);
		writer_put_uint(w, "flows_opened", c->flows_opened);
		writer_put_uint(w, "flows_now", c->flows_now);
		writer_put_uint(w, "cyclics_now", c->cyclics_now);
	}
	writer_close_map(w);
}

/* ---- processes ---- */

static const char *const states[] = {
	[CHILD_DOWN] = "down",
	[CHILD_STARTING] = "starting",
	[CHILD_WAITING] = "waiting",
	[CHILD_SERVING] = "serving",
};

static void write_sum(const struct crew *crew, struct writer *w)
{
	enum child_state least = CHILD_SERVING;
	int64_t since = 0;
	unsigned restarts = 0;

	for (size_t i = 0; i < crew->count; i++) {
		const struct child *child = &crew->members[i];

		least = child->state < least ? child->state : least;
		since = child->since > since ? child->since : since;
		restarts += child->restarts;
	}
	writer_name(w, "inspector");
	writer_open_map(w);
	writer_put_text(w, "state", states[least]);
	status_put_time(w, "since", since);
	writer_put_uint(w, "restarts", restarts);
	writer_close_map(w);
}

static void write_queue(const struct crew *crew, struct child *child, struct writer *w)
{
	struct status_counts counts = { 0 };

	status_count(&counts, child);
	writer_open_map(w);
	writer_put_uint(w, "queue", child->queue);
	writer_put_bool(w, "fails_open", child == crew->stand_in.child);
	writer_put_text(w, "state", states[child->state]);
	writer_put_int(w, "pid", child->pid);
	status_put_time(w, "since", child->since);
	writer_put_uint(w, "restarts", child->restarts);
	write_counts(w, &counts);
	writer_close_map(w);
}

static void write_fail_open(const struct supervisor *s, struct writer *w)
{
	const struct child *child = s->crew.stand_in.child;

	writer_name(w, "fail_open");
	if (!child) {
		writer_text(w, NULL);
		return;
	}
	writer_open_map(w);
	writer_put_bool(w, "passing", status_passing(s));
	writer_put_uint(w, "openings", (child->board->openings + 1) / 2);
	writer_put_uint(w, "packets", child->board->uninspected);
	writer_close_map(w);
}

void status_write_inspectors(struct supervisor *s, struct writer *w)
{
	struct status_counts sums = { 0 };

	writer_name(w, "supervisor");
	writer_open_map(w);
	writer_put_int(w, "pid", getpid());
	status_put_time(w, "since", s->started_at);
	writer_close_map(w);
	write_sum(&s->crew, w);
	writer_name(w, "queues");
	writer_open_list(w);
	for (size_t i = 0; i < s->crew.count; i++) {
		write_queue(&s->crew, &s->crew.members[i], w);
		status_count(&sums, &s->crew.members[i]);
	}
	writer_close_list(w);
	write_counts(w, &sums);
	write_fail_open(s, w);
}

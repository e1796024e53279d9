/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/failure.h"
#include "run/metrics.h"
#include "run/names.h"
#include "run/supervisor.h"
#include "run/usage.h"

/* ---- readings ---- */

static void add_rule(struct ledger *ledger, const char *rule, const char *verdict, uint64_t count, uint64_t bytes)
{
	const struct ledger_subject subject = { .kind = LEDGER_USAGE, .field = { rule, "", "", "", verdict } };

	ledger_reading_add(ledger, &subject, count, bytes);
}

/* Sources are LEDGER_KERNEL, then the inspectors. */
static void read_inspector(struct supervisor *s, struct child *child, unsigned source)
{
	const struct core_totals *totals = child_totals(child);
	struct ledger *ledger = s->feed.ledger;

	if (!totals)
		return;
	ledger_reading_begin(ledger, source, totals->packets, time(NULL));
	for (uint32_t i = 0; i < s->policy->compiled.rule_count && i < CORE_RULES_MAX; i++) {
		const char *rule = names_rule(&s->policy->compiled, i);

		add_rule(ledger, rule, "allowed", totals->rules[i].allowed, totals->rules[i].bytes);
		add_rule(ledger, rule, "denied", totals->rules[i].denied, 0);
		if (totals->rules[i].other)
			add_rule(ledger, rule, "other", totals->rules[i].other, 0);
	}
	ledger_reading_end(ledger);
}

static void take_uses(struct supervisor *s, unsigned member)
{
	struct uses_taken **taken = &s->feed.taken[member];

	if (!*taken)
		*taken = calloc(1, sizeof(**taken));
	if (*taken)
		uses_take(&s->crew.members[member], *taken, &s->policy->compiled, s->feed.ledger);
}

void feed_read_inspectors(struct supervisor *s)
{
	for (unsigned i = 0; s->feed.ledger && s->policy && !s->feed.paused && i < s->crew.count; i++) {
		read_inspector(s, &s->crew.members[i], LEDGER_KERNEL + 1 + i);
		take_uses(s, i);
	}
}

/* What the ruleset itself dropped, by reason, is of no rule. */
static struct ledger_subject subject_of_drop(const struct netfilter_drops *drop)
{
	return (struct ledger_subject){ .kind = LEDGER_USAGE, .field = { "", "", "", "", drop->reason } };
}

static void read_kernel(struct supervisor *s, const struct netfilter_counts *counts)
{
	struct ledger *ledger = s->feed.ledger;
	struct usage usage;

	ledger_reading_begin(ledger, LEDGER_KERNEL, 0, time(NULL));
	for (size_t i = 0; i < counts->conduit_count; i++) {
		usage_of_conduit(&counts->conduits[i], &usage);
		ledger_reading_add(ledger, &usage.subject, counts->conduits[i].packets, counts->conduits[i].bytes);
	}
	for (size_t i = 0; i < counts->drop_count; i++) {
		usage.subject = subject_of_drop(&counts->drops[i]);
		ledger_reading_add(ledger, &usage.subject, counts->drops[i].packets, counts->drops[i].bytes);
	}
	ledger_reading_end(ledger);
}

static void read_kernel_first(struct supervisor *s, const struct netfilter_counts *counts)
{
	struct ledger *ledger = s->feed.ledger;
	int64_t now = time(NULL);
	struct usage usage;

	for (size_t i = 0; i < counts->conduit_count; i++) {
		usage_of_conduit(&counts->conduits[i], &usage);
		ledger_reading_first(ledger, &usage.subject, counts->conduits[i].packets,
				     counts->conduits[i].bytes, now);
	}
	for (size_t i = 0; i < counts->drop_count; i++) {
		usage.subject = subject_of_drop(&counts->drops[i]);
		ledger_reading_first(ledger, &usage.subject, counts->drops[i].packets, counts->drops[i].bytes, now);
	}
}

/* ---- one by one ---- */

/* What is in the table of uses is taken from there. */
void feed_event(struct supervisor *s, const struct core_event *event)
{
	struct usage usage;

	if (!s->feed.ledger || event->kind != CORE_EVENT_DENIED || event->counted)
		return;
	usage_of_request(s->events.compiled, event, &usage);
	ledger_add(s->feed.ledger, &usage.subject, 1, 0, time(NULL));
}

void feed_refused(struct supervisor *s, const struct nflog_message *message)
{
	struct usage usage;

	if (s->feed.ledger && usage_of_refusal(message, &usage))
		ledger_add(s->feed.ledger, &usage.subject, 1, message->length, time(NULL));
}

static void add_moment(struct supervisor *s, const char *kind, const char *text, const char *digest)
{
	const struct ledger_moment moment = { .time = time(NULL), .kind = kind, .part = "supervisor", .text = text,
					      .digest = digest };

	if (s->feed.ledger)
		ledger_add_moment(s->feed.ledger, &moment);
}

void feed_applied(struct supervisor *s, const char *text)
{
	char digest[DOCUMENTS_DIGEST_SIZE];

	documents_digest(&s->policy->documents, digest);
	add_moment(s, "policy-applied", text, digest);
}

/* ---- life ---- */

static void on_news(enum ledger_news news, const char *text, void *data)
{
	struct supervisor *s = data;
	char line[sizeof(s->feed.path) + 256];

	if (news == LEDGER_FAILED)
		snprintf(line, sizeof(line), "cannot write %s: %s. Counts are kept in memory until this works again",
			 s->feed.path, text);
	else
		snprintf(line, sizeof(line), "%s", text);
	if (news != LEDGER_WORKS)
		s->voice->warn(line);
	events_ledger(&s->events, news, line);
}

void feed_open(struct supervisor *s)
{
	struct netfilter_counts counts = { 0 };
	struct arena arena = { 0 };

	s->feed.open = true;
	snprintf(s->feed.path, sizeof(s->feed.path), "%s/usage.db", s->state);
	s->feed.ledger = s->events.ledger = ledger_new(s->feed.path, &ledger_usual_limits, on_news, s);
	if (!s->feed.ledger)
		s->voice->warn("there is no memory for the usage ledger: usage is not counted");
	else if (netfilter_read(&arena, &counts) == 0)
		read_kernel_first(s, &counts);
	arena_free(&arena);
	add_moment(s, "start", "gatehouse " GATEHOUSE_VERSION, NULL);
}

/* *ret is in the arena; the result is netfilter_read()'s. */
static int read_all(struct supervisor *s, struct arena *arena, struct netfilter_counts *ret)
{
	int r = netfilter_read(arena, ret);

	feed_read_inspectors(s);
	if (s->feed.ledger && r == 0 && ret->in_force)
		read_kernel(s, ret);
	return r;
}

void feed_pause(struct supervisor *s)
{
	struct netfilter_counts counts = { 0 };
	struct arena arena = { 0 };

	if (s->feed.ledger && s->policy && read_all(s, &arena, &counts) < 0)
		s->voice->warn("the kernel does not say what it counted: usage of rules that go may be missing");
	arena_free(&arena);
	s->feed.paused = true;
}

void feed_resume(struct supervisor *s)
{
	s->feed.paused = false;
}

void feed_tick(struct supervisor *s)
{
	struct netfilter_counts counts = { 0 };
	struct arena arena = { 0 };
	int64_t began = child_now(), took;
	int r;

	if (began < s->feed.due)
		return;
	r = read_all(s, &arena, &counts);
	if (s->feed.ledger)
		ledger_flush(s->feed.ledger, time(NULL));
	if (r == 0)
		rates_look(s, &counts);
	metrics_write(s, &counts, r);
	arena_free(&arena);
	took = child_now() - began;
	s->feed.due = began + took + (took * FEED_SHARE > FEED_EVERY ? took * FEED_SHARE : FEED_EVERY);
}

int feed_timeout(const struct supervisor *s)
{
	int64_t left = s->feed.due - child_now();

	return left > 0 ? (int)left : 0;
}

void feed_close(struct supervisor *s)
{
	struct netfilter_counts counts = { 0 };
	struct arena arena = { 0 };

	if (!s->feed.open)
		return;
	add_moment(s, "stop", "", NULL);
	(void)!read_all(s, &arena, &counts);
	arena_free(&arena);
	if (s->feed.ledger)
		ledger_flush(s->feed.ledger, time(NULL));
	metrics_forget(s);
	ledger_free(s->feed.ledger);
	for (unsigned i = 0; i < CREW_MAX; i++)
		free(s->feed.taken[i]);
	s->feed = (struct feed){ 0 };
	s->events.ledger = NULL;
}

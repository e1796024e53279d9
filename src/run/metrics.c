/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/metrics.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/failure.h"
#include "base/file.h"
#include "policy/model.h"
#include "run/status.h"
#include "run/status_inspectors.h"
#include "run/supervisor.h"

#define RULES_SHOWN 4000u /* so that the file stays below a megabyte */

static void begin(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP gatehouse_%s %s\n# TYPE gatehouse_%s %s\n", name, help, name, type);
}

static void put_gauge(FILE *out, const char *name, const char *help, int64_t value)
{
	begin(out, name, "gauge", help);
	fprintf(out, "gatehouse_%s %" PRId64 "\n", name, value);
}

static void put_counter(FILE *out, const char *name, const char *help, uint64_t value)
{
	begin(out, name, "counter", help);
	fprintf(out, "gatehouse_%s %" PRIu64 "\n", name, value);
}

/* ---- the parts ---- */

static void write_health(struct supervisor *s, const struct netfilter_counts *counts, int r, FILE *out)
{
	const char *problems[STATUS_PROBLEMS_MAX];

	put_gauge(out, "healthy", "1: nothing needs attention, as in `gatehouse status`.",
		  status_problems(s, counts, r, problems) == 0);
	put_gauge(out, "written_seconds", "When this file was written, seconds UTC.", time(NULL));
	put_gauge(out, "start_seconds", "When the supervisor was started, seconds UTC.", s->started_at);
	put_gauge(out, "kernel_table_in_force", "1: the gate's table is in the kernel as it should be.",
		  r == 0 && counts->in_force);
	put_gauge(out, "clock_trusted", "1: the box's clock is trusted; 0: what depends on it soon is closed.",
		  s->clock.clock.doubt == CLOCK_TRUSTED);
	put_gauge(out, "island", "1: somebody closed every conduit.", s->island.on);
	put_gauge(out, "grants", "Grants that run.", (int64_t)granted_running(&s->granted));
	put_gauge(out, "drift_findings", "What of the kernel's ruleset differs from the policy.",
		  (int64_t)s->drift.findings);
	put_counter(out, "drift_restored_total", "Times that the ruleset was put back.", s->drift.restored);
}

static void write_policy(struct supervisor *s, FILE *out)
{
	const struct policy *p = s->policy;

	put_gauge(out, "policy_in_force", "1: a policy is in force; 0: everything is denied.", p != NULL);
	if (!p)
		return;
	put_gauge(out, "policy_applied_seconds", "When it was applied or renewed, seconds UTC.", p->applied_at);
	put_gauge(out, "policy_rules", "Its rules.", (int64_t)p->compiled.site->rule_count);
	put_gauge(out, "policy_conduits", "Its conduits.", (int64_t)p->compiled.ruleset.conduit_count);
	if (p->compiled.ruleset.window_count)
		put_gauge(out, "windows_horizon_seconds", "Seconds until schedules close unless they are renewed.",
			  p->applied_at + (int64_t)WINDOW_HORIZON * 86400 - time(NULL));
}

/* ---- by queue ---- */

static const struct {
	const char *name, *type, *help;
	size_t offset; /* in struct status_counts */
	bool of_core;
} queue_metrics[] = {
	{ "packets_received_total", "counter", "Packets that the inspector received.",
	  offsetof(struct status_counts, received), false },
	{ "queue_overruns_total", "counter", "Times that the packet queue was full.",
	  offsetof(struct status_counts, overruns), false },
	{ "packets_quarantined_total", "counter", "Packets dropped because their conduit is quarantined.",
	  offsetof(struct status_counts, quarantined), false },
	{ "packets_unsent_total", "counter", "Packets of the gate's own that could not be sent.",
	  offsetof(struct status_counts, unsent), false },
	{ "packets_passed_total", "counter", "Packets that the inspector let through.",
	  offsetof(struct status_counts, passed), true },
	{ "packets_dropped_total", "counter", "Packets that the inspector dropped.",
	  offsetof(struct status_counts, dropped), true },
	{ "requests_allowed_total", "counter", "Requests that a rule allows.",
	  offsetof(struct status_counts, requests_allowed), true },
	{ "requests_denied_total", "counter", "Requests that no rule allows.",
	  offsetof(struct status_counts, requests_denied), true },
	{ "flows_opened_total", "counter", "Connections opened.",
	  offsetof(struct status_counts, flows_opened), true },
	{ "flows", "gauge", "Connections open now.", offsetof(struct status_counts, flows_now), true },
	{ "cyclic_connections", "gauge", "Cyclic EtherNet/IP connections open now.",
	  offsetof(struct status_counts, cyclics_now), true },
};

static void put_of_queue(FILE *out, const char *name, const struct child *child, uint64_t value)
{
	fprintf(out, "gatehouse_%s{queue=\"%u\"} %" PRIu64 "\n", name, child->queue, value);
}

static void write_counts(struct supervisor *s, FILE *out)
{
	struct status_counts counts[CREW_MAX] = { 0 };

	for (size_t i = 0; i < s->crew.count; i++)
		status_count(&counts[i], &s->crew.members[i]);
	for (size_t m = 0; m < sizeof(queue_metrics) / sizeof(*queue_metrics); m++) {
		begin(out, queue_metrics[m].name, queue_metrics[m].type, queue_metrics[m].help);
		for (size_t i = 0; i < s->crew.count; i++) {
			const void *value = (const char *)&counts[i] + queue_metrics[m].offset;

			if (counts[i].seen || !queue_metrics[m].of_core)
				put_of_queue(out, queue_metrics[m].name, &s->crew.members[i],
					     *(const uint64_t *)value);
		}
	}
}

static void write_inspectors(struct supervisor *s, FILE *out)
{
	const struct child *members = s->crew.members;

	begin(out, "inspector_serving", "gauge", "1: the inspector takes packets.");
	for (size_t i = 0; i < s->crew.count; i++)
		put_of_queue(out, "inspector_serving", &members[i], members[i].state == CHILD_SERVING);
	begin(out, "inspector_restarts_total", "counter", "Times that the inspector was started again.");
	for (size_t i = 0; i < s->crew.count; i++)
		put_of_queue(out, "inspector_restarts_total", &members[i], members[i].restarts);
}

static void write_fail_open(struct supervisor *s, FILE *out)
{
	const struct child *child = s->crew.stand_in.child;

	if (!child)
		return;
	put_gauge(out, "fail_open_passing", "1: packets of conduits that fail open pass uninspected now.",
		  status_passing(s));
	put_counter(out, "fail_open_openings_total", "Times that this began.", (child->board->openings + 1) / 2);
	put_counter(out, "fail_open_packets_total", "Packets that passed so.", child->board->uninspected);
}

/* ---- the rest ---- */

static size_t rules_shown(const struct supervisor *s)
{
	size_t n = s->policy ? s->policy->compiled.rule_count : 0;

	return n < RULES_SHOWN ? n : RULES_SHOWN;
}

/* Ids of rules and reasons are lower-case words: nothing in them needs to be escaped. */
static void write_rules(struct supervisor *s, FILE *out)
{
	struct core_rule_count count;

	begin(out, "rule_requests_total", "counter", "Requests by rule and verdict.");
	for (size_t i = 0; i < rules_shown(s) && status_count_rule(s, i, &count); i++) {
		const char *id = s->policy->compiled.rules[i].id;

		fprintf(out, "gatehouse_rule_requests_total{rule=\"%s\",verdict=\"allowed\"} %" PRIu64 "\n", id,
			count.allowed);
		fprintf(out, "gatehouse_rule_requests_total{rule=\"%s\",verdict=\"denied\"} %" PRIu64 "\n", id,
			count.denied);
	}
	put_gauge(out, "rules_not_shown", "Rules that are left out above, to keep this file small.",
		  (int64_t)(s->policy ? s->policy->compiled.rule_count - rules_shown(s) : 0));
}

static void write_drops(const struct netfilter_counts *counts, FILE *out)
{
	begin(out, "kernel_dropped_packets_total", "counter", "Packets that the ruleset dropped, by reason.");
	for (size_t i = 0; i < counts->drop_count; i++)
		fprintf(out, "gatehouse_kernel_dropped_packets_total{reason=\"%s\"} %" PRIu64 "\n",
			counts->drops[i].reason, counts->drops[i].packets);
}

static void write_records(struct supervisor *s, FILE *out)
{
	struct ledger_health health;

	put_gauge(out, "events_unwritten", "Events lost since the event log could last be written.",
		  (int64_t)s->events.log.lost);
	put_counter(out, "events_written_total", "Lines written to the event log.", s->events.log.written);
	if (!s->feed.ledger)
		return;
	ledger_health(s->feed.ledger, &health);
	put_gauge(out, "ledger_writable", "1: the usage ledger could be written last time.", health.error == 0);
	put_gauge(out, "ledger_flushed_seconds", "When it was last written, seconds UTC.", health.flushed_at);
	put_gauge(out, "ledger_waiting_rows", "Rows that wait in memory.", (int64_t)health.waiting);
	put_counter(out, "ledger_lost_total", "Counts that did not fit into memory.", health.lost);
	put_gauge(out, "ledger_file_bytes", "Its size.", (int64_t)health.file_bytes);
}

/* ---- the file ---- */

static void metrics_path(const struct supervisor *s, char *ret, size_t size)
{
	snprintf(ret, size, "%s/metrics.prom", s->runtime);
}

static int replace(struct supervisor *s, const char *text, size_t size)
{
	char path[4096];

	metrics_path(s, path, sizeof(path));
	return file_replace(path, text, size, 0644);
}

void metrics_write(struct supervisor *s, const struct netfilter_counts *counts, int read_result)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int r = -1;

	if (!out)
		return;
	write_health(s, counts, read_result, out);
	write_policy(s, out);
	write_inspectors(s, out);
	write_counts(s, out);
	write_fail_open(s, out);
	write_rules(s, out);
	write_drops(counts, out);
	write_records(s, out);
	if (fclose(out) == 0)
		r = replace(s, text, size);
	free(text);
	if (r < 0 && !s->metrics_failed)
		s->voice->warn("the metrics file cannot be written; nothing else is affected");
	s->metrics_failed = r < 0;
}

void metrics_forget(struct supervisor *s)
{
	char path[4096];

	metrics_path(s, path, sizeof(path));
	unlink(path);
}

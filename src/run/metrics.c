/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/failure.h"
#include "base/file.h"
#include "policy/model.h"
#include "run/status.h"
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
	put_gauge(out, "inspector_serving", "1: the inspector takes packets.", s->child.state == CHILD_SERVING);
	put_counter(out, "inspector_restarts_total", "Times that the inspector was started again.", s->child.restarts);
	put_gauge(out, "kernel_table_in_force", "1: the gate's table is in the kernel as it should be.",
		  r == 0 && counts->in_force);
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

static void write_packets(struct supervisor *s, FILE *out)
{
	const struct core_totals *totals = child_totals(&s->child);
	const struct board *board = s->child.board;

	put_counter(out, "packets_received_total", "Packets that the inspector received.", board->received);
	put_counter(out, "queue_overruns_total", "Times that the packet queue was full.", board->overruns);
	put_counter(out, "packets_quarantined_total", "Packets dropped because their conduit is quarantined.",
		    board->quarantined);
	put_counter(out, "packets_unsent_total", "Packets of the gate's own that could not be sent.", board->unsent);
	if (!totals)
		return;
	put_counter(out, "packets_passed_total", "Packets that the inspector let through.", totals->passed);
	put_counter(out, "packets_dropped_total", "Packets that the inspector dropped.", totals->dropped);
	put_counter(out, "requests_allowed_total", "Requests that a rule allows.", totals->requests_allowed);
	put_counter(out, "requests_denied_total", "Requests that no rule allows.", totals->requests_denied);
	put_counter(out, "flows_opened_total", "Connections opened.", totals->flows_opened);
	put_gauge(out, "flows", "Connections open now.", totals->flows_now);
}

static size_t rules_shown(const struct supervisor *s)
{
	size_t n = s->policy ? s->policy->compiled.rule_count : 0;

	return n < RULES_SHOWN ? n : RULES_SHOWN;
}

/* Ids of rules and reasons are lower-case words: nothing in them needs to be escaped. */
static void write_rules(struct supervisor *s, FILE *out)
{
	const struct core_totals *totals = child_totals(&s->child);
	size_t shown = totals ? rules_shown(s) : 0;

	begin(out, "rule_requests_total", "counter", "Requests by rule and verdict.");
	for (size_t i = 0; i < shown; i++) {
		const char *id = s->policy->compiled.rules[i].id;

		fprintf(out, "gatehouse_rule_requests_total{rule=\"%s\",verdict=\"allowed\"} %" PRIu64 "\n", id,
			totals->rules[i].allowed);
		fprintf(out, "gatehouse_rule_requests_total{rule=\"%s\",verdict=\"denied\"} %" PRIu64 "\n", id,
			totals->rules[i].denied);
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
	write_packets(s, out);
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

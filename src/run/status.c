/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/status.h"

#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/calendar.h"
#include "base/failure.h"
#include "policy/address.h"
#include "policy/model.h"
#include "policy/windows.h"
#include "run/names.h"
#include "run/status_inspectors.h"

/* ---- health ---- */

static size_t count_quarantined(const struct supervisor *s)
{
	size_t n = 0;

	for (size_t i = 0; s->policy && i < s->policy->compiled.ruleset.conduit_count; i++)
		n += status_quarantined(s, s->policy->compiled.ruleset.conduits[i].mark);
	return n;
}

static bool ledger_fails(const struct supervisor *s)
{
	struct ledger_health health;

	if (!s->feed.ledger)
		return true;
	ledger_health(s->feed.ledger, &health);
	return health.error != 0;
}

size_t status_problems(const struct supervisor *s, const struct netfilter_counts *counts, int read_result,
		       const char *ret[static STATUS_PROBLEMS_MAX])
{
	size_t quarantined = count_quarantined(s), problems = 0;
	const struct {
		bool is;
		const char *text;
	} all[] = {
		{ !s->policy, "No policy is in force: everything is denied. Apply one: gatehouse apply DIR." },
		{ s->policy && !crew_serves(&s->crew),
		  "An inspector is not serving: the traffic that it inspects is closed until it does." },
		{ self_test_fails(&s->self_test),
		  "What the gate sends itself to be denied is not denied in time: is it overloaded? Nothing is opened by "
		  "that; if it stays so, restart the gate (systemctl restart gatehouse)." },
		{ status_passing(s),
		  "PACKETS PASS UNINSPECTED on the conduits that fail open: their inspector makes no progress." },
		{ read_result < 0, "The kernel does not say what it holds: restart the gate (systemctl restart gatehouse)." },
		{ read_result == 0 && !counts->in_force,
		  "The gate's table is not in the kernel as it should be. Apply the policy again." },
		{ s->drift.findings != 0,
		  "The kernel's ruleset is not what the policy says: `gatehouse verify` tells what differs." },
		{ quarantined != 0, "Some conduits are quarantined, and closed: the inspector failed three times on their packets. "
		  "Keep the event log for who maintains the gate; applying the policy again opens them." },
		{ s->clock.clock.doubt != CLOCK_TRUSTED, clock_doubt_text(s->clock.clock.doubt) },
		{ s->island.on, "This box is an island: every conduit is closed, until `gatehouse island --end`." },
		{ s->events.log.lost != 0, "Events cannot be written: is the disk full or read-only? The gate guards all the same." },
		{ ledger_fails(s), "The usage ledger cannot be written: is the disk full or read-only? Counts are kept in "
		  "memory until it can; the gate guards all the same." },
	};

	_Static_assert(sizeof(all) / sizeof(*all) <= STATUS_PROBLEMS_MAX, "no room for all problems");
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (all[i].is)
			ret[problems++] = all[i].text;
	return problems;
}

static void write_problems(struct supervisor *s, struct writer *w,
			   const struct netfilter_counts *counts, int read_result)
{
	const char *problems[STATUS_PROBLEMS_MAX];
	size_t n = status_problems(s, counts, read_result, problems);

	writer_name(w, "problems");
	writer_open_list(w);
	for (size_t i = 0; i < n; i++)
		writer_text(w, problems[i]);
	writer_close_list(w);
	writer_put_bool(w, "healthy", n == 0);
}

static void write_dates(const struct site *site, struct writer *w)
{
	size_t expired = 0, overdue = 0;

	for (size_t i = 0; i < site->rule_count; i++) {
		expired += site->rules[i].expired;
		overdue += site->rules[i].review_by != NO_DAY && site->rules[i].review_by < site->today;
	}
	writer_put_uint(w, "expired", expired);
	writer_put_uint(w, "overdue", overdue);
}

static void write_bundle(const struct bundle *bundle, struct writer *w)
{
	writer_name(w, "bundle");
	if (!bundle) {
		writer_text(w, NULL);
		return;
	}
	writer_open_map(w);
	writer_put_int(w, "serial", bundle->serial);
	writer_put_text(w, "digest", bundle->digest);
	writer_put_text(w, "created", bundle->created);
	writer_close_map(w);
}

static void write_version(const struct policy *policy, struct writer *w)
{
	char documents[DOCUMENTS_DIGEST_SIZE], signed_one[DIGEST_SIZE + 32];

	documents_digest(&policy->documents, documents);
	if (policy->bundle)
		snprintf(signed_one, sizeof(signed_one), "%lld %s", (long long)policy->bundle->serial, policy->bundle->digest);
	writer_put_text(w, "version", policy->bundle ? signed_one : documents);
}

static void write_policy(struct supervisor *s, struct writer *w)
{
	writer_name(w, "policy");
	if (!s->policy) {
		writer_text(w, NULL);
		return;
	}
	writer_open_map(w);
	writer_put_text(w, "site", s->policy->compiled.site->id);
	write_version(s->policy, w);
	status_put_time(w, "applied", s->policy->applied_at);
	if (s->policy->compiled.ruleset.window_count)
		status_put_time(w, "schedules_until", s->policy->applied_at +
				(int64_t)WINDOW_HORIZON * CALENDAR_DAY_SECONDS);
	writer_put_uint(w, "rules", s->policy->compiled.site->rule_count);
	writer_put_uint(w, "conduits", s->policy->compiled.ruleset.conduit_count);
	write_dates(s->policy->compiled.site, w);
	write_bundle(s->policy->bundle, w);
	writer_close_map(w);
}

static void write_trial(const struct supervisor *s, struct writer *w)
{
	int64_t left = (s->trial.slots.trial_ends - child_now()) / 1000;

	writer_name(w, "trial");
	if (!trial_runs(s)) {
		writer_text(w, NULL);
		return;
	}
	writer_open_map(w);
	writer_put_int(w, "serial", s->trial.slots.highest);
	writer_put_int(w, "seconds_left", left < 0 ? 0 : left);
	writer_close_map(w);
}

static void write_island(const struct supervisor *s, struct writer *w)
{
	writer_name(w, "island");
	if (!s->island.on) {
		writer_text(w, NULL);
		return;
	}
	writer_open_map(w);
	status_put_time(w, "since", s->island.since);
	writer_put_text(w, "user", s->island.user);
	writer_put_text(w, "because", s->island.because);
	writer_close_map(w);
}

static void write_granted_rules(const struct supervisor *s, const struct granted *g, struct writer *w)
{
	const struct site *site = s->policy ? s->policy->compiled.site : NULL;
	char folder[32];
	int len = snprintf(folder, sizeof(folder), "grant %.12s/", g->digest);

	writer_name(w, "rules");
	writer_open_list(w);
	for (size_t i = 0; site && i < site->rule_count; i++)
		if (!strncmp(value_source(site->rules[i].at)->file, folder, (size_t)len))
			writer_text(w, site->rules[i].id);
	writer_close_list(w);
}

static void write_grants(const struct supervisor *s, struct writer *w)
{
	writer_name(w, "grants");
	writer_open_list(w);
	for (size_t i = 0; i < s->granted.count; i++) {
		const struct granted *g = &s->granted.items[i];
		struct envelope envelope;
		struct arena arena = { 0 };
		struct grant grant;

		if (g->over || !granted_read(g, &arena, &envelope, &grant))
			continue;
		writer_open_map(w);
		writer_put_text(w, "digest", g->digest);
		writer_put_text(w, "note", grant.note);
		writer_put_text(w, "user", g->user);
		status_put_time(w, "begun", g->begun);
		status_put_time(w, "ends", g->ends);
		write_granted_rules(s, g, w);
		writer_close_map(w);
		arena_free(&arena);
	}
	writer_close_list(w);
}

/* ---- counters ---- */

static void write_end(struct supervisor *s, struct writer *w, const char *name,
		      const struct address *address)
{
	const char *asset = s->policy ? names_asset(&s->policy->compiled, address) : NULL;
	char text[ADDRESS_TEXT_SIZE];

	address_format(address, text);
	writer_name(w, name);
	writer_open_map(w);
	writer_put_text(w, "name", asset);
	writer_put_text(w, "address", text);
	writer_close_map(w);
}

/* "now": a second, over the last round of the feed; null while that is not known. */
static void write_rate(struct writer *w, const char *first, const char *second, bool known,
		       const struct rate *rate)
{
	writer_name(w, "now");
	if (!known) {
		writer_text(w, NULL);
		return;
	}
	writer_open_map(w);
	writer_name(w, first);
	writer_real(w, round(rate->first * 10) / 10);
	writer_name(w, second);
	writer_real(w, round(rate->second * 10) / 10);
	writer_close_map(w);
}

static void write_conduits(struct supervisor *s, struct writer *w,
			   const struct netfilter_counts *counts)
{
	writer_name(w, "conduits");
	writer_open_list(w);
	for (size_t i = 0; i < counts->conduit_count; i++) {
		const struct netfilter_conduit *n = &counts->conduits[i];
		const struct ruleset_conduit *c = &n->conduit;
		struct rate rate;
		bool by_device = c->mark & MARK_REPLY; /* what it sends by itself has a row of its own */

		writer_open_map(w);
		writer_put_uint(w, "number", c->mark & MARK_CONDUIT);
		write_end(s, w, "server", by_device ? &c->device : &c->server);
		write_end(s, w, "device", by_device ? &c->server : &c->device);
		writer_put_text(w, "transport", c->transport == IPPROTO_UDP ? "udp" : "tcp");
		writer_put_uint(w, "port", c->port);
		writer_put_bool(w, "by_device", by_device);
		writer_put_bool(w, "inspected", c->mark & MARK_INSPECTED);
		writer_put_bool(w, "quarantined", status_quarantined(s, c->mark));
		writer_put_bool(w, "fails_open", c->mark & MARK_OPEN);
		writer_put_uint(w, "uninspected", status_uninspected(s, c->mark));
		writer_put_uint(w, "packets", n->packets);
		writer_put_uint(w, "bytes", n->bytes);
		write_rate(w, "packets", "bytes", rates_of_conduit(&s->rates, c->mark, &rate), &rate);
		writer_put_text(w, "rules", c->rules);
		writer_close_map(w);
	}
	writer_close_list(w);
}

bool status_count_rule(struct supervisor *s, size_t rule, struct core_rule_count *ret)
{
	bool any = false;

	*ret = (struct core_rule_count){ 0 };
	for (size_t k = 0; k < s->crew.count && rule < CORE_RULES_MAX; k++) {
		const struct core_totals *totals = child_totals(&s->crew.members[k]);

		if (!totals)
			continue;
		any = true;
		ret->allowed += totals->rules[rule].allowed;
		ret->denied += totals->rules[rule].denied;
	}
	return any;
}

static void write_rules(struct supervisor *s, struct writer *w)
{
	struct core_rule_count count;
	struct rate rate;
	char owner[256];

	writer_name(w, "rules");
	writer_open_list(w);
	for (size_t i = 0; s->policy && i < s->policy->compiled.rule_count; i++) {
		const char *id = s->policy->compiled.rules[i].id;

		writer_open_map(w);
		writer_put_text(w, "rule", id);
		if (status_count_rule(s, i, &count)) {
			writer_put_uint(w, "allowed", count.allowed);
			writer_put_uint(w, "denied", count.denied);
		}
		write_rate(w, "allowed", "denied", rates_of_rule(&s->rates, i, &rate), &rate);
		writer_put_text(w, "call", names_owner(&s->policy->compiled, id, owner, sizeof(owner)));
		writer_close_map(w);
	}
	writer_close_list(w);
}

static void write_drops(struct writer *w, const struct netfilter_counts *counts)
{
	writer_name(w, "drops");
	writer_open_list(w);
	for (size_t i = 0; i < counts->drop_count; i++) {
		writer_open_map(w);
		writer_put_text(w, "reason", counts->drops[i].reason);
		writer_put_uint(w, "packets", counts->drops[i].packets);
		writer_put_uint(w, "bytes", counts->drops[i].bytes);
		writer_close_map(w);
	}
	writer_close_list(w);
}

/* ---- drift ---- */

static void write_drift(struct supervisor *s, struct writer *w)
{
	const struct drift_watch *d = &s->drift;

	writer_name(w, "drift");
	writer_open_map(w);
	if (d->checked_at)
		status_put_time(w, "checked", d->checked_at);
	writer_put_uint(w, "findings", d->findings);
	writer_put_uint(w, "warnings", d->warnings);
	writer_put_uint(w, "restored", d->restored);
	writer_put_bool(w, "guarded", d->guarded);
	writer_close_map(w);
	writer_name(w, "maintenance");
	if (!d->maintenance_until) {
		writer_text(w, NULL);
		return;
	}
	writer_open_map(w);
	status_put_time(w, "until", time(NULL) + (d->maintenance_until - child_now()) / 1000);
	writer_close_map(w);
}

/* ---- self-test ---- */

static void write_self_test(struct supervisor *s, struct writer *w)
{
	writer_name(w, "self_test");
	writer_open_map(w);
	writer_put_bool(w, "possible", s->self_test.possible);
	writer_put_bool(w, "fails", self_test_fails(&s->self_test));
	if (s->self_test.denied_at)
		status_put_time(w, "denied", s->self_test.denied_at);
	writer_put_uint(w, "times", s->self_test.times);
	writer_close_map(w);
}

/* ---- clock ---- */

void status_write_clock(struct supervisor *s, struct writer *w)
{
	const struct site *site = s->policy ? s->policy->compiled.site : NULL;
	enum clock_doubt doubt = s->clock.clock.doubt;

	writer_name(w, "clock");
	writer_open_map(w);
	writer_put_bool(w, "trusted", doubt == CLOCK_TRUSTED);
	writer_put_text(w, "doubt", clock_doubt_word(doubt));
	writer_put_text(w, "why", clock_doubt_text(doubt));
	writer_put_bool(w, "synchronised", s->clock.synchronised);
	status_put_time(w, "now", time(NULL));
	status_put_time(w, "latest", clock_latest(&s->clock.clock, child_now() / 1000));
	writer_name(w, "closed");
	writer_open_list(w);
	for (size_t i = 0; site && i < site->rule_count; i++)
		if (rule_waits_for_clock(site, &site->rules[i]))
			writer_text(w, site->rules[i].id);
	writer_close_list(w);
	writer_close_map(w);
}

/* ---- ledger ---- */

static void write_ledger(struct supervisor *s, struct writer *w)
{
	struct ledger_health health;

	writer_name(w, "ledger");
	if (!s->feed.ledger) {
		writer_text(w, NULL);
		return;
	}
	ledger_health(s->feed.ledger, &health);
	writer_open_map(w);
	writer_put_text(w, "path", s->feed.path);
	writer_put_bool(w, "writable", health.error == 0);
	if (health.error)
		writer_put_text(w, "why", failure_text(health.error));
	if (health.flushed_at)
		status_put_time(w, "flushed", health.flushed_at);
	writer_put_uint(w, "waiting", health.waiting);
	writer_put_uint(w, "lost", health.lost);
	writer_put_uint(w, "bytes", health.file_bytes);
	writer_close_map(w);
}

void status_write(struct supervisor *s, struct writer *w)
{
	struct netfilter_counts counts = { 0 };
	struct arena arena = { 0 };
	int r = netfilter_read(&arena, &counts);

	writer_open_map(w);
	write_problems(s, w, &counts, r);
	status_write_inspectors(s, w);
	write_policy(s, w);
	write_trial(s, w);
	write_grants(s, w);
	write_island(s, w);
	write_conduits(s, w, &counts);
	write_rules(s, w);
	write_drops(w, &counts);
	write_drift(s, w);
	write_self_test(s, w);
	status_write_clock(s, w);
	write_ledger(s, w);
	writer_put_text(w, "events", s->events_path);
	writer_close_map(w);
	arena_free(&arena);
}

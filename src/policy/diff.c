/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/diff.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "policy/address.h"
#include "policy/diff_rule.h"

const char *diff_word(enum diff_change change)
{
	static const char *const words[DIFF_CHANGES] = { "unchanged", "added", "removed",
							 "widened", "narrowed", "changed" };

	return words[change];
}

struct differ {
	const struct compiled *before; /* NULL: nothing is in force */
	const struct compiled *after;
	int64_t now;
	struct arena *arena;
	struct diff *out;
};

/* ---- rules ---- */

static int by_id(const void *a, const void *b)
{
	return strcmp((*(const struct rule *const *)a)->id, (*(const struct rule *const *)b)->id);
}

static const struct rule **rules_of(const struct compiled *compiled, struct arena *arena, size_t *ret_count)
{
	size_t count = compiled ? compiled->site->rule_count : 0;
	const struct rule **rules = arena_array(arena, count, sizeof(*rules));

	for (size_t i = 0; i < count; i++)
		rules[i] = &compiled->site->rules[i];
	if (count)
		qsort(rules, count, sizeof(*rules), by_id);
	*ret_count = count;
	return rules;
}

/* A rule that has ended opens nothing, so it is as if it were not there. */
static const struct rule *living(const struct rule *rule)
{
	return rule && !rule->expired ? rule : NULL;
}

static void ended(struct diff_rule *ret, const struct rule *before, const struct rule *after)
{
	if (before && after && before->expired != after->expired)
		ret->members[ret->member_count++] = (struct diff_member){
			"expires", after->expired ? DIFF_REMOVED : DIFF_ADDED,
			before->m.expires ? before->m.expires->text : "never",
			after->m.expires ? after->m.expires->text : "never",
		};
}

/* The same words of a schedule mean other hours. */
static unsigned moved_zone(struct differ *d, const struct rule *old, const struct rule *new,
			   struct diff_rule *ret)
{
	const char *before = d->before->site->timezone, *after = d->after->site->timezone;

	if (!strcmp(before, after) || !old->schedule_count || !new->schedule_count)
		return 0;
	ret->members[ret->member_count++] = (struct diff_member){ "timezone", DIFF_CHANGED, before, after };
	return DIFF_GAINS | DIFF_LOSES;
}

/* When a rule of a site that refuses new connections of overdue rules begins to: another date is another permission. */
static int64_t refuses_after(const struct compiled *compiled, const struct rule *rule)
{
	return compiled->site->overdue == OVERDUE_REFUSE_NEW ? rule->review_by : INT64_MAX;
}

static unsigned moved_review(struct differ *d, const struct rule *old, const struct rule *new,
			     struct diff_rule *ret)
{
	int64_t before = refuses_after(d->before, old), after = refuses_after(d->after, new);

	if (before == after)
		return 0;
	ret->members[ret->member_count++] = (struct diff_member){
		"review_by", after > before ? DIFF_WIDENED : DIFF_NARROWED,
		before == INT64_MAX ? "refuses nothing" : old->m.review_by->text,
		after == INT64_MAX ? "refuses nothing" : new->m.review_by->text,
	};
	return after > before ? DIFF_GAINS : DIFF_LOSES;
}

static void compare_rules(struct differ *d, const struct rule *before, const struct rule *after)
{
	struct diff_rule *ret = &d->out->rules[d->out->rule_count++];
	const struct rule *old = living(before), *new = living(after);
	struct diff_member members[DIFF_MEMBERS_MAX], papers[DIFF_MEMBERS_MAX];
	unsigned effect;

	*ret = (struct diff_rule){ .id = (after ? after : before)->id, .before = before, .after = after,
				   .members = members, .papers = papers };
	effect = diff_services(old, new, d->arena, ret);
	if (old && new) {
		effect |= diff_members(old, new, d->arena, ret);
		effect |= moved_zone(d, old, new, ret) | moved_review(d, old, new, ret);
		ret->change = diff_of(effect);
	} else if (old || new) {
		ret->change = new ? DIFF_ADDED : DIFF_REMOVED;
	}
	if (before && after) {
		ended(ret, before, after);
		diff_papers(before, after, ret);
	}
	/* most rules of most plans have none */
	ret->members = arena_copy(d->arena, members, ret->member_count, sizeof(*members));
	ret->papers = arena_copy(d->arena, papers, ret->paper_count, sizeof(*papers));
	d->out->counts[ret->change]++;
	d->out->papers_only += ret->change == DIFF_UNCHANGED && ret->paper_count;
}

static void compare_all_rules(struct differ *d)
{
	size_t before_count, after_count, i = 0, k = 0;
	const struct rule **before = rules_of(d->before, d->arena, &before_count);
	const struct rule **after = rules_of(d->after, d->arena, &after_count);

	d->out->rules = arena_array(d->arena, before_count + after_count, sizeof(*d->out->rules));
	while (i < before_count || k < after_count) {
		int by = i == before_count ? 1 : k == after_count ? -1 : strcmp(before[i]->id, after[k]->id);

		compare_rules(d, by <= 0 ? before[i] : NULL, by >= 0 ? after[k] : NULL);
		i += by <= 0;
		k += by >= 0;
	}
}

/* ---- conduits ---- */

static int compare_conduits(const struct ruleset_conduit *a, const struct ruleset_conduit *b)
{
	int by = address_compare(&a->server, &b->server);

	if (!by)
		by = address_compare(&a->device, &b->device);
	if (!by)
		by = (a->transport > b->transport) - (a->transport < b->transport);
	return by ? by : (a->port > b->port) - (a->port < b->port);
}

static bool is_in(const struct ruleset_window *w, int64_t now)
{
	int64_t second = now % CALENDAR_DAY_SECONDS;

	return w->from <= now && now <= w->until && w->first <= second && second <= w->last;
}

/* The windows are sorted by timetable. */
static bool open_now(const struct ruleset *r, const struct ruleset_conduit *c, int64_t now)
{
	uint32_t timetable = mark_timetable(c->mark);
	size_t low = 0, high = r->window_count;

	if (!(c->mark & MARK_TIMED))
		return true;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (r->windows[middle].timetable < timetable)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < r->window_count && r->windows[low].timetable == timetable; low++)
		if (is_in(&r->windows[low], now))
			return true;
	return false;
}

static void add_conduit(struct differ *d, const struct ruleset_conduit *c, enum diff_change change,
			enum diff_connections connections, const char *why)
{
	d->out->conduits[d->out->conduit_count++] =
		(struct diff_conduit){ change, connections, *c, why };
}

static void compare_kept(struct differ *d, const struct ruleset_conduit *old,
			 const struct ruleset_conduit *new)
{
	bool was_inspected = old->mark & MARK_INSPECTED, inspected = new->mark & MARK_INSPECTED;

	if (was_inspected != inspected)
		add_conduit(d, new, DIFF_CHANGED, DIFF_CONNECTIONS_RESET, inspected ?
			    "its connections were not inspected so far and have to be opened again" :
			    "its connections were inspected so far and have to be opened again");
	else if (open_now(&d->before->ruleset, old, d->now) && !open_now(&d->after->ruleset, new, d->now))
		add_conduit(d, new, DIFF_NARROWED, DIFF_CONNECTIONS_RESET, "it is outside its schedule now");
	else
		d->out->conduits_stay++;
}

static void compare_all_conduits(struct differ *d)
{
	static const struct ruleset none;
	const struct ruleset *before = d->before ? &d->before->ruleset : &none;
	const struct ruleset *after = &d->after->ruleset;
	size_t i = 0, k = 0;

	d->out->conduits = arena_array(d->arena, before->conduit_count + after->conduit_count,
				       sizeof(*d->out->conduits));
	while (i < before->conduit_count || k < after->conduit_count) {
		int by = i == before->conduit_count ? 1 : k == after->conduit_count ? -1 :
			compare_conduits(&before->conduits[i], &after->conduits[k]);

		if (!by)
			compare_kept(d, &before->conduits[i], &after->conduits[k]);
		else if (by < 0)
			add_conduit(d, &before->conduits[i], DIFF_REMOVED, DIFF_CONNECTIONS_RESET,
				    "no rule opens it any more");
		else
			add_conduit(d, &after->conduits[k], DIFF_ADDED, DIFF_CONNECTIONS_NEW, NULL);
		i += by <= 0;
		k += by >= 0;
	}
}

/* ---- the site ---- */

static void add_site(struct differ *d, const char *what, enum diff_change change, const char *before,
		     const char *after)
{
	d->out->site[d->out->site_count++] = (struct diff_member){ what, change, before, after };
}

static int compare_homes(const struct ruleset_home *a, const struct ruleset_home *b)
{
	int by = strcmp(a->interface, b->interface);

	if (!by)
		by = address_compare(&a->network, &b->network);
	return by ? by : (a->prefix > b->prefix) - (a->prefix < b->prefix);
}

static const char *home_text(struct differ *d, const struct ruleset_home *home)
{
	char address[ADDRESS_TEXT_SIZE];

	address_format(&home->network, address);
	return arena_printf(d->arena, "%s %s/%u", home->interface, address, home->prefix);
}

static void compare_networks(struct differ *d, const struct ruleset *before, const struct ruleset *after)
{
	size_t i = 0, k = 0;

	while (i < before->home_count || k < after->home_count) {
		int by = i == before->home_count ? 1 : k == after->home_count ? -1 :
			compare_homes(&before->homes[i], &after->homes[k]);

		if (by < 0)
			add_site(d, "network", DIFF_REMOVED, home_text(d, &before->homes[i]), NULL);
		else if (by > 0)
			add_site(d, "network", DIFF_ADDED, NULL, home_text(d, &after->homes[k]));
		i += by <= 0;
		k += by >= 0;
	}
}

static int compare_own(const struct ruleset_own *a, const struct ruleset_own *b)
{
	int by = address_compare(&a->to, &b->to);

	if (!by)
		by = (a->transport > b->transport) - (a->transport < b->transport);
	return by ? by : (a->port > b->port) - (a->port < b->port);
}

static const char *own_text(struct differ *d, const struct ruleset_own *own)
{
	char address[ADDRESS_TEXT_SIZE];

	address_format(&own->to, address);
	return arena_printf(d->arena, "%s %s %s port %u", own->what, address,
			    own->transport == IPPROTO_TCP ? "tcp" : "udp", own->port);
}

/* Where the gate itself may send to. */
static void compare_own_permits(struct differ *d, const struct ruleset *before,
				const struct ruleset *after)
{
	size_t i = 0, k = 0;

	while (i < before->own_count || k < after->own_count) {
		int by = i == before->own_count ? 1 : k == after->own_count ? -1 :
			compare_own(&before->own[i], &after->own[k]);

		if (by < 0)
			add_site(d, "gate", DIFF_REMOVED, own_text(d, &before->own[i]), NULL);
		else if (by > 0)
			add_site(d, "gate", DIFF_ADDED, NULL, own_text(d, &after->own[k]));
		i += by <= 0;
		k += by >= 0;
	}
}

static void compare_overdue(struct differ *d)
{
	const struct site *a = d->before->site, *b = d->after->site;

	if (a->overdue != b->overdue)
		add_site(d, "review.overdue", DIFF_CHANGED, word_name(&words_overdue, (int)a->overdue),
			 word_name(&words_overdue, (int)b->overdue));
}

static void compare_site(struct differ *d)
{
	const struct ruleset *before = &d->before->ruleset, *after = &d->after->ruleset;

	d->out->site = arena_array(d->arena, before->home_count + after->home_count +
				   before->own_count + after->own_count + 3,
				   sizeof(*d->out->site));
	if (strcmp(d->before->site->id, d->after->site->id))
		add_site(d, "site", DIFF_CHANGED, d->before->site->id, d->after->site->id);
	if (strcmp(d->before->site->timezone, d->after->site->timezone))
		add_site(d, "timezone", DIFF_CHANGED, d->before->site->timezone,
			 d->after->site->timezone);
	compare_overdue(d);
	compare_networks(d, before, after);
	compare_own_permits(d, before, after);
}

void diff_sites(const struct compiled *before, const struct compiled *after, int64_t now,
		struct arena *arena, struct diff *ret)
{
	struct differ d = { before, after, now, arena, ret };

	*ret = (struct diff){ 0 };
	compare_all_rules(&d);
	compare_all_conduits(&d);
	if (before)
		compare_site(&d);
}

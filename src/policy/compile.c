/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/compile.h"

#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "policy/address.h"
#include "policy/conduits.h"
#include "policy/describe.h"
#include "policy/hours.h"
#include "policy/profiles.h"
#include "policy/program_writer.h"

#define COMMENT_MAX 127u /* characters of rule ids that a map element holds */

/* One compilation, after the documents were found to be good. */
struct compiler {
	const struct loader *l;
	struct arena *arena;
	struct conduit_list list;
	struct timetables timetables;
	size_t timetables_used;
	struct program_writer program;
	struct compiled *out;
	const struct conduit_number *before;
	size_t before_count;
	const uint32_t **taken; /* numbers of `before`, ascending */
	size_t next_taken;
	uint32_t next_number;
	bool island;
};

/* The part of a conduit that its number is kept by. */
static int compare_number(const void *key, const void *row)
{
	const struct rule *rule = key;
	const struct conduit_number *n = row;
	int by = address_compare(&rule->from->address, &n->server);

	if (!by)
		by = address_compare(&rule->to->address, &n->device);
	if (!by)
		by = (rule->protocol->transport > n->transport) - (rule->protocol->transport < n->transport);
	return by ? by : (rule->port > n->port) - (rule->port < n->port);
}

static int compare_taken(const void *a, const void *b)
{
	uint32_t x = **(const uint32_t *const *)a, y = **(const uint32_t *const *)b;

	return (x > y) - (x < y);
}

static void sort_taken(struct compiler *c)
{
	c->taken = arena_array(c->arena, c->before_count, sizeof(*c->taken));
	for (size_t i = 0; i < c->before_count; i++)
		c->taken[i] = &c->before[i].number;
	if (c->before_count)
		qsort(c->taken, c->before_count, sizeof(*c->taken), compare_taken);
}

/* What the rule's conduit had before, or NULL. */
static const struct conduit_number *find_before(const struct compiler *c, const struct rule *rule)
{
	return c->before_count ?
		bsearch(rule, c->before, c->before_count, sizeof(*c->before), compare_number) : NULL;
}

/*
 * The number a conduit had, or the lowest that no conduit had: one that was taken away now may still be
 * on packets in the queue.
 */
static uint32_t number_of(struct compiler *c, const struct rule *rule)
{
	const struct conduit_number *old = find_before(c, rule);

	if (old)
		return old->number;
	c->next_number++;
	while (c->next_taken < c->before_count && *c->taken[c->next_taken] <= c->next_number)
		c->next_number += *c->taken[c->next_taken++] == c->next_number;
	return c->next_number;
}

/* "rule-a, rule-b", or as many as fit and "..." */
static const char *comment_of(struct compiler *c, const struct conduit *conduit)
{
	char text[COMMENT_MAX + 1];
	size_t len = 0;

	for (size_t i = 0; i < conduit->count; i++) {
		const char *id = conduit->rules[i]->id;
		size_t more = strlen(id) + (i ? 2 : 0);
		size_t tail = i + 1 < conduit->count ? sizeof(", ...") - 1 : 0;

		if (len + more + tail > COMMENT_MAX) {
			len += (size_t)snprintf(text + len, sizeof(text) - len, ", ...");
			break;
		}
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", i ? ", " : "", id);
	}
	return arena_strndup(c->arena, text, len);
}

static uint8_t datagrams_of(const struct conduit *conduit)
{
	uint8_t found = 0;

	for (size_t i = 0; i < conduit->count; i++)
		found |= rule_datagrams(conduit->rules[i]);
	return found;
}

static void add_ruleset_conduit(struct compiler *c, const struct conduit *conduit, uint32_t mark)
{
	const struct rule *first = conduit->rules[0];
	struct ruleset *ruleset = &c->out->ruleset;
	ruleset->conduits[ruleset->conduit_count++] = (struct ruleset_conduit){
		.server = first->from->address,
		.device = first->to->address,
		.transport = first->protocol->transport,
		.port = first->port,
		.mark = mark,
		.datagrams = datagrams_of(conduit),
		.rules = comment_of(c, conduit),
		.file = value_source(first->at)->file,
		.line = value_line(first->at),
	};
}

static void add_rules(struct compiler *c, const struct conduit *conduit, uint32_t number)
{
	struct compiled *out = c->out;

	for (size_t i = 0; i < conduit->count; i++)
		out->rules[out->rule_count++] = (struct compiled_rule){ .id = conduit->rules[i]->id,
									.conduit = number };
}

/* One conduit into the ruleset and, if it is inspected, into the program. */
static void build_conduit(struct compiler *c, const struct conduit *conduit, const struct timetable *timetable)
{
	uint32_t number = number_of(c, conduit->rules[0]);
	uint32_t mark = number;

	if (timetable)
		mark |= MARK_TIMED | timetable->number << MARK_TIMETABLE_SHIFT;
	if (conduit->rules[0]->protocol->inspected) {
		mark |= MARK_INSPECTED;
		if (conduit->rules[0]->fallback == FALLBACK_OPEN)
			mark |= MARK_OPEN;
		program_add(&c->program, number, conduit, &c->timetables);
		add_rules(c, conduit, number);
	}
	add_ruleset_conduit(c, conduit, mark);
}

/* Each conduit's timetable, with its number: the one that its first conduit had before, if it can. */
static struct timetable **give_timetables(struct compiler *c)
{
	struct timetable **of = arena_array(c->arena, c->list.count, sizeof(struct timetable *));

	timetables_init(&c->timetables, c->l->site, c->arena);
	for (size_t i = 0; i < c->list.count; i++) {
		const struct conduit_number *old;

		of[i] = timetable_of_conduit(&c->timetables, &c->list.items[i]);
		old = of[i] ? find_before(c, c->list.items[i].rules[0]) : NULL;
		if (old)
			timetable_keep_number(&c->timetables, of[i], old->timetable);
	}
	c->timetables_used = timetables_number(&c->timetables);
	return of;
}

static int compare_timetables(const void *a, const void *b)
{
	const struct timetable *x = *(const struct timetable *const *)a;
	const struct timetable *y = *(const struct timetable *const *)b;

	return (x->number > y->number) - (x->number < y->number);
}

static void fill_windows(struct compiler *c)
{
	struct timetables *t = &c->timetables;
	struct ruleset *r = &c->out->ruleset;
	size_t most = 0;

	if (t->count)
		qsort(t->items, t->count, sizeof(struct timetable *), compare_timetables);
	for (size_t i = 0; i < t->count; i++)
		most += HOURS_ROWS(t->items[i]->windows.count);
	r->windows = arena_array(c->arena, most, sizeof(*r->windows));
	for (size_t i = 0; i < t->count; i++)
		if (t->items[i]->number)
			r->window_count += hours_of(&t->items[i]->windows, t->items[i]->number,
						    r->windows + r->window_count);
}

static int compare_overdue(const void *a, const void *b)
{
	const struct ruleset_overdue *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

/* Never, of a rule that ends before its review is due. */
static int64_t overdue_from(const struct site *site, const struct rule *rule)
{
	if (rule->expires != NO_DAY && rule->expires <= rule->review_by)
		return INT64_MAX;
	/* a clock that is set back later must not undo it */
	return rule->review_by < site->today ? 0 : calendar_instant(rule->review_by + 1, 0);
}

/* Those with the same day behind each other, and nothing else that is not inspected between them, are one run. */
static void join_overdue(struct ruleset *r)
{
	size_t count = r->overdue_count;

	r->overdue_count = 0;
	for (size_t i = 0; i < count; i++) {
		struct ruleset_overdue *last = r->overdue_count ? &r->overdue[r->overdue_count - 1] : NULL;

		if (last && last->from == r->overdue[i].from)
			last->last = r->overdue[i].last;
		else
			r->overdue[r->overdue_count++] = r->overdue[i];
	}
	count = r->overdue_count;
	r->overdue_count = 0;
	for (size_t i = 0; i < count; i++)
		if (r->overdue[i].from != INT64_MAX)
			r->overdue[r->overdue_count++] = r->overdue[i];
}

/* Of conduits that are not inspected, which have one rule each. */
static void fill_overdue(struct compiler *c)
{
	struct ruleset *r = &c->out->ruleset;

	if (c->l->site->overdue != OVERDUE_REFUSE_NEW)
		return;
	r->overdue = arena_array(c->arena, c->list.count, sizeof(*r->overdue));
	for (size_t i = 0; i < c->list.count; i++) {
		const struct rule *rule = c->list.items[i].rules[0];
		uint32_t mark = r->conduits[i].mark;

		if (!rule->protocol->inspected)
			r->overdue[r->overdue_count++] = (struct ruleset_overdue){ mark, mark,
										   overdue_from(c->l->site, rule) };
	}
	if (r->overdue_count)
		qsort(r->overdue, r->overdue_count, sizeof(*r->overdue), compare_overdue);
	join_overdue(r);
}

static int compare_homes(const void *a, const void *b)
{
	const struct ruleset_home *x = a, *y = b;
	int by = strcmp(x->interface, y->interface);

	if (!by)
		by = address_compare(&x->network, &y->network);
	return by ? by : (x->prefix > y->prefix) - (x->prefix < y->prefix);
}

static void fill_homes(struct compiler *c)
{
	const struct site *site = c->l->site;
	struct ruleset *r = &c->out->ruleset;
	size_t total = 0;

	for (size_t i = 0; i < site->zone_count; i++)
		total += site->zones[i].network_count;
	r->homes = arena_array(c->arena, total, sizeof(*r->homes));
	for (size_t i = 0; i < site->zone_count; i++) {
		const struct zone *zone = &site->zones[i];

		for (size_t k = 0; k < zone->network_count; k++) {
			struct ruleset_home *home = &r->homes[r->home_count++];

			snprintf(home->interface, sizeof(home->interface), "%s", zone->interface);
			home->network = zone->networks[k].address;
			home->prefix = zone->networks[k].prefix;
		}
	}
	if (total)
		qsort(r->homes, total, sizeof(*r->homes), compare_homes);
}

static int compare_own(const void *a, const void *b)
{
	const struct ruleset_own *x = a, *y = b;
	int by = address_compare(&x->to, &y->to);

	if (!by)
		by = (x->transport > y->transport) - (x->transport < y->transport);
	return by ? by : (x->port > y->port) - (x->port < y->port);
}

/* What the gate sends for itself; no peer stands twice (that is an error). */
static void fill_own(struct compiler *c)
{
	const struct gate *gate = &c->l->site->gate;
	struct ruleset *r = &c->out->ruleset;

	r->own = arena_array(c->arena, gate->peer_count, sizeof(*r->own));
	for (size_t i = 0; i < gate->peer_count; i++) {
		const struct gate_peer *peer = &gate->peers[i];

		r->own[r->own_count++] = (struct ruleset_own){
			.to = peer->address,
			.transport = peer->transport,
			.port = peer->port,
			.what = peer->what,
			.file = value_source(peer->at)->file,
			.line = value_line(peer->at),
		};
	}
	if (r->own_count)
		qsort(r->own, r->own_count, sizeof(*r->own), compare_own);
}

static size_t count_elements(const struct ruleset *ruleset)
{
	size_t count = 0;

	for (size_t i = 0; i < ruleset->conduit_count; i++)
		count += ruleset_elements(&ruleset->conduits[i]);
	return count;
}

/* False when the result is more than the gate can hold. */
static bool fits(struct compiler *c)
{
	const struct compiled *out = c->out;
	size_t elements = count_elements(&out->ruleset);

	if (elements > RULESET_ELEMENTS_MAX) {
		report(c->l, FINDING_SITE_TOO_LARGE, NULL, "divide the site between two gates",
		       "the conduits take %zu rows of the kernel's map, which has room for %u; one with \"list-identity\" "
		       "takes two, with \"io\" three", elements, RULESET_ELEMENTS_MAX);
		return false;
	}
	if (c->timetables_used > TIMETABLES_MAX) {
		report(c->l, FINDING_SITE_TOO_LARGE, NULL,
		       "let rules share schedules and dates of expiry, or divide the site between two gates",
		       "the rules have %zu different opening times (schedule and expiry); the kernel's table has "
		       "room for %u", c->timetables_used, TIMETABLES_MAX);
		return false;
	}
	if (out->program_size <= PROGRAM_MAX && out->rule_count <= PROGRAM_RULES_MAX &&
	    c->next_number <= MARK_CONDUIT)
		return true;
	report(c->l, FINDING_SITE_TOO_LARGE, NULL, "divide the site between two gates",
	       "%zu inspected rules need %zu bytes in the inspector, which holds %u rules and %u bytes; conduits are "
	       "numbered up to %u, of %u", out->rule_count, out->program_size, PROGRAM_RULES_MAX, PROGRAM_MAX,
	       c->next_number, MARK_CONDUIT);
	return false;
}

static bool emit(struct compiler *c)
{
	struct compiled *out = c->out;
	struct timetable **timetables;

	if (!c->island)
		c->list = conduits_of(c->l->site, c->arena);
	timetables = give_timetables(c);
	sort_taken(c);
	program_writer_init(&c->program, c->l->site->overdue == OVERDUE_REFUSE_NEW, c->arena);
	out->ruleset.conduits = arena_array(c->arena, c->list.count, sizeof(*out->ruleset.conduits));
	out->rules = arena_array(c->arena, c->l->site->rule_count, sizeof(*out->rules));
	for (size_t i = 0; i < c->list.count; i++)
		build_conduit(c, &c->list.items[i], timetables[i]);
	fill_windows(c);
	fill_overdue(c);
	fill_homes(c);
	fill_own(c);
	out->program_size = program_finish(&c->program, &out->program);
	return fits(c);
}

/* Loads and checks in the site's time zone, then emits. */
static bool compile_in_zone(struct compiler *c, const struct compile_time *time)
{
	struct site *site = c->l->site;
	struct calendar_zone zone;
	/* without a zone, which is an error of its own, dates are judged in UTC */
	bool entered = site->timezone && calendar_enter(&zone, site->timezone) == 0;
	bool good;

	c->island = time->island;
	site->today = entered ? calendar_local_day(time->now) : time->now / CALENDAR_DAY_SECONDS;
	site->floor = time->floor;
	site->clock_doubted = time->doubted;
	check_site(c->l);
	good = entered && !c->l->bind.diags->errors && emit(c);
	if (entered)
		calendar_leave(&zone);
	return good;
}

bool compile_for_box(const struct documents *documents, const struct compile_time *time,
		     const struct conduit_number *before, size_t before_count, struct arena *arena,
		     struct diag_list *diags, struct compiled *ret)
{
	struct site *site = arena_alloc(arena, sizeof(*site));
	const struct loader l = {
		.bind = { .arena = arena, .diags = diags },
		.arena = arena,
		.site = site,
		.builtins = builtin_profiles(arena),
	};
	struct compiler c = {
		.l = &l, .arena = arena, .out = ret, .before = before, .before_count = before_count,
	};

	*site = (struct site){ .review_days = 365, .overdue = OVERDUE_WARN, .on_violation = PROGRAM_REPLY,
			       .fallback = FALLBACK_CLOSED };
	*ret = (struct compiled){ .site = site };
	load_documents(&l, documents);
	ret->ruleset.site = site->id;
	ret->ruleset.queue_first = RULESET_QUEUE;
	ret->ruleset.queue_count = 1;
	ret->ruleset.log_group = RULESET_LOG_GROUP;
	return compile_in_zone(&c, time);
}

bool compile_site(const struct documents *documents, int64_t now, const struct conduit_number *before,
		  size_t before_count, struct arena *arena, struct diag_list *diags,
		  struct compiled *ret)
{
	return compile_for_box(documents, &(struct compile_time){ .now = now }, before, before_count, arena,
			       diags, ret);
}

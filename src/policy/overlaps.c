/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/overlaps.h"

#include <stdlib.h>
#include <string.h>

#include "policy/describe.h"
#include "policy/grants.h"

#define PARTNERS_MAX GRANTS_MAX
#define ACTIVE_MAX 64u /* ranges that a new one is held against: those that reach furthest */
#define NAMED_MAX 3u   /* rules named in one finding */

/* One allowed service of a rule. */
struct piece {
	struct grant grant;
	size_t rule;            /* in the conduit */
	const struct value *at; /* the entry, or the rule's "profile" */
	uint32_t *partners;     /* pieces of other rules with requests in common */
	uint32_t partner_count, partner_capacity;
	bool told;              /* as covered by others */
};

/* A range of one piece, for the sweep. */
struct stretch {
	uint32_t first, last;
	uint32_t piece;
};

struct overlaps {
	const struct loader *l;
	const struct conduit *conduit;
	struct arena arena;
	struct piece *pieces; /* by rule, then as written */
	size_t count;
	uint32_t *order;      /* pieces by function */
	struct stretch *stretches;
	size_t stretch_count, stretch_capacity;
};

static void gather(struct overlaps *o)
{
	const struct conduit *c = o->conduit;
	size_t total = 0;

	for (size_t i = 0; i < c->count; i++)
		total += rule_entry_count(c->rules[i]);
	o->pieces = arena_array(&o->arena, total, sizeof(*o->pieces));
	for (size_t i = 0; i < c->count; i++) {
		const struct rule *rule = c->rules[i];

		for (size_t k = 0; k < rule_entry_count(rule); k++) {
			const struct entry *entry = rule_entry(rule, k);
			struct piece *piece = &o->pieces[o->count];

			if (!entry->code)
				continue; /* not understood: reported already */
			o->count++;
			grant_make(entry, &o->arena, &piece->grant);
			piece->rule = i;
			piece->at = k < rule->entries.count ? entry->at : rule->m.profile;
		}
	}
}

/* ---- who meets whom ---- */

static bool has_partner(const struct piece *a, uint32_t b)
{
	for (uint32_t i = 0; i < a->partner_count; i++)
		if (a->partners[i] == b)
			return true;
	return false;
}

static void add_partner(struct overlaps *o, struct piece *a, uint32_t b)
{
	if (a->partner_count == PARTNERS_MAX || has_partner(a, b))
		return;
	if (a->partner_count == a->partner_capacity) {
		uint32_t capacity = a->partner_capacity ? 4 * a->partner_capacity : 4;
		uint32_t *partners = arena_array(&o->arena, capacity, sizeof(*partners));

		if (a->partner_count)
			memcpy(partners, a->partners, a->partner_count * sizeof(*partners));
		a->partners = partners;
		a->partner_capacity = capacity;
	}
	a->partners[a->partner_count++] = b;
}

static void meet(struct overlaps *o, uint32_t a, uint32_t b)
{
	struct piece *x = &o->pieces[a], *y = &o->pieces[b];

	if (x->rule == y->rule || has_partner(x, b) || has_partner(y, a))
		return;
	if (!grant_meets(&x->grant, &y->grant))
		return;
	add_partner(o, x, b);
	add_partner(o, y, a);
}

static int compare_stretches(const void *a, const void *b)
{
	const struct stretch *x = a, *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return (x->piece > y->piece) - (x->piece < y->piece);
}

/* The ranges that are open at a place; when there are too many, those that end first are left out. */
struct active {
	const struct stretch *items[ACTIVE_MAX];
	size_t count;
};

static void activate(struct active *active, const struct stretch *stretch)
{
	size_t kept = 0, shortest = 0;

	for (size_t i = 0; i < active->count; i++)
		if (active->items[i]->last >= stretch->first)
			active->items[kept++] = active->items[i];
	active->count = kept;
	if (kept < ACTIVE_MAX) {
		active->items[active->count++] = stretch;
		return;
	}
	for (size_t i = 1; i < kept; i++)
		if (active->items[i]->last < active->items[shortest]->last)
			shortest = i;
	if (active->items[shortest]->last < stretch->last)
		active->items[shortest] = stretch;
}

static void sweep(struct overlaps *o)
{
	struct active active = { .count = 0 };

	qsort(o->stretches, o->stretch_count, sizeof(*o->stretches), compare_stretches);
	for (size_t i = 0; i < o->stretch_count; i++) {
		const struct stretch *s = &o->stretches[i];

		for (size_t k = 0; k < active.count; k++)
			if (active.items[k]->last >= s->first)
				meet(o, active.items[k]->piece, s->piece);
		activate(&active, s);
	}
}

static void add_stretch(struct overlaps *o, uint32_t first, uint32_t last, uint32_t piece)
{
	if (o->stretch_count == o->stretch_capacity) {
		size_t capacity = 2 * o->stretch_capacity + 64;
		struct stretch *more = arena_array(&o->arena, capacity, sizeof(*more));

		if (o->stretch_count)
			memcpy(more, o->stretches, o->stretch_count * sizeof(*more));
		o->stretches = more;
		o->stretch_capacity = capacity;
	}
	o->stretches[o->stretch_count++] = (struct stretch){ first, last, piece };
}

/* The part that tells services of one function apart best. */
static const struct grant_set *swept_part(const struct grant *g)
{
	static const enum grant_part parts[] = { GRANT_ADDRESSES, GRANT_SUBFUNCTIONS, GRANT_RECORDS,
						 GRANT_OBJECTS };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (g->parts[parts[i]].count)
			return &g->parts[parts[i]];
	return NULL;
}

static void add_piece(struct overlaps *o, uint32_t piece)
{
	const struct grant_set *set = swept_part(&o->pieces[piece].grant);

	if (!set)
		add_stretch(o, 0, 0, piece);
	for (size_t i = 0; set && i < set->count; i++)
		add_stretch(o, set->ranges[i].first, set->ranges[i].last, piece);
}

static bool has_unit(const struct piece *piece, unsigned unit)
{
	return piece->grant.entry->units[unit / 32] >> unit % 32 & 1;
}

/* A number for each unit that is the same where the same pieces hold it (and, by chance, hardly ever else). */
static void sign_units(const struct overlaps *o, const uint32_t *order, size_t count,
		       uint64_t signs[static 256])
{
	memset(signs, 0, 256 * sizeof(*signs));
	for (size_t i = 0; i < count; i++) {
		uint64_t x = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);

		x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
		x ^= x >> 27;
		for (unsigned unit = 0; unit < 256; unit++)
			if (has_unit(&o->pieces[order[i]], unit))
				signs[unit] += x | 1;
	}
}

static bool signed_before(const uint64_t *signs, unsigned unit)
{
	for (unsigned i = 0; i < unit; i++)
		if (signs[i] == signs[unit])
			return true;
	return false;
}

/* Pieces of one function: a sweep for every set of units that the same pieces hold. */
static void sweep_function(struct overlaps *o, const uint32_t *order, size_t count)
{
	uint64_t signs[256];

	sign_units(o, order, count, signs);
	for (unsigned unit = 0; unit < 256; unit++) {
		if (!signs[unit] || signed_before(signs, unit))
			continue;
		o->stretch_count = 0;
		for (size_t i = 0; i < count; i++)
			if (has_unit(&o->pieces[order[i]], unit))
				add_piece(o, order[i]);
		sweep(o);
	}
}

static unsigned function_of(const struct overlaps *o, uint32_t piece)
{
	const struct entry *entry = o->pieces[piece].grant.entry;

	return (unsigned)entry->code << 8 | entry->mei_type;
}

static int compare_keys(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* By function; pieces of one stay in the order of their rules. */
static void sort_by_function(struct overlaps *o)
{
	uint64_t *keys = arena_array(&o->arena, o->count, sizeof(*keys));

	for (uint32_t i = 0; i < o->count; i++)
		keys[i] = (uint64_t)function_of(o, i) << 32 | i;
	if (o->count)
		qsort(keys, o->count, sizeof(*keys), compare_keys);
	o->order = arena_array(&o->arena, o->count, sizeof(*o->order));
	for (size_t i = 0; i < o->count; i++)
		o->order[i] = (uint32_t)keys[i];
}

static void find_partners(struct overlaps *o)
{
	sort_by_function(o);
	for (size_t from = 0, until; from < o->count; from = until) {
		until = from + 1;
		while (until < o->count &&
		       function_of(o, o->order[until]) == function_of(o, o->order[from]))
			until++;
		if (until - from > 1)
			sweep_function(o, o->order + from, until - from);
	}
}

/* ---- what is told ---- */

static bool same_schedule(const struct rule *a, const struct rule *b)
{
	if (a->schedule_count != b->schedule_count)
		return false;
	for (size_t i = 0; i < a->schedule_count; i++)
		if (a->schedules[i].days != b->schedules[i].days ||
		    a->schedules[i].from != b->schedules[i].from ||
		    a->schedules[i].until != b->schedules[i].until)
			return false;
	return true;
}

/* Is `outer` open whenever `inner` is, as far as that is plain to see? */
static bool open_as_long(const struct rule *outer, const struct rule *inner)
{
	bool lasts = outer->expires == NO_DAY || (inner->expires != NO_DAY && inner->expires <= outer->expires);

	return lasts && (!outer->schedule_count || same_schedule(outer, inner));
}

static const struct rule *rule_of(const struct overlaps *o, const struct piece *piece)
{
	return o->conduit->rules[piece->rule];
}

/* Cheap to see, and true of most pairs: a range of `inner` lies in none of `outer`. */
static bool sticks_out(const struct piece *outer, const struct piece *inner)
{
	const struct grant_set *a = swept_part(&inner->grant), *b = swept_part(&outer->grant);
	bool inside = !a || !b;

	for (size_t i = 0; b && a && i < b->count; i++)
		inside |= a->ranges[0].first >= b->ranges[i].first && a->ranges[0].first <= b->ranges[i].last;
	return !inside;
}

static bool covers(const struct overlaps *o, const struct piece *outer, const struct piece *inner)
{
	const struct grant *one = &outer->grant;

	return !sticks_out(outer, inner) && open_as_long(rule_of(o, outer), rule_of(o, inner)) &&
	       grant_covered(&inner->grant, &one, 1);
}

static void tell_duplicate(struct overlaps *o, struct piece *a, const struct piece *b)
{
	a->told = true;
	report(o->l, FINDING_DUPLICATE_RULE, a->at,
	       arena_printf(o->l->arena, "keep one of the two; the other one is in %s",
			    place_text(o->l, b->at)),
	       "\"%s\" allows exactly this too", rule_of(o, b)->id);
}

static void tell_shadowed(struct overlaps *o, struct piece *a, const struct piece *b)
{
	a->told = true;
	report(o->l, FINDING_SHADOWED_RULE, a->at,
	       arena_printf(o->l->arena, "remove it here, or narrow the other one (%s)",
			    place_text(o->l, b->at)),
	       "all that this allows is allowed by \"%s\" too", rule_of(o, b)->id);
}

/* "a" and "b" and 3 more */
static const char *names_of(struct overlaps *o, const struct piece *const *others, size_t count)
{
	const char *text = "";
	size_t named = 0, rules = 0;

	for (size_t i = 0; i < count; i++) {
		bool again = false;

		for (size_t k = 0; k < i; k++)
			again |= others[k]->rule == others[i]->rule;
		rules += !again;
		if (again || named == NAMED_MAX)
			continue;
		text = arena_printf(o->l->arena, "%s%s\"%s\"", text, named++ ? " and " : "",
				    rule_of(o, others[i])->id);
	}
	return rules > named ? arena_printf(o->l->arena, "%s and %zu more", text, rules - named) : text;
}

static void tell_together(struct overlaps *o, struct piece *a, const struct piece *const *others,
			  size_t count)
{
	a->told = true;
	report(o->l, FINDING_SHADOWED_RULE, a->at, "remove it here, or narrow the other ones",
	       "all that this allows is allowed by %s together", names_of(o, others, count));
}

static void tell_overlap(struct overlaps *o, const struct piece *a, const struct piece *b)
{
	report(o->l, FINDING_OVERLAPPING_RULES, a->at,
	       arena_printf(o->l->arena, "let each request belong to one rule; the other one is in %s",
			    place_text(o->l, b->at)),
	       "some of what this allows is allowed by \"%s\" too", rule_of(o, b)->id);
}

/* One other that covers all of `a`: of two that are the same, the rule that comes later is told. */
static bool tell_single(struct overlaps *o, struct piece *a)
{
	for (uint32_t i = 0; i < a->partner_count; i++) {
		const struct piece *b = &o->pieces[a->partners[i]];
		bool same;

		if (!covers(o, b, a))
			continue;
		same = covers(o, a, b);
		if (same && b->rule > a->rule)
			continue;
		(same ? tell_duplicate : tell_shadowed)(o, a, b);
		return true;
	}
	return false;
}

static bool tell_several(struct overlaps *o, struct piece *a)
{
	const struct piece *others[PARTNERS_MAX];
	const struct grant *grants[PARTNERS_MAX];
	size_t count = 0;

	for (uint32_t i = 0; i < a->partner_count; i++) {
		const struct piece *b = &o->pieces[a->partners[i]];

		if (!open_as_long(rule_of(o, b), rule_of(o, a)) || b->told || covers(o, b, a))
			continue;
		others[count] = b;
		grants[count++] = &b->grant;
	}
	if (count < 2 || !grant_covered(&a->grant, grants, count))
		return false;
	tell_together(o, a, others, count);
	return true;
}

static void tell_rest(struct overlaps *o, const struct piece *a)
{
	const struct piece *first = NULL;

	for (uint32_t i = 0; i < a->partner_count; i++) {
		const struct piece *b = &o->pieces[a->partners[i]];

		if (b->rule < a->rule && !b->told && (!first || b < first))
			first = b;
	}
	if (first)
		tell_overlap(o, a, first);
}

/* A profile is told about once, whatever it holds. */
static bool told_before(const struct overlaps *o, size_t at)
{
	for (size_t i = at; i > 0 && o->pieces[i - 1].rule == o->pieces[at].rule; i--)
		if (o->pieces[i - 1].at == o->pieces[at].at)
			return true;
	return false;
}

void check_overlaps(const struct loader *l, const struct conduit *conduit)
{
	struct overlaps o = { .l = l, .conduit = conduit };

	if (conduit->count < 2)
		return;
	gather(&o);
	find_partners(&o);
	for (size_t i = 0; i < o.count; i++)
		if (o.pieces[i].partner_count && !told_before(&o, i) && !tell_single(&o, &o.pieces[i]))
			tell_several(&o, &o.pieces[i]);
	for (size_t i = 0; i < o.count; i++)
		if (o.pieces[i].partner_count && !o.pieces[i].told && !told_before(&o, i))
			tell_rest(&o, &o.pieces[i]);
	arena_free(&o.arena);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/overlaps.h"

#include <stdlib.h>
#include <string.h>

#include "policy/describe.h"
#include "policy/grants.h"
#include "policy/grants_cip.h"
#include "policy/partners.h"

#define NAMED_MAX 3u   /* rules named in one finding */

struct overlaps {
	const struct loader *l;
	const struct conduit *conduit;
	struct arena arena;
	struct pieces pieces;
};

static struct piece *add_piece(struct overlaps *o, size_t rule, const struct value *at, bool own)
{
	struct piece *piece = &o->pieces.items[o->pieces.count++];

	piece->rule = rule;
	piece->at = own ? at : o->conduit->rules[rule]->m.profile;
	return piece;
}

static void gather_modbus(struct overlaps *o)
{
	const struct conduit *c = o->conduit;
	size_t total = 0;

	for (size_t i = 0; i < c->count; i++)
		total += rule_entry_count(c->rules[i]);
	o->pieces.items = arena_array(&o->arena, total, sizeof(*o->pieces.items));
	for (size_t i = 0; i < c->count; i++)
		for (size_t k = 0; k < rule_entry_count(c->rules[i]); k++) {
			const struct entry *entry = rule_entry(c->rules[i], k);
			struct piece *piece;

			if (!entry->code)
				continue; /* not understood: reported already */
			piece = add_piece(o, i, entry->at, k < c->rules[i]->entries.count);
			piece->modbus = entry;
			grant_make(entry, &o->arena, &piece->box);
		}
}

static void gather_cip(struct overlaps *o)
{
	const struct conduit *c = o->conduit;
	struct cip_grants *grants = arena_array(&o->arena, c->count, sizeof(*grants));
	size_t total = 0;

	cip_grants_make((const struct rule *const *)c->rules, c->count, &o->arena, grants);
	for (size_t i = 0; i < c->count; i++)
		total += grants[i].count;
	o->pieces.items = arena_array(&o->arena, total, sizeof(*o->pieces.items));
	for (size_t i = 0; i < c->count; i++)
		for (size_t k = 0; k < grants[i].count; k++)
			add_piece(o, i, grants[i].items[k].at, k < grants[i].own)->box = grants[i].items[k].box;
}

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

static bool covers(const struct overlaps *o, const struct piece *outer, const struct piece *inner)
{
	const struct box *one = &outer->box;

	return open_as_long(rule_of(o, outer), rule_of(o, inner)) && box_covered(&inner->box, &one, 1);
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
		const struct piece *b = &o->pieces.items[a->partners[i]];
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
	const struct piece *others[BOXES_MAX];
	const struct box *boxes[BOXES_MAX];
	size_t count = 0;

	for (uint32_t i = 0; i < a->partner_count; i++) {
		const struct piece *b = &o->pieces.items[a->partners[i]];

		if (!open_as_long(rule_of(o, b), rule_of(o, a)) || b->told || covers(o, b, a))
			continue;
		others[count] = b;
		boxes[count++] = &b->box;
	}
	if (count < 2 || !box_covered(&a->box, boxes, count))
		return false;
	tell_together(o, a, others, count);
	return true;
}

static void tell_rest(struct overlaps *o, const struct piece *a)
{
	const struct piece *first = NULL;

	for (uint32_t i = 0; i < a->partner_count; i++) {
		const struct piece *b = &o->pieces.items[a->partners[i]];

		if (b->rule < a->rule && !b->told && (!first || b < first))
			first = b;
	}
	if (first)
		tell_overlap(o, a, first);
}

/* A profile is told about once, whatever it holds. */
static bool told_before(const struct overlaps *o, size_t at)
{
	for (size_t i = at; i > 0 && o->pieces.items[i - 1].rule == o->pieces.items[at].rule; i--)
		if (o->pieces.items[i - 1].at == o->pieces.items[at].at)
			return true;
	return false;
}

void check_overlaps(const struct loader *l, const struct conduit *conduit)
{
	struct overlaps o = { .l = l, .conduit = conduit };

	if (conduit->count < 2)
		return;
	(conduit->rules[0]->protocol == &protocols[PROTOCOL_ETHERNET_IP] ? gather_cip : gather_modbus)(&o);
	find_partners(&o.pieces, &o.arena);
	for (size_t i = 0; i < o.pieces.count; i++)
		if (o.pieces.items[i].partner_count && !told_before(&o, i) && !tell_single(&o, &o.pieces.items[i]))
			tell_several(&o, &o.pieces.items[i]);
	for (size_t i = 0; i < o.pieces.count; i++)
		if (o.pieces.items[i].partner_count && !o.pieces.items[i].told && !told_before(&o, i))
			tell_rest(&o, &o.pieces.items[i]);
	arena_free(&o.arena);
}

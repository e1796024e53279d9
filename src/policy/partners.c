/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/partners.h"

#include <stdlib.h>
#include <string.h>

#include "policy/grants.h"
#include "policy/grants_cip.h"

#define ACTIVE_MAX 64u /* ranges that a new one is held against: those that reach furthest */
#define CIP_SWEEPS 10u /* a name, and three indexes of each of its first parts */

/* A range of one piece, for the sweep: only those of one group are held against each other. */
struct stretch {
	uint64_t group;
	uint32_t first, last;
	uint32_t piece;
};

struct sweeper {
	struct pieces *pieces;
	struct arena *arena;
	struct stretch *stretches;
	size_t stretch_count, stretch_capacity;
};

static bool has_partner(const struct piece *a, uint32_t b)
{
	for (uint32_t i = 0; i < a->partner_count; i++)
		if (a->partners[i] == b)
			return true;
	return false;
}

static void add_partner(struct sweeper *o, struct piece *a, uint32_t b)
{
	if (a->partner_count == BOXES_MAX || has_partner(a, b))
		return;
	if (a->partner_count == a->partner_capacity) {
		uint32_t capacity = a->partner_capacity ? 4 * a->partner_capacity : 4;
		uint32_t *partners = arena_array(o->arena, capacity, sizeof(*partners));

		if (a->partner_count)
			memcpy(partners, a->partners, a->partner_count * sizeof(*partners));
		a->partners = partners;
		a->partner_capacity = capacity;
	}
	a->partners[a->partner_count++] = b;
}

static void meet(struct sweeper *o, uint32_t a, uint32_t b)
{
	struct piece *x = &o->pieces->items[a], *y = &o->pieces->items[b];

	if (x->rule == y->rule || has_partner(x, b) || has_partner(y, a))
		return;
	if (!box_meets(&x->box, &y->box))
		return;
	add_partner(o, x, b);
	add_partner(o, y, a);
}

static int compare_stretches(const void *a, const void *b)
{
	const struct stretch *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
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

static void sweep(struct sweeper *o)
{
	struct active active = { .count = 0 };

	qsort(o->stretches, o->stretch_count, sizeof(*o->stretches), compare_stretches);
	for (size_t i = 0; i < o->stretch_count; i++) {
		const struct stretch *s = &o->stretches[i];

		if (i && s[-1].group != s->group)
			active.count = 0;
		for (size_t k = 0; k < active.count; k++)
			if (active.items[k]->last >= s->first)
				meet(o, active.items[k]->piece, s->piece);
		activate(&active, s);
	}
}

static void add_stretch(struct sweeper *o, uint64_t group, const struct program_range *range, uint32_t piece)
{
	if (o->stretch_count == o->stretch_capacity) {
		size_t capacity = 2 * o->stretch_capacity + 64;
		struct stretch *more = arena_array(o->arena, capacity, sizeof(*more));

		if (o->stretch_count)
			memcpy(more, o->stretches, o->stretch_count * sizeof(*more));
		o->stretches = more;
		o->stretch_capacity = capacity;
	}
	o->stretches[o->stretch_count++] = (struct stretch){ group, range->first, range->last, piece };
}

static void add_part(struct sweeper *o, uint64_t group, const struct box_part *part, uint32_t piece)
{
	static const struct program_range nowhere = { 0, 0 };

	if (!part->count)
		add_stretch(o, group, &nowhere, piece);
	for (size_t i = 0; i < part->count; i++)
		add_stretch(o, group, &part->ranges[i], piece);
}

/* ---- Modbus: by function and unit ---- */

/* The part that tells services of one function apart best. */
static const struct box_part *swept_part(const struct box *box)
{
	static const enum grant_part parts[] = { GRANT_ADDRESSES, GRANT_SUBFUNCTIONS, GRANT_RECORDS,
						 GRANT_OBJECTS };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (box->parts[parts[i]].count)
			return &box->parts[parts[i]];
	return &box->parts[GRANT_ADDRESSES];
}

static bool has_unit(const struct piece *piece, unsigned unit)
{
	return piece->modbus->units[unit / 32] >> unit % 32 & 1;
}

/* A number for each unit that is the same where the same pieces hold it (and, by chance, hardly ever else). */
static void sign_units(const struct sweeper *o, const uint32_t *order, size_t count,
		       uint64_t signs[static 256])
{
	memset(signs, 0, 256 * sizeof(*signs));
	for (size_t i = 0; i < count; i++) {
		uint64_t x = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);

		x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
		x ^= x >> 27;
		for (unsigned unit = 0; unit < 256; unit++)
			if (has_unit(&o->pieces->items[order[i]], unit))
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
static void sweep_function(struct sweeper *o, const uint32_t *order, size_t count)
{
	uint64_t signs[256];

	sign_units(o, order, count, signs);
	for (unsigned unit = 0; unit < 256; unit++) {
		if (!signs[unit] || signed_before(signs, unit))
			continue;
		o->stretch_count = 0;
		for (size_t i = 0; i < count; i++)
			if (has_unit(&o->pieces->items[order[i]], unit))
				add_part(o, 0, swept_part(&o->pieces->items[order[i]].box), order[i]);
		sweep(o);
	}
}

/* ---- EtherNet/IP: by one part after the other ---- */

/* FNV-1a; two that come out the same by chance are only held against each other in vain. */
static uint64_t mix(uint64_t hash, const void *bytes, size_t size)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ p[i]) * UINT64_C(1099511628211);
	return hash;
}

/* The same for boxes whose swept parts in front of `part` are the same. */
static uint64_t group_of(const struct box *box, size_t part)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (size_t i = CIP_SWEPT_PART; i < part; i++)
		hash = mix(hash, box->parts[i].ranges, box->parts[i].count * sizeof(*box->parts[i].ranges));
	return hash;
}

static bool sweep_part(struct sweeper *o, const uint32_t *order, size_t count, size_t part)
{
	o->stretch_count = 0;
	for (size_t i = 0; i < count; i++) {
		const struct box *box = &o->pieces->items[order[i]].box;

		if (part < box->count)
			add_part(o, group_of(box, part), &box->parts[part], order[i]);
	}
	sweep(o);
	return o->stretch_count;
}

/* By names first; then, among those of one name, by its first index; and so on. */
static void sweep_cip(struct sweeper *o, const uint32_t *order, size_t count)
{
	static const struct program_range anywhere = { 0, BOX_LAST };
	size_t part = CIP_SWEPT_PART;

	if (o->pieces->items[order[0]].box.count == part) {
		o->stretch_count = 0;
		for (size_t i = 0; i < count; i++)
			add_stretch(o, 0, &anywhere, order[i]);
		sweep(o);
		return;
	}
	while (part < CIP_SWEPT_PART + CIP_SWEEPS && sweep_part(o, order, count, part))
		part++;
}

/* ---- families ---- */

struct place {
	uint64_t family;
	uint32_t piece;
};

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	return (x->piece > y->piece) - (x->piece < y->piece);
}

/* By family; pieces of one stay in the order of their rules. */
static struct place *sort_by_family(const struct pieces *pieces, struct arena *arena)
{
	struct place *places = arena_array(arena, pieces->count, sizeof(*places));

	for (uint32_t i = 0; i < pieces->count; i++)
		places[i] = (struct place){ pieces->items[i].box.family, i };
	if (pieces->count)
		qsort(places, pieces->count, sizeof(*places), compare_places);
	return places;
}

void find_partners(struct pieces *pieces, struct arena *arena)
{
	struct sweeper o = { .pieces = pieces, .arena = arena };
	const struct place *places = sort_by_family(pieces, arena);
	uint32_t *order = arena_array(arena, pieces->count, sizeof(*order));

	for (size_t from = 0, until; from < pieces->count; from = until) {
		for (until = from; until < pieces->count && places[until].family == places[from].family; until++)
			order[until] = places[until].piece;
		if (until - from < 2)
			continue;
		(pieces->items[order[from]].modbus ? sweep_function : sweep_cip)(&o, order + from, until - from);
	}
}

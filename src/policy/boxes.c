/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * To see whether a box is covered by others together, each part is cut into pieces that the same others hold; a
 * piece is only the bit mask of who holds it. One combination of pieces that nobody holds as a whole is a request
 * that is not covered.
 */
#include "policy/boxes.h"

#include <stdlib.h>
#include <string.h>

#define MASKS_MAX 512u /* pieces of a part; with more, the answer is "not covered" */

/* Different masks, none of which holds another: a piece that more others hold decides nothing. */
struct masks {
	uint64_t items[MASKS_MAX];
	size_t count;
	bool full;
};

static void masks_clear(struct masks *m)
{
	m->count = 0;
	m->full = false;
}

/* Only what is used: the whole is large. */
static void masks_copy(const struct masks *from, struct masks *to)
{
	memcpy(to->items, from->items, from->count * sizeof(*from->items));
	to->count = from->count;
	to->full = from->full;
}

static void masks_add(struct masks *m, uint64_t mask)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->count; i++)
		if ((m->items[i] & mask) == m->items[i])
			return;
	for (size_t i = 0; i < m->count; i++)
		if ((m->items[i] & mask) != mask)
			m->items[kept++] = m->items[i];
	m->count = kept;
	if (m->count == MASKS_MAX)
		m->full = true;
	else
		m->items[m->count++] = mask;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* ---- parts ---- */

/* Of a box that has fewer parts: anything. */
static const struct box_part *part_of(const struct box *box, size_t part)
{
	static const struct program_range all = { 0, BOX_LAST };
	static const struct box_part anything = { .ranges = &all, .count = 1, .most = BOX_MANY, .whole = BOX_ANY };

	return part < box->count ? &box->parts[part] : &anything;
}

struct box_part box_number(struct arena *arena, uint32_t first, uint32_t last)
{
	struct program_range *range = arena_alloc(arena, sizeof(*range));

	*range = (struct program_range){ first, last };
	return (struct box_part){ .ranges = range, .count = 1, .most = 1 };
}

static bool is_whole(const struct box_part *b, const struct box_part *of)
{
	return b->whole >> of->scale & 1;
}

/* Can they be compared number by number? */
static bool same_scale(const struct box_part *a, const struct box_part *b)
{
	return a->scale == b->scale;
}

static bool parts_meet(const struct box_part *a, const struct box_part *b)
{
	if (!a->count || !b->count)
		return a->count == b->count;
	if (is_whole(a, b) || is_whole(b, a) || !same_scale(a, b))
		return true;
	for (size_t i = 0; i < a->count; i++)
		for (size_t k = 0; k < b->count; k++)
			if (a->ranges[i].first <= b->ranges[k].last &&
			    b->ranges[k].first <= a->ranges[i].last)
				return true;
	return false;
}

static size_t most_parts(const struct box *a, const struct box *b)
{
	return a->count > b->count ? a->count : b->count;
}

bool box_meets(const struct box *a, const struct box *b)
{
	if (a->family != b->family || a->nothing || b->nothing)
		return false;
	for (size_t part = 0; part < most_parts(a, b); part++)
		if (!parts_meet(part_of(a, part), part_of(b, part)))
			return false;
	return true;
}

/* Cheap to see, and true of most pairs that meet: the first number of a part of `a` lies in no range of `b`. */
static bool sticks_out(const struct box *a, const struct box *b)
{
	for (size_t part = 0; part < a->count; part++) {
		const struct box_part *x = &a->parts[part], *y = part_of(b, part);
		bool inside = !x->count || is_whole(y, x);

		for (size_t i = 0; i < y->count && same_scale(x, y) && !inside; i++)
			inside = x->ranges[0].first >= y->ranges[i].first &&
				 x->ranges[0].first <= y->ranges[i].last;
		if (!inside)
			return true;
	}
	return false;
}

/* ---- covering ---- */

/* The others still in question, and the part of theirs that is looked at. */
struct view {
	const struct box *const *others;
	size_t count;
	size_t part;
};

/* Where what holds a run of `length` numbers changes. */
struct edge {
	uint64_t at;
	uint64_t mask;
	bool ends;
};

static int compare_edges(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	return (x->at > y->at) - (x->at < y->at);
}

/* How a range is cut: by runs of so many numbers, on a scale; a bit for each other that holds all of it anyway. */
struct cut {
	uint32_t length;
	uint8_t scale;
	uint64_t whole;
};

static size_t edges_of(const struct view *v, const struct program_range *range, const struct cut *cut,
		       struct edge *out)
{
	uint32_t length = cut->length;
	uint64_t last_start = range->last - length + 1;
	size_t count = 0;

	for (size_t i = 0; i < v->count; i++) {
		const struct box_part *p = part_of(v->others[i], v->part);

		for (size_t k = 0; k < p->count && p->scale == cut->scale && length <= p->most; k++) {
			const struct program_range *r = &p->ranges[k];
			uint64_t end = (uint64_t)r->last + 2 - length; /* first start that does not fit */

			if ((uint64_t)r->last + 1 < (uint64_t)r->first + length || end <= range->first ||
			    r->first > last_start)
				continue;
			out[count++] = (struct edge){ r->first > range->first ? r->first : range->first,
						      UINT64_C(1) << i, false };
			out[count++] = (struct edge){ end, UINT64_C(1) << i, true };
		}
	}
	if (count)
		qsort(out, count, sizeof(*out), compare_edges);
	return count;
}

/* Who holds each run of `length` numbers of the range. Ranges of one other may overlap, so they are counted. */
static void cut_range(const struct view *v, const struct program_range *range, const struct cut *cut,
		      struct edge *edges, struct masks *out)
{
	uint64_t last_start = range->last - cut->length + 1;
	size_t count = edges_of(v, range, cut, edges), at = 0;
	uint32_t depth[BOXES_MAX] = { 0 };
	uint64_t held = 0;

	if (!count || edges[0].at > range->first)
		masks_add(out, cut->whole);
	while (at < count && edges[at].at <= last_start && !out->full) {
		uint64_t here = edges[at].at;

		for (; at < count && edges[at].at == here; at++) {
			unsigned i = (unsigned)__builtin_ctzll(edges[at].mask);

			depth[i] += edges[at].ends ? UINT32_MAX : 1;
			held = depth[i] ? held | edges[at].mask : held & ~edges[at].mask;
		}
		masks_add(out, held | cut->whole);
	}
}

static uint64_t whole_holders(const struct box_part *part, const struct view *v)
{
	uint64_t whole = 0;

	for (size_t i = 0; i < v->count; i++)
		whole |= is_whole(part_of(v->others[i], v->part), part) ? UINT64_C(1) << i : 0;
	return whole;
}

/* The pieces of one part of `a`; a part that it does not have is held by all. */
static void cut_part(const struct box_part *part, const struct view *v, struct edge *edges, struct masks *out)
{
	struct cut cut = { .scale = part->scale, .whole = whole_holders(part, v) };

	masks_clear(out);
	if (!part->count)
		masks_add(out, UINT64_MAX);
	for (size_t i = 0; i < part->count; i++) {
		const struct program_range *range = &part->ranges[i];

		cut.length = least(range->last - range->first, part->most - 1) + 1;
		cut_range(v, range, &cut, edges, out);
	}
}

/* Several in one message: all of them must be held by the same other. */
static void combine(struct masks *m, uint32_t together)
{
	struct masks one, before;

	if (together < 2)
		return;
	masks_copy(m, &one);
	for (uint32_t n = 1; n < together && !m->full; n++) {
		masks_copy(m, &before);
		for (size_t i = 0; i < before.count; i++)
			for (size_t k = 0; k < one.count; k++)
				masks_add(m, before.items[i] & one.items[k]);
		if (m->count == before.count && !memcmp(m->items, before.items, m->count * sizeof(*m->items)))
			return;
	}
}

/* Every combination of what was found so far with the pieces of one more part. */
static void cross(struct masks *found, const struct masks *pieces)
{
	struct masks before;

	masks_copy(found, &before);
	masks_clear(found);
	found->full = before.full || pieces->full;
	for (size_t i = 0; i < before.count; i++)
		for (size_t k = 0; k < pieces->count; k++)
			masks_add(found, before.items[i] & pieces->items[k]);
}

static size_t count_ranges(const struct box *a, const struct box *const *others, size_t count)
{
	size_t most = 0;

	for (size_t part = 0; part < a->count; part++) {
		size_t total = 0;

		for (size_t i = 0; i < count; i++)
			total += part_of(others[i], part)->count;
		most = total > most ? total : most;
	}
	return most;
}

/* Parts that only others have are of no account: what has more parts than `a` holds little of it by its other parts. */
static bool all_held(const struct box *a, const struct box *const *others, size_t count, struct edge *edges)
{
	struct masks found;

	masks_clear(&found);
	masks_add(&found, count == BOXES_MAX ? UINT64_MAX : (UINT64_C(1) << count) - 1);
	for (size_t part = 0; part < a->count; part++) {
		struct view v = { others, count, part };
		struct masks pieces;

		cut_part(&a->parts[part], &v, edges, &pieces);
		combine(&pieces, a->parts[part].together);
		cross(&found, &pieces);
		if (found.full || (found.count && !found.items[0]))
			return false;
	}
	return true;
}

bool box_covered(const struct box *a, const struct box *const *others, size_t count)
{
	const struct box *near[BOXES_MAX];
	size_t kept = 0;
	struct edge *edges;
	bool held;

	if (a->nothing)
		return true;
	for (size_t i = 0; i < count && kept < BOXES_MAX; i++)
		if (box_meets(a, others[i]))
			near[kept++] = others[i];
	if (!kept || (kept == 1 && sticks_out(a, near[0])))
		return false;
	edges = calloc(2 * count_ranges(a, near, kept) + 1, sizeof(*edges));
	if (!edges)
		abort();
	held = all_held(a, near, kept, edges);
	free(edges);
	return held;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A service is a product of independent parts (unit, addresses, values, ...). To see whether it is covered by
 * others together, each part is cut into pieces that the same others hold; a piece is only the bit mask of who
 * holds it. One combination of pieces that nobody holds as a whole is a request that is not covered.
 */
#include "policy/grants.h"

#include <stdlib.h>
#include <string.h>

#define MASKS_MAX 512u       /* pieces of a part; with more, the answer is "not covered" */
#define FILE_REGISTERS 125u  /* no message carries more registers of a record */

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

/* ---- an entry as sets ---- */

static struct grant_set set_of(const struct range_list *list, uint32_t most)
{
	return (struct grant_set){ list->items, list->count, most };
}

static struct grant_set whole(struct arena *arena, uint32_t first, uint32_t last)
{
	struct program_range *range = arena_alloc(arena, sizeof(*range));

	*range = (struct program_range){ first, last };
	return (struct grant_set){ range, 1, 1 };
}

static struct grant_set units_of(const struct entry *e, struct arena *arena)
{
	struct program_range runs[128];
	struct program_range *ranges;
	size_t count = 0;

	for (uint32_t unit = 0; unit < 256; unit++) {
		if (!(e->units[unit / 32] >> unit % 32 & 1))
			continue;
		if (count && runs[count - 1].last + 1 == unit)
			runs[count - 1].last = unit;
		else
			runs[count++] = (struct program_range){ unit, unit };
	}
	ranges = arena_array(arena, count, sizeof(*ranges));
	memcpy(ranges, runs, count * sizeof(*ranges));
	return (struct grant_set){ ranges, count, 1 };
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* How many in a row: what the specification and the entry allow. */
static uint32_t most_of(const struct entry *e, uint32_t specified)
{
	uint32_t most = specified ? specified : 1;

	return e->max_quantity ? least(most, e->max_quantity) : most;
}

/* The order of floats as the order of their bits. */
static uint32_t float_bits(double value)
{
	float f = (float)value;
	uint32_t bits;

	memcpy(&bits, &f, sizeof(bits));
	return bits;
}

static void append(struct program_range *out, size_t *count, uint32_t first, uint32_t last)
{
	out[(*count)++] = (struct program_range){ first, last };
}

/* min .. max of a float as bits: negative ones count downwards. */
static void append_float(const struct program_value *v, struct program_range *out, size_t *count)
{
	if (v->min <= 0 && v->max >= 0) {
		append(out, count, 0x80000000u, v->min < 0 ? float_bits(v->min) : 0x80000000u);
		append(out, count, 0, v->max > 0 ? float_bits(v->max) : 0);
	} else if (v->max < 0) {
		append(out, count, float_bits(v->max), float_bits(v->min));
	} else {
		append(out, count, float_bits(v->min), float_bits(v->max));
	}
}

/* min .. max of a signed or unsigned number as bits of registers. */
static void append_whole(const struct program_value *v, unsigned width, struct program_range *out,
			 size_t *count)
{
	uint32_t top = width == 32 ? UINT32_MAX : 0xffff;

	if (v->min < 0)
		append(out, count, (uint32_t)(int64_t)v->min & top,
		       v->max < 0 ? (uint32_t)(int64_t)v->max & top : top);
	if (v->max >= 0)
		append(out, count, v->min > 0 ? (uint32_t)v->min : 0, (uint32_t)v->max);
}

static int by_first(const void *a, const void *b)
{
	const struct program_range *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

/* Values are single numbers: what overlaps or touches is one range. */
static size_t join(struct program_range *items, size_t count)
{
	size_t kept = 0;

	qsort(items, count, sizeof(*items), by_first);
	for (size_t i = 0; i < count; i++) {
		struct program_range *last = kept ? &items[kept - 1] : NULL;

		if (!last || items[i].first > (uint64_t)last->last + 1)
			items[kept++] = items[i];
		else if (items[i].last > last->last)
			last->last = items[i].last;
	}
	return kept;
}

static void make_values(const struct entry *e, struct arena *arena, struct grant *g)
{
	struct program_range *ranges = arena_array(arena, 2 * e->values.count + 1, sizeof(*ranges));
	size_t count = 0;

	g->width = e->value_type >= PROGRAM_UINT32 ? 32 : 16;
	g->order = g->width == 32 ? e->word_order : 0;
	for (size_t i = 0; i < e->values.count; i++) {
		if (e->value_type == PROGRAM_FLOAT32)
			append_float(&e->values.items[i], ranges, &count);
		else
			append_whole(&e->values.items[i], g->width, ranges, &count);
	}
	count = count ? join(ranges, count) : 0;
	g->any_value = !e->values.count ||
		       (g->width == 16 && count == 1 && !ranges[0].first && ranges[0].last == 0xffff);
	if (g->any_value) {
		g->width = 16;
		g->parts[GRANT_VALUES] = whole(arena, 0, 0xffff);
	} else {
		g->parts[GRANT_VALUES] = (struct grant_set){ ranges, count, 1 };
	}
}

/* The longest run that fits a range of the set. */
static uint32_t longest(const struct grant_set *set)
{
	uint32_t most = 0;

	for (size_t i = 0; i < set->count; i++) {
		uint32_t len = least(set->ranges[i].last - set->ranges[i].first + 1, set->most);

		most = len > most ? len : most;
	}
	return most;
}

static void make_data(const struct entry *e, const struct modbus_function *f, struct arena *arena,
		      struct grant *g)
{
	bool both = f->shape == MODBUS_SHAPE_READ_WRITE;
	const struct grant_set *written = &g->parts[both ? GRANT_WRITES : GRANT_ADDRESSES];

	g->parts[GRANT_ADDRESSES] = set_of(&e->addresses, most_of(e, f->max_quantity));
	if (both)
		g->parts[GRANT_WRITES] = set_of(&e->writes, most_of(e, f->max_write_quantity));
	if (f->access != MODBUS_WRITE || f->table != MODBUS_HOLDING_REGISTERS)
		return;
	make_values(e, arena, g);
	g->together = longest(written) * 16 / g->width;
	/* masks set bits of a value that is not known; a pair of registers needs room for two */
	g->nothing = e->values.count && (f->shape == MODBUS_SHAPE_MASK || !g->together);
}

void grant_make(const struct entry *entry, struct arena *arena, struct grant *ret)
{
	const struct modbus_function *f = entry->function;

	*ret = (struct grant){ .entry = entry, .together = 1 };
	ret->parts[GRANT_UNITS] = units_of(entry, arena);
	if (!f)
		return;
	if (f->table != MODBUS_NO_TABLE)
		make_data(entry, f, arena, ret);
	if (f->shape == MODBUS_SHAPE_DIAGNOSTICS)
		ret->parts[GRANT_SUBFUNCTIONS] = set_of(&entry->subfunctions, 1);
	if (f->shape == MODBUS_SHAPE_MEI) {
		ret->parts[GRANT_OBJECTS] = entry->objects.count ? set_of(&entry->objects, 1) :
								   whole(arena, 0, 255);
		ret->parts[GRANT_READ_CODES] = entry->read_codes.count ?
			set_of(&entry->read_codes, 1) : whole(arena, 1, 4);
	}
	if (f->shape == MODBUS_SHAPE_READ_FILE || f->shape == MODBUS_SHAPE_WRITE_FILE) {
		ret->parts[GRANT_FILES] = set_of(&entry->files, 1);
		ret->parts[GRANT_RECORDS] = set_of(&entry->records, most_of(entry, FILE_REGISTERS));
		ret->together = MODBUS_FILE_PARTS;
	}
}

/* ---- comparing ---- */

bool grant_alike(const struct grant *a, const struct grant *b)
{
	return a->entry->code == b->entry->code && a->entry->mei_type == b->entry->mei_type;
}

static bool sets_meet(const struct grant_set *a, const struct grant_set *b)
{
	if (!a->count && !b->count)
		return true;
	for (size_t i = 0; i < a->count; i++)
		for (size_t k = 0; k < b->count; k++)
			if (a->ranges[i].first <= b->ranges[k].last &&
			    b->ranges[k].first <= a->ranges[i].last)
				return true;
	return false;
}

/* Can the values of the two be compared number by number? */
static bool same_values(const struct grant *a, const struct grant *b)
{
	return a->width == b->width && a->order == b->order;
}

bool grant_meets(const struct grant *a, const struct grant *b)
{
	if (!grant_alike(a, b) || a->nothing || b->nothing)
		return false;
	for (unsigned part = 0; part < GRANT_PARTS; part++) {
		bool skip = part == GRANT_VALUES && !same_values(a, b);

		if (!skip && !sets_meet(&a->parts[part], &b->parts[part]))
			return false;
	}
	return true;
}

/* The others still in question, and the part of theirs that is looked at. */
struct view {
	const struct grant *const *others;
	size_t count;
	enum grant_part part;
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

static size_t edges_of(const struct view *v, const struct program_range *range, uint32_t length,
		       struct edge *out)
{
	uint64_t last_start = range->last - length + 1;
	size_t count = 0;

	for (size_t i = 0; i < v->count; i++) {
		const struct grant_set *set = &v->others[i]->parts[v->part];

		for (size_t k = 0; k < set->count && length <= set->most; k++) {
			const struct program_range *r = &set->ranges[k];
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
static void cut_range(const struct view *v, const struct program_range *range, uint32_t length,
		      struct edge *edges, struct masks *out)
{
	uint64_t last_start = range->last - length + 1;
	size_t count = edges_of(v, range, length, edges), at = 0;
	uint32_t depth[GRANTS_MAX] = { 0 };
	uint64_t held = 0;

	if (!count || edges[0].at > range->first)
		masks_add(out, 0);
	while (at < count && edges[at].at <= last_start && !out->full) {
		uint64_t here = edges[at].at;

		for (; at < count && edges[at].at == here; at++) {
			unsigned i = (unsigned)__builtin_ctzll(edges[at].mask);

			depth[i] += edges[at].ends ? UINT32_MAX : 1;
			held = depth[i] ? held | edges[at].mask : held & ~edges[at].mask;
		}
		masks_add(out, held);
	}
}

/* The pieces of one part of `a`; a part that it does not have is held by all. */
static void cut_part(const struct grant *a, const struct view *v, struct edge *edges, struct masks *out)
{
	const struct grant_set *set = &a->parts[v->part];

	masks_clear(out);
	if (!set->count)
		masks_add(out, UINT64_MAX);
	for (size_t i = 0; i < set->count; i++) {
		uint32_t length = least(set->ranges[i].last - set->ranges[i].first, set->most - 1) + 1;

		cut_range(v, &set->ranges[i], length, edges, out);
	}
}

/* Those whose limits on values can be held against a's; a bit for those that hold any value of it. */
static uint64_t any_values(const struct grant *a, const struct view *v, uint64_t *ret_comparable)
{
	uint64_t any = 0;

	*ret_comparable = 0;
	for (size_t i = 0; i < v->count; i++) {
		const struct grant *b = v->others[i];
		bool all = b->any_value || (a->width == 32 && b->width == 32 &&
					    b->parts[GRANT_VALUES].count == 1 &&
					    !b->parts[GRANT_VALUES].ranges[0].first &&
					    b->parts[GRANT_VALUES].ranges[0].last == UINT32_MAX);

		any |= all ? UINT64_C(1) << i : 0;
		*ret_comparable |= same_values(a, b) ? UINT64_C(1) << i : 0;
	}
	return any;
}

static void cut_values(const struct grant *a, const struct view *v, struct edge *edges, struct masks *out)
{
	uint64_t comparable, any = any_values(a, v, &comparable);
	struct masks all;

	cut_part(a, v, edges, &all);
	masks_clear(out);
	out->full = all.full;
	for (size_t i = 0; i < all.count; i++)
		masks_add(out, (all.items[i] & comparable) | any);
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

static bool vector_part(const struct grant *a, enum grant_part part)
{
	return part == GRANT_VALUES || (part == GRANT_FILES && a->parts[GRANT_FILES].count) ||
	       (part == GRANT_RECORDS && a->parts[GRANT_RECORDS].count);
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

static size_t count_ranges(const struct grant *const *others, size_t count)
{
	size_t most = 0;

	for (unsigned part = 0; part < GRANT_PARTS; part++) {
		size_t total = 0;

		for (size_t i = 0; i < count; i++)
			total += others[i]->parts[part].count;
		most = total > most ? total : most;
	}
	return most;
}

static bool all_held(const struct grant *a, const struct grant *const *others, size_t count,
		     struct edge *edges)
{
	struct masks found;

	masks_clear(&found);
	masks_add(&found, count == GRANTS_MAX ? UINT64_MAX : (UINT64_C(1) << count) - 1);
	for (unsigned part = 0; part < GRANT_PARTS; part++) {
		struct view v = { others, count, (enum grant_part)part };
		struct masks pieces;

		(part == GRANT_VALUES && a->parts[part].count ? cut_values : cut_part)(a, &v, edges, &pieces);
		if (vector_part(a, v.part))
			combine(&pieces, a->together);
		cross(&found, &pieces);
		if (found.full || (found.count && !found.items[0]))
			return false;
	}
	return true;
}

bool grant_covered(const struct grant *a, const struct grant *const *others, size_t count)
{
	const struct grant *near[GRANTS_MAX];
	size_t kept = 0;
	struct edge *edges;
	bool held;

	if (a->nothing)
		return true;
	for (size_t i = 0; i < count && kept < GRANTS_MAX; i++)
		if (grant_meets(a, others[i]))
			near[kept++] = others[i];
	if (!kept)
		return false;
	edges = calloc(2 * count_ranges(near, kept) + 1, sizeof(*edges));
	if (!edges)
		abort();
	held = all_held(a, near, kept, edges);
	free(edges);
	return held;
}

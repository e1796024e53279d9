/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "policy/describe.h"
#include "policy/diff_rule.h"
#include "policy/grants.h"

/* The entries of one function of a rule, or all of them. */
struct services {
	const struct entry **entries;
	const struct box **boxes;
	size_t count;
};

static void make_room(struct services *side, size_t count, struct arena *arena)
{
	side->entries = arena_array(arena, count, sizeof(*side->entries));
	side->boxes = arena_array(arena, count, sizeof(*side->boxes));
}

static struct services services_of(const struct rule *rule, struct arena *arena)
{
	struct services side = { .count = rule ? rule_entry_count(rule) : 0 };
	struct box *boxes = arena_array(arena, side.count, sizeof(*boxes));

	make_room(&side, side.count, arena);
	for (size_t i = 0; i < side.count; i++) {
		side.entries[i] = rule_entry(rule, i);
		side.boxes[i] = &boxes[i];
		grant_make(side.entries[i], arena, &boxes[i]);
	}
	return side;
}

static struct services alike(const struct services *all, const struct box *like, struct arena *arena)
{
	struct services side = { 0 };

	make_room(&side, all->count, arena);
	for (size_t i = 0; i < all->count; i++) {
		if (all->boxes[i]->family != like->family)
			continue;
		side.entries[side.count] = all->entries[i];
		side.boxes[side.count++] = all->boxes[i];
	}
	return side;
}

/* Does `a` allow a request that nothing of `b` allows? */
static bool exceeds(const struct services *a, const struct services *b)
{
	for (size_t i = 0; i < a->count; i++)
		if (!box_covered(a->boxes[i], b->boxes, b->count))
			return true;
	return false;
}

static const char **texts_of(const struct services *side, struct arena *arena)
{
	const char **texts = arena_array(arena, side->count, sizeof(char *));

	for (size_t i = 0; i < side->count; i++)
		texts[i] = describe_entry(side->entries[i], arena);
	return texts;
}

/* ---- units and addresses that only one side has ---- */

static bool has_unit(const struct entry *e, unsigned unit)
{
	return e->units[unit / 32] >> unit % 32 & 1;
}

static bool same_holders(const struct services *side, unsigned a, unsigned b)
{
	for (size_t i = 0; i < side->count; i++)
		if (has_unit(side->entries[i], a) != has_unit(side->entries[i], b))
			return false;
	return true;
}

static int by_first(const void *a, const void *b)
{
	const struct program_range *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

/* The addresses that a unit has, joined and sorted. */
static struct range_list addresses_of(const struct services *side, unsigned unit, struct arena *arena)
{
	struct range_list list = { 0 };
	size_t count = 0, kept = 0;

	for (size_t i = 0; i < side->count; i++)
		count += side->boxes[i]->parts[GRANT_ADDRESSES].count;
	list.items = arena_array(arena, count, sizeof(*list.items));
	for (size_t i = 0; i < side->count; i++) {
		const struct box_part *set = &side->boxes[i]->parts[GRANT_ADDRESSES];

		if (!has_unit(side->entries[i], unit) || !set->count)
			continue;
		memcpy(list.items + list.count, set->ranges, set->count * sizeof(*set->ranges));
		list.count += set->count;
	}
	if (list.count)
		qsort(list.items, list.count, sizeof(*list.items), by_first);
	for (size_t i = 0; i < list.count; i++) {
		struct program_range *last = kept ? &list.items[kept - 1] : NULL;

		if (!last || list.items[i].first > last->last + 1)
			list.items[kept++] = list.items[i];
		else if (list.items[i].last > last->last)
			last->last = list.items[i].last;
	}
	list.count = kept;
	return list;
}

/* a without b; both joined and sorted. */
static struct range_list subtract(const struct range_list *a, const struct range_list *b,
				  struct arena *arena)
{
	struct range_list out = { .items = arena_array(arena, a->count + b->count + 1,
						       sizeof(*out.items)) };
	size_t k = 0;

	for (size_t i = 0; i < a->count; i++) {
		uint32_t first = a->items[i].first, last = a->items[i].last;

		while (k < b->count && b->items[k].last < first)
			k++;
		for (size_t n = k; n < b->count && b->items[n].first <= last && first <= last; n++) {
			if (b->items[n].first > first)
				out.items[out.count++] = (struct program_range){ first, b->items[n].first - 1 };
			first = b->items[n].last + 1;
		}
		if (first <= last)
			out.items[out.count++] = (struct program_range){ first, last };
	}
	return out;
}

static void mark_unit(uint32_t units[static 8], unsigned unit)
{
	units[unit / 32] |= UINT32_C(1) << unit % 32;
}

/* Units that the same entries of both sides hold stand together. */
static struct diff_cells *cells_of(const struct services *more, const struct services *less,
				   struct arena *scratch, struct arena *arena, size_t *ret_count)
{
	struct diff_cells found[256];
	bool done[256] = { false };

	*ret_count = 0;
	for (unsigned unit = 0; unit < 256; unit++) {
		struct range_list has, had, left;
		uint32_t units[8] = { 0 };

		if (done[unit])
			continue;
		for (unsigned other = unit; other < 256; other++) {
			if (done[other] || !same_holders(more, unit, other) || !same_holders(less, unit, other))
				continue;
			done[other] = true;
			mark_unit(units, other);
		}
		has = addresses_of(more, unit, scratch);
		had = addresses_of(less, unit, scratch);
		left = subtract(&has, &had, scratch);
		if (left.count)
			found[(*ret_count)++] = (struct diff_cells){ .units = describe_units(units, arena),
								     .addresses = describe_ranges(&left, arena) };
	}
	return arena_copy(arena, found, *ret_count, sizeof(*found));
}

/* ---- one function, then all ---- */

static unsigned compare_function(const struct services *before, const struct services *after,
				 struct arena *scratch, struct arena *arena, struct diff_service *ret)
{
	const struct services *any = after->count ? after : before;
	unsigned effect = (exceeds(after, before) ? DIFF_GAINS : 0) |
			  (exceeds(before, after) ? DIFF_LOSES : 0);

	if (!effect)
		return 0;
	*ret = (struct diff_service){
		.function = describe_function(any->entries[0], arena),
		.code = any->entries[0]->code,
		.change = !before->count ? DIFF_ADDED : !after->count ? DIFF_REMOVED : diff_of(effect),
		.before_count = before->count,
		.after_count = after->count,
	};
	ret->before = texts_of(before, arena);
	ret->after = texts_of(after, arena);
	ret->gained = cells_of(after, before, scratch, arena, &ret->gained_count);
	ret->lost = cells_of(before, after, scratch, arena, &ret->lost_count);
	return effect;
}

static bool told(const struct services *side, size_t until, const struct box *like)
{
	for (size_t i = 0; i < until; i++)
		if (side->boxes[i]->family == like->family)
			return true;
	return false;
}

static unsigned compare_all(const struct services *first, const struct services *second, bool first_is_before,
			    struct arena *scratch, struct arena *arena, struct diff_rule *ret)
{
	unsigned effects = 0;

	for (size_t i = 0; i < first->count; i++) {
		struct diff_service *service = &ret->services[ret->service_count];
		struct services mine = alike(first, first->boxes[i], scratch);
		struct services other = alike(second, first->boxes[i], scratch);
		unsigned effect;

		/* the second round is for functions that only the other side has */
		if (told(first, i, first->boxes[i]) || (!first_is_before && other.count))
			continue;
		effect = first_is_before ? compare_function(&mine, &other, scratch, arena, service) :
					   compare_function(&other, &mine, scratch, arena, service);
		ret->service_count += effect != 0;
		effects |= effect;
	}
	return effects;
}

static int by_code(const void *a, const void *b)
{
	const struct diff_service *x = a, *y = b;

	return x->code != y->code ? x->code - y->code : strcmp(x->function, y->function);
}

static bool same_ranges(const struct range_list *a, const struct range_list *b)
{
	return a->count == b->count &&
	       (!a->count || !memcmp(a->items, b->items, a->count * sizeof(*a->items)));
}

static bool same_values(const struct entry *a, const struct entry *b)
{
	const struct value_list *x = &a->values, *y = &b->values;

	if (x->count != y->count || a->value_type != b->value_type || a->word_order != b->word_order)
		return false;
	for (size_t i = 0; i < x->count; i++)
		if (x->items[i].min < y->items[i].min || x->items[i].min > y->items[i].min ||
		    x->items[i].max < y->items[i].max || x->items[i].max > y->items[i].max)
			return false;
	return true;
}

static bool same_entry(const struct entry *a, const struct entry *b)
{
	return a->code == b->code && a->mei_type == b->mei_type &&
	       a->max_quantity == b->max_quantity && !memcmp(a->units, b->units, sizeof(a->units)) &&
	       same_ranges(&a->addresses, &b->addresses) && same_ranges(&a->writes, &b->writes) &&
	       same_ranges(&a->subfunctions, &b->subfunctions) && same_ranges(&a->objects, &b->objects) &&
	       same_ranges(&a->read_codes, &b->read_codes) && same_ranges(&a->files, &b->files) &&
	       same_ranges(&a->records, &b->records) && same_values(a, b);
}

/* Entries that say the same in the same order need no comparing: those of most rules of a plan do. */
static bool same_entries(const struct rule *before, const struct rule *after)
{
	if (!before || !after || rule_entry_count(before) != rule_entry_count(after))
		return false;
	for (size_t i = 0; i < rule_entry_count(before); i++)
		if (!same_entry(rule_entry(before, i), rule_entry(after, i)))
			return false;
	return true;
}

unsigned diff_services(const struct rule *before, const struct rule *after, struct arena *arena,
		       struct diff_rule *ret)
{
	struct arena scratch = { 0 };
	struct services old, new;
	unsigned effect;

	if ((before && rule_cip_count(before)) || (after && rule_cip_count(after)))
		return diff_cip(before, after, arena, ret);
	if (same_entries(before, after))
		return 0;
	old = services_of(before, &scratch);
	new = services_of(after, &scratch);
	ret->services = arena_array(&scratch, old.count + new.count + 1, sizeof(*ret->services));
	effect = compare_all(&old, &new, true, &scratch, arena, ret);
	effect |= compare_all(&new, &old, false, &scratch, arena, ret);
	ret->services = arena_copy(arena, ret->services, ret->service_count, sizeof(*ret->services));
	if (ret->service_count)
		qsort(ret->services, ret->service_count, sizeof(*ret->services), by_code);
	arena_free(&scratch);
	return effect;
}

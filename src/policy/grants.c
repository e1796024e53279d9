/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/grants.h"

#include <stdlib.h>
#include <string.h>

#define FILE_REGISTERS 125u  /* no message carries more registers of a record */

/* How values are read from registers: 16 bits, or 32 with the high or the low word first. */
enum value_scale { SCALE_16, SCALE_32, SCALE_32_LOW_FIRST };
#define WHOLE_32 (1u << SCALE_32 | 1u << SCALE_32_LOW_FIRST)

static struct box_part set_of(const struct range_list *list, uint32_t most)
{
	return (struct box_part){ .ranges = list->items, .count = list->count, .most = most };
}

static struct box_part units_of(const struct entry *e, struct arena *arena)
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
	return (struct box_part){ .ranges = ranges, .count = count, .most = 1 };
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

static bool only_range(const struct program_range *ranges, size_t count, uint32_t last)
{
	return count == 1 && !ranges[0].first && ranges[0].last == last;
}

static enum value_scale scale_of(const struct entry *e)
{
	if (e->value_type < PROGRAM_UINT32)
		return SCALE_16;
	return e->word_order ? SCALE_32_LOW_FIRST : SCALE_32;
}

static struct box_part values_of(const struct entry *e, struct arena *arena)
{
	struct program_range *ranges = arena_array(arena, 2 * e->values.count + 1, sizeof(*ranges));
	enum value_scale scale = scale_of(e);
	size_t count = 0;

	for (size_t i = 0; i < e->values.count; i++) {
		if (e->value_type == PROGRAM_FLOAT32)
			append_float(&e->values.items[i], ranges, &count);
		else
			append_whole(&e->values.items[i], scale == SCALE_16 ? 16 : 32, ranges, &count);
	}
	count = count ? join(ranges, count) : 0;
	if (!count || (scale == SCALE_16 && only_range(ranges, count, 0xffff))) {
		ranges[0] = (struct program_range){ 0, 0xffff };
		return (struct box_part){ .ranges = ranges, .count = 1, .most = 1, .whole = BOX_ANY };
	}
	return (struct box_part){ .ranges = ranges, .count = count, .most = 1, .scale = (uint8_t)scale,
				  .whole = only_range(ranges, count, UINT32_MAX) ? WHOLE_32 : 0 };
}

/* The longest run that fits a range of the set. */
static uint32_t longest(const struct box_part *set)
{
	uint32_t most = 0;

	for (size_t i = 0; i < set->count; i++) {
		uint32_t len = least(set->ranges[i].last - set->ranges[i].first + 1, set->most);

		most = len > most ? len : most;
	}
	return most;
}

static void make_data(const struct entry *e, struct arena *arena, struct box_part *parts, struct box *ret)
{
	const struct modbus_function *f = e->function;
	bool both = f->shape == MODBUS_SHAPE_READ_WRITE;
	struct box_part *values = &parts[GRANT_VALUES];

	parts[GRANT_ADDRESSES] = set_of(&e->addresses, most_of(e, f->max_quantity));
	if (both)
		parts[GRANT_WRITES] = set_of(&e->writes, most_of(e, f->max_write_quantity));
	if (f->access != MODBUS_WRITE || f->table != MODBUS_HOLDING_REGISTERS)
		return;
	*values = values_of(e, arena);
	values->together = longest(&parts[both ? GRANT_WRITES : GRANT_ADDRESSES]) / (values->scale == SCALE_16 ? 1 : 2);
	/* masks set bits of a value that is not known; a pair of registers needs room for two */
	ret->nothing = e->values.count && (f->shape == MODBUS_SHAPE_MASK || !values->together);
}

static struct box_part ranges_or(const struct range_list *list, uint32_t first, uint32_t last, struct arena *arena)
{
	return list->count ? set_of(list, 1) : box_number(arena, first, last);
}

static void make_files(const struct entry *e, struct box_part *parts)
{
	parts[GRANT_FILES] = set_of(&e->files, 1);
	parts[GRANT_RECORDS] = set_of(&e->records, most_of(e, FILE_REGISTERS));
	parts[GRANT_FILES].together = parts[GRANT_RECORDS].together = MODBUS_FILE_PARTS;
}

void grant_make(const struct entry *entry, struct arena *arena, struct box *ret)
{
	const struct modbus_function *f = entry->function;
	struct box_part *parts = arena_array(arena, GRANT_PARTS, sizeof(*parts));

	*ret = (struct box){ .family = (uint64_t)entry->code << 8 | entry->mei_type, .parts = parts,
			     .count = GRANT_PARTS };
	parts[GRANT_UNITS] = units_of(entry, arena);
	if (!f)
		return;
	if (f->table != MODBUS_NO_TABLE)
		make_data(entry, arena, parts, ret);
	if (f->shape == MODBUS_SHAPE_DIAGNOSTICS)
		parts[GRANT_SUBFUNCTIONS] = set_of(&entry->subfunctions, 1);
	if (f->shape == MODBUS_SHAPE_MEI) {
		parts[GRANT_OBJECTS] = ranges_or(&entry->objects, 0, 255, arena);
		parts[GRANT_READ_CODES] = ranges_or(&entry->read_codes, 1, 4, arena);
	}
	if (f->shape == MODBUS_SHAPE_READ_FILE || f->shape == MODBUS_SHAPE_WRITE_FILE)
		make_files(entry, parts);
}

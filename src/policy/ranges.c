/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/ranges.h"

#include <float.h>
#include <string.h>

#define DIGITS_MAX 9

/* Up to nine digits at *p, which moves behind them; how many there were, 0 = none. */
static size_t take_digits(const char **p, uint32_t *ret)
{
	size_t count = strspn(*p, "0123456789");

	*ret = 0;
	if (count > DIGITS_MAX)
		return 0;
	for (size_t i = 0; i < count; i++)
		*ret = *ret * 10 + (uint32_t)((*p)[i] - '0');
	*p += count;
	return count;
}

/* A range as written: its two numbers and how many digits each has. */
struct written {
	uint32_t first, last;
	size_t first_digits, last_digits;
};

static bool parse_range(const char *text, struct written *ret)
{
	ret->first_digits = take_digits(&text, &ret->first);
	if (!ret->first_digits)
		return false;
	ret->last = ret->first;
	ret->last_digits = ret->first_digits;
	if (*text == '-') {
		text++;
		ret->last_digits = take_digits(&text, &ret->last);
	}
	return ret->last_digits && !*text;
}

static bool read_written(const struct loader *l, const struct value *at, struct written *ret)
{
	char text[24];

	if (!bind_type(&l->bind, at, BIND_TEXT | BIND_INT))
		return false;
	if (at->type == VALUE_INT)
		snprintf(text, sizeof(text), "%lld", (long long)at->integer);
	if (parse_range(at->type == VALUE_INT ? text : at->text, ret))
		return true;
	if (at->type == VALUE_INT)
		report(l, FINDING_IMPOSSIBLE_RANGE, at, "numbers here are not negative and not that large",
		       "%s is not possible here", text);
	else
		report(l, FINDING_IMPOSSIBLE_RANGE, at, "write a number, or \"first-last\" as in \"0-99\"",
		       "\"%.60s\" is not a range", at->text);
	return false;
}

static void append(struct range_list *list, uint32_t first, uint32_t last)
{
	list->items[list->count++] = (struct program_range){ .first = first, .last = last };
}

static void read_range(const struct loader *l, const struct value *at, uint32_t least, uint32_t most,
		       struct range_list *ret)
{
	struct written w;

	if (!read_written(l, at, &w))
		return;
	if (w.last < w.first)
		report(l, FINDING_IMPOSSIBLE_RANGE, at,
		       arena_printf(l->arena, "did you mean \"%u-%u\"?", w.last, w.first),
		       "the range ends before it begins");
	else if (w.first < least || w.last > most)
		report(l, FINDING_IMPOSSIBLE_RANGE, at,
		       arena_printf(l->arena, "possible is %u to %u", least, most),
		       "%u is not possible here", w.first < least ? w.first : w.last);
	else
		append(ret, w.first, w.last);
}

struct range_list one_range(struct arena *arena, uint32_t first, uint32_t last)
{
	struct range_list list = { .items = arena_array(arena, 1, sizeof(*list.items)) };

	append(&list, first, last);
	return list;
}

/* Whether it is the word for everything; reported as broad. */
static bool read_all(const struct loader *l, const struct value *at)
{
	if (at->type != VALUE_TEXT || strcmp(at->text, "all"))
		return false;
	report(l, FINDING_BROAD_ADDRESSES, at, "name what the server really uses, as in [\"0-99\"]",
	       "\"%s\": \"all\" allows everything the device has", at->name);
	return true;
}

/* The list, or a single range as a list of one. */
static size_t elements(const struct loader *l, const struct value *at, const struct value **ret)
{
	*ret = at->type == VALUE_LIST ? at->items : at;
	if (at->type == VALUE_LIST && !check_filled(l, at))
		return 0;
	return at->type == VALUE_LIST ? at->count : 1;
}

void read_ranges(const struct loader *l, const struct value *at, uint32_t least, uint32_t most,
		 struct range_list *ret)
{
	const struct value *items;
	size_t count;

	if (read_all(l, at)) {
		*ret = one_range(l->arena, least, most);
		return;
	}
	count = elements(l, at, &items);
	ret->items = arena_array(l->arena, count, sizeof(*ret->items));
	for (size_t i = 0; i < count; i++)
		read_range(l, &items[i], least, most, ret);
	if (least == 0 && most == MODBUS_ADDRESS_LAST && ret->count == 1 && !ret->items[0].first &&
	    ret->items[0].last == most)
		report(l, FINDING_BROAD_ADDRESSES, at, "name what the server really uses, as in [\"0-99\"]",
		       "this allows the whole table");
}

static const struct table_row {
	enum modbus_table table;
	unsigned digit;
	const char *name;
} tables[] = {
	{ MODBUS_COILS, 0, "coils" },
	{ MODBUS_DISCRETE_INPUTS, 1, "discrete inputs" },
	{ MODBUS_INPUT_REGISTERS, 3, "input registers" },
	{ MODBUS_HOLDING_REGISTERS, 4, "holding registers" },
};

static const struct table_row *table_of(const struct modbus_function *function)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		if (tables[i].table == (enum modbus_table)function->table)
			return &tables[i];
	return &tables[0];
}

/* Splits "40100" into its table's digit and the address from 0; false when it is no reference. */
static bool split_reference(uint32_t number, size_t digits, unsigned *ret_digit, uint32_t *ret_address)
{
	uint32_t scale = digits == 5 ? 10000 : 100000;

	if (digits != 5 && digits != 6)
		return false;
	*ret_digit = number / scale;
	*ret_address = number % scale - 1;
	return number % scale >= 1 && *ret_address <= MODBUS_ADDRESS_LAST;
}

static void report_reference(const struct loader *l, const struct value *at,
			     const struct table_row *table)
{
	report(l, FINDING_IMPOSSIBLE_RANGE, at,
	       arena_printf(l->arena, "write it as in \"%u0001-%u0100\" or \"%u00001-%u65536\"",
			    table->digit, table->digit, table->digit, table->digit),
	       "this is not a reference to %s", table->name);
}

static void read_reference(const struct loader *l, const struct value *at,
			   const struct modbus_function *function, struct range_list *ret)
{
	const struct table_row *table = table_of(function);
	unsigned first_digit, last_digit;
	uint32_t first, last;
	struct written w;

	if (!read_written(l, at, &w))
		return;
	if (!split_reference(w.first, w.first_digits, &first_digit, &first) ||
	    !split_reference(w.last, w.last_digits, &last_digit, &last) || first_digit != last_digit) {
		report_reference(l, at, table);
		return;
	}
	if (first_digit != table->digit)
		report(l, FINDING_WRONG_TABLE, at,
		       arena_printf(l->arena, "%s begin with %u; or choose another function", table->name,
				    table->digit),
		       "%s works on %s, and references that begin with %u are others",
		       function->name, table->name, first_digit);
	else if (last < first)
		report(l, FINDING_IMPOSSIBLE_RANGE, at, "write the smaller reference first",
		       "the range ends before it begins");
	else
		append(ret, first, last);
}

void read_references(const struct loader *l, const struct value *at,
		     const struct modbus_function *function, struct range_list *ret)
{
	const struct value *items;
	size_t count;

	if (read_all(l, at)) {
		*ret = one_range(l->arena, 0, MODBUS_ADDRESS_LAST);
		return;
	}
	count = elements(l, at, &items);
	ret->items = arena_array(l->arena, count, sizeof(*ret->items));
	for (size_t i = 0; i < count; i++)
		read_reference(l, &items[i], function, ret);
	if (ret->count == 1 && !ret->items[0].first && ret->items[0].last == MODBUS_ADDRESS_LAST)
		report(l, FINDING_BROAD_ADDRESSES, at, "name what the server really uses",
		       "this allows the whole table");
}

struct value_members {
	const struct value *min, *max, *one_of, *type, *word_order;
};
static const struct bind_row value_rows[] = {
	{ "min", BIND_NUMBER, offsetof(struct value_members, min), false },
	{ "max", BIND_NUMBER, offsetof(struct value_members, max), false },
	{ "one_of", BIND_LIST, offsetof(struct value_members, one_of), false },
	{ "type", BIND_TEXT, offsetof(struct value_members, type), false },
	{ "word_order", BIND_TEXT, offsetof(struct value_members, word_order), false },
};
static const struct bind_table value_table = { "\"values\"", BIND_ROWS(value_rows) };

static const struct type_row {
	enum program_value_type type;
	double least, most;
	bool whole;
	unsigned registers;
} type_rows[] = {
	{ PROGRAM_UINT16, 0, 65535, true, 1 },
	{ PROGRAM_INT16, -32768, 32767, true, 1 },
	{ PROGRAM_UINT32, 0, 4294967295.0, true, 2 },
	{ PROGRAM_INT32, -2147483648.0, 2147483647.0, true, 2 },
	{ PROGRAM_FLOAT32, -3.4028234663852886e38, 3.4028234663852886e38, false, 2 },
};

static const struct type_row *type_of(const struct entry *entry)
{
	for (size_t i = 0; i < sizeof(type_rows) / sizeof(type_rows[0]); i++)
		if (type_rows[i].type == (enum program_value_type)entry->value_type)
			return &type_rows[i];
	return &type_rows[0];
}

static bool read_limit(const struct loader *l, const struct value *at, const struct type_row *type,
		       double *ret)
{
	unsigned types = type->whole ? BIND_INT : BIND_NUMBER;

	if (!bind_type(&l->bind, at, types))
		return false;
	*ret = at->type == VALUE_INT ? (double)at->integer : at->real;
	if (*ret >= type->least && *ret <= type->most)
		return true;
	report(l, FINDING_IMPOSSIBLE_RANGE, at,
	       arena_printf(l->arena, "possible is %.10g to %.10g; \"type\" says how registers are read",
			    type->least, type->most),
	       "a value of type %s cannot be %.10g", word_name(&words_value_types, (int)type->type),
	       *ret);
	return false;
}

static void read_min_max(const struct loader *l, const struct value *at, const struct value_members *m,
			 const struct type_row *type, struct value_list *ret)
{
	struct program_value range;

	if (!m->min || !m->max) {
		report(l, FINDING_MISSING_MEMBER, at, "write \"min\" and \"max\", or \"one_of\"",
		       "\"values\" needs both limits");
		return;
	}
	if (!read_limit(l, m->min, type, &range.min) || !read_limit(l, m->max, type, &range.max))
		return;
	if (range.max < range.min) {
		report(l, FINDING_IMPOSSIBLE_RANGE, m->max, "exchange the two",
		       "\"max\" is smaller than \"min\"");
		return;
	}
	ret->items = arena_array(l->arena, 1, sizeof(*ret->items));
	ret->items[ret->count++] = range;
}

static void read_one_of(const struct loader *l, const struct value *list, const struct type_row *type,
			struct value_list *ret)
{
	double value;

	check_filled(l, list);
	ret->items = arena_array(l->arena, list->count, sizeof(*ret->items));
	for (size_t i = 0; i < list->count; i++)
		if (read_limit(l, &list->items[i], type, &value))
			ret->items[ret->count++] = (struct program_value){ .min = value, .max = value };
}

static void read_type(const struct loader *l, const struct value_members *m, struct entry *ret)
{
	int word = m->type ? read_word(l, &words_value_types, m->type) : PROGRAM_UINT16;

	ret->value_type = word > 0 ? (uint8_t)word : PROGRAM_UINT16;
	if (m->type && type_of(ret)->registers > 1 && ret->function->shape == MODBUS_SHAPE_WRITE_ONE) {
		report(l, FINDING_NOT_FOR_FUNCTION, m->type, "allow write-multiple-registers instead",
		       "%s writes one register, and %s takes two", ret->function->name, m->type->text);
		ret->value_type = PROGRAM_UINT16;
	}
	if (!m->word_order)
		return;
	word = read_word(l, &words_word_orders, m->word_order);
	ret->word_order = word == 1;
	if (type_of(ret)->registers == 1)
		report_name(l, FINDING_NOT_FOR_FUNCTION, m->word_order, "remove it",
			    "\"word_order\" means something only for values of two registers");
}

static const struct bind_table tag_value_table = { "\"values\"", value_rows, 3 };
static const struct type_row any_number = { PROGRAM_FLOAT32, -DBL_MAX, DBL_MAX, false, 1 };

/* Limits or a list, not both. */
static void read_choice(const struct loader *l, const struct value *at, const struct value_members *m,
			const struct type_row *type, struct value_list *ret)
{
	if (m->one_of && (m->min || m->max))
		report_name(l, FINDING_NOT_FOR_FUNCTION, m->one_of, "keep the limits or the list",
			    "\"one_of\" and limits exclude each other");
	else if (m->one_of)
		read_one_of(l, m->one_of, type, ret);
	else
		read_min_max(l, at, m, type, ret);
}

void read_tag_values(const struct loader *l, const struct value *at, struct value_list *ret)
{
	struct value_members m = { 0 };

	if (bind_map(&l->bind, at, &tag_value_table, &m))
		read_choice(l, at, &m, &any_number, ret);
}

void read_values(const struct loader *l, const struct value *at, struct entry *ret)
{
	struct value_members m = { 0 };

	if (!bind_map(&l->bind, at, &value_table, &m))
		return;
	read_type(l, &m, ret);
	read_choice(l, at, &m, type_of(ret), &ret->values);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "json/bind.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"

#define FEW_MEMBERS 24u

static const struct type_name {
	enum value_type type;
	const char *name;
} type_names[] = {
	{ VALUE_TEXT, "text in quotes" }, { VALUE_INT, "a whole number" }, { VALUE_REAL, "a number" },
	{ VALUE_LIST, "a list [ ]" },     { VALUE_MAP, "an object { }" },  { VALUE_BOOL, "true or false" },
	{ VALUE_NULL, "null" },
};

static const char *type_name(enum value_type type)
{
	for (size_t i = 0; i < sizeof(type_names) / sizeof(type_names[0]); i++)
		if (type_names[i].type == type)
			return type_names[i].name;
	return "nothing";
}

typedef struct diag_place place_fn(const struct value *value, struct arena *arena);

__attribute__((format(printf, 7, 0)))
static void finding(const struct binder *b, enum diag_severity severity, const char *code,
		    place_fn *place_of, const struct value *at, const char *help,
		    const char *format, va_list args)
{
	struct diag_place place = { 0 };
	char message[1024];

	if (diag_wants(b->diags, severity) && at)
		place = place_of(at, b->arena);
	vsnprintf(message, sizeof(message), format, args);
	diag_add(b->diags, severity, code, &place, help, "%s", message);
}

void bind_finding(const struct binder *b, enum diag_severity severity, const char *code,
		  const struct value *at, const char *help, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	finding(b, severity, code, value_place, at, help, format, args);
	va_end(args);
}

void bind_name_finding(const struct binder *b, enum diag_severity severity, const char *code,
		       const struct value *at, const char *help, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	finding(b, severity, code, value_name_place, at, help, format, args);
	va_end(args);
}

/* "text in quotes or a list [ ]" */
static const char *types_text(const struct binder *b, unsigned types)
{
	const char *text = NULL;

	if (types & BIND(VALUE_REAL))
		types &= ~BIND_INT;
	for (size_t i = 0; i < sizeof(type_names) / sizeof(type_names[0]); i++) {
		if (!(types & BIND(type_names[i].type)))
			continue;
		text = text ? arena_printf(b->arena, "%s or %s", text, type_names[i].name) :
			      type_names[i].name;
	}
	return text;
}

const char *bind_example(unsigned types)
{
	static const struct {
		unsigned type;
		const char *text;
	} examples[] = {
		{ BIND_INT, "a number, without quotes" },
		{ BIND_TEXT, "\"...\"" },
		{ BIND_LIST, "[ ... ]" },
		{ BIND_MAP, "{ ... }" },
	};

	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		if (examples[i].type & types)
			return examples[i].text;
	return "true or false";
}

static const char *correction(const struct value *value, unsigned types)
{
	bool scalar = value->type == VALUE_INT || value->type == VALUE_REAL || value->type == VALUE_BOOL;

	if (scalar && types & BIND_TEXT)
		return "put it in double quotes";
	if (value->type == VALUE_TEXT && types & BIND_NUMBER)
		return "write a number, without quotes";
	if (types & BIND_LIST)
		return "put it in square brackets, as in [ ... ]";
	return types & BIND_MAP ? "write an object, as in { ... }" : "write one value here";
}

bool bind_type(const struct binder *b, const struct value *value, unsigned types)
{
	if (BIND(value->type) & types)
		return true;
	if (!diag_wants(b->diags, DIAG_ERROR))
		diag_add(b->diags, DIAG_ERROR, "wrong-type", NULL, NULL, "wrong type");
	else if (value->name)
		bind_finding(b, DIAG_ERROR, "wrong-type", value, correction(value, types),
			     "\"%.60s\" must be %s, not %s",
			     value->name, types_text(b, types), type_name(value->type));
	else
		bind_finding(b, DIAG_ERROR, "wrong-type", value, correction(value, types),
			     "this must be %s, not %s",
			     types_text(b, types), type_name(value->type));
	return false;
}

static int compare_names(const void *a, const void *b)
{
	const struct value *x = *(const struct value *const *)a, *y = *(const struct value *const *)b;
	int by = strcmp(x->name, y->name);

	return by ? by : (x->below > y->below) - (x->below < y->below);
}

static void report_duplicate(const struct binder *b, const struct value *first, const struct value *again)
{
	const char *help = NULL;

	if (diag_wants(b->diags, DIAG_ERROR))
		help = arena_printf(b->arena, "the first one is in line %u; remove one of the two",
				    value_name_place(first, b->arena).line);
	bind_name_finding(b, DIAG_ERROR, "duplicate-member", again, help,
			  "the member \"%.60s\" stands twice in this object", again->name);
}

/* Most objects: comparing each with each costs less than memory does. */
static void duplicates_of_few(const struct binder *b, const struct value *map)
{
	for (size_t i = 1; i < map->count; i++)
		for (size_t k = 0; k < i; k++)
			if (!strcmp(map->items[k].name, map->items[i].name)) {
				report_duplicate(b, &map->items[k], &map->items[i]);
				break;
			}
}

static void duplicates_of_many(const struct binder *b, const struct value *map)
{
	struct arena arena = { 0 };
	const struct value **sorted = arena_array(&arena, map->count, sizeof(const struct value *));
	size_t first = 0;

	for (size_t i = 0; i < map->count; i++)
		sorted[i] = &map->items[i];
	qsort(sorted, map->count, sizeof(const struct value *), compare_names);
	for (size_t i = 1; i < map->count; i++) {
		if (strcmp(sorted[i]->name, sorted[first]->name))
			first = i;
		else
			report_duplicate(b, sorted[first], sorted[i]);
	}
	arena_free(&arena);
}

void bind_duplicates(const struct binder *b, const struct value *map)
{
	if (map->count <= FEW_MEMBERS)
		duplicates_of_few(b, map);
	else
		duplicates_of_many(b, map);
}

static const struct bind_row *find_row(const struct bind_table *table, const char *name)
{
	for (size_t i = 0; i < table->count; i++)
		if (!strcmp(table->rows[i].name, name))
			return &table->rows[i];
	return NULL;
}

/* "from, to, allow" */
static const char *names_text(const struct binder *b, const struct bind_table *table)
{
	const char *text = "";

	for (size_t i = 0; i < table->count; i++)
		text = arena_printf(b->arena, "%s%s%s", text, i ? ", " : "", table->rows[i].name);
	return text;
}

static void report_unknown(const struct binder *b, const struct value *member,
			   const struct bind_table *table)
{
	struct nearest near = nearest_to(member->name);
	const char *help = NULL;

	for (size_t i = 0; i < table->count; i++)
		nearest_offer(&near, table->rows[i].name, NULL);
	if (diag_wants(b->diags, DIAG_ERROR))
		help = near.best ? arena_printf(b->arena, "did you mean \"%s\"?", near.best) :
				   arena_printf(b->arena, "it may have: %s, note", names_text(b, table));
	bind_name_finding(b, DIAG_ERROR, "unknown-member", member, help,
			  "%s has no member called \"%.60s\"", table->what, member->name);
}

static const struct value **slot_of(void *object, const struct bind_row *row)
{
	return (const struct value **)(void *)((char *)object + row->offset);
}

static void bind_member(const struct binder *b, const struct value *member,
			const struct bind_table *table, void *object)
{
	const struct bind_row *row = find_row(table, member->name);

	if (row) {
		/* of duplicates, which are errors, the first counts */
		if (!*slot_of(object, row) && bind_type(b, member, row->types))
			*slot_of(object, row) = member;
	} else if (!strcmp(member->name, "note")) {
		bind_type(b, member, BIND_TEXT);
	} else {
		report_unknown(b, member, table);
	}
}

bool bind_map(const struct binder *b, const struct value *map, const struct bind_table *table,
	      void *ret)
{
	bool complete = true;

	if (!bind_type(b, map, BIND_MAP))
		return false;
	bind_duplicates(b, map);
	for (size_t i = 0; i < map->count; i++)
		bind_member(b, &map->items[i], table, ret);
	for (size_t i = 0; i < table->count; i++) {
		const struct bind_row *row = &table->rows[i];

		if (!row->required || *slot_of(ret, row))
			continue;
		complete = false;
		if (!value_member(map, row->name))
			bind_finding(b, DIAG_ERROR, "missing-member", map,
				     arena_printf(b->arena, "add \"%s\": %s", row->name,
						  bind_example(row->types)),
				     "%s needs the member \"%s\"", table->what, row->name);
	}
	return complete;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Members of a JSON object into members of a struct, by a table. Each bound struct member is a
 * `const struct value *`: the value with its place, of one of the types that its row allows, or NULL.
 * Everything that does not fit the table is a finding (unknown-member, duplicate-member, wrong-type,
 * missing-member); "note" is allowed in every object.
 */
#include "json/value.h"

#define BIND(type) (1u << (type))
#define BIND_TEXT BIND(VALUE_TEXT)
#define BIND_INT BIND(VALUE_INT)
#define BIND_NUMBER (BIND(VALUE_INT) | BIND(VALUE_REAL))
#define BIND_LIST BIND(VALUE_LIST)
#define BIND_MAP BIND(VALUE_MAP)
#define BIND_BOOL BIND(VALUE_BOOL)

struct bind_row {
	const char *name;
	unsigned types; /* BIND_* */
	size_t offset;  /* of a `const struct value *` in the struct */
	bool required;
};

/* An object of rule documents: its name in messages ("a rule") and its members. */
struct bind_table {
	const char *what;
	const struct bind_row *rows;
	size_t count;
};

#define BIND_ROWS(rows) (rows), sizeof(rows) / sizeof((rows)[0])

struct binder {
	struct arena *arena;
	struct diag_list *diags;
};

/* A finding at a value, or at the name of its member. Places are looked up only if it is kept. */
__attribute__((format(printf, 6, 7)))
void bind_finding(const struct binder *b, enum diag_severity severity, const char *code,
		  const struct value *at, const char *help, const char *format, ...);
__attribute__((format(printf, 6, 7)))
void bind_name_finding(const struct binder *b, enum diag_severity severity, const char *code,
		       const struct value *at, const char *help, const char *format, ...);

/* Is the value of one of these types? If not, a finding "wrong-type". */
bool bind_type(const struct binder *b, const struct value *value, unsigned types);

/* How a value of the first of these types is written, for "add": "\"...\"", "[ ... ]". */
const char *bind_example(unsigned types);

/* Reports every member whose name came before in this map; each map is to be asked once. */
void bind_duplicates(const struct binder *b, const struct value *map);

/*
 * Fills the struct; false when the value is no object or a required member is missing or of another
 * type. Optional members of the wrong type are NULL, with a finding.
 */
bool bind_map(const struct binder *b, const struct value *map, const struct bind_table *table,
	      void *ret);

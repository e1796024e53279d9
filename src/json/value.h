/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * JSON values that know where they stand. Jansson judges the text (syntax, UTF-8, depth), unless it is plain
 * (json/plain.h); the tree that comes out keeps the offsets of every value and member name, and keeps
 * duplicate members so that the caller can report both. Numbers: `integer` when the text is an integer that
 * fits, else `real`.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"

enum value_type { VALUE_NULL = 1, VALUE_BOOL, VALUE_INT, VALUE_REAL, VALUE_TEXT, VALUE_LIST, VALUE_MAP };

#define VALUES_MAX 1000000u /* values in one document; a text with more is refused */

/*
 * A document's text and name. value_parse() makes a copy of it with an index of lines (not of the
 * text), to which values refer for their places.
 */
struct value_source {
	const char *file;
	const char *text; /* len bytes and a NUL */
	size_t len;
	const struct source_mark *marks; /* the index; NULL in what the caller hands over */
};

/* Many of these are held at once: what is seldom asked is found again in the text, or from where the value lies. */
struct value {
	enum value_type type : 8;
	uint32_t count : 24;            /* of items; enough for VALUES_MAX */
	uint32_t from;                  /* offset of the value in the text */
	uint32_t name_from;             /* of the member name, quotes included */
	uint32_t below;                 /* so many values behind its parent in the document's row; 0: the root */
	const char *name;               /* of the member; NULL in lists */
	union {
		bool boolean;
		int64_t integer;
		double real;
		const char *text;       /* NUL-terminated UTF-8, without NUL inside */
		struct value *items;    /* array: members or elements in source order */
	};
};

/*
 * Parses one document. Adds a finding ("syntax", "document-too-large") and returns NULL when it is not
 * JSON. The text must outlive the tree.
 */
struct value *value_parse(const struct value_source *source, struct arena *arena,
			  struct diag_list *diags);

/* The first member of that name, or NULL (also when map is NULL or not a map). */
const struct value *value_member(const struct value *map, const char *name);

/* Text of a member, or NULL when it is absent or not text. */
const char *value_member_text(const struct value *map, const char *name);

/* The document that a value stands in. */
const struct value_source *value_source(const struct value *value);

/* The line that a value stands on, from 1. */
unsigned value_line(const struct value *value);

/* Where a value (or the name of its member) stands, with pointer and source line; from the arena. */
struct diag_place value_place(const struct value *value, struct arena *arena);
struct diag_place value_name_place(const struct value *value, struct arena *arena);

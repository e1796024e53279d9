/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The rows of the table's sets as the kernel keeps them: keys of bytes, sorted. What the ruleset wants and
 * what the kernel has come in the same form, so that a reload changes only what differs (and counters of
 * the rest live on), and a read-back can be compared.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "netfilter/shape.h"
#include "policy/ruleset.h"

struct row {
	uint8_t key[SHAPE_KEY_MAX];  /* network order throughout; interval sets: the first key */
	uint8_t last[SHAPE_KEY_MAX]; /* interval sets: the last key; exact ones: zero */
	uint32_t mark;               /* maps: what it gives */
	const char *comment;         /* exact sets: ids of the rules, or what it is; else NULL */
	uint64_t packets, bytes;     /* exact sets: the counter */
	const char *file;            /* where it is written; NULL when read from the kernel */
	unsigned line;
	const char *odd;             /* read from the kernel: what the gate would not write; NULL = nothing */
};

struct rows {
	struct row *items; /* sorted by key, then last */
	size_t count;
};

/* What the ruleset wants in one set. Strings are the ruleset's. */
void rows_wanted(const struct ruleset *ruleset, enum shape_set_id id, struct arena *arena,
		 struct rows *ret);

/*
 * The elements of a conduit as tuples, each with its own mark: its own, then those for datagrams. Returns how many. Of what
 * the device sends by itself `server` is the sender, and MARK_REPLY is in the mark.
 */
#define ROWS_OF_CONDUIT 4u
size_t rows_of_conduit(const struct ruleset_conduit *c, struct ruleset_conduit ret[static ROWS_OF_CONDUIT]);

/*
 * Whether an earlier home of the ruleset covers this one (zones may list a network and a part of it): the
 * kernel's interval sets refuse what lies inside another, so it gets no row, here and in the text.
 */
bool rows_home_covered(const struct ruleset *ruleset, size_t position);

/* In the order of keys. */
int rows_compare(const void *a, const void *b);

/* Same key and same content; counters do not matter. */
bool rows_same(const struct row *a, const struct row *b);

/* Sorted rows side by side: calls back with each key's old and new row (NULL: none). */
void rows_side_by_side(const struct rows *had, const struct rows *wanted,
		       void (*each)(const struct row *old, const struct row *new, void *data), void *data);

/* What a row stands for: "the conduit 10.1.0.2 -> 10.2.0.2, tcp port 502". */
const char *rows_name(enum shape_set_id id, const struct row *row, struct arena *arena);

/* The number of the timetable that a row of the windows belongs to. */
uint32_t rows_window_timetable(const struct row *row);

/* The first and last mark of a row of overdue reviews. */
uint32_t rows_first_mark(const struct row *row);
uint32_t rows_last_mark(const struct row *row);

/* The tuple of a conduit's key. id: SHAPE_CONDUITS4 or 6. */
void rows_conduit(enum shape_set_id id, const struct row *row, struct ruleset_conduit *ret);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Builds the match program of protocol/program.h: rows are appended to its tables, then the tables are
 * laid out in one block. Inside policy/ only.
 */
#include "policy/conduits.h"
#include "policy/timetables.h"

/* Rows that stand for one thing, found by what is in them. */
struct program_run {
	uint32_t hash;
	struct program_span span; /* count 0: a free place */
};

struct table_rows {
	unsigned char *bytes;
	size_t row; /* bytes of one */
	size_t count;
	size_t capacity;
	struct program_run *runs; /* a hash table; its size is a power of two */
	size_t run_count;
	size_t run_capacity;
};

/* In the order of struct program_header. */
enum program_part {
	PART_INDEX,
	PART_CONDUITS,
	PART_RULES,
	PART_WINDOWS,
	PART_ENTRIES,
	PART_RANGES,
	PART_VALUE_ROWS,
	PART_CIP,
	PART_OBJECTS,
	PART_TAGS,
	PART_NAMES,
	PART_FILES,
	PART_HOPS,
	PART_ROUTES,
	PART_TEXT,
	PART_COUNT
};

struct program_writer {
	struct arena *arena;
	bool refuse_new; /* rules serve no new connection once their review is overdue */
	struct table_rows parts[PART_COUNT];
};

void program_writer_init(struct program_writer *w, bool refuse_new, struct arena *arena);

/* A conduit's rows. The site's time zone must have been entered. */
void program_add(struct program_writer *w, uint32_t number, const struct conduit *conduit,
		 struct timetables *timetables);

/* Appends rows (zeros when rows is NULL) and says where they are. */
struct program_span program_append(struct program_writer *w, enum program_part part, const void *rows,
				   size_t count);

/*
 * The rows from `first` on stand for one thing. Where the same rows are there already they are taken back: rules made
 * after one pattern share theirs.
 */
struct program_span program_share(struct program_writer *w, enum program_part part, size_t first);

/* Both at once. */
struct program_span program_append_shared(struct program_writer *w, enum program_part part, const void *rows,
					  size_t count);

struct program_span program_add_ranges(struct program_writer *w, const struct range_list *list);

/* An entry of an EtherNet/IP rule (program_writer_cip.c); `routes`: those of its rule. */
void program_add_cip(struct program_writer *w, const struct cip_entry *entry,
		     const struct cip_route_list *routes);

/* The block; what the writer holds beside it is freed. Returns its size, which may be more than PROGRAM_MAX. */
size_t program_finish(struct program_writer *w, const void **ret_block);

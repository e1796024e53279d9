/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Builds the match program of protocol/program.h: rows are appended to its tables, then the tables are
 * laid out in one block. Inside policy/ only.
 */
#include "policy/conduits.h"
#include "policy/timetables.h"

struct table_rows {
	unsigned char *bytes;
	size_t row; /* bytes of one */
	size_t count;
	size_t capacity;
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

/* The block; what the writer holds beside it is freed. Returns its size, which may be more than PROGRAM_MAX. */
size_t program_finish(struct program_writer *w, const void **ret_block);

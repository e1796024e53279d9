/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* What learn.c and learn_use.c share: requests that will be one entry, or a part of one. */
#include "policy/learn.h"
#include "protocol/cip.h"

/* How an entry is written; which of the members below it has. */
enum learn_form {
	LEARN_PLAIN = 1,    /* function, unit (keys) */
	LEARN_ADDRESSES,    /* and addresses (a) */
	LEARN_READ_WRITE,   /* and addresses read (a) and written (b) */
	LEARN_SUBFUNCTIONS, /* and subfunctions (a) */
	LEARN_IDENTITY,     /* and read codes (a) and objects (b) */
	LEARN_RECORDS,      /* and a file, and records of it (a) */
	LEARN_SERVICE,      /* service, class, instances (keys), attributes (a) */
	LEARN_READ_TAGS,    /* base, elements (a) */
	LEARN_WRITE_TAGS,
	LEARN_READ_FILES,   /* likewise, of PCCC */
	LEARN_WRITE_FILES,
	LEARN_BROWSE,
	LEARN_LIST_IDENTITY
};

struct learn_ranges {
	struct program_range *items; /* ascending, with gaps between them */
	size_t count;
};

struct learn_group {
	enum learn_form form;
	uint8_t code;          /* function or service */
	uint8_t mei_type;
	uint16_t file;
	uint32_t class;
	const char *route;     /* "": the device itself */
	const char *base;      /* "Temps[", "Grid[1,", "N7:", or a whole tag */
	struct learn_ranges keys, a, b;
	enum cip_access access;
	uint64_t count;
	int64_t first, last;
	bool written;
};

/* Adds first .. last; what touches becomes one. */
void learn_ranges_add(struct arena *arena, struct learn_ranges *ranges, uint32_t first, uint32_t last);

/* Reads a use into a group of its own. */
enum learn_result learn_read_use(struct arena *arena, const struct learn_use *use, struct learn_group *ret);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A match program that was checked: after program_open() every reference in it lies inside its tables, so
 * that readers need no further checks. The bytes stay the caller's and must not change meanwhile.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/program.h"
#include "protocol/reason.h"

struct program {
	const struct program_header *header; /* NULL = none in force */
	const uint32_t *index;
	const struct program_conduit *conduits;
	const struct program_rule *rules;
	const struct program_window *windows;
	const struct program_entry *entries;
	const struct program_range *ranges;
	const struct program_value *values;
	const struct program_cip *cip;
	const struct program_object *objects;
	const struct program_tag *tags;
	const struct program_name *names;
	const struct program_file *files;
	const struct program_hop *hops;
	const struct program_span *routes; /* each of hops */
	const uint8_t *text;
};

/* Checks the first `length` bytes of the block (aligned to 8). False: *ret must not be used. */
bool program_open(const uint8_t *block, size_t length, uint32_t max_rules, struct program *ret);

/* The part of program_open() that is about EtherNet/IP (program_cip.c). */
bool program_cip_valid(const struct program *p);

/* Does the span lie inside the table? */
static inline bool span_inside(struct program_span span, struct program_table t)
{
	return (uint64_t)span.first + span.count <= t.count;
}

/* The conduit of that number, or NULL. */
const struct program_conduit *program_conduit(const struct program *p, uint32_t number);

/* Is the number inside one of the ranges? An empty span holds nothing. */
bool program_holds(const struct program *p, struct program_span ranges, uint32_t value);

/* Do first .. first + count - 1 lie inside one single range? count >= 1. */
bool program_covers(const struct program *p, struct program_span ranges, uint32_t first, uint32_t count);

/* When a request comes, and when its connection was opened: seconds since the epoch. */
struct program_time {
	int64_t wall;
	int64_t opened;
};

/* Does the rule serve a request of that time? REASON_NONE, REASON_OUTSIDE_SCHEDULE or REASON_REVIEW_OVERDUE. */
enum reason program_rule_serves(const struct program *p, const struct program_rule *rule,
				struct program_time time);

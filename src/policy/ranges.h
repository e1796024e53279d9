/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Numbers, ranges and limits of values in "allow". Ranges stay as they were written: a request must lie
 * inside one of them, so they are neither sorted nor joined. Inside policy/ only.
 */
#include "policy/load.h"

#define BIND_RANGES (BIND_TEXT | BIND_INT | BIND_LIST)
#define MODBUS_ADDRESS_LAST 65535u
#define MODBUS_RECORD_LAST 9999u

/*
 * A number, "first-last", a list of such, or "all" (least .. most, reported as broad); everything must
 * lie in least .. most.
 */
void read_ranges(const struct loader *l, const struct value *at, uint32_t least, uint32_t most,
		 struct range_list *ret);

/*
 * The same in the notation of data sheets: the digit of the function's table, then four or five
 * digits that count from 1 ("40001-40100", "465536"). The result counts from 0.
 */
void read_references(const struct loader *l, const struct value *at,
		     const struct modbus_function *function, struct range_list *ret);

struct range_list one_range(struct arena *arena, uint32_t first, uint32_t last);

/* "values" of a write: limits or a list, with type and word order; into the entry. */
void read_values(const struct loader *l, const struct value *at, struct entry *ret);

/* "values" of tags, whose type is the controller's: limits or a list of numbers. */
void read_tag_values(const struct loader *l, const struct value *at, struct value_list *ret);

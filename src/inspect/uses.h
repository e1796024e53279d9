/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Counts what was asked for, in the table of inspect/core.h: exactly, in memory of fixed size, and never at the
 * cost of a count that nobody has read yet. What finds no place is counted for its rule all the same.
 */
#include <stdbool.h>
#include <stdint.h>

#include "inspect/core.h"
#include "protocol/cip_walk.h"

#define USE_CHAINS 2048u /* a power of two */

/* Finds rows by what they count. */
struct use_index {
	uint16_t chains[USE_CHAINS]; /* row + 1, 0 = none */
	uint32_t hand;               /* where a row that may give way was last looked for */
};

/* The requests that one message carries, when they are several: each with its rule and reason. */
struct parts {
	uint32_t count;
	struct core_event items[CIP_PARTS_MAX];
};

/* The next one, zeroed. NULL: nobody wants them. */
struct core_event *parts_add(struct parts *parts);

struct core_state;

/*
 * Counts `what`, with its conduit, rule, reason (REASON_NONE: allowed) and direction, for the packet that is being decided
 * on. Observed: it went on in spite of the reason. What makes every request another one is taken out of `what`.
 */
void uses_count(struct core_state *core, struct core_event *what, bool observed);

/* Another program: `stays` gives a row's rule its new position; without it what the row counts is gone. */
void uses_carry(struct core_state *core, bool (*stays)(struct core_use *use));

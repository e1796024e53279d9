/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What an allowed service permits, as a product of independent parts (who, where, which values, ...) that can be
 * compared: is all of it allowed by others together, do two have a request in common. Exact, but where numbers of
 * different scales or more than BOXES_MAX others would have to be put together, the answer is "not covered". What
 * the parts mean is for grants.h and grants_cip.h to say. Inside policy/ only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "protocol/program.h"

#define BOXES_MAX 64u               /* others that are put together */
#define BOX_LAST (UINT32_MAX - 1)   /* the largest number of a range */
#define BOX_MANY UINT32_MAX
#define BOX_ANY 0xffu               /* the whole of every scale */

/* Everything of 1 .. most numbers in a row that lies inside one range. No range: the service has no such part. */
struct box_part {
	const struct program_range *ranges;
	size_t count;
	uint32_t most;
	uint32_t together; /* numbers of one request, all of which the same box must hold; 0 is 1 */
	uint8_t scale;     /* numbers of different scales cannot be compared */
	uint8_t whole;     /* bit s: it holds every number of scale s */
};

struct box {
	uint64_t family;   /* only boxes of one family can have a request in common */
	const struct box_part *parts;
	size_t count;      /* parts behind these are not limited */
	bool nothing;      /* no request fits it */
};

/* first .. last, one number at a time. */
struct box_part box_number(struct arena *arena, uint32_t first, uint32_t last);

/* Is there a request that both allow? */
bool box_meets(const struct box *a, const struct box *b);

/* Is every request that `a` allows allowed by one of the others? Those of other families are passed over. */
bool box_covered(const struct box *a, const struct box *const *others, size_t count);

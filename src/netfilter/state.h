/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* What the kernel holds of the gate's table now, in the form of rows.h. It changes nothing. */
#include "netfilter/frame.h"
#include "netfilter/link.h"
#include "netfilter/rows.h"
#include "netfilter/shape.h"

struct state {
	uint32_t generation;   /* of the ruleset when reading began */
	bool table;            /* it is there */
	bool frame;            /* counters, sets and chains are all there, as they should be, and no others;
				* nor an element of a form that the gate does not make */
	bool sets[SHAPE_SETS]; /* which are as they should be */
	struct rows rows[SHAPE_SETS]; /* of sets that are as they should be; else empty */
	struct frame_count drops[SHAPE_DROPS];
};

/*
 * No table is not an error: the state then is empty. drifts: what of the frame is not as it should be, or NULL.
 * -EINTR: the ruleset changed while it was read.
 */
__attribute__((warn_unused_result))
int state_read(struct link *link, struct arena *arena, struct drift_list *drifts, struct state *ret);

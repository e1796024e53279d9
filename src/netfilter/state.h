/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* What the kernel holds of the gate's table now, in the form of rows.h. It changes nothing. */
#include "netfilter/link.h"
#include "netfilter/rows.h"
#include "netfilter/shape.h"

struct state_count {
	bool known;
	uint64_t packets;
	uint64_t bytes;
};

struct state {
	uint32_t generation;   /* of the ruleset when reading began */
	bool frame;            /* counters, sets and chains are all there, as they should be, and no others */
	struct rows rows[SHAPE_SETS]; /* of sets that are as they should be; else empty */
	struct state_count drops[SHAPE_DROPS];
};

/* No table is not an error: the state then is empty. -EINTR: the ruleset changed while it was read. */
__attribute__((warn_unused_result))
int state_read(struct link *link, struct arena *arena, struct state *ret);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The gate's table without its rows and rules, as the kernel has it, held against shape.h: the table itself,
 * chains, sets, counters, and whatever else stands in it. It changes nothing.
 */
#include "netfilter/drift.h"
#include "netfilter/link.h"
#include "netfilter/shape.h"

struct frame_count {
	bool known;
	uint64_t packets;
	uint64_t bytes;
};

struct frame {
	bool table;                /* it is there */
	bool whole;                /* all is there, as it should be, and nothing else */
	bool set_found[SHAPE_SETS]; /* there and of the right form */
	struct frame_count drops[SHAPE_DROPS];
};

/* drifts: what is not as it should be, or NULL. -EINTR: the ruleset changed while it was read. */
__attribute__((warn_unused_result))
int frame_read(struct link *link, struct arena *arena, struct drift_list *drifts, struct frame *ret);

/* Asks for everything of one kind (NFT_MSG_GET*) in every family. */
__attribute__((warn_unused_result))
int frame_dump(struct link *link, uint16_t type, int (*each)(const struct nlmsghdr *, void *),
	       void *data);

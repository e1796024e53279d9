/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* The counters of the ruleset in force, for `status`. Reads only; needs CAP_NET_ADMIN. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "policy/ruleset.h"

/* Packets of both directions, and those that the gate made, since the conduit was opened. */
struct netfilter_conduit {
	struct ruleset_conduit conduit; /* file is NULL: the kernel does not know it */
	uint64_t packets;
	uint64_t bytes;
};

struct netfilter_drops {
	const char *reason; /* "no-rule"; a literal */
	uint64_t packets;
	uint64_t bytes;
};

struct netfilter_counts {
	struct netfilter_conduit *conduits; /* IPv4 first, then by server, device, transport, port */
	size_t conduit_count;
	struct netfilter_drops *drops;      /* one a drop place, always all */
	size_t drop_count;
	bool in_force;                      /* the table is there, in its full shape */
};

/* Memory comes from the arena. Negative errno; no table is no error. */
__attribute__((warn_unused_result))
int netfilter_read(struct arena *arena, struct netfilter_counts *ret);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Rules put together by conduit: (server, device, transport, port). Rules that have expired, are not
 * complete, or are of a protocol that this version does not decode are left out. Inside policy/ only.
 */
#include "policy/load.h"

struct conduit {
	struct rule **rules; /* sorted by id, at least one */
	size_t count;
};

struct conduit_list {
	struct conduit *items; /* sorted by family, server, device, transport, port */
	size_t count;
};

struct conduit_list conduits_of(const struct site *site, struct arena *arena);

/* What rules of one conduit, or of one port of a device, must agree on; overlaps between them. */
void check_conduits(const struct loader *l);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Which of the services that rules of one conduit allow have requests in common. Found by sweeps over sorted ranges,
 * in time that grows little faster than the services; where very many lie on one place, a service is held against those
 * that reach furthest, and keeps BOXES_MAX partners at most. Inside policy/ only.
 */
#include "policy/boxes.h"
#include "policy/conduits.h"

/* One allowed service of a rule, or one tag or file of it. */
struct piece {
	struct box box;
	const struct entry *modbus; /* NULL: of ethernet-ip */
	size_t rule;                /* in the conduit */
	const struct value *at;     /* the entry, tag or file, or the rule's "profile" */
	uint32_t *partners;         /* pieces of other rules with requests in common */
	uint32_t partner_count, partner_capacity;
	bool told;                  /* as covered by others */
};

struct pieces {
	struct piece *items; /* by rule, then as written */
	size_t count;
};

/* Fills the partners of each. */
void find_partners(struct pieces *pieces, struct arena *arena);

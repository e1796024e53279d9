/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What only flows of EtherNet/IP have beside their stream: what is remembered of their requests, the session and
 * the symbols it knows. A slab of its own, smaller than the flow table: flows of other protocols touch none of
 * it, so it costs memory only where EtherNet/IP is spoken. When it is full, new flows of EtherNet/IP are refused.
 */
#include "inspect/ask.h"
#include "inspect/session.h"
#include "inspect/symbols.h"

#define ENIP_FLOWS_MAX 2048u

struct enip_flow {
	uint16_t next;          /* in the free list: position + 1 */
	uint16_t asks_used;     /* bit i: asks[i] is taken */
	struct enip_ask asks[OUTSTANDING_MAX];
	struct session session;
	struct symbol_list symbols;
};
_Static_assert(OUTSTANDING_MAX <= 16, "asks_used has a bit for each");

/* Zeroed = all are free. */
struct enip_flows {
	uint16_t free;          /* position + 1, 0 = none */
	uint16_t fresh;         /* those from here on were never used */
	struct enip_flow items[ENIP_FLOWS_MAX];
};

bool enip_flows_full(const struct enip_flows *t);

/* One without session, requests and symbols; NULL when the slab is full. */
struct enip_flow *enip_flow_take(struct enip_flows *t);

/* Gives it back, with the symbols that it knows. */
void enip_flow_give(struct enip_flows *t, struct symbols *symbols, struct enip_flow *e);

/* Remembers a request; returns its place in asks[]. There is one: a flow has OUTSTANDING_MAX at most. */
uint8_t enip_flow_keep(struct enip_flow *e, const struct enip_ask *ask);
void enip_flow_forget(struct enip_flow *e, uint8_t place);

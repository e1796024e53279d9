/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The table of followed connections. Its size is fixed; when it is full, those that were never opened to
 * the end or are over give way, and none that works is evicted: then a new connection is refused. So it is with
 * the smaller number of those that may speak EtherNet/IP. A flow is found by its conduit's number and the
 * server's port.
 */
#include <stdbool.h>
#include <stdint.h>

#include "inspect/ask.h"
#include "inspect/core.h"
#include "inspect/enip_flow.h"
#include "inspect/half.h"

#define FLOW_BUCKETS 8192u

enum flow_state {
	FLOW_FREE = 0,
	FLOW_OPENING, /* SYN seen */
	FLOW_OPEN,    /* the device's SYN-ACK seen */
	FLOW_ENDED    /* RST seen, or reset by the gate: kept a little for what is still on its way */
};

/* Initial sequence numbers: they tell a connection from a later one of the same ports. */
struct opening {
	bool known;
	uint32_t server;
	uint32_t device;
};

struct flow {
	uint8_t state;           /* enum flow_state */
	bool passthrough;        /* observe: the stream could not be decoded and is let through */
	bool reset;              /* the gate has reset it */
	bool reopening;          /* a SYN came on a live connection; the device decides */
	uint16_t server_port;
	uint8_t hasty;           /* messages in a row that their sender would not finish unacknowledged */
	uint16_t unsent;         /* bytes of the last reply of the gate's own that are still to be sent */
	uint16_t next;           /* in its bucket, or in the free list: position + 1 */
	uint32_t conduit;        /* number */
	uint32_t reopen_isn;
	struct opening former;   /* of the connection that these ports had just before */
	int64_t opened;          /* io->wall of its SYN */
	uint64_t heard;          /* io->now of the last packet */
	uint64_t probed;         /* io->now when the server was last asked whether it still knows of it */
	uint64_t resend_at;      /* when the gate's own bytes are sent again, 0 = none */
	uint32_t resends;
	uint32_t ask_count;
	struct refusal denied;   /* answers the message that is being swallowed */
	struct half request;     /* server to device */
	struct half reply;       /* device to server */
	struct ask asks[OUTSTANDING_MAX]; /* oldest first */
	struct enip_flow *enip;  /* NULL: of another protocol */
};

struct flow_table {
	uint16_t free;           /* position + 1, 0 = none */
	uint16_t fresh;          /* flows from here on were never used */
	uint16_t hand;           /* where the search for one that gives way goes on */
	uint32_t used;
	uint16_t buckets[FLOW_BUCKETS];
	struct flow flows[CORE_FLOWS_MAX];
	struct enip_flows enip;
	struct symbols symbols;
};

/* The flow, or NULL. */
struct flow *flow_find(struct flow_table *t, uint32_t conduit, uint16_t server_port);

/*
 * A new flow, FLOW_OPENING, or NULL when there is no place for one of the conduit's protocol at `now`. There must be
 * none of that key.
 */
struct flow *flow_add(struct flow_table *t, struct pool *pool, uint64_t now,
		      const struct program_conduit *c, uint16_t server_port);

/* Notes in an ASK_PENDING of the flow what was asked. */
void flow_keep_asked(struct flow *f, struct ask *ask, const union asked *asked);

/* The gate answers the pending ask number i in the device's stead. */
void flow_refuse_ask(struct flow *f, unsigned i, struct refusal refusal);

/* Forgets the flow's ask number i, and the reply that it holds. */
void flow_drop_ask(struct flow *f, struct pool *pool, unsigned i);

/* Gives the flow and all it holds back. */
void flow_remove(struct flow_table *t, struct pool *pool, struct flow *f);

/* Has the server not yet acknowledged that the device opened (or the device not opened)? */
bool flow_half_open(const struct flow *f);

/* The flow's own opening, or while it is half open the former one. */
struct opening flow_opening(const struct flow *f);

/* Have both sides said that they are done? */
bool flow_closed(const struct flow *f);

/* Flows of a conduit that are neither ended nor closed. */
uint32_t flow_count(const struct flow_table *t, uint32_t conduit);

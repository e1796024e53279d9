/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The table of followed connections. Its size is fixed; when it is full, those that were never opened to
 * the end or are over give way, and none that works is evicted: then a new connection is refused. A flow
 * is found by its conduit's number and the server's port.
 */
#include <stdbool.h>
#include <stdint.h>

#include "inspect/core.h"
#include "inspect/half.h"
#include "inspect/session.h"
#include "inspect/symbols.h"
#include "protocol/enip_ask.h"
#include "protocol/modbus.h"

#define OUTSTANDING_MAX 16u
#define FLOW_BUCKETS 8192u

enum flow_state {
	FLOW_FREE = 0,
	FLOW_OPENING, /* SYN seen */
	FLOW_OPEN,    /* the device's SYN-ACK seen */
	FLOW_ENDED    /* RST seen, or reset by the gate: kept a little for what is still on its way */
};

enum ask_state {
	ASK_PENDING = 1, /* forwarded, the device has not answered */
	ASK_DENIED       /* taken out; the gate's error reply is sent when its turn comes */
};

/* What is remembered of a request to know its reply: that of the flow's protocol. */
union asked {
	struct modbus_ask modbus;
	struct enip_ask enip;
};

/* A reply of the gate's own, in a chunk of the pool; length 0: none. */
struct refusal {
	uint16_t chunk;
	uint16_t length;
};

/* A request that waits for its reply, whoever gives it. */
struct ask {
	uint8_t state;      /* enum ask_state */
	bool any_transaction; /* the rule's quirk: the device answers with another id */
	uint32_t rule;
	uint64_t since;     /* io->now when it came */
	union {
		union asked asked;      /* ASK_PENDING */
		struct refusal refusal; /* ASK_DENIED */
	};
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
	/* of EtherNet/IP */
	struct session session;
	struct symbol_list symbols;
};

struct flow_table {
	uint16_t free;           /* position + 1, 0 = none */
	uint16_t fresh;          /* flows from here on were never used */
	uint16_t hand;           /* where the search for one that gives way goes on */
	uint32_t used;
	uint16_t buckets[FLOW_BUCKETS];
	struct flow flows[CORE_FLOWS_MAX];
	struct symbols symbols;
};

/* The flow, or NULL. */
struct flow *flow_find(struct flow_table *t, uint32_t conduit, uint16_t server_port);

/* A new flow, FLOW_OPENING, or NULL when the table is full at `now`. There must be none of that key. */
struct flow *flow_add(struct flow_table *t, struct pool *pool, uint64_t now, uint32_t conduit,
		      uint16_t server_port);

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

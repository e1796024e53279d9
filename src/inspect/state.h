/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Everything the decision core knows between two packets, in one block of fixed size (most of it is touched,
 * and so is memory, only when a policy or traffic of that size needs it); and what its parts share: one decoded
 * packet on its way through, and the events and packets that come of it.
 */
#include "inspect/core.h"
#include "inspect/cyclic.h"
#include "inspect/flow.h"
#include "inspect/listing.h"
#include "inspect/program.h"
#include "inspect/uses.h"
#include "protocol/segment.h"

#define RATES_MAX (MARK_CONDUIT + 1u) /* a bucket for every conduit number */

/* A token bucket of one second's requests. */
struct rate {
	uint64_t at;     /* io->now of the last refill */
	uint64_t tokens; /* in billionths of a request */
};

struct core_state {
	struct core_io io;
	struct core_totals totals;
	struct program program;
	struct program before;    /* the program that the last load replaced, until the sweep is done */
	uint32_t slab;            /* which of programs[] is in force */
	uint32_t tick_next;       /* flow at which the next core_tick() goes on */
	uint32_t sweep_next;
	uint32_t sweep_cyclics;   /* the same among these */
	struct core_rule_count counts[CORE_RULES_MAX]; /* those of `before` while a program is loaded */
	struct flow_table table;
	struct pool pool;
	struct rate rates[RATES_MAX];
	struct listings listings;
	struct cyclics cyclics;
	struct core_uses uses;
	struct use_index use_index;
	struct use_notes use_notes;
	uint8_t scratch[CORE_PACKET_MAX]; /* a message that arrived in pieces, put together */
	_Alignas(8) uint8_t programs[2][PROGRAM_MAX]; /* last: not cleared */
};

/* One packet on its way through. */
struct passage {
	struct core_state *core;
	const struct program_conduit *conduit;
	struct flow *flow;        /* NULL until found */
	struct segment segment;
	bool from_server;
	struct half *sender;      /* the direction of this packet */
	struct half *receiver;    /* the other direction: what this packet acknowledges */
	bool released;            /* what was withheld of the server's bytes goes now, up to: */
	uint32_t released_until;
};

/* ---- events (event.c) -- */

/* The next free event, zeroed but for the passage's own facts; a throw-away when the call has too many. */
struct core_event *event_add(struct core_state *core, const struct flow *flow, uint32_t conduit,
			     enum core_event_kind kind, enum reason reason);

/* ---- packets of the gate's own (made.c) -- */

#define MADE_FOR_RESETS 2u /* places that other packets leave free */

/* Is there a place for one more packet than the resets? */
static inline bool made_has_room(const struct core_io *io)
{
	return io->made_count + MADE_FOR_RESETS < CORE_MADE_MAX;
}

/*
 * Sends the bytes inserted as the reply half's edit number i to the server, from the byte `from` on, in pieces that it
 * takes, as long as there is room; returns how far that came.
 */
uint32_t made_inserted(struct core_state *core, const struct program_conduit *c, const struct flow *f,
		       unsigned i, uint32_t from);

/*
 * What is held of the server's bytes (something is), as a packet of the server's in its own numbers, no longer than
 * the device takes; returns its length.
 */
size_t made_held(const struct core_state *core, const struct program_conduit *c, const struct flow *f,
		 uint8_t out[static CORE_MADE_BYTES]);

/*
 * Sends the server's bytes that have not left yet, up to `until`, in pieces that the device takes; what there is no
 * room for its sender repeats.
 */
void made_withheld(struct core_state *core, const struct program_conduit *c, struct flow *f, uint32_t until);

/* Are there places for all of so many bytes? */
bool made_withheld_fits(const struct flow *f, uint32_t size);

/* Sends a packet that is ready to go to the device. */
void made_packet(struct core_state *core, const struct program_conduit *c, const struct flow *f,
		 const uint8_t *bytes, size_t length);

/* An acknowledgement of everything so far, to the server or the device. */
void made_ack(struct core_state *core, const struct program_conduit *c, const struct flow *f,
	      bool to_device);

/*
 * Asks the conduit's server about its silent connections, by a repeated acknowledgement. A server that has
 * lost its power answers with a reset, which frees the place here and at the device; a living one ignores it.
 */
void made_probes(struct core_state *core, const struct program_conduit *c);

/* Resets both sides of a flow and ends it. Needs two free places in io->made. */
void made_resets(struct core_state *core, const struct program_conduit *c, struct flow *f);

/* Resets the sender of a packet of a connection that the gate does not follow. */
void made_reset_back(struct core_state *core, const struct program_conduit *c,
		     const struct segment *s, bool from_server);

/* Resets both sides of a connection that the gate does not follow, by one packet of it. */
void made_stray_resets(struct core_state *core, const struct program_conduit *c,
		       const struct segment *s, bool from_server);

/* ---- requests, whatever brings them (request.c) -- */

/* Counts a request for its rule; CORE_NO_RULE: for none. */
void request_count(struct core_state *core, uint32_t rule, bool allowed);

/* One token a request of the conduit, as many as a second's worth saved up. */
bool request_rate_allows(struct core_state *core, const struct program_conduit *c);

/* ---- messages (message.c) -- */

enum outcome {
	OUTCOME_ON = 0,  /* go on: everything that arrived was looked at */
	OUTCOME_STOP,    /* no room to decide on more: the rest has to be sent again */
	OUTCOME_RESET    /* the flow was reset */
};

/*
 * Decides on the messages that have arrived in p->sender: advances its `frame`, edits it, queues
 * replies, records events. `fresh`: the number of the first byte that this packet brought.
 */
enum outcome messages_decide(struct passage *p, uint32_t fresh);

/* The withheld message of p->sender goes, as far as `until`. `hasty`: see struct flow. */
void messages_release(struct passage *p, uint32_t until, uint8_t hasty);

/* ---- error replies of the gate's own, in the device's stream (refusal.c) -- */

/* Keeps the bytes of a reply until its turn; of length 0 nothing. False: there is no memory for them now. */
bool refusal_keep(struct pool *pool, const uint8_t *bytes, uint32_t length, struct refusal *ret);

/* Can one go now: between two messages of the device, while it has not closed, and the former one is sent. */
bool refusal_may_go(const struct core_state *core, const struct flow *f);

/* Puts it into the stream and sends as much of it as there are places for packets; the rest follows. */
void refusal_send(struct core_state *core, const struct program_conduit *c, struct flow *f,
		  struct refusal *r);

/* Sends those whose turn has come. */
void refusal_flush(struct core_state *core, const struct program_conduit *c, struct flow *f);

/* The server acknowledged something: more may follow, and what it still lacks is sent again from now. */
void refusal_progress(struct core_state *core, const struct program_conduit *c, struct flow *f);

/* They are not the device's kernel's to repeat: the gate does it, ever more slowly. */
void refusal_resend(struct core_state *core, const struct program_conduit *c, struct flow *f);

/* ---- ICMP errors (related.c) -- */

/*
 * The packet in io, of no conduit: let through, in the sender's numbers, when it is an ICMP error about a
 * segment that is on its way in a followed connection. Sets the verdict.
 */
void related_packet(struct core_state *core);

/* ---- how a connection begins (opening.c) -- */

/* A SYN of the server; a SYN or SYN-ACK of the device: sets the verdict. */
void opening_server_syn(struct passage *p);
void opening_device_syn(struct passage *p);

/* ---- one packet (stream.c) -- */

/* Lets the packet go, as it now is. */
void stream_pass(struct passage *p);

/* Records that the packet is denied; the verdict is "drop" unless something else is said. */
struct core_event *stream_deny(struct passage *p, enum reason reason);

/* A segment of a conduit, decoded and with its direction known: sets the verdict. */
void stream_packet(struct passage *p);

/* ---- one datagram (datagram.c) -- */

/* The UDP packet in io, of a conduit: passes as it is, or not at all. Sets the verdict. */
void datagram_packet(struct core_state *core);

/* ---- cyclic connections (cyclic_life.c) -- */

/* What became of one cyclic packet. */
struct cyclic_verdict {
	enum reason reason;
	bool late;      /* nobody's fault: it was under way while its connection opened or closed */
	uint32_t rule;  /* of the connection */
};

/* One packet of the conduit, decoded. Ends a connection that may no longer be. */
struct cyclic_verdict cyclic_packet(struct core_state *core, const struct program_conduit *c, bool from_server,
				    const struct enip_io *packet);

/* Ends what is over, and records what has opened and ended since the last call. */
void cyclic_tick(struct core_state *core);

/*
 * After a load: ends the connection if no rule permits it any more. `same`: its conduit is still the one that it was
 * opened on; `old`: that conduit in the program before, or NULL.
 */
void cyclic_sweep(struct core_state *core, const struct program_conduit *now, const struct program_conduit *old,
		  bool same, struct cyclic *c);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What has to be remembered of an EtherNet/IP request to judge its reply and to write an error reply in
 * its place: struct enip_ask is small and of fixed size however large the request was. Freestanding.
 */
#include <stdbool.h>
#include <stdint.h>

#include "protocol/cip_reply.h"
#include "protocol/cip_walk.h"
#include "protocol/enip.h"
#include "protocol/reason.h"

#define ENIP_ASK_ATTRIBUTES 8u
#define ENIP_ERROR_MAX (24u + 22u + 6u + 6u * CIP_PARTS_MAX) /* bytes of the longest error reply */

#define ENIP_ASK_BOUNDS 4u

/* A read that begins behind the first element (service 52): the type in its reply tells how far it may reach. */
struct enip_bound {
	uint16_t part;
	uint16_t elements;
	uint32_t offset;            /* in bytes */
};

struct enip_ask {
	uint16_t command;
	uint16_t sequence;          /* connected */
	uint32_t session;
	uint8_t context[ENIP_CONTEXT];
	uint32_t reply_connection;  /* connected: the id in the reply's address item. The caller sets it */
	bool connected;
	bool unconnected_send;
	bool multiple;
	bool symbols;               /* a listing of symbols with known attributes: see cip_symbol_next() */
	uint8_t shape;              /* enum cip_shape of the innermost request; opaque: parts differ */
	uint8_t attribute_count;    /* of a listing of symbols */
	uint8_t attributes[ENIP_ASK_ATTRIBUTES];
	uint8_t service;            /* of the only request, or of the first part; the digest has all */
	uint16_t part_count;        /* 1 when not within a Multiple Service Packet, 0: carries no request */
	uint16_t elements;          /* asked for; of parts the most */
	uint32_t offset;
	uint32_t instance;          /* listing: where it starts */
	uint32_t opening;           /* Forward Open: its number; Forward Close: that of the cyclic connection,
				       or 0. The caller sets it */
	uint32_t digest;            /* of the parts; of a connection's triad; of a PCCC transaction */
	uint8_t bound_count;
	struct enip_bound bounds[ENIP_ASK_BOUNDS];
	uint64_t scope;             /* listing: cip_scope_digest() of the program, 0 = the controller. The caller
				       adds the route */
};

/* Begins an ask with the message; then each request of the walk is added, in order. */
void enip_ask(const struct enip_message *request, struct enip_ask *ret);
void enip_ask_add(struct enip_ask *ask, const struct cip_walk *walk);

/* The request that was added last must stay inside its elements. False: there is no place for it. */
bool enip_ask_bound(struct enip_ask *ask, const struct cip_request *r);

/* A digest of "Program:Name" without case that tells programs of one controller apart; never 0. */
uint64_t cip_scope_digest(const struct cip_segment *symbol);

/* The digest of a scope behind one more hop of a route: another controller has other symbols. */
uint64_t cip_scope_behind(uint64_t scope, const struct cip_segment *hop);

/*
 * Is the decoded message the reply to this request: command, session or connection, context or sequence.
 * Says nothing about its content. (RegisterSession: the session is new.)
 */
bool enip_pairs(const struct enip_ask *ask, const struct enip_message *reply);

/*
 * Does the content of the reply fit: service, parts, layout, sizes. REASON_NONE, REASON_REPLY_MISMATCH,
 * REASON_TAG_NOT_ALLOWED (it tells what lies outside a bound, or may), or why it cannot be decoded. *ret is the
 * outermost CIP reply (service 0: the message carries none).
 */
enum reason enip_answers(const struct enip_ask *ask, const struct enip_message *reply,
			 struct cip_reply *ret);

#define CIP_SYMBOL_NAME 1u /* the attribute of class 6B */

/* One line of a listing of symbols (service 55 on 6B). */
struct cip_symbol {
	uint32_t instance;
	const uint8_t *name; /* NULL: the listing did not ask for names */
	uint16_t name_length;
	uint16_t type;       /* 0: not asked for */
};

/*
 * Reads the lines of a reply to a listing one by one: a cursor over reply->data. False at the end, or
 * (then the cursor is bad) at a line that does not fit the attributes that were asked for.
 */
bool cip_symbol_next(const struct enip_ask *ask, struct cursor *c, struct cip_symbol *ret);

/*
 * Writes the error reply that the request's client expects, with this CIP general status: unconnected as
 * SendRRData, connected as SendUnitData with ask->reply_connection and the request's sequence count. An
 * Unconnected Send is answered as its embedded service. A Multiple Service Packet is answered by general
 * status 1E and this status for each part, as controllers do: a client that unpacks without looking at
 * the status, libplctag, would take a bare error for the end of its session. `message` is that of the ask, or the
 * reply to it that the client does not get.
 * Returns the size, at most ENIP_ERROR_MAX; 0: the message carries no CIP request (see enip_refusal).
 */
uint32_t enip_error(const struct enip_ask *ask, const struct enip_message *message, uint8_t status,
		    uint8_t out[static ENIP_ERROR_MAX]);

/* The encapsulation's own error: the request's header with `status` and no data. 24 bytes; NOP: 0. */
uint32_t enip_refusal(const struct enip_ask *ask, uint32_t status, uint8_t out[static ENIP_ERROR_MAX]);
#define ENIP_STATUS_INVALID_COMMAND 0x0001u
#define ENIP_STATUS_INCORRECT_DATA 0x0003u
#define ENIP_STATUS_INVALID_SESSION 0x0064u

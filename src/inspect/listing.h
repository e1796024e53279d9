/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Requests of EtherNet/IP by UDP (List Identity and its like) that wait for their reply: a fixed number for the gate, few of
 * each conduit. A reply passes once, to the port that asked; what is not answered in time is forgotten.
 */
#include <stdbool.h>
#include <stdint.h>

#include "protocol/enip_ask.h"

#define LISTINGS_MAX 256u
#define LISTINGS_OF_CONDUIT 4u

struct listing {
	uint32_t conduit; /* its number; 0: a free place */
	uint16_t port;    /* the server's */
	uint64_t since;   /* ns */
	struct enip_ask ask;
};

struct listings {
	struct listing items[LISTINGS_MAX];
};

/* Notes a request; false: too many wait. */
bool listing_add(struct listings *l, const struct listing *asked);

/* Takes the request that the reply answers away; false: there is none. */
bool listing_take(struct listings *l, uint32_t conduit, uint16_t port, const struct enip_message *reply,
		  uint64_t now);

/* Forgets those of a conduit. */
void listing_forget(struct listings *l, uint32_t conduit);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The walk over the innermost requests of a message in wire order. Unwrapped are Unconnected Send and, in
 * it or by itself, Multiple Service Packet, each only on instance 1 of its own object. Nothing is
 * unwrapped twice: a carrier anywhere else is refused (REASON_NESTING_TOO_DEEP), and so are Forward Open
 * and Close within anything. Freestanding.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"
#include "protocol/cip_request.h"
#include "protocol/reason.h"

/*
 * Parts of a Multiple Service Packet. The shortest that means something has eight bytes, with its offset; so many fit
 * into the largest connection of a known device (4,002 bytes).
 */
#define CIP_PARTS_MAX 500u

struct cip_walk {
	bool unconnected_send;       /* the requests are within one */
	bool multiple;               /* they are within a Multiple Service Packet */
	bool end;                    /* there is no (further) request */
	uint8_t tick;                /* of the Unconnected Send: priority and tick time */
	uint8_t ticks;
	uint16_t part;               /* of the Multiple Service Packet: this one, from 0 */
	uint16_t part_count;
	struct cip_path route;       /* of the Unconnected Send: port segments only, count 0 without one */
	struct cip_request request;  /* the innermost request that the walk stands at */
	struct cursor offsets;       /* of the parts that follow */
	const uint8_t *base;         /* what the offsets count from */
	size_t base_length;
	size_t next;                 /* offset where the next part starts */
};

/* Starts at the first innermost request, which is in w->request. Needs no cleared *w. */
enum reason cip_walk_first(struct cip_walk *w, const uint8_t *p, size_t len);

/* Goes to the next one; sets w->end behind the last. */
enum reason cip_walk_next(struct cip_walk *w);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * CIP requests: one Message Router request, and the walk over the innermost requests of a message in wire
 * order. Unwrapped are Unconnected Send and, in it or by itself, Multiple Service Packet: nothing is
 * unwrapped twice, and a carrier anywhere else is refused (REASON_NESTING_TOO_DEEP). A carrier counts as
 * one only on its own object's instance 1. The data's layout (enum cip_shape) comes from the service's
 * row in cip.c and is checked exactly. Pure: the result points into the message. Freestanding.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"
#include "protocol/cip.h"
#include "protocol/cip_path.h"
#include "protocol/reason.h"

#define CIP_REPLY_BIT 0x80u
#define CIP_TYPE_STRUCT 0x02a0u /* followed by the structure's handle */
#define CIP_PARTS_MAX 255u      /* of a Multiple Service Packet */

struct cip_request {
	uint8_t service;                 /* 1-127 */
	uint8_t shape;                   /* enum cip_shape of the data */
	uint32_t object;                 /* see cip_path_object() */
	const struct cip_service *known; /* its row, or NULL: the data is opaque */
	struct cip_path path;
	const uint8_t *data;             /* everything behind the path */
	uint16_t length;
	/* Of the shape, the others are not set: */
	uint16_t type;                   /* write-tag: data type */
	uint16_t handle;                 /* of CIP_TYPE_STRUCT */
	uint16_t elements;               /* tags: how many array elements (1 for a scalar) */
	uint32_t offset;                 /* fragmented: byte offset; template: offset of the read */
	uint16_t attribute_count;        /* lists: attributes named */
	const uint8_t *values;           /* written values (tags, attributes, masks), or attribute numbers */
	uint16_t values_length;
};

/* Decodes exactly one request with no look inside carriers. */
enum reason cip_request(const uint8_t *p, size_t len, struct cip_request *ret);

/*
 * Number `i` of the attributes that a request names: its path's, or those of its list. False when it
 * names fewer, or (set-attribute-list of several) when where the next one stands cannot be known.
 */
bool cip_request_attribute(const struct cip_request *r, unsigned i, uint32_t *ret);

/* The size of one element of an elementary data type, 0 for one that is not known. */
unsigned cip_type_size(uint16_t type);

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

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The Connection Manager's requests and replies, every field decoded: Forward Open, Large Forward Open
 * and Forward Close (CIP volume 1, 3-5.5), and what a cyclic connection (class 0, 1) names. Times are
 * microseconds, sizes bytes of connected data including the sequence count. Freestanding.
 */
#include <stdbool.h>
#include <stdint.h>

#include "protocol/cip_path.h"
#include "protocol/cip_reply.h"
#include "protocol/cip_request.h"
#include "protocol/reason.h"

enum cip_connection_type { CIP_NULL = 0, CIP_MULTICAST, CIP_POINT_TO_POINT };

/* One direction of a connection. */
struct cip_direction {
	uint32_t id;       /* network connection id; the receiver of the direction chooses it */
	uint32_t rpi;      /* requested packet interval, us */
	uint16_t size;     /* bytes */
	bool variable;     /* `size` is a maximum */
	bool redundant_owner;
	uint8_t type;      /* enum cip_connection_type */
	uint8_t priority;  /* 0 low, 1 high, 2 scheduled, 3 urgent */
};

/* What names a connection for Forward Close and re-open. */
struct cip_triad {
	uint16_t serial;
	uint16_t vendor;
	uint32_t originator;
};

static inline bool cip_triad_equal(const struct cip_triad *a, const struct cip_triad *b)
{
	return a->serial == b->serial && a->vendor == b->vendor && a->originator == b->originator;
}

struct cip_open {
	bool large;
	uint8_t tick;
	uint8_t ticks;
	uint16_t multiplier;     /* time-out: this many packet intervals, 4-512 */
	uint8_t transport_class; /* 0-3 */
	uint8_t trigger;         /* 0 cyclic, 1 change of state, 2 application object */
	bool server;             /* the target is the transport's server */
	struct cip_triad triad;
	struct cip_direction o_t;
	struct cip_direction t_o;
	unsigned route;          /* this many port segments come before the application path */
	struct cip_path path;    /* the whole connection path */
};

struct cip_close {
	uint8_t tick;
	uint8_t ticks;
	struct cip_triad triad;
	unsigned route;
	struct cip_path path;
};

#define CIP_CYCLIC_CLASS_LAST 1u    /* transport classes 0 and 1: data without being asked, again and again */
#define CIP_CYCLIC_ASSEMBLIES 3u    /* configuration, consumed, produced */
#define CIP_PRODUCTION_INHIBIT 0x43u /* network segment: the least time between two packets */

/* What a cyclic connection is for. */
struct cip_cyclic {
	bool owner;     /* the originator sends outputs or a configuration, not only signs of life */
	uint8_t count;  /* 1 .. CIP_CYCLIC_ASSEMBLIES */
	uint32_t assemblies[CIP_CYCLIC_ASSEMBLIES]; /* instances and connection points, in the path's order */
	uint32_t rpi;   /* the shorter of both directions, us */
};

/* Bytes of connected data in front of the application's: the sequence count of class 1. */
static inline uint16_t cip_cyclic_head(uint8_t transport_class)
{
	return transport_class == 1 ? 2 : 0;
}

/* False: the path behind the route is not that of assemblies (CIP volume 1, 3-5.5.1.10). */
bool cip_cyclic(const struct cip_open *open, struct cip_cyclic *ret);

/* The first `count` segments in their canonical form; the size, or 0 when that does not fit. */
size_t cip_route_write(const struct cip_path *path, unsigned count, uint8_t *out, size_t cap);

/* Of a request with CIP_SHAPE_FORWARD_OPEN, _LARGE_FORWARD_OPEN; with CIP_SHAPE_FORWARD_CLOSE. */
enum reason cip_open(const struct cip_request *r, struct cip_open *ret);
enum reason cip_close(const struct cip_request *r, struct cip_close *ret);

/* A reply to them. When it failed only `triad` is set, and `remaining_path` if the device sent that. */
struct cip_opened {
	struct cip_triad triad;
	uint32_t o_t_id;
	uint32_t t_o_id;
	uint32_t o_t_api;       /* actual packet interval, us */
	uint32_t t_o_api;
	const uint8_t *data;    /* application reply */
	uint16_t length;
	uint8_t remaining_path; /* words */
};

/* `r` is the reply to a Forward Open (either form), or to a Forward Close. */
enum reason cip_opened(const struct cip_reply *r, struct cip_opened *ret);
enum reason cip_closed(const struct cip_reply *r, struct cip_opened *ret);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The Connection Manager's requests and replies, every field decoded: Forward Open, Large Forward Open
 * and Forward Close (CIP volume 1, 3-5.5). Times are microseconds, sizes bytes of connected data
 * including the sequence count. Freestanding.
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

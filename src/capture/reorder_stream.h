/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Inside capture/reorder: what is known of a connection and its two streams, and the work on one stream:
 * bytes that wait for a hole to be filled, and events that wait for their turn. reorder.c finds the
 * connection of a segment; nothing but the two files of reorder includes this.
 */
#include "capture/reorder.h"

#define BUCKETS 4096u

/* Bytes that came before their predecessors. */
struct waiting {
	struct waiting *next; /* by sequence, without overlap */
	uint32_t sequence;
	size_t length;
	uint64_t frame;
	struct timespec time;
	uint8_t bytes[];
};

struct stream {
	bool known;               /* next is set */
	bool finished;            /* FIN seen */
	uint32_t initial;         /* sequence of the SYN, when flow.opened */
	uint32_t next;            /* sequence of the next byte to deliver */
	struct waiting *waiting;
	size_t waiting_bytes;
	size_t waiting_count;
	uint64_t waiting_since;   /* smallest frame of those that wait */
	uint64_t acknowledged_at; /* segments so far when the hole was acknowledged; 0 = not */
};

struct connection {
	struct reorder_flow flow;
	struct stream streams[2];
	struct connection *bucket_next;
	struct connection *older, *newer; /* by last use */
	struct connection *stalled_next;  /* of those with a hole */
	bool stalled;
	bool ended;
	uint64_t segments;
};

/* An event that may have to wait for a hole elsewhere, so that events leave in order. */
struct held {
	struct held *next, *previous;
	struct connection *connection;
	struct reorder_event event;
	uint8_t bytes[];
};

struct reorder {
	void (*deliver)(void *context, struct reorder_flow *flow,
			const struct reorder_event *event);
	void *context;
	struct connection *buckets[BUCKETS];
	struct connection *oldest, *newest;
	struct connection *stalled;
	struct held *first, *last;
	size_t flow_count;
	size_t held_bytes; /* waiting and held */
};

/* Holds an event back until no older one can come, in its place by frame. 0, or -ENOMEM. */
int reorder_hold(struct reorder *r, struct connection *connection, const struct reorder_event *event);

/* Delivers every event that none can overtake any more. */
void reorder_release(struct reorder *r);

/* Takes in the bytes of a segment: delivered when they are next, kept when a hole is before them. */
int reorder_bytes(struct reorder *r, struct connection *c, unsigned side,
		  const struct tcp_segment *segment, uint64_t frame, struct timespec time);

/* The receiver has what the capture lacks: nobody will send it again. */
void reorder_acknowledged(struct connection *c, unsigned sender, uint32_t acknowledged);

/* Gives up every hole of a connection; those of all that waited too long or hold too much. */
int reorder_skip_all(struct reorder *r, struct connection *c);
int reorder_skip_hopeless(struct reorder *r, struct timespec now);

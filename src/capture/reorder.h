/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Puts the TCP segments of a capture back in order, for analysis after the fact (the gate's own
 * stream engine is in inspect/ and far stricter). Every byte of a stream is delivered once, in
 * order; of bytes sent twice the first copy wins. Events come in the order in which their bytes
 * became readable: bytes that waited for a missing segment carry the frame that filled the hole;
 * bytes behind a hole that nothing ever filled carry their own frame and say how much is missing
 * before them. Memory is bounded: what waits too long or takes too much is delivered with its
 * holes.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "capture/headers.h"

struct reorder;

/* One TCP connection; valid from its first event to the return of its REORDER_FORGOTTEN. */
struct reorder_flow {
	struct endpoint ends[2]; /* 0: whoever opened it, or sent first when nobody was seen to */
	bool opened;             /* the handshake's first packet is in the capture */
	void *user;              /* the consumer's; NULL at first */
};

enum reorder_kind {
	REORDER_OPENED = 1, /* first packet of the connection, data or not */
	REORDER_BYTES,
	REORDER_ENDED,      /* both sides said FIN, or one RST; bytes may follow all the same */
	REORDER_FORGOTTEN   /* the last event: `user` is to be freed */
};

struct reorder_event {
	enum reorder_kind kind;
	unsigned side;        /* BYTES, ENDED: index in ends of the sender */
	uint64_t frame;
	struct timespec time;
	const uint8_t *bytes; /* valid during the call */
	size_t length;
	uint32_t missing;     /* bytes before this run that the capture lacks */
};

/* NULL: no memory. `deliver` is called from reorder_add() and reorder_finish(). */
struct reorder *reorder_new(void (*deliver)(void *context, struct reorder_flow *flow,
					    const struct reorder_event *event),
			    void *context);

/* 0, or -ENOMEM. Frames must come in ascending order. */
__attribute__((warn_unused_result))
int reorder_add(struct reorder *reorder, const struct tcp_segment *segment, uint64_t frame,
		struct timespec time);

/* The end of the capture: delivers what waits, then forgets every flow. 0, or -ENOMEM. */
__attribute__((warn_unused_result)) int reorder_finish(struct reorder *reorder);

/* Frees everything; flows not yet forgotten are not announced. */
void reorder_free(struct reorder *reorder);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * One direction of a flow: what its sender sent, and how that differs from what its receiver got. The
 * gate may take messages out (a denied request) and put bytes in (an error reply), so a byte has two
 * sequence numbers: the sender's and the receiver's. Both are kept in step here, for data,
 * acknowledgements and retransmissions alike; nothing here knows a protocol.
 */
#include <stdbool.h>
#include <stdint.h>

#include "inspect/store.h"

#define EDITS_MAX 24u      /* changes of the stream not yet acknowledged */
#define INSERTED_MAX (13 * CHUNK_BYTES) /* bytes of one insertion */
#define HELD_MAX 1400u     /* bytes that arrived and wait for room to decide on them */
#define HISTORY 256u       /* acknowledged bytes that are still remembered: a repetition must equal them */

/* A change at the sender's number `at`: bytes at .. at + removed - 1 are taken out, or bytes put before `at`. */
struct edit {
	uint32_t at;
	uint32_t removed;
	uint16_t inserted;
	uint16_t chain;    /* where the inserted bytes are kept */
};

struct half {
	uint32_t isn;      /* the sender's initial sequence number */
	uint32_t una;      /* oldest byte that the receiver has not acknowledged (sender's number) */
	uint32_t nxt;      /* the byte that comes next; what is stored from here on is held (half_held) */
	uint32_t sent;     /* the byte behind the last one that was sent on, or taken out */
	uint32_t shift;    /* receiver's number of `una` is una + shift */
	uint32_t frame;    /* where the message that is arriving starts; all before it is decided */
	uint32_t swallow;  /* bytes of a denied message that are still to arrive and be taken out */
	uint32_t tsval;    /* the sender's latest timestamp */
	uint16_t window;   /* the sender's latest window, as sent */
	uint16_t mss;      /* largest segment that the sender takes */
	bool open;         /* its SYN was seen */
	bool fin;          /* its FIN was seen: nxt counts it */
	bool timestamps;
	bool withheld;     /* what has arrived from `frame` on waits here until the message is whole */
	uint8_t edit_count;
	struct store store;
	struct edit edits[EDITS_MAX];
};

/* Starts the direction with the sender's initial sequence number. */
void half_open(struct half *h, struct pool *pool, uint32_t isn);

/* Gives back what it holds of the pool. */
void half_clear(struct half *h, struct pool *pool);

/*
 * The receiver's number of the sender's number `in`, una <= in. At an insertion, `after` says whether
 * the inserted bytes come before it (the start of a segment) or after it (the end of one).
 */
uint32_t half_out(const struct half *h, uint32_t in, bool after);

/* The sender's number that an acknowledgement of `out` stands for; removed bytes count as acknowledged. */
uint32_t half_in(const struct half *h, uint32_t out);

/* The receiver acknowledged everything before its number `out`. */
void half_acknowledge(struct half *h, struct pool *pool, uint32_t out);

/* Is there room for another change? */
bool half_can_edit(const struct half *h);

/* Takes the `count` bytes from `frame` on out of the stream, and starts the next message behind them. */
void half_remove(struct half *h, struct pool *pool, uint32_t count);

/* Puts the `count` bytes of a chain (1 .. INSERTED_MAX), which it takes over, behind everything that has arrived. */
void half_insert(struct half *h, uint16_t chain, uint16_t count);

/* Bytes from `nxt` on that have arrived and wait: nothing was decided on them, and none has left. */
uint32_t half_held(const struct half *h);

/* The next message starts at `frame`; drops what is not needed any more. */
void half_advance(struct half *h, struct pool *pool, uint32_t frame);

/* Sequence numbers compare on a circle. */
static inline bool seq_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Bytes of one direction of a flow that may still be needed: those not yet acknowledged and some before
 * them (a retransmission must repeat them exactly), and those of a message that has not wholly arrived. Kept in
 * chunks of one pool for all flows; nothing is allocated, and a full pool is an answer, not a failure.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHUNK_BYTES 248u
#define CHUNKS 40960u /* about 10 MB for all flows, when all of it is used */
#define STORE_MAX 65536u /* bytes of one direction */

struct chunk {
	uint32_t next; /* number of the next chunk, 0 = none: chunk 0 is never handed out */
	uint8_t bytes[CHUNK_BYTES];
};

struct pool {
	uint32_t free;    /* first free chunk, 0 = none left but the fresh ones */
	uint32_t fresh;   /* chunks from here on were never used */
	struct chunk chunks[CHUNKS];
};

_Static_assert(CHUNKS <= 65536, "a chunk's number fits 16 bits where its bytes are the gate's own");

/*
 * A copy of some bytes (1 .. STORE_MAX) in a chain of chunks that is the caller's own: its first chunk, 0 when there
 * is no room. chain_behead() gives the first chunk, CHUNK_BYTES of it, back and returns the next.
 */
uint32_t chain_write(struct pool *pool, const uint8_t *bytes, size_t len);
void chain_read(const struct pool *pool, uint32_t chain, size_t from, uint8_t *out, size_t len);
uint32_t chain_behead(struct pool *pool, uint32_t chain);
void chain_give(struct pool *pool, uint32_t chain);

/* base .. base + length - 1 in the sender's sequence numbers. Zeroed = empty. */
struct store {
	uint32_t base;
	uint32_t length;
	uint32_t head;    /* chunk of the first byte */
	uint32_t tail;
	uint32_t skip;    /* bytes of the head chunk before the first byte */
};

/* An empty store whose next byte has the number `base`. */
void store_init(struct store *s, uint32_t base);

/* Appends all of it or nothing: false when the pool or the store is full. */
bool store_append(struct store *s, struct pool *pool, const uint8_t *bytes, size_t len);

/* Copies len bytes from the sequence number `from` on; the range must be stored. */
void store_read(const struct store *s, const struct pool *pool, uint32_t from, uint8_t *out,
		size_t len);

/* Are these the bytes stored from `from` on? The range must be stored. */
bool store_equals(const struct store *s, const struct pool *pool, uint32_t from,
		  const uint8_t *bytes, size_t len);

/* Forgets everything before the sequence number `from`; at most all. */
void store_drop(struct store *s, struct pool *pool, uint32_t from);

/* Forgets everything from the sequence number `until` on; base <= until. */
void store_truncate(struct store *s, struct pool *pool, uint32_t until);

/* Forgets everything. */
void store_clear(struct store *s, struct pool *pool);

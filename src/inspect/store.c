/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/store.h"

static uint32_t chunk_take(struct pool *pool)
{
	uint32_t c = pool->free;

	if (c) {
		pool->free = pool->chunks[c].next;
	} else {
		if (pool->fresh + 1 >= CHUNKS)
			return 0;
		c = ++pool->fresh;
	}
	pool->chunks[c].next = 0;
	return c;
}

static void chunk_give(struct pool *pool, uint32_t c)
{
	pool->chunks[c].next = pool->free;
	pool->free = c;
}

uint32_t chain_behead(struct pool *pool, uint32_t chain)
{
	uint32_t next = pool->chunks[chain].next;

	chunk_give(pool, chain);
	return next;
}

void chain_give(struct pool *pool, uint32_t chain)
{
	while (chain)
		chain = chain_behead(pool, chain);
}

uint32_t chain_write(struct pool *pool, const uint8_t *bytes, size_t len)
{
	struct store s = { 0 };

	return store_append(&s, pool, bytes, len) ? s.head : 0;
}

void chain_read(const struct pool *pool, uint32_t chain, size_t from, uint8_t *out, size_t len)
{
	const struct store s = { .head = chain };

	store_read(&s, pool, (uint32_t)from, out, len);
}

void store_init(struct store *s, uint32_t base)
{
	*s = (struct store){ .base = base };
}

/* Bytes that still fit behind the last byte in the tail chunk. */
static size_t tail_room(const struct store *s)
{
	uint32_t used = (s->skip + s->length) % CHUNK_BYTES;

	return s->tail && used ? CHUNK_BYTES - used : 0;
}

/* Hangs `count` fresh chunks, at least one, behind the tail; all or none. */
static bool grow(struct store *s, struct pool *pool, size_t count, uint32_t *ret_first)
{
	uint32_t first = 0, last = 0;

	for (size_t i = 0; i < count; i++) {
		uint32_t c = chunk_take(pool);

		if (!c) {
			chain_give(pool, first);
			return false;
		}
		if (last)
			pool->chunks[last].next = c;
		else
			first = c;
		last = c;
	}
	if (s->tail)
		pool->chunks[s->tail].next = first;
	else
		s->head = first;
	s->tail = last;
	*ret_first = first;
	return true;
}

bool store_append(struct store *s, struct pool *pool, const uint8_t *bytes, size_t len)
{
	size_t room = tail_room(s);
	uint32_t at = s->tail;
	uint32_t offset = room ? CHUNK_BYTES - (uint32_t)room : 0;
	uint32_t fresh = 0;

	if (len > STORE_MAX - s->length)
		return false;
	if (len > room && !grow(s, pool, (len - room + CHUNK_BYTES - 1) / CHUNK_BYTES, &fresh))
		return false;
	s->length += (uint32_t)len;
	if (room == 0)
		at = fresh;
	while (len) {
		size_t n = CHUNK_BYTES - offset < len ? CHUNK_BYTES - offset : len;

		__builtin_memcpy(pool->chunks[at].bytes + offset, bytes, n);
		bytes += n;
		len -= n;
		offset = 0;
		at = pool->chunks[at].next;
	}
	return true;
}

/* The chunk and offset of a stored sequence number. */
static uint32_t seek(const struct store *s, const struct pool *pool, uint32_t from, uint32_t *ret_offset)
{
	uint32_t c = s->head;
	uint32_t at = from - s->base + s->skip;

	while (at >= CHUNK_BYTES) {
		c = pool->chunks[c].next;
		at -= CHUNK_BYTES;
	}
	*ret_offset = at;
	return c;
}

void store_read(const struct store *s, const struct pool *pool, uint32_t from, uint8_t *out, size_t len)
{
	uint32_t offset;
	uint32_t c = seek(s, pool, from, &offset);

	while (len) {
		size_t n = CHUNK_BYTES - offset < len ? CHUNK_BYTES - offset : len;

		__builtin_memcpy(out, pool->chunks[c].bytes + offset, n);
		out += n;
		len -= n;
		offset = 0;
		c = pool->chunks[c].next;
	}
}

bool store_equals(const struct store *s, const struct pool *pool, uint32_t from,
		  const uint8_t *bytes, size_t len)
{
	uint32_t offset;
	uint32_t c = seek(s, pool, from, &offset);

	for (; len; len--, bytes++) {
		if (offset == CHUNK_BYTES) {
			c = pool->chunks[c].next;
			offset = 0;
		}
		if (pool->chunks[c].bytes[offset++] != *bytes)
			return false;
	}
	return true;
}

void store_drop(struct store *s, struct pool *pool, uint32_t from)
{
	uint32_t n = from - s->base;

	if (n >= s->length) {
		store_clear(s, pool);
		s->base = from;
		return;
	}
	s->base = from;
	s->length -= n;
	s->skip += n;
	while (s->skip >= CHUNK_BYTES) {
		s->head = chain_behead(pool, s->head);
		s->skip -= CHUNK_BYTES;
	}
}

void store_truncate(struct store *s, struct pool *pool, uint32_t until)
{
	uint32_t keep = until - s->base;
	uint32_t offset;

	if (keep >= s->length)
		return;
	if (keep == 0) {
		store_clear(s, pool);
		s->base = until;
		return;
	}
	s->length = keep;
	s->tail = seek(s, pool, until - 1, &offset);
	chain_give(pool, pool->chunks[s->tail].next);
	pool->chunks[s->tail].next = 0;
}

void store_clear(struct store *s, struct pool *pool)
{
	chain_give(pool, s->head);
	store_init(s, s->base + s->length);
}

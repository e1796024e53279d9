/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A bounded read cursor over bytes that come from the network.
 * Reads return values; a read past the end yields 0, pins the cursor at its end and sets `bad`, so a
 * decoder is a list of fields and one question at the end (cursor_done). It never allocates, never
 * reads outside [p, end), and owns nothing: the bytes belong to the caller.
 * Freestanding: part of the decision core.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cursor {
	const uint8_t *p;
	const uint8_t *end;
	bool bad;
};

static inline struct cursor cursor_over(const uint8_t *bytes, size_t len)
{
	return (struct cursor){ .p = bytes, .end = bytes + len };
}

/* Number of bytes not yet read. */
static inline size_t cursor_left(const struct cursor *c)
{
	return (size_t)(c->end - c->p);
}

/* The next n bytes, or NULL (and `bad`) when fewer are left. */
static inline const uint8_t *cursor_take(struct cursor *c, size_t n)
{
	const uint8_t *at = c->p;

	if (cursor_left(c) < n) {
		c->p = c->end;
		c->bad = true;
		return NULL;
	}
	c->p += n;
	return at;
}

static inline uint8_t cursor_u8(struct cursor *c)
{
	const uint8_t *b = cursor_take(c, 1);

	return b ? b[0] : 0;
}

/* Big-endian (network order: TCP/IP, Modbus). */
static inline uint16_t cursor_be16(struct cursor *c)
{
	const uint8_t *b = cursor_take(c, 2);

	return b ? (uint16_t)(b[0] << 8 | b[1]) : 0;
}

static inline uint32_t cursor_be32(struct cursor *c)
{
	const uint8_t *b = cursor_take(c, 4);

	return b ? (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3] : 0;
}

/* Little-endian (CIP). */
static inline uint16_t cursor_le16(struct cursor *c)
{
	const uint8_t *b = cursor_take(c, 2);

	return b ? (uint16_t)(b[0] | b[1] << 8) : 0;
}

static inline uint32_t cursor_le32(struct cursor *c)
{
	const uint8_t *b = cursor_take(c, 4);

	return b ? b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24 : 0;
}

/* A cursor over the next n bytes only (a length-prefixed region); bad when fewer are left. */
static inline struct cursor cursor_sub(struct cursor *c, size_t n)
{
	const uint8_t *b = cursor_take(c, n);

	if (!b)
		return (struct cursor){ .p = c->end, .end = c->end, .bad = true };
	return (struct cursor){ .p = b, .end = b + n };
}

/* True when every byte was consumed and no read fell short. */
__attribute__((warn_unused_result)) static inline bool cursor_done(const struct cursor *c)
{
	return !c->bad && c->p == c->end;
}

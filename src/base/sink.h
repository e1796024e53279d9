/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A capped output buffer for wire formats. Writes past the capacity are discarded and set `full`; the
 * caller asks once, at the end. It never allocates and never writes outside [p, p + cap).
 * Freestanding: part of the decision core.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sink {
	uint8_t *p;
	size_t cap;
	size_t len;
	bool full;
};

static inline struct sink sink_over(uint8_t *bytes, size_t cap)
{
	return (struct sink){ .p = bytes, .cap = cap };
}

static inline void sink_u8(struct sink *s, uint8_t v)
{
	if (s->len == s->cap) {
		s->full = true;
		return;
	}
	s->p[s->len++] = v;
}

/* Big-endian. */
static inline void sink_be16(struct sink *s, uint16_t v)
{
	sink_u8(s, (uint8_t)(v >> 8));
	sink_u8(s, (uint8_t)v);
}

/* Big-endian. */
static inline void sink_be32(struct sink *s, uint32_t v)
{
	sink_be16(s, (uint16_t)(v >> 16));
	sink_be16(s, (uint16_t)v);
}

/* Little-endian. */
static inline void sink_le16(struct sink *s, uint16_t v)
{
	sink_u8(s, (uint8_t)v);
	sink_u8(s, (uint8_t)(v >> 8));
}

/* Little-endian. */
static inline void sink_le32(struct sink *s, uint32_t v)
{
	sink_le16(s, (uint16_t)v);
	sink_le16(s, (uint16_t)(v >> 16));
}

static inline void sink_bytes(struct sink *s, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sink_u8(s, bytes[i]);
}

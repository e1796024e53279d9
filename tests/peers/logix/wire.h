/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Little-endian numbers in and out of bounded buffers. Reading past the end yields 0 and sets `bad`;
 * writing past the room writes nothing and sets `full`. Shares nothing with the gate's own cursor: what
 * is tested and what tests it must not have the same bug.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct in {
	const uint8_t *p, *end;
	bool bad;
};

struct out {
	uint8_t *at;
	size_t len, room;
	bool full;
};

static inline struct in in_of(const void *bytes, size_t size)
{
	return (struct in){ .p = bytes, .end = (const uint8_t *)bytes + size };
}

static inline size_t in_left(const struct in *in)
{
	return (size_t)(in->end - in->p);
}

/* The next `size` bytes, or NULL when there are not as many. */
static inline const uint8_t *in_take(struct in *in, size_t size)
{
	const uint8_t *taken = in->p;

	if (size > in_left(in)) {
		in->bad = true;
		in->p = in->end;
		return NULL;
	}
	in->p += size;
	return taken;
}

static inline struct in in_window(struct in *in, size_t size)
{
	const uint8_t *taken = in_take(in, size);

	return taken ? in_of(taken, size) : (struct in){ .p = in->end, .end = in->end, .bad = true };
}

static inline uint8_t in_8(struct in *in)
{
	const uint8_t *b = in_take(in, 1);

	return b ? b[0] : 0;
}

static inline uint16_t in_16(struct in *in)
{
	const uint8_t *b = in_take(in, 2);

	return b ? (uint16_t)(b[0] | b[1] << 8) : 0;
}

static inline uint32_t in_32(struct in *in)
{
	uint32_t low = in_16(in);

	return low | (uint32_t)in_16(in) << 16;
}

static inline size_t out_left(const struct out *out)
{
	return out->room - out->len;
}

static inline void out_bytes(struct out *out, const void *bytes, size_t size)
{
	if (size > out_left(out)) {
		out->full = true;
		return;
	}
	if (size)
		memcpy(out->at + out->len, bytes, size);
	out->len += size;
}

static inline void out_8(struct out *out, unsigned value)
{
	uint8_t byte = (uint8_t)value;

	out_bytes(out, &byte, 1);
}

static inline void out_16(struct out *out, unsigned value)
{
	uint8_t bytes[2] = { (uint8_t)value, (uint8_t)(value >> 8) };

	out_bytes(out, bytes, 2);
}

static inline void out_32(struct out *out, uint32_t value)
{
	uint8_t bytes[4] = { (uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
			     (uint8_t)(value >> 24) };

	out_bytes(out, bytes, 4);
}

/* The 16 bits at `offset`, which have been written before. */
static inline void out_16_at(struct out *out, size_t offset, unsigned value)
{
	out->at[offset] = (uint8_t)value;
	out->at[offset + 1] = (uint8_t)(value >> 8);
}

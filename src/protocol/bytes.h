/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Numbers at a place that is known to be inside a buffer, in network byte order or little-endian, and
 * the Internet checksum (RFC 1071). For headers whose length was checked; messages are read with a cursor.
 * Freestanding.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline uint16_t get_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)get_be16(p) << 16 | get_be16(p + 2);
}

/* Little-endian (CIP). */
static inline uint16_t get_le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t get_le32(const uint8_t *p)
{
	return get_le16(p) | (uint32_t)get_le16(p + 2) << 16;
}

static inline void put_be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void put_be32(uint8_t *p, uint32_t v)
{
	put_be16(p, (uint16_t)(v >> 16));
	put_be16(p + 2, (uint16_t)v);
}

/*
 * Adds `len` bytes to a sum that is not folded yet; p is at an even place of the whole. The sum is in the
 * processor's own byte order, in which it comes out the same (RFC 1071, 2 B); what it carries over its end
 * comes in again at its beginning (2 A).
 */
static inline uint64_t checksum_add(uint64_t sum, const uint8_t *p, size_t len)
{
	uint64_t words;
	uint32_t word;
	uint16_t half;

	for (; len >= sizeof(words); p += sizeof(words), len -= sizeof(words)) {
		__builtin_memcpy(&words, p, sizeof(words));
		sum += words;
		sum += sum < words;
	}
	sum = (sum & 0xffffffff) + (sum >> 32);
	if (len >= sizeof(word)) {
		__builtin_memcpy(&word, p, sizeof(word));
		sum += word;
		p += sizeof(word);
		len -= sizeof(word);
	}
	if (len >= sizeof(half)) {
		__builtin_memcpy(&half, p, sizeof(half));
		sum += half;
		p += sizeof(half);
	}
	if (len % 2) {
		half = 0;
		__builtin_memcpy(&half, p, 1);
		sum += half;
	}
	return sum;
}

/* A sum with the pseudo-header of RFC 9293 or 8200 in it: both addresses, side by side, protocol and length. */
static inline uint64_t checksum_pseudo(uint8_t protocol, size_t length, const uint8_t *addresses, size_t size)
{
	uint8_t rest[4];

	put_be16(rest, protocol);
	put_be16(rest + 2, (uint16_t)length);
	return checksum_add(checksum_add(0, rest, sizeof(rest)), addresses, size);
}

/* The checksum of what was added, in host order; 0 when a right checksum was among it. */
static inline uint16_t checksum_fold(uint64_t sum)
{
	uint16_t folded;

	sum = (sum & 0xffffffff) + (sum >> 32);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	folded = (uint16_t)~sum;
	return get_be16((const uint8_t *)&folded);
}

static inline bool bytes_equal(const uint8_t *a, const uint8_t *b, size_t n)
{
	uint32_t x, y;

	for (; n >= sizeof(x); n -= sizeof(x), a += sizeof(x), b += sizeof(x)) {
		__builtin_memcpy(&x, a, sizeof(x));
		__builtin_memcpy(&y, b, sizeof(y));
		if (x != y)
			return false;
	}
	for (; n; n--)
		if (*a++ != *b++)
			return false;
	return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* EtherNet/IP messages byte by byte, for tests of the core; numbers are little-endian. */
#include <stdint.h>
#include <string.h>

struct lab_bytes {
	uint8_t b[4096];
	size_t n;
};

static inline void lab_add(struct lab_bytes *to, const void *bytes, size_t n)
{
	memcpy(to->b + to->n, bytes, n);
	to->n += n;
}

static inline void lab_le(struct lab_bytes *to, uint32_t v, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		to->b[to->n++] = (uint8_t)(v >> 8 * i);
}

/* A whole message; the sender context is eight times `context`. */
static inline struct lab_bytes lab_enip(unsigned command, uint32_t session, uint32_t status, uint8_t context,
					const struct lab_bytes *data)
{
	struct lab_bytes m = { .n = 0 };

	lab_le(&m, command, 2);
	lab_le(&m, data ? (uint32_t)data->n : 0, 2);
	lab_le(&m, session, 4);
	lab_le(&m, status, 4);
	memset(m.b + m.n, context, 8);
	m.n += 8;
	lab_le(&m, 0, 4);
	if (data)
		lab_add(&m, data->b, data->n);
	return m;
}

static inline struct lab_bytes lab_register(uint32_t session)
{
	struct lab_bytes data = { .b = { 1, 0, 0, 0 }, .n = 4 };

	return lab_enip(0x65, session, 0, 9, &data);
}

/* SendRRData with an unconnected data item. */
static inline struct lab_bytes lab_rr(uint32_t session, uint8_t context, const void *cip, size_t n)
{
	struct lab_bytes data = { .n = 0 };

	lab_le(&data, 0, 4);
	lab_le(&data, 0, 2);
	lab_le(&data, 2, 2);
	lab_le(&data, 0, 4);
	lab_le(&data, 0xb2, 2);
	lab_le(&data, (uint32_t)n, 2);
	lab_add(&data, cip, n);
	return lab_enip(0x6f, session, 0, context, &data);
}

/* SendUnitData on a connection. */
static inline struct lab_bytes lab_unit(uint32_t session, uint32_t id, unsigned sequence, const void *cip,
					size_t n)
{
	struct lab_bytes data = { .n = 0 };

	lab_le(&data, 0, 4);
	lab_le(&data, 0, 2);
	lab_le(&data, 2, 2);
	lab_le(&data, 0xa1, 2);
	lab_le(&data, 4, 2);
	lab_le(&data, id, 4);
	lab_le(&data, 0xb1, 2);
	lab_le(&data, (uint32_t)n + 2, 2);
	lab_le(&data, sequence, 2);
	lab_add(&data, cip, n);
	return lab_enip(0x70, session, 0, 0, &data);
}

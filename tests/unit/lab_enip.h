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

/* Forward Open of class 3 to the message router by route 1/0, and its answer: ids `o_t` and 01020304. */
static inline struct lab_bytes lab_open(uint32_t session)
{
	static const char open[] = "\x54\x02\x20\x06\x24\x01\x0a\x0e\0\0\0\0\x04\x03\x02\x01\x07\0\x34\x12\x05\0\0\0"
				   "\x03\0\0\0\x80\x84\x1e\0\xf4\x43\x80\x84\x1e\0\xf4\x43\xa3\x03\x01\0\x20\x02\x24\x01";

	return lab_rr(session, 1, open, sizeof(open) - 1);
}

static inline struct lab_bytes lab_opened(uint32_t session, uint32_t o_t)
{
	struct lab_bytes answer = { .b = { 0xd4 }, .n = 4 };

	lab_le(&answer, o_t, 4);
	lab_add(&answer, "\x04\x03\x02\x01\x07\0\x34\x12\x05\0\0\0\x80\x84\x1e\0\x80\x84\x1e\0\0\0", 22);
	return lab_rr(session, 1, answer.b, answer.n);
}

#define LAB_CYCLIC_T_O 0x51000101u
#define LAB_CYCLIC_TRIAD "\x01\x01\xad\x0b\x0d\xf0\x0d\x60"

/*
 * Forward Open of class 1 to the assemblies 151, 150 and 100, every 20 ms both ways, four of which may be missing;
 * 38 bytes to the device, 34 from it; and its answer.
 */
static inline struct lab_bytes lab_open_cyclic(uint32_t session)
{
	static const char open[] = "\x54\x02\x20\x06\x24\x01\x0a\x0e\0\0\0\0\x01\x01\0\x51" LAB_CYCLIC_TRIAD "\0\0\0\0"
				   "\x20\x4e\0\0\x26\x40\x20\x4e\0\0\x22\x40\x01\x04\x20\x04\x24\x97\x2c\x96\x2c\x64";

	return lab_rr(session, 1, open, sizeof(open) - 1);
}

static inline struct lab_bytes lab_opened_cyclic(uint32_t session, uint32_t o_t)
{
	struct lab_bytes answer = { .b = { 0xd4 }, .n = 4 };

	lab_le(&answer, o_t, 4);
	lab_le(&answer, LAB_CYCLIC_T_O, 4);
	lab_add(&answer, LAB_CYCLIC_TRIAD "\x20\x4e\0\0\x20\x4e\0\0\0\0", 18);
	return lab_rr(session, 1, answer.b, answer.n);
}

/* A cyclic packet: id, number, and so many bytes of connected data. */
static inline struct lab_bytes lab_cyclic(uint32_t id, uint32_t number, unsigned length)
{
	struct lab_bytes m = { .n = 0 };

	lab_add(&m, "\x02\0\x02\x80\x08\0", 6);
	lab_le(&m, id, 4);
	lab_le(&m, number, 4);
	lab_le(&m, 0xb1, 2);
	lab_le(&m, length, 2);
	memset(m.b + m.n, 0x5a, length);
	m.n += length;
	return m;
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

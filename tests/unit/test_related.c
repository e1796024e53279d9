/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ICMP errors about segments of an inspected connection, after a denied request has shifted the numbers:
 * let through in the sender's numbers when the segment is on its way, else dropped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lab_policy.h"
#include "protocol/segment.h"

#define CLIENT_PORT 50000
#define CLIENT_ISN 1000u
#define DEVICE_ISN 9000u

static void send(bool from_server, uint8_t flags, uint32_t seq, uint32_t ack, const void *data, size_t length)
{
	struct core_io *io = core_io();
	struct segment_parts parts = {
		.family = 4,
		.source = from_server ? lab_server : lab_device,
		.target = from_server ? lab_device : lab_server,
		.source_port = from_server ? CLIENT_PORT : LAB_PORT,
		.target_port = from_server ? LAB_PORT : CLIENT_PORT,
		.seq = seq, .ack = ack, .flags = flags, .window = 1000,
		.payload = data, .payload_length = length,
	};

	io->length = (uint32_t)segment_build(&parts, io->packet, CORE_PACKET_MAX);
	io->mark = MARK_INSPECTED | LAB_CONDUIT;
	io->now += 1000;
	core_packet();
}

/* A denied request of 12 bytes (taken out), then an allowed one: it leaves 12 numbers earlier. */
static int setup(void **state)
{
	struct lab_program program = lab_program();

	assert_int_equal(lab_load(&program), 1);
	send(true, TCP_SYN, CLIENT_ISN, 0, NULL, 0);
	send(false, TCP_SYN | TCP_ACK, DEVICE_ISN, CLIENT_ISN + 1, NULL, 0);
	send(true, TCP_ACK, CLIENT_ISN + 1, DEVICE_ISN + 1, NULL, 0);
	send(true, TCP_ACK, CLIENT_ISN + 1, DEVICE_ISN + 1, "\0\1\0\0\0\6\1\6\1\364\0\1", 12);
	assert_int_equal(core_io()->verdict, CORE_DROP);
	send(true, TCP_ACK, CLIENT_ISN + 13, DEVICE_ISN + 1, "\0\2\0\0\0\6\1\3\0\12\0\1", 12);
	assert_int_equal(core_io()->verdict, CORE_REPLACE);
	return 0;
}

static uint32_t sum16(uint32_t sum, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void put_sum(uint8_t *at, const uint8_t *p, size_t len)
{
	uint32_t sum = sum16(0, p, len) ^ 0xffff;

	at[0] = (uint8_t)(sum >> 8);
	at[1] = (uint8_t)sum;
}

/* "Fragmentation needed" from a router, quoting the server's segment and 20 bytes of its data. */
static size_t icmp(uint8_t out[76], uint8_t type, uint32_t seq, uint16_t port)
{
	static const uint8_t head[] = { 0x45, 0, 0, 76, 0, 0, 0, 0, 64, 1, 0, 0, 10, 2, 0, 9, 10, 1, 0, 2,
					3, 4, 0, 0, 0, 0, 5, 20,
					0x45, 0, 1, 0, 0, 0, 0x40, 0, 60, 6, 0, 0, 10, 1, 0, 2, 10, 2, 0, 2,
					0xc3, 0x50, 1, 0xf6 };

	memset(out, 0xee, 76);
	memcpy(out, head, sizeof(head));
	out[20] = type;
	out[48] = (uint8_t)(port >> 8);
	out[49] = (uint8_t)port;
	for (unsigned i = 0; i < 4; i++)
		out[52 + i] = (uint8_t)(seq >> (24 - 8 * i));
	put_sum(out + 10, out, 20);
	put_sum(out + 22, out + 20, 56);
	return 76;
}

static uint32_t verdict_on(const uint8_t *bytes, size_t length)
{
	struct core_io *io = core_io();

	memcpy(io->packet, bytes, length);
	io->length = (uint32_t)length;
	io->mark = MARK_INSPECTED;
	core_packet();
	assert_int_equal(io->made_count, 0);
	return io->verdict;
}

static uint32_t verdict_on_icmp(uint8_t type, uint32_t seq, uint16_t port)
{
	uint8_t bytes[76];

	return verdict_on(bytes, icmp(bytes, type, seq, port));
}

static void test_translated(void **state)
{
	const uint8_t *p = core_io()->packet;

	/* The device's side knows the segment as CLIENT_ISN + 1, the server as CLIENT_ISN + 13. */
	assert_int_equal(verdict_on_icmp(3, CLIENT_ISN + 1, CLIENT_PORT), CORE_REPLACE);
	assert_int_equal(core_io()->length, 56);
	assert_int_equal(p[3], 56);
	assert_int_equal((uint32_t)p[52] << 24 | (uint32_t)p[53] << 16 | (uint32_t)p[54] << 8 | p[55],
			 CLIENT_ISN + 13);
	assert_int_equal(p[26] << 8 | p[27], 1300); /* the MTU stays */
	assert_int_equal(sum16(0, p, 20), 0xffff);
	assert_int_equal(sum16(0, p + 20, 36), 0xffff);
}

static void test_only_what_is_on_its_way(void **state)
{
	assert_int_equal(verdict_on_icmp(3, CLIENT_ISN, CLIENT_PORT), CORE_DROP);
	assert_int_equal(verdict_on_icmp(3, CLIENT_ISN + 12, CLIENT_PORT), CORE_REPLACE);
	assert_int_equal(verdict_on_icmp(3, CLIENT_ISN + 13, CLIENT_PORT), CORE_DROP);
	assert_int_equal(verdict_on_icmp(3, CLIENT_ISN + 1, CLIENT_PORT + 1), CORE_DROP);
	assert_int_equal(verdict_on_icmp(11, CLIENT_ISN + 1, CLIENT_PORT), CORE_REPLACE);
	/* Acknowledged by the device: no longer on its way. */
	send(false, TCP_ACK, DEVICE_ISN + 1, CLIENT_ISN + 13, NULL, 0);
	assert_int_equal(verdict_on_icmp(3, CLIENT_ISN + 1, CLIENT_PORT), CORE_DROP);
}

static void test_no_error_no_passage(void **state)
{
	/* echo reply, source quench, redirect, echo request, timestamp */
	static const uint8_t types[] = { 0, 4, 5, 8, 13 };

	for (size_t i = 0; i < sizeof(types); i++)
		assert_int_equal(verdict_on_icmp(types[i], CLIENT_ISN + 1, CLIENT_PORT), CORE_DROP);
}

/* Cut anywhere, or with any byte changed: dropped, since a length or a checksum is wrong. */
static void test_damaged(void **state)
{
	uint8_t bytes[76];
	size_t length = icmp(bytes, 3, CLIENT_ISN + 1, CLIENT_PORT);

	for (size_t n = 0; n < length; n++)
		assert_int_equal(verdict_on(bytes, n), CORE_DROP);
	for (size_t i = 0; i < length; i++) {
		bytes[i] ^= 0x10;
		assert_int_equal(verdict_on(bytes, length), CORE_DROP);
		bytes[i] ^= 0x10;
	}
	assert_int_equal(verdict_on(bytes, length), CORE_REPLACE);
}

/* The error must go to the sender of the segment that it quotes. */
static void test_to_somebody_else(void **state)
{
	uint8_t bytes[76];
	size_t length = icmp(bytes, 3, CLIENT_ISN + 1, CLIENT_PORT);

	bytes[19] = 3;
	bytes[10] = bytes[11] = 0;
	put_sum(bytes + 10, bytes, 20);
	assert_int_equal(verdict_on(bytes, length), CORE_DROP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_translated, setup),
		cmocka_unit_test_setup(test_only_what_is_on_its_way, setup),
		cmocka_unit_test_setup(test_no_error_no_passage, setup),
		cmocka_unit_test_setup(test_damaged, setup),
		cmocka_unit_test_setup(test_to_somebody_else, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

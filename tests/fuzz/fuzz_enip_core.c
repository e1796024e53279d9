/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The input is a script of whole messages that a hostile client and a hostile device send through the core
 * on one EtherNet/IP connection: two bytes of head (whose, length), then the bytes. A session and a class 3
 * connection are open. What reaches the device is looked at by this file's own few rules: no service that the
 * policy does not know, writes only to the tag that may be written, another session's handle never.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "../unit/lab_enip.h"
#include "../unit/lab_policy.h"
#include "protocol/segment.h"

#define SESSION 0x11223344u
#define O_T 0xaabbccddu
#define CLIENT_PORT 50000

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static uint32_t next[2];  /* by side, 0 = the client: its next number */
static uint32_t heard[2]; /* what it has of the other */
static struct {
	uint8_t b[1 << 16];
	size_t n;
} device;                 /* what the device has got */

static uint32_t le(const uint8_t *p, unsigned size)
{
	uint32_t v = 0;

	while (size--)
		v = v << 8 | p[size];
	return v;
}

static int names_recipe(const uint8_t *path)
{
	static const char name[] = "recipe";

	if (path[0] != 0x91 || (path[1] != 6 && !(path[1] > 6 && path[8] == '.')))
		return 0;
	for (unsigned i = 0; i < 6; i++)
		if ((path[2 + i] | 0x20) != name[i])
			return 0;
	return 1;
}

/* A request that is not within another: service, words, path. */
static void check_request(const uint8_t *r, size_t n)
{
	static const uint8_t known[] = { 0x01, 0x03, 0x0a, 0x0e, 0x11, 0x17, 0x18, 0x1c, 0x4c, 0x4d, 0x4e,
					 0x52, 0x53, 0x54, 0x55, 0x5b };

	if (n < 4 || !memchr(known, r[0], sizeof(known)))
		abort();
	if ((r[0] == 0x4d || r[0] == 0x53) && (n < 10 || !names_recipe(r + 2)))
		abort();
}

static void check_message(const uint8_t *m, size_t n)
{
	uint32_t command = le(m, 2);

	if (n < 24 || n != 24 + le(m + 2, 2))
		abort();
	if (command == 0x63 || (command > 5 && command < 0x64) || command > 0x70)
		abort();
	if (command >= 0x6f && le(m + 4, 4) != SESSION)
		abort();
	if (command == 0x6f)
		check_request(m + 40, n - 40);
	if (command == 0x70 && (le(m + 36, 4) != O_T || n < 46))
		abort();
	if (command == 0x70)
		check_request(m + 46, n - 46);
}

/* Whole messages so far; a connection that was reset leaves a part of one. */
static void check_device(void)
{
	size_t at = 0;

	while (device.n - at >= 24 && device.n - at >= 24 + le(device.b + at + 2, 2)) {
		size_t n = 24 + le(device.b + at + 2, 2);

		check_message(device.b + at, n);
		at += n;
	}
}

static void deliver(int to_device, const uint8_t *packet, size_t length)
{
	size_t header = 20u + (size_t)(packet[32] >> 4) * 4;
	uint32_t n = (uint32_t)(length - header);
	uint32_t seq = (uint32_t)packet[24] << 24 | (uint32_t)packet[25] << 16 | (uint32_t)packet[26] << 8 |
		       packet[27];

	if (packet[33] & TCP_RST)
		return;
	if (n == 0 || seq != heard[to_device])
		return;
	heard[to_device] = seq + n;
	if (!to_device || device.n + n > sizeof(device.b))
		return;
	memcpy(device.b + device.n, packet + header, n);
	device.n += n;
}

static void put(int side, uint8_t flags, const uint8_t *data, size_t length)
{
	struct core_io *io = core_io();
	struct segment_parts parts = {
		.family = 4,
		.source = side ? lab_device : lab_server,
		.target = side ? lab_server : lab_device,
		.source_port = side ? LAB_PORT : CLIENT_PORT,
		.target_port = side ? CLIENT_PORT : LAB_PORT,
		.seq = next[side], .ack = heard[side], .flags = flags, .window = 8000,
		.payload = data, .payload_length = length,
	};

	io->length = (uint32_t)segment_build(&parts, io->packet, CORE_PACKET_MAX);
	io->mark = MARK_INSPECTED | LAB_CONDUIT;
	core_packet();
	if (io->made_count > CORE_MADE_MAX || io->event_count > CORE_EVENTS_MAX)
		abort();
	next[side] += (uint32_t)length + (flags & TCP_SYN ? 1 : 0);
	if (io->verdict != CORE_DROP && !(flags & TCP_SYN))
		deliver(!side, io->packet, io->length);
	for (uint32_t i = 0; i < io->made_count; i++)
		deliver(io->made[i].to_device, io->made[i].bytes, io->made[i].length);
}

static void say(int side, const struct lab_bytes *m)
{
	put(side, TCP_PSH | TCP_ACK, m->b, m->n);
	put(!side, TCP_ACK, NULL, 0);
}

static void open_all(void)
{
	static const char open[] = "\x54\x02\x20\x06\x24\x01\x0a\x0e\0\0\0\0\x04\x03\x02\x01\x07\0\x34\x12\x05\0\0\0"
				   "\x03\0\0\0\x80\x84\x1e\0\xf4\x43\x80\x84\x1e\0\xf4\x43\xa3\x03\x01\0\x20\x02\x24\x01";
	static const char opened[] = "\xd4\0\0\0\xdd\xcc\xbb\xaa\x04\x03\x02\x01\x07\0\x34\x12\x05\0\0\0\x80\x84\x1e\0"
				     "\x80\x84\x1e\0\0\0";
	struct lab_bytes register_ask = lab_register(0), registered = lab_register(SESSION);
	struct lab_bytes open_ask = lab_rr(SESSION, 1, open, sizeof(open) - 1);
	struct lab_bytes open_answer = lab_rr(SESSION, 1, opened, sizeof(opened) - 1);

	say(0, &register_ask);
	say(1, &registered);
	say(0, &open_ask);
	say(1, &open_answer);
}

static void start(void)
{
	struct lab_program program = lab_program();

	program.conduits[0].protocol = PROGRAM_ETHERNET_IP;
	if (!lab_load(&program))
		abort();
	core_io()->now = 1000000000;
	device.n = 0;
	next[0] = 1000;
	next[1] = 5000;
	heard[0] = 0;
	heard[1] = 1001;
	put(0, TCP_SYN, NULL, 0);
	heard[0] = 5001;
	put(1, TCP_SYN | TCP_ACK, NULL, 0);
	put(0, TCP_ACK, NULL, 0);
	open_all();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const uint8_t *end = bytes + size;

	start();
	while (end - bytes >= 3) {
		int side = bytes[0] & 1;
		size_t length = (size_t)(bytes[1] | (bytes[0] >> 1 & 3) << 8);

		bytes += 2;
		if (length > (size_t)(end - bytes))
			length = (size_t)(end - bytes);
		put(side, TCP_PSH | TCP_ACK, bytes, length);
		put(!side, TCP_ACK, NULL, 0);
		bytes += length;
		core_io()->now += 1000000000;
		core_tick();
	}
	check_device();
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The input is a script of segments that two hostile peers send through the core, after an honest
 * handshake: five bytes of head (direction and flags, sequence offset, length, acknowledgement offset,
 * time), then the data. A simulated device puts together what reaches it, whatever the order; every
 * whole frame in it must be one that the policy allows.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "../unit/lab_policy.h"
#include "protocol/segment.h"

#define STREAM_MAX 65536
#define CLIENT_PORT 50000

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static struct {
	uint32_t next[2];     /* by side, 0 = server: what it would send next */
	uint32_t expected;    /* by the device */
	size_t received;
	uint8_t in[STREAM_MAX];
} world;

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void device_takes(const uint8_t *packet, size_t length)
{
	const uint8_t *tcp = packet + 20;
	size_t header = (size_t)(tcp[12] >> 4) * 4;
	uint32_t n = (uint32_t)(length - 20 - header), seq = be32(tcp + 4);

	if (tcp[13] & (TCP_SYN | TCP_RST) || (int32_t)(seq - world.expected) > 0 ||
	    (int32_t)(seq + n - world.expected) <= 0)
		return;
	if (world.received + n > STREAM_MAX)
		return;
	for (uint32_t i = world.expected - seq; i < n; i++)
		world.in[world.received++] = tcp[header + i];
	world.expected = seq + n;
}

/* The policy of lab_policy.h in other words. */
static int frame_allowed(const uint8_t *f, size_t size)
{
	unsigned address = (unsigned)(f[8] << 8 | f[9]), value = (unsigned)(f[10] << 8 | f[11]);

	if (size != 12 || f[2] || f[3] || f[6] != 1)
		return 0;
	if (f[7] == 3)
		return value >= 1 && address + value <= 100;
	return f[7] == 6 && address == 120 && value <= 1500;
}

static void check_device(void)
{
	size_t at = 0;

	while (world.received - at >= 6) {
		size_t size = 6u + (size_t)(world.in[at + 4] << 8 | world.in[at + 5]);

		if (world.received - at < size)
			return;
		if (!frame_allowed(world.in + at, size))
			abort();
		at += size;
	}
}

static void take_made(void)
{
	const struct core_io *io = core_io();

	for (uint32_t i = 0; i < io->made_count; i++)
		if (io->made[i].to_device)
			device_takes(io->made[i].bytes, io->made[i].length);
}

static void send(int side, uint8_t flags, uint32_t seq, uint32_t ack, const uint8_t *data, size_t length)
{
	struct core_io *io = core_io();
	struct segment_parts parts = {
		.family = 4,
		.source = side ? lab_device : lab_server,
		.target = side ? lab_server : lab_device,
		.source_port = side ? LAB_PORT : CLIENT_PORT,
		.target_port = side ? CLIENT_PORT : LAB_PORT,
		.seq = seq, .ack = ack, .flags = flags, .window = 1000,
		.payload = data, .payload_length = length,
	};

	io->length = (uint32_t)segment_build(&parts, io->packet, CORE_PACKET_MAX);
	io->mark = MARK_INSPECTED | LAB_CONDUIT;
	core_packet();
	if (io->length > CORE_PACKET_MAX || io->made_count > CORE_MADE_MAX ||
	    io->event_count > CORE_EVENTS_MAX)
		abort();
	if (io->verdict != CORE_DROP && !side)
		device_takes(io->packet, io->length);
	take_made();
}

static void start(void)
{
	struct lab_program program = lab_program();

	memset(&world, 0, sizeof(world));
	if (!lab_load(&program))
		abort();
	core_io()->now = 1000000000;
	world.next[0] = 1000;
	world.next[1] = 0xfffffff0u;
	send(0, TCP_SYN, 999, 0, NULL, 0);
	send(1, TCP_SYN | TCP_ACK, world.next[1] - 1, 1000, NULL, 0);
	world.expected = 1000;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const uint8_t *end = bytes + size;

	start();
	while (end - bytes >= 5) {
		int side = bytes[0] & 1;
		uint8_t flags = (uint8_t)(TCP_ACK | (bytes[0] & 2 ? TCP_FIN : 0) |
					  (bytes[0] >= 0xf8 ? TCP_RST : 0) |
					  (bytes[0] == 0xe0 ? TCP_SYN : 0));
		uint32_t seq = world.next[side] + (uint32_t)(int8_t)bytes[1];
		uint32_t ack = world.next[!side] + (uint32_t)(int8_t)bytes[3];
		size_t length = bytes[2] < (size_t)(end - bytes - 5) ? bytes[2] : (size_t)(end - bytes - 5);

		core_io()->now += (uint64_t)bytes[4] << 22;
		bytes += 5;
		send(side, flags, seq, ack, bytes, length);
		if ((int32_t)(seq + (uint32_t)length - world.next[side]) > 0)
			world.next[side] = seq + (uint32_t)length;
		bytes += length;
		core_tick();
		take_made();
	}
	check_device();
	return 0;
}

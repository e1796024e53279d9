/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The input is a script of what happens by UDP on one EtherNet/IP conduit: raw datagrams of either host, cyclic
 * packets put together from a few bytes, time that passes, closing, opening again, other policies. This file's own
 * model of the one cyclic connection says of each datagram to port 2222 whether it passes, in both directions of
 * that question; to the other port only List Identity and its like do. Nothing is ever changed or answered.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/lab_enip.h"
#include "../unit/lab_policy.h"
#include "protocol/datagram.h"
#include "protocol/segment.h"

#define SESSION 0x11223344u
#define O_T 0xaabbccddu
#define CLIENT_PORT 50000
#define IO_PORT 2222
#define MS 1000000ull
#define PATIENCE (4 * 20 * MS)
#define FIRST (10000 * MS)
#define GRACE (1000 * MS)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* What the two hosts have agreed on; [0] is the server's way. */
static const uint32_t ids[2] = { O_T, LAB_CYCLIC_T_O };
static const unsigned sizes[2] = { 38, 34 };
static struct {
	int open;
	int heard[2];
	uint32_t sequence[2];
	uint64_t since[2];
} model;

static struct lab_program program;
static uint32_t next[2], heard[2]; /* of the TCP connection */

static uint32_t le(const uint8_t *p, unsigned size)
{
	uint32_t v = 0;

	while (size--)
		v = v << 8 | p[size];
	return v;
}

/* ---- by TCP: the Forward Open, the Forward Close ---- */

static void put(int side, uint8_t flags, const struct lab_bytes *m)
{
	struct core_io *io = core_io();
	struct segment_parts parts = {
		.family = 4,
		.source = side ? lab_device : lab_server, .target = side ? lab_server : lab_device,
		.source_port = side ? LAB_PORT : CLIENT_PORT, .target_port = side ? CLIENT_PORT : LAB_PORT,
		.seq = next[side], .ack = heard[side], .flags = flags, .window = 8000,
		.payload = m ? m->b : NULL, .payload_length = m ? m->n : 0,
	};

	io->length = (uint32_t)segment_build(&parts, io->packet, CORE_PACKET_MAX);
	io->mark = MARK_INSPECTED | LAB_CONDUIT;
	core_packet();
	if (io->verdict == CORE_DROP)
		abort();
	next[side] += (uint32_t)parts.payload_length + (flags & TCP_SYN ? 1 : 0);
	heard[!side] = next[side];
}

static void exchange(struct lab_bytes ask, struct lab_bytes answer)
{
	put(0, TCP_PSH | TCP_ACK, &ask);
	put(1, TCP_PSH | TCP_ACK, &answer);
	put(0, TCP_ACK, NULL);
}

static void open_cyclic(void)
{
	exchange(lab_open_cyclic(SESSION), lab_opened_cyclic(SESSION, O_T));
	memset(&model, 0, sizeof(model));
	model.open = 1;
	model.since[0] = model.since[1] = core_io()->now;
}

static void close_cyclic(void)
{
	static const char ask[] = "\x4e\x02\x20\x06\x24\x01\x0a\x0e" LAB_CYCLIC_TRIAD "\x04\0\x20\x04\x24\x97\x2c\x96\x2c\x64";
	static const char answer[] = "\xce\0\0\0" LAB_CYCLIC_TRIAD "\0\0";

	exchange(lab_rr(SESSION, 2, ask, sizeof(ask) - 1), lab_rr(SESSION, 2, answer, sizeof(answer) - 1));
	model.open = 0;
}

static void load(void)
{
	memcpy(core_program_area(), &program, sizeof(program));
	if (!core_program_load(sizeof(program)))
		abort();
	core_sweep();
}

static void start(void)
{
	program = lab_program();
	program.conduits[0].protocol = PROGRAM_ETHERNET_IP;
	program.ranges[0] = (struct program_range){ 100, 151 };
	program.cip[2] = (struct program_cip){ .kind = CIP_IO, .io = CIP_IO_EXCLUSIVE_OWNER, .assemblies = { 0, 1 },
					       .routes = { 0, 2 } };
	program.cip[3] = (struct program_cip){ .kind = CIP_LIST_IDENTITY };
	core_clear();
	load();
	core_io()->now = 1000 * MS;
	next[0] = 1000;
	next[1] = 5000;
	heard[0] = heard[1] = 0;
	put(0, TCP_SYN, NULL);
	put(1, TCP_SYN | TCP_ACK, NULL);
	put(0, TCP_ACK, NULL);
	exchange(lab_register(0), lab_register(SESSION));
	open_cyclic();
}

/* ---- by UDP ---- */

static int is_silent(int way)
{
	return core_io()->now - model.since[way] > (model.heard[way] ? PATIENCE : FIRST) + GRACE;
}

/* Does the model let it pass, and what does it learn from it? */
static int cyclic_passes(int way, const uint8_t *p, size_t n)
{
	uint32_t sequence;

	if (n < 18 || memcmp(p, "\x02\0\x02\x80\x08\0", 6) != 0 || le(p + 14, 2) != 0xb1 || n < 18 + 2u)
		return 0;
	if (le(p + 6, 4) != ids[way] || 18 + le(p + 16, 2) != n || !model.open)
		return 0;
	if (is_silent(0) || is_silent(1)) {
		model.open = 0;
		return 0;
	}
	sequence = le(p + 10, 4);
	if ((n - 18 != sizes[way] && n - 18 != 2) ||
	    (model.heard[way] && (int32_t)(sequence - model.sequence[way]) <= 0))
		return 0;
	model.heard[way] = 1;
	model.sequence[way] = sequence;
	model.since[way] = core_io()->now;
	return 1;
}

static void check_message(const uint8_t *p, size_t n)
{
	if (n < 24 || 24 + le(p + 2, 2) != n || (le(p, 2) != 0x04 && le(p, 2) != 0x63 && le(p, 2) != 0x64))
		abort();
}

static void send(int way, uint16_t source_port, uint16_t target_port, const uint8_t *p, size_t n)
{
	const struct datagram d = {
		.family = 4, .source = way ? lab_device : lab_server, .target = way ? lab_server : lab_device,
		.source_port = source_port, .target_port = target_port, .data = p, .length = n,
	};
	static uint8_t sent[CORE_PACKET_MAX];
	struct core_io *io = core_io();
	int passes;

	io->length = (uint32_t)datagram_write(&d, io->packet, CORE_PACKET_MAX);
	io->mark = MARK_INSPECTED | LAB_CONDUIT;
	memcpy(sent, io->packet, io->length);
	passes = target_port == IO_PORT ? cyclic_passes(way, p, n) : -1;
	core_packet();
	if (io->made_count || io->verdict == CORE_REPLACE || io->event_count > 1 ||
	    memcmp(sent, io->packet, io->length) != 0)
		abort();
	if (passes >= 0 && passes != (io->verdict == CORE_PASS))
		abort();
	if (passes < 0 && io->verdict == CORE_PASS)
		check_message(p, n);
}

/* Nearly right: id, number and size are off by what the two bytes say. */
static void send_packet(int way, const uint8_t *b)
{
	uint32_t id = ids[b[0] & 0x80 ? !way : way] ^ (b[0] == 0x3f);
	uint32_t number = model.sequence[way] + 1 + (b[1] & 0x80 ? (uint32_t)(int8_t)b[1] : 0);
	unsigned length = sizes[way] + (b[0] & 0x30 ? 0 : b[0] % 4u);
	struct lab_bytes m = lab_cyclic(id, number, b[0] & 0x40 ? 2 : length);

	send(way, 4000, IO_PORT, m.b, m.n);
}

static void happen(uint8_t what)
{
	switch (what & 7) {
	case 0:
	case 1:
		core_io()->now += (uint64_t)(1 + (what >> 3)) * 40 * MS; /* 40 ms to 1.3 s */
		break;
	case 2:
		core_tick();
		break;
	case 3:
		close_cyclic();
		break;
	case 4:
		open_cyclic();
		break;
	case 5:
		load();
		break;
	default:
		program.cip[2].min_rpi_us = what & 8 ? 20001 : 20000;
		load();
		model.open &= !(what & 8);
		program.cip[2].min_rpi_us = 0; /* so that it can be opened again */
		load();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const uint8_t *end = bytes + size;

	start();
	while (end - bytes >= 3) {
		int way = bytes[0] & 1;

		if (bytes[0] & 2) {
			send_packet(way, bytes + 1);
			bytes += 3;
		} else if (bytes[0] & 4) {
			happen(bytes[1]);
			bytes += 2;
		} else {
			size_t length = bytes[1];
			uint16_t port = bytes[0] & 8 ? IO_PORT : way ? CLIENT_PORT : LAB_PORT;

			bytes += 2;
			if (length > (size_t)(end - bytes))
				length = (size_t)(end - bytes);
			send(way, way ? LAB_PORT : CLIENT_PORT, port, bytes, length);
			bytes += length;
		}
	}
	return 0;
}

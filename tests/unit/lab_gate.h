/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * One connection through the core, packet by packet: the server 10.1.0.2:50000 begins with the sequence
 * number 1000, the device 10.2.0.2:502 with 5000. What a test expects stands in it as numbers and bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lab_packet.h"
#include "lab_policy.h"
#include "protocol/reason.h"

#define LAB_SECOND 1000000000ull
#define TO_SERVER 0
#define TO_DEVICE 1

static struct lab_program policy; /* changed by a test before gate_start() */
static uint16_t server_port;
static uint8_t said[4096];        /* data of the next packet */
static size_t said_length;
static uint8_t options[40];       /* and its TCP options */
static size_t options_length;

/* Adds bytes to the data of the next packet. */
static inline void say(const uint8_t *bytes, size_t length)
{
	memcpy(said + said_length, bytes, length);
	said_length += length;
}
#define SAY(bytes) say(bytes, sizeof(bytes))

static inline void put_packet(int to_device, uint8_t flags, uint32_t seq, uint32_t ack)
{
	const struct program_conduit *c = &policy.conduits[0];
	struct core_io *io = core_io();
	struct lab_packet p = {
		.family = c->family,
		.source = to_device ? c->server : c->device, .target = to_device ? c->device : c->server,
		.source_port = to_device ? server_port : LAB_PORT,
		.target_port = to_device ? LAB_PORT : server_port,
		.seq = seq, .ack = ack, .flags = flags, .options = options,
		.options_length = options_length, .data = said, .length = said_length,
	};

	io->length = (uint32_t)lab_write(&p, io->packet);
	io->mark = MARK_INSPECTED | LAB_CONDUIT;
	core_packet();
	said_length = options_length = 0;
}

/* What was said before goes as one segment of data, or as a bare acknowledgement. */
static inline void from_server(uint32_t seq, uint32_t ack)
{
	put_packet(TO_DEVICE, said_length ? LAB_ACK | LAB_PSH : LAB_ACK, seq, ack);
}

static inline void from_device(uint32_t seq, uint32_t ack)
{
	put_packet(TO_SERVER, said_length ? LAB_ACK | LAB_PSH : LAB_ACK, seq, ack);
}

/* ---- what came of it --------------------------------------------------------------------------------- */

static inline void check_bytes(const uint8_t *packet, size_t length, int family, uint32_t seq, uint32_t ack,
			       const uint8_t *data, size_t data_length)
{
	size_t ip = family == 4 ? 20 : 40, header = (size_t)(packet[ip + 12] >> 4) * 4;

	assert_int_equal(packet[0] >> 4, family);
	assert_int_equal(lab_tcp_checksum(packet, length), 0);
	assert_int_equal(lab_get32(packet + ip + 4), seq);
	assert_int_equal(lab_get32(packet + ip + 8), ack);
	assert_int_equal(length - ip - header, data_length);
	if (data_length)
		assert_memory_equal(packet + ip + header, data, data_length);
}

/* The packet went on, with these numbers and this data. */
static inline void passed(uint32_t seq, uint32_t ack, const uint8_t *data, size_t length)
{
	const struct core_io *io = core_io();

	assert_int_not_equal(io->verdict, CORE_DROP);
	check_bytes(io->packet, io->length, policy.conduits[0].family, seq, ack, data, length);
}
#define PASSED(seq, ack, bytes) passed(seq, ack, bytes, sizeof(bytes))

/* Neither the packet nor anything else came out. */
static inline void held(void)
{
	assert_int_equal(core_io()->verdict, CORE_DROP);
	assert_int_equal(core_io()->made_count, 0);
	assert_int_equal(core_io()->event_count, 0);
}

/* The gate's own packet number i. */
static inline void made(unsigned i, int to_device, uint8_t flags, uint32_t seq, uint32_t ack,
			const uint8_t *data, size_t length)
{
	const struct core_made *m = &core_io()->made[i];
	int family = policy.conduits[0].family;

	assert_true(i < core_io()->made_count);
	assert_int_equal(m->conduit, LAB_CONDUIT);
	assert_int_equal(m->server_port, server_port);
	assert_int_equal(m->to_device, to_device);
	assert_int_equal(m->bytes[(family == 4 ? 20 : 40) + 13], flags);
	check_bytes(m->bytes, m->length, family, seq, ack, data, length);
}
#define MADE(i, to, seq, ack, bytes) made(i, to, LAB_PSH | LAB_ACK, seq, ack, bytes, sizeof(bytes))

static inline void both_reset(unsigned i, uint32_t to_server_seq, uint32_t to_server_ack,
			      uint32_t to_device_seq, uint32_t to_device_ack)
{
	made(i, TO_SERVER, LAB_RST | LAB_ACK, to_server_seq, to_server_ack, NULL, 0);
	made(i + 1, TO_DEVICE, LAB_RST | LAB_ACK, to_device_seq, to_device_ack, NULL, 0);
	assert_int_equal(core_io()->made_count, i + 2);
}

/* One event and no other. */
static inline void recorded(enum core_event_kind kind, enum reason reason, enum core_action action)
{
	assert_int_equal(core_io()->event_count, 1);
	assert_int_equal(core_io()->events[0].kind, kind);
	assert_int_equal(core_io()->events[0].reason, reason);
	assert_int_equal(core_io()->events[0].action, action);
}

static inline void denied(enum reason reason, enum core_action action)
{
	recorded(CORE_EVENT_DENIED, reason, action);
}

/* Puts `policy` in force. */
static inline void gate_policy(void)
{
	assert_int_equal(lab_load(&policy), 1);
	server_port = 50000;
	core_io()->now = 1000 * LAB_SECOND;
	core_io()->wall = 1800000000;
}

/* The handshake: 1001 and 5001 are the first bytes of the two. */
static inline void gate_open(void)
{
	put_packet(TO_DEVICE, LAB_SYN, 1000, 0);
	passed(1000, 0, NULL, 0);
	put_packet(TO_SERVER, LAB_SYN | LAB_ACK, 5000, 1001);
	passed(5000, 1001, NULL, 0);
	recorded(CORE_EVENT_OPENED, REASON_NONE, CORE_ACTION_NONE);
	from_server(1001, 5001);
	passed(1001, 5001, NULL, 0);
}

static inline void gate_start(void)
{
	gate_policy();
	gate_open();
}

static inline int policy_of_the_lab(void **state)
{
	policy = lab_program();
	said_length = options_length = 0;
	return 0;
}

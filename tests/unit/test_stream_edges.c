/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Segments placed by hand at the seams of a connection: opening, opening again, reload, a full table.
 * What the device would put together of them is compared with what the policy allows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lab_policy.h"
#include "protocol/segment.h"

#define CLIENT_PORT 51000
#define CLIENT_ISN 1000u
#define DEVICE_ISN 900000u
#define SECOND 1000000000ull

static struct lab_program program;

struct sent {
	bool by_device;
	uint16_t port; /* the client's */
	uint8_t flags;
	uint32_t seq;
	uint32_t ack;
	const void *data;
	size_t length;
};

/* Hands one segment to the core; returns its verdict. */
static uint32_t give(struct sent s)
{
	struct core_io *io = core_io();
	uint16_t port = s.port ? s.port : CLIENT_PORT;
	struct segment_parts parts = {
		.family = 4,
		.source = s.by_device ? lab_device : lab_server,
		.target = s.by_device ? lab_server : lab_device,
		.source_port = s.by_device ? LAB_PORT : port,
		.target_port = s.by_device ? port : LAB_PORT,
		.seq = s.seq, .ack = s.ack, .flags = s.flags, .window = 8192,
		.payload = s.data, .payload_length = s.length,
	};

	io->length = (uint32_t)segment_build(&parts, io->packet, CORE_PACKET_MAX);
	assert_true(io->length > 0);
	io->mark = MARK_INSPECTED | LAB_CONDUIT;
	core_packet();
	return io->verdict;
}

static uint32_t client_sends(uint32_t seq, const void *data, size_t length)
{
	return give((struct sent){ .flags = TCP_PSH | TCP_ACK, .seq = seq, .ack = DEVICE_ISN + 1,
				   .data = data, .length = length });
}

static uint32_t client_syn(uint16_t port)
{
	return give((struct sent){ .port = port, .flags = TCP_SYN, .seq = CLIENT_ISN });
}

static uint32_t device_syn_ack(uint16_t port)
{
	return give((struct sent){ .by_device = true, .port = port, .flags = TCP_SYN | TCP_ACK,
				   .seq = DEVICE_ISN, .ack = CLIENT_ISN + 1 });
}

static void connect_port(uint16_t port)
{
	assert_int_equal(client_syn(port), CORE_PASS);
	assert_int_equal(device_syn_ack(port), CORE_PASS);
	assert_int_equal(give((struct sent){ .port = port, .flags = TCP_ACK, .seq = CLIENT_ISN + 1,
					     .ack = DEVICE_ISN + 1 }), CORE_PASS);
}

static int setup(void **state)
{
	program = lab_program();
	assert_int_equal(lab_load(&program), 1);
	core_io()->now = 1000 * SECOND;
	return 0;
}

static void reload(void)
{
	memcpy(core_program_area(), &program, sizeof(program));
	assert_int_equal(core_program_load(sizeof(program)), 1);
	core_sweep();
}

static void wait_seconds(unsigned seconds)
{
	core_io()->now += seconds * SECOND;
	do
		core_tick();
	while (core_io()->more);
}

/* ---- opening --------------------------------------------------------------------------------------- */

/*
 * The device sends its SYN-ACK twice, as it does when the SYN comes twice. Taken for a new connection,
 * the second one would make the gate forget bytes that the device holds: the device would then splice
 * the start of one request (a write of register 120) with the end of another (a read of 90 registers).
 */
static void test_a_repeated_syn_ack_forgets_nothing(void **state)
{
	static const uint8_t write[] = { 0, 1, 0, 0, 0, 6, 1, 6, 0, 120, 5, 220 };
	static const uint8_t read[] = { 0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 90 };

	assert_int_equal(client_syn(CLIENT_PORT), CORE_PASS);
	assert_int_equal(device_syn_ack(CLIENT_PORT), CORE_PASS);
	assert_int_equal(client_syn(CLIENT_PORT), CORE_PASS);
	assert_int_equal(client_sends(CLIENT_ISN + 1, write, 10), CORE_PASS);
	device_syn_ack(CLIENT_PORT);
	assert_int_equal(client_sends(CLIENT_ISN + 1, read, 12), CORE_DROP);
	assert_int_equal(core_io()->events[0].reason, REASON_INCONSISTENT_RETRANSMISSION);
}

/* The same when the bytes came before the second SYN, and the device's timer repeats its SYN-ACK. */
static void test_a_late_syn_ack_forgets_nothing(void **state)
{
	static const uint8_t write[] = { 0, 1, 0, 0, 0, 6, 1, 6, 0, 120, 5, 220 };
	static const uint8_t read[] = { 0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 90 };

	assert_int_equal(client_syn(CLIENT_PORT), CORE_PASS);
	assert_int_equal(device_syn_ack(CLIENT_PORT), CORE_PASS);
	assert_int_equal(client_sends(CLIENT_ISN + 1, write, 10), CORE_PASS);
	assert_int_equal(client_syn(CLIENT_PORT), CORE_PASS);
	device_syn_ack(CLIENT_PORT);
	assert_int_equal(client_sends(CLIENT_ISN + 1, read, 12), CORE_DROP);
	assert_int_equal(core_io()->events[0].reason, REASON_INCONSISTENT_RETRANSMISSION);
}

/*
 * The gate ends the connection, but not the device (a segment of the past, which the device has dropped,
 * lets the gate's reset miss); a SYN-ACK of it is still on its way when the server opens again.
 */
static void test_a_syn_ack_of_the_former_connection_opens_nothing(void **state)
{
	static const uint8_t write[] = { 0, 1, 0, 0, 0, 6, 1, 6, 0, 120, 5, 220 };
	static const uint8_t read[] = { 0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 90 };

	connect_port(CLIENT_PORT);
	assert_int_equal(client_sends(CLIENT_ISN + 1, write, 10), CORE_PASS);
	assert_int_equal(give((struct sent){ .flags = TCP_RST, .seq = CLIENT_ISN + 11 }), CORE_PASS);
	assert_int_equal(client_syn(CLIENT_PORT), CORE_PASS);
	assert_int_equal(device_syn_ack(CLIENT_PORT), CORE_DROP);
	assert_int_equal(client_sends(CLIENT_ISN + 1, read, 12), CORE_DROP);
}

/* ---- reload ------------------------------------------------------------------------------------------ */

/*
 * An observed stream that could not be decoded is let through unread. When the conduit is enforced from
 * now on, such a connection must not go on as it was.
 */
static void test_enforcing_ends_what_was_not_read(void **state)
{
	static const uint8_t garbage[] = { 0, 1, 9, 9, 0, 6, 1, 6, 0, 121, 0, 1 };
	static const uint8_t forbidden[] = { 0, 2, 0, 0, 0, 6, 1, 6, 0, 121, 0, 1 };

	program.conduits[0].mode = PROGRAM_OBSERVE;
	reload();
	connect_port(CLIENT_PORT);
	assert_int_equal(client_sends(CLIENT_ISN + 1, garbage, 12), CORE_PASS);
	program.conduits[0].mode = PROGRAM_ENFORCE;
	reload();
	assert_int_equal(core_io()->made_count, 2);
	assert_int_equal(core_io()->events[0].kind, CORE_EVENT_CLOSED);
	assert_int_equal(core_io()->events[0].action, CORE_ACTION_RESET);
	assert_int_equal(client_sends(CLIENT_ISN + 13, forbidden, 12), CORE_DROP);
}

/* A connection that the gate can read stays. */
static void test_enforcing_leaves_what_was_read(void **state)
{
	static const uint8_t allowed[] = { 0, 2, 0, 0, 0, 6, 1, 3, 0, 0, 0, 1 };

	program.conduits[0].mode = PROGRAM_OBSERVE;
	reload();
	connect_port(CLIENT_PORT);
	program.conduits[0].mode = PROGRAM_ENFORCE;
	reload();
	assert_int_equal(core_io()->made_count, 0);
	assert_int_equal(client_sends(CLIENT_ISN + 1, allowed, 12), CORE_PASS);
}

/* ---- a full table, dead peers --------------------------------------------------------------------------- */

/* Openings that nobody finishes (spoofed, or the server died) may fill the table; they may not hold it. */
static void test_half_open_connections_give_way(void **state)
{
	for (unsigned i = 0; i < CORE_FLOWS_MAX; i++) {
		client_syn((uint16_t)(1000 + i));
		if (i % 2)
			device_syn_ack((uint16_t)(1000 + i));
	}
	wait_seconds(6);
	assert_int_equal(client_syn(CLIENT_PORT), CORE_PASS);
	wait_seconds(70);
	assert_int_equal(core_io()->event_count, 0);
	assert_int_equal(core_totals()->flows_now, 0);
}

/* A connection that works is not evicted for new ones. */
static void test_working_connections_stay(void **state)
{
	static const uint8_t allowed[] = { 0, 2, 0, 0, 0, 6, 1, 3, 0, 0, 0, 1 };

	connect_port(CLIENT_PORT);
	wait_seconds(60);
	for (unsigned i = 0; i < 2 * CORE_FLOWS_MAX; i++) {
		client_syn((uint16_t)(1000 + i));
		wait_seconds(i % 500 == 0 ? 6 : 0);
	}
	assert_int_equal(client_sends(CLIENT_ISN + 1, allowed, 12), CORE_PASS);
}

/*
 * The device still holds a connection that the gate has lost (it was restarted, or its reset was lost),
 * and the server opens again from the same port: the device only repeats its acknowledgement. The
 * server would answer that with a reset (RFC 9293, 3.5.1); the gate, which must not let it through, does.
 */
static void test_a_device_that_holds_on_is_reset(void **state)
{
	struct core_made *made = &core_io()->made[0];

	assert_int_equal(client_syn(CLIENT_PORT), CORE_PASS);
	assert_int_equal(give((struct sent){ .by_device = true, .flags = TCP_ACK, .seq = 777, .ack = 555 }),
			 CORE_DROP);
	assert_int_equal(core_io()->made_count, 1);
	assert_int_equal(made->to_device, 1);
	assert_int_equal(made->bytes[33] & TCP_RST, TCP_RST);
	assert_memory_equal(made->bytes + 24, "\0\0\2\53", 4); /* 555 */
	assert_int_equal(client_syn(CLIENT_PORT), CORE_PASS);
	assert_int_equal(device_syn_ack(CLIENT_PORT), CORE_PASS);
}

/* The server lost its power and comes back: its old connection must not keep it out for a day. */
static void test_a_dead_connection_frees_its_place(void **state)
{
	struct core_made *made = &core_io()->made[0];

	program.conduits[0].max_connections = 1;
	reload();
	connect_port(CLIENT_PORT);
	wait_seconds(60);
	assert_int_equal(client_syn(CLIENT_PORT + 1), CORE_DROP);
	assert_int_equal(core_io()->events[0].reason, REASON_CONNECTIONS_EXCEEDED);
	assert_int_equal(core_io()->made_count, 1);
	assert_int_equal(made->to_device, 0);
	assert_int_equal(made->server_port, CLIENT_PORT);
	assert_int_equal(made->bytes[33], TCP_ACK);
	assert_memory_equal(made->bytes + 28, "\0\0\3\351", 4); /* CLIENT_ISN + 1 */
	assert_int_equal(client_syn(CLIENT_PORT + 1), CORE_DROP);
	assert_int_equal(core_io()->made_count, 0); /* asked once a second */
	assert_int_equal(give((struct sent){ .flags = TCP_RST, .seq = CLIENT_ISN + 1 }), CORE_PASS);
	connect_port(CLIENT_PORT + 1);
}

/* ---- several error replies ------------------------------------------------------------------------------- */

/* More denied requests in one segment than one call can answer: the rest is answered with the next tick. */
static void test_many_denied_at_once(void **state)
{
	static const uint8_t forbidden[] = { 0, 2, 0, 0, 0, 6, 1, 6, 0, 121, 0, 1 };
	uint8_t all[12 * 10];
	unsigned replies = 0;

	for (unsigned i = 0; i < 10; i++)
		memcpy(all + 12 * i, forbidden, 12);
	connect_port(CLIENT_PORT);
	client_sends(CLIENT_ISN + 1, all, sizeof(all));
	replies += core_io()->made_count;
	core_io()->now += SECOND / 10;
	core_tick();
	replies += core_io()->made_count;
	assert_int_equal(replies, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_enforcing_ends_what_was_not_read, setup),
		cmocka_unit_test_setup(test_enforcing_leaves_what_was_read, setup),
		cmocka_unit_test_setup(test_half_open_connections_give_way, setup),
		cmocka_unit_test_setup(test_working_connections_stay, setup),
		cmocka_unit_test_setup(test_a_device_that_holds_on_is_reset, setup),
		cmocka_unit_test_setup(test_a_dead_connection_frees_its_place, setup),
		cmocka_unit_test_setup(test_many_denied_at_once, setup),
		cmocka_unit_test_setup(test_a_repeated_syn_ack_forgets_nothing, setup),
		cmocka_unit_test_setup(test_a_syn_ack_of_the_former_connection_opens_nothing, setup),
		cmocka_unit_test_setup(test_a_late_syn_ack_forgets_nothing, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

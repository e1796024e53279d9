/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections: how they open, close, outlive a policy and are limited. Expected numbers are written by hand. */
#include "lab_gate.h"

static const uint8_t read_1[] = { 0, 1, 0, 0, 0, 6, 1, 3, 0, 5, 0, 1 };
static const uint8_t answer_1[] = { 0, 1, 0, 0, 0, 5, 1, 3, 2, 0, 42 };
static const uint8_t read_2[] = { 0, 2, 0, 0, 0, 6, 1, 3, 0, 6, 0, 1 };
static const uint8_t bad[] = { 0, 9, 0, 0, 0, 6, 1, 6, 0, 121, 0, 100 };
static const uint8_t bad_exception[] = { 0, 9, 0, 0, 0, 3, 1, 0x86, 2 };

/* ---- opening and closing -------------------------------------------------------------- */

static void test_who_may_open(void **state)
{
	gate_policy();
	put_packet(TO_SERVER, LAB_SYN, 5000, 0);
	assert_int_equal(core_io()->verdict, CORE_DROP);
	denied(REASON_DEVICE_INITIATED, CORE_ACTION_DROPPED);
	SAY(read_1);
	from_server(1001, 5001);
	assert_int_equal(core_io()->verdict, CORE_DROP);
	denied(REASON_UNKNOWN_CONNECTION, CORE_ACTION_RESET);
	assert_int_equal(core_io()->made_count, 2);
	put_packet(TO_DEVICE, LAB_RST, 1001, 0);
	held();
	SAY(read_1);
	put_packet(TO_DEVICE, LAB_SYN, 1000, 0);
	assert_int_equal(core_io()->verdict, CORE_DROP);
	denied(REASON_MALFORMED_PACKET, CORE_ACTION_DROPPED);
}

static void test_the_device_refuses(void **state)
{
	gate_policy();
	put_packet(TO_DEVICE, LAB_SYN, 1000, 0);
	put_packet(TO_SERVER, LAB_RST | LAB_ACK, 0, 1002); /* not of this SYN */
	held();
	put_packet(TO_SERVER, LAB_RST | LAB_ACK, 0, 1001);
	assert_int_not_equal(core_io()->verdict, CORE_DROP);
	recorded(CORE_EVENT_CLOSED, REASON_NONE, CORE_ACTION_NONE);
}

static void close_both_sides(void)
{
	put_packet(TO_DEVICE, LAB_FIN | LAB_ACK, 1001, 5001);
	passed(1001, 5001, NULL, 0);
	put_packet(TO_SERVER, LAB_FIN | LAB_ACK, 5001, 1002);
	passed(5001, 1002, NULL, 0);
	from_server(1002, 5002);
	passed(1002, 5002, NULL, 0);
}

static void test_closed_and_opened_again(void **state)
{
	gate_start();
	close_both_sides();
	put_packet(TO_DEVICE, LAB_SYN, 9000, 0);
	passed(9000, 0, NULL, 0);
	put_packet(TO_SERVER, LAB_SYN | LAB_ACK, 7000, 9001);
	passed(7000, 9001, NULL, 0);
	recorded(CORE_EVENT_OPENED, REASON_NONE, CORE_ACTION_NONE);
	SAY(read_1);
	from_server(9001, 7001);
	PASSED(9001, 7001, read_1);
}

/* Data behind a FIN is not the same stream any more. */
static void test_data_behind_a_fin(void **state)
{
	gate_start();
	put_packet(TO_DEVICE, LAB_FIN | LAB_ACK, 1001, 5001);
	SAY(read_1);
	from_server(1001, 5001);
	assert_int_equal(core_io()->verdict, CORE_DROP);
	denied(REASON_INCONSISTENT_RETRANSMISSION, CORE_ACTION_RESET);
}

/* The FIN may be lost behind the gate: a byte with its number would be one that nobody inspected. */
static void test_data_in_place_of_a_fin(void **state)
{
	const uint8_t write_255[] = { 0, 1, 0, 0, 0, 6, 1, 6, 0, 120, 5, 255 }; /* 1535: too much */

	gate_start();
	say(write_255, 11);
	put_packet(TO_DEVICE, LAB_FIN | LAB_ACK | LAB_PSH, 1001, 5001);
	passed(1001, 5001, write_255, 11);
	put_packet(TO_DEVICE, LAB_FIN | LAB_ACK, 1012, 5001); /* the FIN again */
	passed(1012, 5001, NULL, 0);
	say(write_255 + 11, 1);
	from_server(1012, 5001);
	assert_int_equal(core_io()->verdict, CORE_DROP);
	denied(REASON_INCONSISTENT_RETRANSMISSION, CORE_ACTION_RESET);
}

static void test_another_end(void **state)
{
	gate_start();
	SAY(read_1);
	put_packet(TO_DEVICE, LAB_FIN | LAB_ACK | LAB_PSH, 1001, 5001);
	PASSED(1001, 5001, read_1);
	say(read_1, 11);
	put_packet(TO_DEVICE, LAB_FIN | LAB_ACK | LAB_PSH, 1001, 5001);
	assert_int_equal(core_io()->verdict, CORE_DROP);
	denied(REASON_INCONSISTENT_RETRANSMISSION, CORE_ACTION_RESET);
	/* A probe behind an acknowledged FIN is honest, whatever its byte. */
	gate_start();
	close_both_sides();
	say(read_2, 1);
	from_server(1001, 5002);
	assert_int_not_equal(core_io()->verdict, CORE_DROP);
	assert_int_equal(core_io()->event_count, 0);
}

static void test_a_fin_with_a_denied_request(void **state)
{
	gate_start();
	SAY(bad);
	put_packet(TO_DEVICE, LAB_FIN | LAB_ACK | LAB_PSH, 1001, 5001);
	passed(1001, 5001, NULL, 0);
	assert_int_equal(core_io()->packet[33] & LAB_FIN, LAB_FIN);
	denied(REASON_ADDRESS_NOT_ALLOWED, CORE_ACTION_REPLIED);
	assert_int_equal(core_io()->made_count, 1);
	/* The device has the FIN alone: 1002 to it is 1014 to the server. */
	put_packet(TO_SERVER, LAB_ACK, 5001, 1002);
	passed(5010, 1014, NULL, 0);
}

static void test_resets(void **state)
{
	gate_start();
	put_packet(TO_DEVICE, LAB_RST, 1001, 0);
	assert_int_not_equal(core_io()->verdict, CORE_DROP);
	recorded(CORE_EVENT_CLOSED, REASON_NONE, CORE_ACTION_NONE);
	put_packet(TO_DEVICE, LAB_SYN, 9000, 0);
	passed(9000, 0, NULL, 0);
	gate_start();
	/* Far from what is expected: nobody would believe it. */
	put_packet(TO_DEVICE, LAB_RST, 1001 + 0x60000000u, 0);
	held();
	SAY(read_1);
	from_server(1001, 5001);
	PASSED(1001, 5001, read_1);
}

/* Only the device knows whether a SYN on a live connection begins another one. */
static void test_syn_on_a_live_connection(void **state)
{
	gate_start();
	put_packet(TO_DEVICE, LAB_SYN, 9000, 0);
	passed(9000, 0, NULL, 0);
	from_device(5001, 1001); /* "I know this one": it goes on */
	passed(5001, 1001, NULL, 0);
	SAY(read_1);
	from_server(1001, 5001);
	PASSED(1001, 5001, read_1);
	put_packet(TO_DEVICE, LAB_SYN, 9000, 0);
	put_packet(TO_SERVER, LAB_SYN | LAB_ACK, 7000, 9001);
	passed(7000, 9001, NULL, 0);
	recorded(CORE_EVENT_OPENED, REASON_NONE, CORE_ACTION_NONE);
	/* What was asked on the old one is forgotten. */
	SAY(answer_1);
	from_device(7001, 9001);
	denied(REASON_UNEXPECTED_REPLY, CORE_ACTION_DROPPED);
}

/* ---- retransmissions -------------------------------------------------------------- */

static void test_repeated_truly_or_not(void **state)
{
	gate_start();
	SAY(read_1);
	from_server(1001, 5001);
	SAY(read_1);
	from_server(1001, 5001);
	PASSED(1001, 5001, read_1);
	assert_int_equal(core_totals()->requests_allowed, 1);
	SAY(read_2);
	from_server(1001, 5001);
	assert_int_equal(core_io()->verdict, CORE_DROP);
	denied(REASON_INCONSISTENT_RETRANSMISSION, CORE_ACTION_RESET);
	both_reset(0, 5001, 1013, 1013, 5001);
}

static void test_a_gap_waits(void **state)
{
	gate_start();
	SAY(read_2);
	from_server(1013, 5001);
	held();
	SAY(read_1);
	SAY(read_2);
	from_server(1001, 5001);
	assert_int_not_equal(core_io()->verdict, CORE_DROP);
	assert_int_equal(core_totals()->requests_allowed, 2);
}

/* ---- translation -------------------------------------------------------------- */

static void add_sack(uint32_t left, uint32_t right)
{
	const uint8_t head[] = { 1, 1, 5, 10 };

	memcpy(options, head, 4);
	lab_put32(options + 4, left);
	lab_put32(options + 8, right);
	options_length = 12;
}

static void test_sack(void **state)
{
	gate_start();
	SAY(bad);
	from_server(1001, 5001);
	SAY(read_1);
	from_server(1013, 5010);
	PASSED(1001, 5001, read_1);
	SAY(read_2);
	from_server(1025, 5010);
	PASSED(1013, 5001, read_2);
	/* The device has the second alone, which it calls 1013-1024. */
	add_sack(1013, 1025);
	from_device(5001, 1001);
	passed(5010, 1013, NULL, 0);
	assert_int_equal(lab_get32(core_io()->packet + 44), 1025);
	assert_int_equal(lab_get32(core_io()->packet + 48), 1037);
	/* Of what was never sent: the option goes, the acknowledgement stays. */
	add_sack(1013, 1026);
	from_device(5001, 1001);
	passed(5010, 1013, NULL, 0);
	for (unsigned i = 40; i < 52; i++)
		assert_int_equal(core_io()->packet[i], 1);
}

static void add_timestamps(uint32_t value, uint32_t echo)
{
	const uint8_t head[] = { 1, 1, 8, 10 };

	memcpy(options, head, 4);
	lab_put32(options + 4, value);
	lab_put32(options + 8, echo);
	options_length = 12;
}

static void test_timestamps(void **state)
{
	const struct core_made *m = &core_io()->made[0];

	gate_policy();
	add_timestamps(100, 0);
	put_packet(TO_DEVICE, LAB_SYN, 1000, 0);
	add_timestamps(900, 100);
	put_packet(TO_SERVER, LAB_SYN | LAB_ACK, 5000, 1001);
	passed(5000, 1001, NULL, 0);
	assert_int_equal(lab_get32(core_io()->packet + 44), 900);
	add_timestamps(150, 900);
	SAY(bad);
	from_server(1001, 5001);
	/* In the device's name: its clock, the server's echoed. */
	MADE(0, TO_SERVER, 5001, 1013, bad_exception);
	assert_int_equal(m->length, 61);
	assert_memory_equal(m->bytes + 40, "\1\1\10\12", 4);
	assert_int_equal(lab_get32(m->bytes + 44), 900);
	assert_int_equal(lab_get32(m->bytes + 48), 150);
	add_timestamps(200, 900);
	SAY(read_1);
	from_server(1013, 5010);
	PASSED(1001, 5001, read_1);
	assert_int_equal(lab_get32(core_io()->packet + 44), 200);
}

static void test_ipv6(void **state)
{
	const uint8_t server[16] = { 0xfd, [15] = 1 }, device[16] = { 0xfd, [15] = 2 };
	const struct core_made *m = &core_io()->made[0];

	policy.conduits[0].family = 6;
	memcpy(policy.conduits[0].server, server, 16);
	memcpy(policy.conduits[0].device, device, 16);
	gate_start();
	SAY(bad);
	from_server(1001, 5001);
	MADE(0, TO_SERVER, 5001, 1013, bad_exception);
	assert_memory_equal(m->bytes + 8, device, 16);
	assert_memory_equal(m->bytes + 24, server, 16);
	assert_memory_equal(m->bytes + 40, "\1\366\303\120", 4); /* ports 502, 50000 */
	SAY(read_1);
	from_server(1013, 5010);
	PASSED(1001, 5001, read_1);
}

/* ---- the gate's own bytes -------------------------------------------------------------- */

static void tick_after(uint64_t nanoseconds)
{
	core_io()->now += nanoseconds;
	core_tick();
	assert_int_equal(core_io()->more, 0);
}

static void test_own_bytes_are_sent_again(void **state)
{
	gate_start();
	SAY(bad);
	from_server(1001, 5001);
	tick_after(LAB_SECOND / 5 - 1);
	assert_int_equal(core_io()->made_count, 0);
	tick_after(1);
	assert_int_equal(core_io()->made_count, 1);
	MADE(0, TO_SERVER, 5001, 1013, bad_exception);
	tick_after(2 * LAB_SECOND / 5 - 1);
	assert_int_equal(core_io()->made_count, 0);
	tick_after(1);
	MADE(0, TO_SERVER, 5001, 1013, bad_exception);
	from_server(1013, 5010);
	tick_after(10 * LAB_SECOND);
	assert_int_equal(core_io()->made_count, 0);
	assert_int_equal(core_io()->event_count, 0);
}

static void test_own_bytes_are_given_up(void **state)
{
	gate_start();
	SAY(bad);
	from_server(1001, 5001);
	for (unsigned i = 0; i < 8; i++) {
		tick_after(100 * LAB_SECOND);
		assert_int_equal(core_io()->made_count, 1);
		MADE(0, TO_SERVER, 5001, 1013, bad_exception);
	}
	tick_after(100 * LAB_SECOND);
	recorded(CORE_EVENT_CLOSED, REASON_NONE, CORE_ACTION_RESET);
	both_reset(0, 5010, 1013, 1001, 5001);
}

/* An error waits a second for older requests, not longer. */
static void test_error_does_not_wait_for_ever(void **state)
{
	gate_start();
	SAY(read_1);
	SAY(bad);
	from_server(1001, 5001);
	tick_after(LAB_SECOND - 1);
	assert_int_equal(core_io()->made_count, 0);
	tick_after(1);
	assert_int_equal(core_io()->made_count, 1);
	MADE(0, TO_SERVER, 5001, 1001, bad_exception);
}

/* ---- limits -------------------------------------------------------------- */

static void test_connection_limit(void **state)
{
	policy.conduits[0].max_connections = 1;
	gate_start();
	server_port = 50001;
	put_packet(TO_DEVICE, LAB_SYN, 1000, 0);
	assert_int_equal(core_io()->verdict, CORE_DROP);
	denied(REASON_CONNECTIONS_EXCEEDED, CORE_ACTION_DROPPED);
	server_port = 50000;
	close_both_sides();
	server_port = 50001;
	gate_open();
}

static void test_full_table(void **state)
{
	gate_start();
	for (unsigned i = 1; i < CORE_FLOWS_MAX; i++) {
		server_port = (uint16_t)(10000 + i);
		gate_open();
	}
	server_port = 9999;
	put_packet(TO_DEVICE, LAB_SYN, 1000, 0);
	assert_int_equal(core_io()->verdict, CORE_DROP);
	denied(REASON_FLOWS_EXHAUSTED, CORE_ACTION_DROPPED);
	server_port = 50000; /* who was there first works on */
	SAY(read_1);
	from_server(1001, 5001);
	PASSED(1001, 5001, read_1);
	/* One that has ended makes room. */
	put_packet(TO_DEVICE, LAB_RST, 1013, 0);
	recorded(CORE_EVENT_CLOSED, REASON_NONE, CORE_ACTION_NONE);
	tick_after(11 * LAB_SECOND);
	assert_int_equal(core_totals()->flows_now, CORE_FLOWS_MAX - 1);
	server_port = 9999;
	gate_open();
}

/* ---- another policy -------------------------------------------------------------- */

static void load_policy(void)
{
	memcpy(core_program_area(), &policy, sizeof(policy));
	assert_int_equal(core_program_load(sizeof(policy)), 1);
	core_sweep();
	assert_int_equal(core_io()->more, 0);
}

static void test_revoked(void **state)
{
	gate_start();
	policy.header.conduits.count = 0;
	policy.index[1] = 0;
	load_policy();
	recorded(CORE_EVENT_CLOSED, REASON_REVOKED, CORE_ACTION_RESET);
	both_reset(0, 5001, 1001, 1001, 5001);
	SAY(read_1);
	from_server(1001, 5001);
	assert_int_equal(core_io()->verdict, CORE_DROP);
	denied(REASON_NO_RULE, CORE_ACTION_DROPPED);
}

/* The number went to another device: the connection is not that one's. */
static void test_number_of_another_conduit(void **state)
{
	gate_start();
	policy.conduits[0].device[3] = 9;
	load_policy();
	recorded(CORE_EVENT_CLOSED, REASON_REVOKED, CORE_ACTION_RESET);
	assert_int_equal(core_io()->made_count, 2);
}

static void test_kept_connection_meets_the_new_rules(void **state)
{
	gate_start();
	SAY(read_1);
	from_server(1001, 5001);
	policy.ranges[0] = (struct program_range){ 6, 6 };
	load_policy();
	assert_int_equal(core_io()->made_count, 0);
	assert_int_equal(core_io()->event_count, 0);
	SAY(answer_1); /* to what was asked under the old rules */
	from_device(5001, 1013);
	PASSED(5001, 1013, answer_1);
	SAY(read_2);
	from_server(1013, 5012);
	PASSED(1013, 5012, read_2);
	SAY(read_1);
	from_server(1025, 5012);
	denied(REASON_ADDRESS_NOT_ALLOWED, CORE_ACTION_REPLIED);
}

static void test_counts_stay_with_their_rule(void **state)
{
	struct program_rule first;

	policy.rules[0].key = 70;
	policy.rules[1].key = 80;
	gate_start();
	SAY(read_1);
	SAY(read_2);
	SAY(bad);
	from_server(1001, 5001);
	assert_int_equal(core_totals()->rules[0].allowed, 2);
	assert_int_equal(core_totals()->rules[1].denied, 1);
	first = policy.rules[0];
	policy.rules[0] = policy.rules[1];
	policy.rules[1] = first;
	load_policy();
	assert_int_equal(core_totals()->rules[1].allowed, 2);
	assert_int_equal(core_totals()->rules[1].denied, 0);
	assert_int_equal(core_totals()->rules[0].allowed, 0);
	assert_int_equal(core_totals()->rules[0].denied, 1);
	policy.rules[1].key = 90; /* another rule in its place: nothing counted yet */
	load_policy();
	assert_int_equal(core_totals()->rules[1].allowed, 0);
}

static void test_refused_program_changes_nothing(void **state)
{
	gate_start();
	policy.header.version++;
	memcpy(core_program_area(), &policy, sizeof(policy));
	assert_int_equal(core_program_load(sizeof(policy)), 0);
	SAY(read_1);
	from_server(1001, 5001);
	PASSED(1001, 5001, read_1);
}

static void test_a_device_that_still_waits_to_be_acknowledged(void **state)
{
	gate_start();
	SAY(bad);
	from_server(1001, 5001);
	MADE(0, TO_SERVER, 5001, 1013, bad_exception);
	/* Its queue was full: it says once more that the connection is open. */
	put_packet(TO_SERVER, LAB_SYN | LAB_ACK, 5000, 1001);
	assert_int_equal(core_io()->verdict, CORE_DROP);
	assert_int_equal(core_io()->event_count, 0);
	assert_int_equal(core_io()->made_count, 1);
	made(0, TO_DEVICE, LAB_ACK, 1001, 5001, NULL, 0);
	/* Without an answer of the gate between them, the server is told. */
	server_port = 50001;
	gate_open();
	put_packet(TO_SERVER, LAB_SYN | LAB_ACK, 5000, 1001);
	passed(5000, 1001, NULL, 0);
	assert_int_equal(core_io()->made_count, 0);
}

#define TEST(f) cmocka_unit_test_setup(f, policy_of_the_lab)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_who_may_open),
		TEST(test_the_device_refuses),
		TEST(test_closed_and_opened_again),
		TEST(test_a_device_that_still_waits_to_be_acknowledged),
		TEST(test_data_behind_a_fin),
		TEST(test_data_in_place_of_a_fin),
		TEST(test_another_end),
		TEST(test_a_fin_with_a_denied_request),
		TEST(test_resets),
		TEST(test_syn_on_a_live_connection),
		TEST(test_repeated_truly_or_not),
		TEST(test_a_gap_waits),
		TEST(test_sack),
		TEST(test_timestamps),
		TEST(test_ipv6),
		TEST(test_own_bytes_are_sent_again),
		TEST(test_own_bytes_are_given_up),
		TEST(test_error_does_not_wait_for_ever),
		TEST(test_connection_limit),
		TEST(test_full_table),
		TEST(test_revoked),
		TEST(test_number_of_another_conduit),
		TEST(test_kept_connection_meets_the_new_rules),
		TEST(test_counts_stay_with_their_rule),
		TEST(test_refused_program_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

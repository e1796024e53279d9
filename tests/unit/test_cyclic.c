/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cyclic connections through the core: what a Forward Open negotiated is what UDP 2222 carries, and nothing else. */
#include "lab_cyclic.h"

/* ---- what passes ---------------------------------------------------------------------------------------- */

static void test_both_directions(void **state)
{
	start_io();
	assert_int_equal(core_totals()->cyclics_now, 1);
	passes(TO_SERVER, OWNER_T_O, 1, INPUT_BYTES);
	passes(TO_DEVICE, DEVICE_ID, 1, OUTPUT_BYTES);
	passes(TO_DEVICE, DEVICE_ID, 2, OUTPUT_BYTES);
	passes(TO_DEVICE, DEVICE_ID, 7, 2); /* idle: no data */
	passes(TO_SERVER, OWNER_T_O, 2, INPUT_BYTES);
}

static void test_ipv6(void **state)
{
	policy.conduits[0].family = 6;
	start_io();
	passes(TO_SERVER, OWNER_T_O, 1, INPUT_BYTES);
	passes(TO_DEVICE, DEVICE_ID, 1, OUTPUT_BYTES);
}

static void test_class_0_has_no_count(void **state)
{
	good.transport = 0;
	good.o_t = POINT_TO_POINT | 36;
	good.t_o = POINT_TO_POINT | 32;
	start_io();
	passes(TO_DEVICE, DEVICE_ID, 1, 36);
	passes(TO_DEVICE, DEVICE_ID, 2, 0);
	dropped(TO_DEVICE, DEVICE_ID, 3, OUTPUT_BYTES, REASON_SIZE_MISMATCH);
}

static void test_who_only_listens(void **state)
{
	start_io();
	passes(TO_SERVER, OWNER_T_O, 1, INPUT_BYTES);
	passes(TO_DEVICE, DEVICE_ID, 1, 2);
	dropped(TO_DEVICE, DEVICE_ID, 2, OUTPUT_BYTES, REASON_SIZE_MISMATCH);
}

static void test_variable_sizes(void **state)
{
	good.o_t |= VARIABLE;
	start_io();
	passes(TO_DEVICE, DEVICE_ID, 1, 3);
	passes(TO_DEVICE, DEVICE_ID, 2, OUTPUT_BYTES);
	dropped(TO_DEVICE, DEVICE_ID, 3, OUTPUT_BYTES + 1, REASON_SIZE_MISMATCH);
	dropped(TO_DEVICE, DEVICE_ID, 3, 1, REASON_SIZE_MISMATCH);
}

/* The session is not what holds it: many devices keep it, and stopping it would stop production. */
static void test_it_outlives_its_session(void **state)
{
	start_io();
	passes(TO_DEVICE, DEVICE_ID, 1, OUTPUT_BYTES);
	put_packet(TO_DEVICE, LAB_RST, server_next, 0);
	core_io()->now += PATIENCE / 2;
	core_tick();
	passes(TO_DEVICE, DEVICE_ID, 2, OUTPUT_BYTES);
	passes(TO_SERVER, OWNER_T_O, 1, INPUT_BYTES);
}

/* ---- what is opened ------------------------------------------------------------------------------------- */

static void test_not_as_the_rule_says(void **state)
{
	struct wanted w;

	start_session();
#define BUT(...) (w = good, __VA_ARGS__, &w)
	open_refused(BUT(w.t_o = MULTICAST | INPUT_BYTES), REASON_MULTICAST);
	open_refused(BUT(w.o_t = MULTICAST | OUTPUT_BYTES), REASON_MULTICAST);
	open_refused(BUT(w.o_t = 0, w.t_o = 0), REASON_CONNECTION_NOT_ALLOWED);
	open_refused(BUT(w.t_o = INPUT_BYTES), REASON_CONNECTION_NOT_ALLOWED);
	open_refused(BUT(w.o_t |= REDUNDANT), REASON_CONNECTION_NOT_ALLOWED);
	open_refused(BUT(w.o_t = POINT_TO_POINT | 2), REASON_CONNECTION_NOT_ALLOWED); /* owns nothing */
	open_refused(BUT(w.transport = 2), REASON_CONNECTION_NOT_ALLOWED);
	open_refused(BUT(w.o_t_rpi = 9999), REASON_INTERVAL_NOT_ALLOWED);
	open_refused(BUT(w.t_o_rpi = 9999), REASON_INTERVAL_NOT_ALLOWED);
	open_refused(BUT(w.t_o_rpi = 0), REASON_INTERVAL_NOT_ALLOWED);
	open_refused(BUT(w.t_o = POINT_TO_POINT | 1), REASON_SIZE_MISMATCH);
	open_refused(BUT(w.path = "\x20\x04\x24\x97\x2c\x96\x2c\x65"), REASON_OBJECT_NOT_ALLOWED);
	open_refused(BUT(w.path = "\x20\x04\x24\x98\x2c\x96\x2c\x64"), REASON_OBJECT_NOT_ALLOWED);
	open_refused(BUT(w.path = "\x20\x05\x24\x97\x2c\x96\x2c\x64"), REASON_CONNECTION_NOT_ALLOWED);
	w = good;
	w = (struct wanted){ .t_o_id = w.t_o_id, .serial = w.serial, .o_t_rpi = RPI, .t_o_rpi = RPI, .o_t = w.o_t,
			     .t_o = w.t_o, .transport = 1, PATH("\x01\x02" IO_PATH) };
	open_refused(&w, REASON_ROUTE_NOT_ALLOWED);
	assert_int_equal(core_totals()->cyclics_now, 0);
	opens(&good, DEVICE_ID);
	passes(TO_DEVICE, DEVICE_ID, 1, OUTPUT_BYTES);
}

static void test_who_listens_sets_nothing(void **state)
{
	struct wanted w = good;

	start_session();
	w.o_t = POINT_TO_POINT | 3;
	open_refused(&w, REASON_CONNECTION_NOT_ALLOWED);
	w = (struct wanted){ .t_o_id = 1, .serial = 1, .o_t_rpi = RPI, .t_o_rpi = RPI, .o_t = good.o_t,
			     .t_o = good.t_o, .transport = 1,
			     PATH("\x20\x04\x24\x97\x2c\x98\x2c\x64\x80\x01\x01\x02") };
	open_refused(&w, REASON_CONNECTION_NOT_ALLOWED); /* a configuration */
	opens(&good, DEVICE_ID);
}

/* By slot 0, with a key in front, a least time between packets, and a configuration behind. */
static void test_longer_paths(void **state)
{
	static const char path[] = "\x01\0\x34\x04\0\0\0\0\0\0\0\0\x43\x01" IO_PATH "\x80\x01\x01\x02";
	static const char twice[] = "\x43\x01\x43\x01" IO_PATH, behind[] = IO_PATH "\x2c\x64";
	struct wanted w = good;

	good.path = path;
	good.path_length = sizeof(path) - 1;
	start_io();
	w.serial = w.t_o_id = 2;
	w.path = twice;
	w.path_length = sizeof(twice) - 1;
	open_refused(&w, REASON_CONNECTION_NOT_ALLOWED);
	w.path = behind;
	w.path_length = sizeof(behind) - 1;
	open_refused(&w, REASON_CONNECTION_NOT_ALLOWED); /* more than three */
	passes(TO_DEVICE, DEVICE_ID, 1, OUTPUT_BYTES);
}

static void test_where_packets_go(void **state)
{
	struct wanted w = good;
	struct lab_bytes answer;

	start_session();
	w.socket = 0x0a010002;
	w.socket_port = 2223;
	open_refused(&w, REASON_CONNECTION_NOT_ALLOWED);
	w.socket = 0xefc00001;
	w.socket_port = IO_PORT;
	open_refused(&w, REASON_CONNECTION_NOT_ALLOWED);
	w.socket = 0x0a010002;
	opens(&w, DEVICE_ID);
	w.serial = good.serial = 2;
	w.t_o_id = good.t_o_id = 2;
	request_passes(open_message(&w));
	answer = opened_with(&w, 2, 2);
	answer = message(&answer, 0x0a090909, IO_PORT, 1);
	device_says(&answer);
	denied(REASON_REPLY_MISMATCH, CORE_ACTION_RESET);
	dropped(TO_DEVICE, 2, 1, OUTPUT_BYTES, REASON_CONNECTION_NOT_ALLOWED);
	passes(TO_DEVICE, DEVICE_ID, 1, OUTPUT_BYTES);
}

static void test_an_answer_with_another_id(void **state)
{
	struct lab_bytes answer = opened_with(&good, DEVICE_ID, OWNER_T_O + 1);

	start_session();
	request_passes(open_message(&good));
	answer = message(&answer, 0, 0, 1);
	device_says(&answer);
	denied(REASON_REPLY_MISMATCH, CORE_ACTION_RESET);
	dropped(TO_SERVER, OWNER_T_O + 1, 1, INPUT_BYTES, REASON_CONNECTION_NOT_ALLOWED);
}

static void test_refused_by_the_device(void **state)
{
	static const char no[] = "\xd4\0\x01\x01\x06\x01\x01\x01\xad\x0b\x0d\xf0\x0d\x60\x04\0";

	start_session();
	request_passes(open_message(&good));
	reply_passes(RR(1, no));
	dropped(TO_SERVER, OWNER_T_O, 1, INPUT_BYTES, REASON_CONNECTION_NOT_ALLOWED);
	assert_int_equal(core_totals()->cyclics_now, 0);
}

/* The same Forward Open again: the device decides, and what it keeps is kept. */
static void test_replayed_opening(void **state)
{
	static const char no[] = "\xd4\0\x01\x01\0\x01\x01\x01\xad\x0b\x0d\xf0\x0d\x60\x04\0";

	start_io();
	passes(TO_DEVICE, DEVICE_ID, 1, OUTPUT_BYTES);
	request_passes(open_message(&good));
	passes(TO_SERVER, OWNER_T_O, 1, INPUT_BYTES);
	reply_passes(RR(1, no));
	from_server(server_next, at_server);
	passes(TO_DEVICE, DEVICE_ID, 2, OUTPUT_BYTES);
	passes(TO_SERVER, OWNER_T_O, 2, INPUT_BYTES);
	opens(&good, DEVICE_ID + 1); /* it had forgotten the old one */
	dropped(TO_DEVICE, DEVICE_ID, 3, OUTPUT_BYTES, REASON_CONNECTION_NOT_ALLOWED);
	passes(TO_DEVICE, DEVICE_ID + 1, 1, OUTPUT_BYTES);
	passes(TO_SERVER, OWNER_T_O, 1, INPUT_BYTES);
	assert_int_equal(core_totals()->cyclics_now, 1);
}

static void test_another_with_the_same_id(void **state)
{
	struct wanted w = good;

	start_io();
	w.serial++;
	open_refused(&w, REASON_CONNECTION_NOT_ALLOWED);
	w.t_o_id++;
	opens(&w, DEVICE_ID + 1);
	passes(TO_DEVICE, DEVICE_ID, 1, OUTPUT_BYTES);
	passes(TO_DEVICE, DEVICE_ID + 1, 1, OUTPUT_BYTES);
	assert_int_equal(core_totals()->cyclics_now, 2);
}

static void test_a_conduit_has_128(void **state)
{
	struct wanted w = good;

	start_session();
	for (unsigned i = 0; i < 128; i++) {
		w.serial = w.t_o_id = 1 + i;
		opens(&w, 1000 + i);
	}
	w.serial = w.t_o_id = 500;
	refused(open_message(&w), REASON_CONNECTIONS_EXCEEDED, RR(1, "\xd4\0\x02\0"));
	for (unsigned i = 0; i < 128; i++)
		passes(TO_DEVICE, 1000 + i, 1, OUTPUT_BYTES);
	request_passes(CLOSE(7, IO_PATH));
	reply_passes(CLOSED(7));
	from_server(server_next, at_server);
	opens(&w, 2000);
}

/* ---- what does not pass --------------------------------------------------------------------------------- */

static void test_forged(void **state)
{
	struct lab_bytes m = lab_cyclic(DEVICE_ID, 1, OUTPUT_BYTES);

	start_io();
	dropped(TO_DEVICE, DEVICE_ID + 1, 1, OUTPUT_BYTES, REASON_CONNECTION_NOT_ALLOWED);
	dropped(TO_DEVICE, OWNER_T_O, 1, OUTPUT_BYTES, REASON_CONNECTION_NOT_ALLOWED); /* of the other direction */
	dropped(TO_SERVER, DEVICE_ID, 1, INPUT_BYTES, REASON_CONNECTION_NOT_ALLOWED);
	dropped(TO_DEVICE, DEVICE_ID, 1, OUTPUT_BYTES + 1, REASON_SIZE_MISMATCH);
	dropped(TO_DEVICE, DEVICE_ID, 1, OUTPUT_BYTES - 1, REASON_SIZE_MISMATCH);
	m.n--;
	drops(TO_DEVICE, m, REASON_MALFORMED_FRAME);
	m.n += 2;
	drops(TO_DEVICE, m, REASON_TRAILING_BYTES);
	m.n--;
	m.b[0] = 3;
	drops(TO_DEVICE, m, REASON_MALFORMED_FRAME);
	passes(TO_DEVICE, DEVICE_ID, 1, OUTPUT_BYTES);
}

static void test_from_elsewhere(void **state)
{
	struct lab_bytes m = lab_cyclic(DEVICE_ID, 1, OUTPUT_BYTES);
	size_t length;

	start_io();
	length = put_udp(TO_DEVICE, 2000, IO_PORT, &m, core_io()->packet);
	core_io()->packet[15] ^= 1;
	lab_put16(core_io()->packet + 10, 0);
	lab_put16(core_io()->packet + 10, lab_checksum(0, core_io()->packet, 20));
	close_udp(core_io()->packet, length);
	decide_udp(length);
	denied(REASON_NO_RULE, CORE_ACTION_DROPPED);
	decide_udp(put_udp(TO_DEVICE, IO_PORT, 2223, &m, core_io()->packet)); /* the kernel's key is the port of either */
	denied(REASON_NO_RULE, CORE_ACTION_DROPPED);
}

static void test_old_packets(void **state)
{
	start_io();
	passes(TO_DEVICE, DEVICE_ID, 0xfffffffe, OUTPUT_BYTES);
	dropped(TO_DEVICE, DEVICE_ID, 0xfffffffe, OUTPUT_BYTES, REASON_OLD_SEQUENCE);
	passes(TO_DEVICE, DEVICE_ID, 1, OUTPUT_BYTES);
	dropped(TO_DEVICE, DEVICE_ID, 0xffffffff, OUTPUT_BYTES, REASON_OLD_SEQUENCE);
	passes(TO_DEVICE, DEVICE_ID, 2, OUTPUT_BYTES);
}

static void test_before_the_answer(void **state)
{
	start_session();
	dropped(TO_SERVER, OWNER_T_O, 1, INPUT_BYTES, REASON_CONNECTION_NOT_ALLOWED);
	request_passes(open_message(&good));
	dropped_quietly(TO_SERVER, OWNER_T_O, 1, INPUT_BYTES);
	dropped(TO_DEVICE, DEVICE_ID, 1, OUTPUT_BYTES, REASON_CONNECTION_NOT_ALLOWED);
	reply_passes(opened_message(&good, DEVICE_ID));
	passes(TO_SERVER, OWNER_T_O, 2, INPUT_BYTES);
	passes(TO_DEVICE, DEVICE_ID, 1, OUTPUT_BYTES);
}

static void test_after_closing(void **state)
{
	start_io();
	refused(CLOSE(0x102, IO_PATH), REASON_CONNECTION_NOT_ALLOWED, RR(2, "\xce\0\x0f\0"));
	refused(CLOSE(0x101, "\x01\0" IO_PATH), REASON_CONNECTION_NOT_ALLOWED, RR(2, "\xce\0\x0f\0"));
	request_passes(CLOSE(0x101, IO_PATH));
	passes(TO_DEVICE, DEVICE_ID, 1, OUTPUT_BYTES);
	reply_passes(CLOSED(0x101));
	from_server(server_next, at_server);
	assert_int_equal(core_totals()->cyclics_now, 0);
	dropped_quietly(TO_SERVER, OWNER_T_O, 1, INPUT_BYTES); /* it was under way */
	dropped(TO_DEVICE, DEVICE_ID, 2, OUTPUT_BYTES, REASON_CONNECTION_NOT_ALLOWED);
	told(CORE_EVENT_CLOSED, REASON_NONE);
	core_io()->now += LAB_SECOND;
	dropped(TO_SERVER, OWNER_T_O, 2, INPUT_BYTES, REASON_CONNECTION_NOT_ALLOWED);
	request_passes(CLOSE(0x101, "\x20\x02\x24\x01")); /* clients close twice, and name the router */
}

static void test_a_refused_closing_closes_nothing(void **state)
{
	start_io();
	request_passes(CLOSE(0x101, IO_PATH));
	reply_passes(RR(2, "\xce\0\x01\x01\x07\x01"));
	from_server(server_next, at_server);
	passes(TO_DEVICE, DEVICE_ID, 1, OUTPUT_BYTES);
}

static void test_time_out(void **state)
{
	start_io();
	core_io()->now += 10 * LAB_SECOND; /* the first packet may take so long */
	passes(TO_SERVER, OWNER_T_O, 1, INPUT_BYTES);
	passes(TO_DEVICE, DEVICE_ID, 1, OUTPUT_BYTES);
	core_io()->now += PATIENCE + GRACE;
	passes(TO_SERVER, OWNER_T_O, 2, INPUT_BYTES);
	core_io()->now += 1;
	dropped(TO_DEVICE, DEVICE_ID, 2, OUTPUT_BYTES, REASON_TIMED_OUT);
	dropped(TO_SERVER, OWNER_T_O, 3, INPUT_BYTES, REASON_TIMED_OUT);
	told(CORE_EVENT_CLOSED, REASON_TIMED_OUT);
	assert_int_equal(core_totals()->cyclics_now, 0);
}

static void test_silence_of_the_device(void **state)
{
	start_io();
	passes(TO_SERVER, OWNER_T_O, 1, INPUT_BYTES);
	core_io()->now += PATIENCE;
	passes(TO_DEVICE, DEVICE_ID, 1, OUTPUT_BYTES);
	core_io()->now += GRACE + 1;
	core_tick();
	recorded(CORE_EVENT_CLOSED, REASON_TIMED_OUT, CORE_ACTION_NONE);
	dropped(TO_DEVICE, DEVICE_ID, 2, OUTPUT_BYTES, REASON_TIMED_OUT);
}

static void test_no_first_packet(void **state)
{
	start_io();
	core_io()->now += 10 * LAB_SECOND + GRACE + 1;
	dropped(TO_DEVICE, DEVICE_ID, 1, OUTPUT_BYTES, REASON_TIMED_OUT);
}

/* ---- policy --------------------------------------------------------------------------------------------- */

static void swept(enum reason reason)
{
	core_sweep();
	if (reason != REASON_NONE)
		recorded(CORE_EVENT_CLOSED, reason, CORE_ACTION_NONE);
	else
		assert_int_equal(core_io()->event_count, 0);
	assert_int_equal(core_io()->more, 0);
}

static void test_a_reload_that_keeps_it(void **state)
{
	start_io();
	passes(TO_DEVICE, DEVICE_ID, 1, OUTPUT_BYTES);
	policy.cip[3] = policy.cip[2]; /* now another rule's, and the rules have other places */
	policy.cip[2] = policy.cip[0];
	load_again();
	swept(REASON_NONE);
	passes(TO_DEVICE, DEVICE_ID, 2, OUTPUT_BYTES);
}

static void test_a_reload_that_narrows_it(void **state)
{
	start_io();
	policy.cip[2].min_rpi_us = RPI + 1;
	load_again();
	swept(REASON_REVOKED);
	dropped(TO_DEVICE, DEVICE_ID, 1, OUTPUT_BYTES, REASON_REVOKED);
	assert_int_equal(core_totals()->cyclics_now, 0);
}

static void test_a_number_for_other_hosts(void **state)
{
	start_io();
	policy.conduits[0].device[3] = 77;
	load_again();
	core_sweep();
	assert_int_equal(core_io()->event_count, 2); /* the TCP connection, too */
	assert_int_equal(core_io()->events[1].reason, REASON_REVOKED);
	assert_int_equal(core_io()->events[1].connection, DEVICE_ID);
	dropped(TO_DEVICE, DEVICE_ID, 1, OUTPUT_BYTES, REASON_CONNECTION_NOT_ALLOWED);
}

static void test_a_reload_while_it_opens(void **state)
{
	start_session();
	request_passes(open_message(&good));
	policy.cip[2].min_rpi_us = RPI + 1;
	load_again();
	swept(REASON_NONE);
	reply_passes(opened_message(&good, DEVICE_ID));
	dropped(TO_DEVICE, DEVICE_ID, 1, OUTPUT_BYTES, REASON_INTERVAL_NOT_ALLOWED);
}

/* Its rule closes; later another rule of the conduit, which is open, allows the same. */
static void test_closing_hours(void **state)
{
	policy.windows[0] = (struct program_window){ 1800000000 - 60, 1800000000 + 60 };
	policy.rules[0].windows = (struct program_span){ 0, 1 };
	start_io();
	core_io()->wall += 59;
	passes(TO_DEVICE, DEVICE_ID, 1, OUTPUT_BYTES);
	core_io()->wall++;
	dropped(TO_SERVER, OWNER_T_O, 1, INPUT_BYTES, REASON_OUTSIDE_SCHEDULE);
	told(CORE_EVENT_CLOSED, REASON_OUTSIDE_SCHEDULE);
	core_io()->wall--;
	dropped(TO_DEVICE, DEVICE_ID, 2, OUTPUT_BYTES, REASON_OUTSIDE_SCHEDULE); /* over is over */
	policy.cip[3] = policy.cip[2];
	load_again();
	core_sweep();
	good.t_o_id++;
	opens(&good, DEVICE_ID + 1);
	core_io()->wall++;
	passes(TO_DEVICE, DEVICE_ID + 1, 1, OUTPUT_BYTES);
	core_io()->trace = 1;
	send_io(TO_DEVICE, lab_cyclic(DEVICE_ID + 1, 2, OUTPUT_BYTES));
	assert_int_equal(core_io()->events[0].rule, 1);
	core_io()->trace = 0;
}

/* Overdue: what was open goes on, and nothing new begins. */
static void test_overdue_review(void **state)
{
	policy.rules[0].no_new_from = policy.rules[1].no_new_from = 1800000000 + 60;
	start_io();
	core_io()->wall += 60;
	passes(TO_DEVICE, DEVICE_ID, 1, OUTPUT_BYTES);
	load_again();
	swept(REASON_NONE);
	passes(TO_DEVICE, DEVICE_ID, 2, OUTPUT_BYTES);
}

/* The device gives an id twice: it means the new connection by it. */
static void test_an_id_given_twice(void **state)
{
	struct wanted w = good;

	start_io();
	passes(TO_SERVER, OWNER_T_O, 1, INPUT_BYTES);
	w.serial = 2;
	w.t_o_id = 2;
	w.o_t = POINT_TO_POINT | 20;
	opens(&w, DEVICE_ID);
	passes(TO_DEVICE, DEVICE_ID, 1, 20);
	dropped(TO_DEVICE, DEVICE_ID, 2, OUTPUT_BYTES, REASON_SIZE_MISMATCH);
	core_io()->now += LAB_SECOND;
	dropped(TO_SERVER, OWNER_T_O, 2, INPUT_BYTES, REASON_CONNECTION_NOT_ALLOWED);
	assert_int_equal(core_totals()->cyclics_now, 1);
}

static void test_observed(void **state)
{
	policy.conduits[0].mode = PROGRAM_OBSERVE;
	start_session();
	opens(&good, DEVICE_ID);
	passes(TO_DEVICE, DEVICE_ID, 1, OUTPUT_BYTES);
	send_io(TO_DEVICE, lab_cyclic(DEVICE_ID, 2, 3));
	assert_int_equal(core_io()->verdict, CORE_PASS);
	denied(REASON_SIZE_MISMATCH, CORE_ACTION_OBSERVED);
}

#define OWNER(name) cmocka_unit_test_setup(name, policy_with_io)
#define LISTENER(name) cmocka_unit_test_setup(name, policy_input_only)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OWNER(test_both_directions),
		OWNER(test_ipv6),
		OWNER(test_class_0_has_no_count),
		LISTENER(test_who_only_listens),
		OWNER(test_variable_sizes),
		OWNER(test_it_outlives_its_session),
		OWNER(test_not_as_the_rule_says),
		LISTENER(test_who_listens_sets_nothing),
		OWNER(test_longer_paths),
		OWNER(test_where_packets_go),
		OWNER(test_an_answer_with_another_id),
		OWNER(test_refused_by_the_device),
		OWNER(test_replayed_opening),
		OWNER(test_another_with_the_same_id),
		OWNER(test_a_conduit_has_128),
		OWNER(test_forged),
		OWNER(test_from_elsewhere),
		OWNER(test_old_packets),
		OWNER(test_before_the_answer),
		OWNER(test_after_closing),
		OWNER(test_a_refused_closing_closes_nothing),
		OWNER(test_time_out),
		OWNER(test_silence_of_the_device),
		OWNER(test_no_first_packet),
		OWNER(test_a_reload_that_keeps_it),
		OWNER(test_a_reload_that_narrows_it),
		OWNER(test_a_number_for_other_hosts),
		OWNER(test_a_reload_while_it_opens),
		OWNER(test_closing_hours),
		OWNER(test_overdue_review),
		OWNER(test_an_id_given_twice),
		OWNER(test_observed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

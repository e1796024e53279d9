/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What becomes of single messages of a stream: every number and byte below is written by hand. */
#include "lab_gate.h"

/* Holding registers from 5, one; the answer is 42. */
static const uint8_t read_1[] = { 0, 1, 0, 0, 0, 6, 1, 3, 0, 5, 0, 1 };
static const uint8_t answer_1[] = { 0, 1, 0, 0, 0, 5, 1, 3, 2, 0, 42 };
static const uint8_t read_2[] = { 0, 2, 0, 0, 0, 6, 1, 3, 0, 6, 0, 1 };
static const uint8_t answer_2[] = { 0, 2, 0, 0, 0, 5, 1, 3, 2, 0, 43 };
static const uint8_t read_3[] = { 0, 3, 0, 0, 0, 6, 1, 3, 0, 7, 0, 1 };
/* Writes to register 121, which no rule names: illegal data address. */
static const uint8_t bad[] = { 0, 9, 0, 0, 0, 6, 1, 6, 0, 121, 0, 100 };
static const uint8_t bad_exception[] = { 0, 9, 0, 0, 0, 3, 1, 0x86, 2 };
static const uint8_t not_modbus[] = { 0, 9, 0, 5, 0, 6, 1, 3, 0, 5, 0, 1 };

/* ---- on_violation: reply --------------------------------------------------------------------------- */

static void test_reply_to_one_alone(void **state)
{
	gate_start();
	SAY(bad);
	from_server(1001, 5001);
	assert_int_equal(core_io()->verdict, CORE_DROP);
	denied(REASON_ADDRESS_NOT_ALLOWED, CORE_ACTION_REPLIED);
	assert_int_equal(core_io()->made_count, 1);
	MADE(0, TO_SERVER, 5001, 1013, bad_exception);

	/* The connection goes on, with other numbers on either side. */
	SAY(read_1);
	from_server(1013, 5010);
	PASSED(1001, 5001, read_1);
	SAY(answer_1);
	from_device(5001, 1013);
	PASSED(5010, 1025, answer_1);
	from_server(1025, 5021);
	passed(1013, 5012, NULL, 0);
}

static void test_reply_to_the_first_of_a_segment(void **state)
{
	gate_start();
	SAY(bad);
	SAY(read_1);
	from_server(1001, 5001);
	PASSED(1001, 5001, read_1);
	denied(REASON_ADDRESS_NOT_ALLOWED, CORE_ACTION_REPLIED);
	assert_int_equal(core_io()->made_count, 1);
	MADE(0, TO_SERVER, 5001, 1013, bad_exception);
}

static void test_reply_in_the_middle_keeps_the_order(void **state)
{
	const uint8_t forwarded[] = { 0, 1, 0, 0, 0, 6, 1, 3, 0, 5, 0, 1,
				      0, 2, 0, 0, 0, 6, 1, 3, 0, 6, 0, 1 };

	gate_start();
	SAY(read_1);
	SAY(bad);
	SAY(read_2);
	from_server(1001, 5001);
	PASSED(1001, 5001, forwarded);
	denied(REASON_ADDRESS_NOT_ALLOWED, CORE_ACTION_REPLIED);
	assert_int_equal(core_io()->made_count, 0);
	/* The error comes behind the answer to the request before it. */
	SAY(answer_1);
	from_device(5001, 1025);
	PASSED(5001, 1037, answer_1);
	assert_int_equal(core_io()->made_count, 1);
	MADE(0, TO_SERVER, 5012, 1037, bad_exception);
	SAY(answer_2);
	from_device(5012, 1025);
	PASSED(5021, 1037, answer_2);
	assert_int_equal(core_io()->made_count, 0);
}

static void test_reply_to_the_last_of_a_segment(void **state)
{
	gate_start();
	SAY(read_1);
	SAY(bad);
	from_server(1001, 5001);
	PASSED(1001, 5001, read_1);
	assert_int_equal(core_io()->made_count, 0);
	SAY(answer_1);
	from_device(5001, 1013);
	PASSED(5001, 1025, answer_1);
	MADE(0, TO_SERVER, 5012, 1025, bad_exception);
}

/* The device may have answered half a message when an error is due: it waits for the other half. */
static void test_reply_waits_for_the_end_of_an_answer(void **state)
{
	gate_start();
	SAY(read_1);
	from_server(1001, 5001);
	say(answer_1, 6);
	from_device(5001, 1013);
	passed(5001, 1013, answer_1, 6);
	SAY(bad);
	from_server(1013, 5007);
	/* Taken out and acknowledged; the answer is for later. */
	assert_int_equal(core_io()->made_count, 1);
	made(0, TO_SERVER, LAB_ACK, 5007, 1025, NULL, 0);
	say(answer_1 + 6, 5);
	from_device(5007, 1013);
	passed(5007, 1025, answer_1 + 6, 5);
	MADE(0, TO_SERVER, 5012, 1025, bad_exception);
}

/* ---- on_violation: reset and drop ------------------------------------------------------------------- */

static void test_reset(void **state)
{
	policy.conduits[0].on_violation = PROGRAM_RESET;
	gate_start();
	SAY(bad);
	from_server(1001, 5001);
	assert_int_equal(core_io()->verdict, CORE_DROP);
	denied(REASON_ADDRESS_NOT_ALLOWED, CORE_ACTION_RESET);
	both_reset(0, 5001, 1013, 1001, 5001);
	/* Whoever missed it is told again. */
	SAY(read_1);
	from_server(1013, 5001);
	assert_int_equal(core_io()->verdict, CORE_DROP);
	assert_int_equal(core_io()->made_count, 2);
}

static void test_reset_takes_the_whole_segment(void **state)
{
	policy.conduits[0].on_violation = PROGRAM_RESET;
	gate_start();
	SAY(read_1);
	SAY(bad);
	from_server(1001, 5001);
	assert_int_equal(core_io()->verdict, CORE_DROP);
	both_reset(0, 5001, 1025, 1001, 5001);
}

static void test_drop(void **state)
{
	policy.conduits[0].on_violation = PROGRAM_DROP;
	gate_start();
	SAY(bad);
	from_server(1001, 5001);
	assert_int_equal(core_io()->verdict, CORE_DROP);
	denied(REASON_ADDRESS_NOT_ALLOWED, CORE_ACTION_DROPPED);
	/* Acknowledged, so that the server does not repeat it; nobody answers. */
	assert_int_equal(core_io()->made_count, 1);
	made(0, TO_SERVER, LAB_ACK, 5001, 1013, NULL, 0);
	SAY(read_1);
	SAY(bad);
	SAY(read_2);
	from_server(1013, 5001);
	passed(1001, 5001, (const uint8_t[]){ 0, 1, 0, 0, 0, 6, 1, 3, 0, 5, 0, 1,
					      0, 2, 0, 0, 0, 6, 1, 3, 0, 6, 0, 1 }, 24);
	assert_int_equal(core_io()->made_count, 0);
}

static void test_malformed_request_resets_whatever_the_rule_says(void **state)
{
	for (unsigned way = PROGRAM_REPLY; way <= PROGRAM_DROP; way++) {
		policy.conduits[0].on_violation = (uint8_t)way;
		gate_start();
		SAY(not_modbus);
		from_server(1001, 5001);
		assert_int_equal(core_io()->verdict, CORE_DROP);
		denied(REASON_MALFORMED_FRAME, CORE_ACTION_RESET);
		both_reset(0, 5001, 1013, 1001, 5001);
	}
}

/* ---- messages in pieces ------------------------------------------------------------------------------ */

static void test_denied_before_a_byte_left(void **state)
{
	gate_start();
	say(bad, 10); /* the address is there, the value is not */
	from_server(1001, 5001);
	assert_int_equal(core_io()->verdict, CORE_DROP);
	denied(REASON_ADDRESS_NOT_ALLOWED, CORE_ACTION_REPLIED);
	assert_int_equal(core_io()->made_count, 1);
	made(0, TO_SERVER, LAB_ACK, 5001, 1011, NULL, 0);
	say(bad + 10, 2);
	SAY(read_1);
	from_server(1011, 5001);
	PASSED(1001, 5001, read_1);
	assert_int_equal(core_io()->event_count, 0);
	MADE(0, TO_SERVER, 5001, 1013, bad_exception);
}

static void test_denied_after_bytes_left(void **state)
{
	gate_start();
	say(bad, 8); /* a write to unit 1: it may still be an allowed one */
	from_server(1001, 5001);
	passed(1001, 5001, bad, 8);
	say(bad + 8, 4);
	from_server(1009, 5001);
	assert_int_equal(core_io()->verdict, CORE_DROP);
	denied(REASON_DENIED_AFTER_PARTIAL, CORE_ACTION_RESET);
	assert_int_equal(core_io()->events[0].cause, REASON_ADDRESS_NOT_ALLOWED);
	MADE(0, TO_SERVER, 5001, 1001, bad_exception);
	both_reset(1, 5010, 1013, 1009, 5001);
}

/* No function has arrived that an error reply could name. */
static void test_denied_before_its_function_is_known(void **state)
{
	const uint8_t unit_2[] = { 0, 9, 0, 0, 0, 6, 2 };

	gate_start();
	SAY(unit_2);
	from_server(1001, 5001);
	assert_int_equal(core_io()->verdict, CORE_DROP);
	denied(REASON_DENIED_AFTER_PARTIAL, CORE_ACTION_RESET);
	assert_int_equal(core_io()->events[0].cause, REASON_UNIT_NOT_ALLOWED);
	both_reset(0, 5001, 1008, 1001, 5001);
	policy.conduits[0].on_violation = PROGRAM_DROP;
	gate_start();
	SAY(unit_2);
	from_server(1001, 5001);
	denied(REASON_UNIT_NOT_ALLOWED, CORE_ACTION_DROPPED);
	made(0, TO_SERVER, LAB_ACK, 5001, 1008, NULL, 0);
}

static void test_allowed_byte_by_byte(void **state)
{
	gate_start();
	for (unsigned i = 0; i < sizeof(read_1); i++) {
		say(read_1 + i, 1);
		from_server(1001 + i, 5001);
		passed(1001 + i, 5001, read_1 + i, 1);
		assert_int_equal(core_io()->event_count, 0);
	}
	SAY(answer_1);
	from_device(5001, 1013);
	PASSED(5001, 1013, answer_1);
}

/* ---- replies ------------------------------------------------------------------------------------------ */

static void ask_1(void)
{
	gate_start();
	SAY(read_1);
	from_server(1001, 5001);
	PASSED(1001, 5001, read_1);
}

static void test_reply_that_nobody_asked_for(void **state)
{
	ask_1();
	SAY(answer_2);
	from_device(5001, 1013);
	/* Its acknowledgement may go on; its bytes may not. */
	if (core_io()->verdict != CORE_DROP)
		passed(5001, 1013, NULL, 0);
	denied(REASON_UNEXPECTED_REPLY, CORE_ACTION_DROPPED);
	made(0, TO_DEVICE, LAB_ACK, 1013, 5012, NULL, 0);
	SAY(answer_1);
	from_device(5012, 1013);
	PASSED(5001, 1013, answer_1);
	/* The same once more is one too many. */
	SAY(answer_1);
	from_device(5023, 1013);
	denied(REASON_UNEXPECTED_REPLY, CORE_ACTION_DROPPED);
}

static void test_reply_that_does_not_fit(void **state)
{
	const uint8_t two[] = { 0, 1, 0, 0, 0, 7, 1, 3, 4, 0, 42, 0, 43 };
	const uint8_t other_unit[] = { 0, 1, 0, 0, 0, 5, 2, 3, 2, 0, 42 };
	const uint8_t other_function[] = { 0, 1, 0, 0, 0, 5, 1, 4, 2, 0, 42 };

	ask_1();
	SAY(two);
	from_device(5001, 1013);
	assert_int_equal(core_io()->verdict, CORE_DROP);
	denied(REASON_REPLY_MISMATCH, CORE_ACTION_RESET);
	ask_1();
	SAY(other_unit);
	from_device(5001, 1013);
	denied(REASON_REPLY_MISMATCH, CORE_ACTION_RESET);
	ask_1();
	SAY(other_function);
	from_device(5001, 1013);
	denied(REASON_REPLY_MISMATCH, CORE_ACTION_RESET);
}

static void test_reply_that_is_no_message(void **state)
{
	const uint8_t wrong_count[] = { 0, 1, 0, 0, 0, 5, 1, 3, 4, 0, 42 };

	ask_1();
	SAY(not_modbus);
	from_device(5001, 1013);
	assert_int_equal(core_io()->verdict, CORE_DROP);
	denied(REASON_MALFORMED_FRAME, CORE_ACTION_RESET);
	both_reset(0, 5001, 1013, 1013, 5001);
	ask_1();
	SAY(wrong_count);
	from_device(5001, 1013);
	assert_int_equal(core_io()->verdict, CORE_DROP);
	assert_int_equal(core_io()->events[0].action, CORE_ACTION_RESET);
}

static void test_reply_in_pieces(void **state)
{
	ask_1();
	for (unsigned i = 0; i < sizeof(answer_1); i++) {
		say(answer_1 + i, 1);
		from_device(5001 + i, 1013);
		passed(5001 + i, 1013, answer_1 + i, 1);
	}
	ask_1();
	say(answer_2, 4); /* another transaction, and no length yet that could be taken out */
	from_device(5001, 1013);
	assert_int_equal(core_io()->verdict, CORE_DROP);
	denied(REASON_UNEXPECTED_REPLY, CORE_ACTION_RESET);
}

static void test_exceptions_of_the_device_pass(void **state)
{
	const uint8_t busy[] = { 0, 1, 0, 0, 0, 3, 1, 0x83, 6 };
	const uint8_t unknown[] = { 0, 1, 0, 0, 0, 3, 1, 0x83, 0x33 };

	ask_1();
	SAY(busy);
	from_device(5001, 1013);
	PASSED(5001, 1013, busy);
	ask_1();
	SAY(unknown);
	from_device(5001, 1013);
	assert_int_equal(core_io()->verdict, CORE_DROP);
}

static void test_quirk_of_the_transaction(void **state)
{
	policy.rules[0].quirks = PROGRAM_QUIRK_TRANSACTION_ID;
	ask_1();
	SAY(answer_2);
	from_device(5001, 1013);
	PASSED(5001, 1013, answer_2);
	assert_int_equal(core_io()->event_count, 0);
}

/* ---- limits --------------------------------------------------------------------------------------------- */

/* Sixteen may wait for an answer. The next is not refused: it has to be sent again. */
static void test_outstanding_requests_hold_back(void **state)
{
	uint8_t many[17 * 12];

	gate_start();
	for (unsigned i = 0; i < 17; i++) {
		memcpy(many + 12 * i, read_1, 12);
		many[12 * i + 1] = (uint8_t)i;
	}
	SAY(many);
	from_server(1001, 5001);
	passed(1001, 5001, many, 16 * 12);
	assert_int_equal(core_io()->event_count, 0);
	say(many + 16 * 12, 12);
	from_server(1193, 5001);
	held();
	SAY(answer_1);
	from_device(5001, 1193);
	PASSED(5001, 1193, answer_1);
	say(many + 16 * 12, 12);
	from_server(1193, 5012);
	passed(1193, 5012, many + 16 * 12, 12);
}

/* Sixteen reads of one register, transactions 0 to 15, and one request behind them, in one segment. */
static void say_seventeen(const uint8_t last[12])
{
	for (unsigned i = 0; i < 16; i++) {
		uint8_t read[12];

		memcpy(read, read_1, 12);
		read[1] = (uint8_t)i;
		SAY(read);
	}
	say(last, 12);
	from_server(1001, 5001);
	assert_int_equal(core_io()->verdict, CORE_REPLACE);
	assert_int_equal(core_io()->made_count, 0);
}

/* A sender's time-out doubles while no whole segment is acknowledged: a deep pipeline would come to a halt. */
static void test_a_reply_sends_on_what_was_held(void **state)
{
	gate_start();
	say_seventeen(read_2);
	SAY(answer_1);
	from_device(5001, 1193);
	PASSED(5001, 1193, answer_1);
	MADE(0, TO_DEVICE, 1193, 5001, read_2);
	assert_int_equal(core_io()->made_count, 1);
	SAY(read_2); /* its sender cannot know, and repeats it */
	from_server(1193, 5012);
	PASSED(1193, 5012, read_2);
	assert_int_equal(core_io()->made_count, 0);
}

static void test_what_was_held_can_be_denied(void **state)
{
	gate_start();
	say_seventeen(bad);
	SAY(answer_1);
	from_device(5001, 1193);
	PASSED(5001, 1193, answer_1);
	denied(REASON_ADDRESS_NOT_ALLOWED, CORE_ACTION_REPLIED);
	made(0, TO_SERVER, LAB_ACK, 5012, 1205, NULL, 0);
	assert_int_equal(core_io()->made_count, 1);
	from_device(5012, 1193);
	passed(5012, 1205, NULL, 0);
}

static void test_what_was_held_may_come_again_in_other_pieces(void **state)
{
	gate_start();
	say_seventeen(read_2);
	say(read_2, 5);
	from_server(1193, 5001);
	held();
	SAY(answer_1);
	from_device(5001, 1193);
	made(0, TO_DEVICE, LAB_PSH | LAB_ACK, 1193, 5001, read_2, 5);
	say(read_2 + 5, 7);
	from_server(1198, 5012);
	passed(1198, 5012, read_2 + 5, 7);
}

static void test_request_rate(void **state)
{
	const uint8_t busy[] = { 0, 3, 0, 0, 0, 3, 1, 0x83, 6 };

	policy.conduits[0].requests_per_second = 2;
	gate_start();
	SAY(read_1);
	SAY(read_2);
	from_server(1001, 5001);
	assert_int_equal(core_io()->event_count, 0);
	SAY(answer_1);
	SAY(answer_2);
	from_device(5001, 1025);
	SAY(read_3);
	from_server(1025, 5023);
	denied(REASON_RATE_EXCEEDED, CORE_ACTION_REPLIED);
	MADE(0, TO_SERVER, 5023, 1037, busy);
	core_io()->now += LAB_SECOND / 2 - 1;
	SAY(read_3);
	from_server(1037, 5032);
	denied(REASON_RATE_EXCEEDED, CORE_ACTION_REPLIED);
	core_io()->now += 1;
	SAY(read_3);
	from_server(1049, 5041);
	PASSED(1025, 5023, read_3);
}

/* ---- observe --------------------------------------------------------------------------------------------- */

static void test_observed_violations_pass(void **state)
{
	policy.conduits[0].mode = PROGRAM_OBSERVE;
	gate_start();
	SAY(bad);
	from_server(1001, 5001);
	PASSED(1001, 5001, bad);
	denied(REASON_ADDRESS_NOT_ALLOWED, CORE_ACTION_OBSERVED);
	SAY(answer_1);
	from_device(5001, 1013);
	PASSED(5001, 1013, answer_1);
	denied(REASON_UNEXPECTED_REPLY, CORE_ACTION_OBSERVED);
	assert_int_equal(core_io()->made_count, 0);
}

static void test_observed_nonsense_passes_to_the_end(void **state)
{
	policy.conduits[0].mode = PROGRAM_OBSERVE;
	gate_start();
	SAY(not_modbus);
	from_server(1001, 5001);
	PASSED(1001, 5001, not_modbus);
	denied(REASON_MALFORMED_FRAME, CORE_ACTION_OBSERVED);
	SAY(bad);
	from_server(1013, 5001);
	PASSED(1013, 5001, bad);
	assert_int_equal(core_io()->event_count, 0);
	say((const uint8_t *)"hello", 5);
	from_device(5001, 1025);
	passed(5001, 1025, (const uint8_t *)"hello", 5);
	assert_int_equal(core_io()->event_count, 0);
}

#define TEST(f) cmocka_unit_test_setup(f, policy_of_the_lab)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_reply_to_one_alone),
		TEST(test_reply_to_the_first_of_a_segment),
		TEST(test_reply_in_the_middle_keeps_the_order),
		TEST(test_reply_to_the_last_of_a_segment),
		TEST(test_reply_waits_for_the_end_of_an_answer),
		TEST(test_reset),
		TEST(test_reset_takes_the_whole_segment),
		TEST(test_drop),
		TEST(test_malformed_request_resets_whatever_the_rule_says),
		TEST(test_denied_before_a_byte_left),
		TEST(test_denied_after_bytes_left),
		TEST(test_denied_before_its_function_is_known),
		TEST(test_allowed_byte_by_byte),
		TEST(test_reply_that_nobody_asked_for),
		TEST(test_reply_that_does_not_fit),
		TEST(test_reply_that_is_no_message),
		TEST(test_reply_in_pieces),
		TEST(test_exceptions_of_the_device_pass),
		TEST(test_quirk_of_the_transaction),
		TEST(test_outstanding_requests_hold_back),
		TEST(test_a_reply_sends_on_what_was_held),
		TEST(test_what_was_held_can_be_denied),
		TEST(test_what_was_held_may_come_again_in_other_pieces),
		TEST(test_request_rate),
		TEST(test_observed_violations_pass),
		TEST(test_observed_nonsense_passes_to_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

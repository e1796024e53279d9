/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The core's table of uses: what is one row, what a reload leaves of it, and what happens when it is full. */
#include "lab_enip.h"
#include "lab_gate.h"

#define WALL 1800000000

static uint32_t next_seq;

/* One more Modbus request of the server's. */
static void ask(uint8_t function, uint16_t address, uint16_t count_or_value)
{
	const uint8_t message[] = { (uint8_t)(next_seq >> 8), (uint8_t)next_seq, 0, 0, 0, 6, 1, function,
				    (uint8_t)(address >> 8), (uint8_t)address, (uint8_t)(count_or_value >> 8),
				    (uint8_t)count_or_value };

	core_io()->now += 7 * LAB_SECOND; /* the device answers nothing: its requests are forgotten in time */
	SAY(message);
	from_server(next_seq, 5001);
	next_seq += sizeof(message);
}

static void start(void)
{
	policy.conduits[0].on_violation = PROGRAM_DROP;
	gate_start();
	next_seq = 1001;
}

/* Rows that count; *ret is the only one of this function and address. */
static unsigned rows(uint8_t function, uint16_t address, const struct core_use **ret)
{
	const struct core_uses *uses = core_uses();
	unsigned count = 0;

	*ret = NULL;
	for (uint32_t i = 0; i < uses->used; i++) {
		const struct core_use *use = &uses->rows[i];

		if (!use->count)
			continue;
		count++;
		if (use->what.function == function && use->what.address == address) {
			assert_null(*ret);
			*ret = use;
		}
	}
	return count;
}

static void test_equal_requests_are_one_row(void **state)
{
	const struct core_use *use;

	start();
	ask(3, 5, 2);
	core_io()->wall = WALL + 9;
	ask(3, 5, 2);
	ask(6, 120, 1);
	ask(6, 120, 1500);
	assert_int_equal(rows(3, 5, &use), 2);
	assert_int_equal(use->count, 2);
	assert_int_equal(use->what.quantity, 2);
	assert_int_equal(use->what.rule, 0);
	assert_int_equal(use->what.kind, CORE_EVENT_ALLOWED);
	assert_int_equal(use->first, WALL);
	assert_int_equal(use->last, WALL + 9);
	rows(6, 120, &use);
	assert_int_equal(use->count, 2);
	assert_int_equal(use->what.rule, 1);
	/* 12 bytes each, no reply */
	assert_int_equal(core_totals()->rules[0].bytes, 24);
	assert_int_equal(core_totals()->rules[1].bytes, 24);
}

static void test_another_verdict_is_another_row(void **state)
{
	const struct core_use *use;

	start();
	ask(6, 120, 1500);
	ask(6, 120, 1501);
	assert_int_equal(core_uses()->used, 2);
	assert_int_equal(core_uses()->rows[1].what.reason, REASON_VALUE_NOT_ALLOWED);
	assert_int_equal(core_uses()->rows[1].what.kind, CORE_EVENT_DENIED);
	assert_int_equal(core_uses()->denied, 1);
	assert_int_equal(core_totals()->rules[1].bytes, 12);
	ask(6, 121, 1);
	assert_int_equal(rows(6, 121, &use), 3);
	assert_int_equal(use->what.reason, REASON_ADDRESS_NOT_ALLOWED);
}

static void test_observed_is_told_apart(void **state)
{
	policy.conduits[0].mode = PROGRAM_OBSERVE;
	start();
	ask(6, 121, 1);
	assert_int_equal(core_uses()->used, 1);
	assert_int_equal(core_uses()->rows[0].what.action, CORE_ACTION_OBSERVED);
	assert_int_equal(core_uses()->denied, 0);
	assert_int_equal(core_io()->events[0].counted, 1);
	ask(1, 0, 1); /* no rule has this function */
	assert_int_equal(core_uses()->rows[1].what.rule, 0);
	assert_int_equal(core_totals()->rules[1].bytes, 12);
}

static void load_again(void)
{
	memcpy(core_program_area(), &policy, sizeof(policy));
	assert_int_equal(core_program_load(sizeof(policy)), 1);
	core_sweep();
}

/* The keys stay, the positions change; and a rule goes. */
static void test_rows_follow_their_rule(void **state)
{
	struct program_rule first;
	const struct core_use *use;

	policy.rules[0].key = 111;
	policy.rules[1].key = 222;
	start();
	ask(3, 5, 2);
	ask(6, 120, 1);
	first = policy.rules[0];
	policy.rules[0] = policy.rules[1];
	policy.rules[1] = first;
	load_again();
	ask(3, 5, 2);
	assert_int_equal(rows(3, 5, &use), 2);
	assert_int_equal(use->count, 2);
	assert_int_equal(use->what.rule, 1);
	policy.rules[1].key = 333;
	load_again();
	assert_int_equal(rows(3, 5, &use), 1);
	assert_null(use);
	rows(6, 120, &use);
	assert_int_equal(use->what.rule, 0);
	ask(3, 5, 2);
	rows(3, 5, &use);
	assert_int_equal(use->count, 1);
}

/* As many different requests as the table has rows: 100 addresses, with quantities of 1 and more. */
static void fill(void)
{
	for (unsigned i = 0; i < CORE_USES_MAX; i++)
		ask(3, (uint16_t)(i % 50), (uint16_t)(1 + i / 50));
}

static void test_full_and_not_read(void **state)
{
	const struct core_use *use;

	policy.ranges[0].last = 1000;
	start();
	fill();
	ask(3, 700, 1);
	ask(3, 700, 1);
	assert_int_equal(rows(3, 700, &use), CORE_USES_MAX);
	assert_null(use);
	assert_int_equal(core_totals()->rules[0].other, 2);
	assert_int_equal(core_totals()->rules[0].allowed, CORE_USES_MAX + 2);
}

static void test_full_and_read(void **state)
{
	const struct core_use *use, *kept;
	uint64_t born;

	policy.ranges[0].last = 1000;
	start();
	fill();
	core_io()->taken = core_totals()->packets + 9; /* of a core that was cleared since: not believed */
	ask(3, 700, 1);
	assert_int_equal(core_totals()->rules[0].other, 1);
	core_io()->taken = core_totals()->packets;
	ask(3, 701, 1); /* touched by this packet: not read yet */
	rows(3, 701, &kept);
	assert_non_null(kept);
	born = kept->born;
	for (unsigned i = 0; i < CORE_USES_MAX - 1; i++)
		ask(3, (uint16_t)(702 + i % 200), (uint16_t)(1 + i / 200));
	assert_int_equal(core_totals()->rules[0].other, 1);
	assert_int_equal(rows(3, 701, &use), CORE_USES_MAX);
	assert_ptr_equal(use, kept);
	assert_int_equal(use->born, born);
	ask(3, 990, 2);
	assert_int_equal(core_totals()->rules[0].other, 2);
}

/* Anybody can be denied: it costs what is allowed no more than half the table. */
static void test_denials_have_half(void **state)
{
	const struct core_use *use;

	start();
	for (unsigned i = 0; i < CORE_USES_MAX; i++)
		ask(6, (uint16_t)(200 + i), 1);
	assert_int_equal(core_uses()->denied, CORE_USES_MAX / 2);
	assert_int_equal(core_uses()->used, CORE_USES_MAX / 2);
	assert_int_equal(core_totals()->rules[1].other, CORE_USES_MAX / 2);
	ask(3, 5, 2);
	rows(3, 5, &use);
	assert_non_null(use);
}

/* ---- several requests in one message ---- */

#define SESSION 0x11223344u
#define READ_RATE "\x4c\x07\x91\x05" "Line3\0" "\x91\x04" "Rate" "\x01\x00"
#define READ_COUNTS "\x4c\x05\x91\x06" "Counts" "\x28\x02" "\x03\x00"
/* Multiple Service Packet: two offsets, then both; each is 18 and 14 bytes long. */
#define BOTH "\x0a\x02\x20\x02\x24\x01" "\x02\0" "\x06\0" "\x18\0" READ_RATE READ_COUNTS

#define READ_NOBODY "\x4c\x04\x91\x06" "Nobody" "\x01\x00"
#define ONE_DENIED "\x0a\x02\x20\x02\x24\x01" "\x02\0" "\x06\0" "\x18\0" READ_RATE READ_NOBODY
#define TWICE "\x0a\x02\x20\x02\x24\x01" "\x02\0" "\x06\0" "\x18\0" READ_RATE READ_RATE
/* Unconnected Send along 1/0, and READ_RATE in it, 18 bytes. */
#define READ_RATE_BEHIND "\x52\x02\x20\x06\x24\x01" "\x0a\x0e" "\x12\0" READ_RATE "\x01\0" "\x01\0"

static uint32_t device_seq;

static void start_session(void)
{
	struct lab_bytes m = lab_register(0), answer = lab_register(SESSION);

	policy.conduits[0].protocol = PROGRAM_ETHERNET_IP;
	gate_start();
	say(m.b, m.n);
	from_server(1001, 5001);
	say(answer.b, answer.n);
	from_device(5001, 1001 + (uint32_t)m.n);
	next_seq = 1001 + (uint32_t)m.n;
	device_seq = 5001 + (uint32_t)answer.n;
}

static void request(const void *cip, size_t n)
{
	struct lab_bytes m = lab_rr(SESSION, 1, cip, n);

	say(m.b, m.n);
	from_server(next_seq, device_seq);
	next_seq += (uint32_t)m.n;
}
#define REQUEST(cip) request(cip, sizeof(cip) - 1)

static void test_each_request_of_a_message_counts(void **state)
{
	const struct core_uses *uses = core_uses();

	start_session();
	REQUEST(BOTH);
	assert_int_equal(core_io()->verdict, CORE_PASS);
	assert_int_equal(uses->used, 3);
	assert_int_equal(uses->rows[0].what.command, 0x65);
	assert_string_equal(uses->rows[1].what.tag, "Line3.Rate");
	assert_int_equal(uses->rows[1].what.elements, 1);
	assert_string_equal(uses->rows[2].what.tag, "Counts[2]");
	assert_int_equal(uses->rows[2].what.elements, 3);
	assert_int_equal(core_totals()->rules[0].allowed, 2); /* messages */
	REQUEST(TWICE);
	assert_int_equal(uses->used, 3);
	assert_int_equal(uses->rows[1].count, 3);
	assert_int_equal(uses->rows[2].count, 1);
}

/* Its other requests did not go on, so they are not counted; nor do they take a place for long. */
static void test_a_denied_message_counts_once(void **state)
{
	const struct core_uses *uses = core_uses();
	unsigned counting = 0;

	start_session();
	REQUEST(ONE_DENIED);
	for (uint32_t i = 1; i < uses->used; i++) {
		counting += uses->rows[i].count != 0;
		if (uses->rows[i].count)
			assert_int_equal(uses->rows[i].what.reason, REASON_TAG_NOT_ALLOWED);
	}
	assert_int_equal(counting, 1);
	REQUEST(READ_RATE);
	for (uint32_t i = 1; i < uses->used; i++)
		if (uses->rows[i].what.reason == REASON_NONE)
			assert_int_equal(uses->rows[i].count, 1);
}

static void test_another_way_is_another_row(void **state)
{
	const struct core_uses *uses = core_uses();

	start_session();
	REQUEST(READ_RATE);
	REQUEST(READ_RATE_BEHIND);
	REQUEST(READ_RATE);
	assert_int_equal(uses->used, 3);
	assert_int_equal(uses->rows[1].count, 2);
	assert_int_equal(uses->rows[1].what.has & CORE_HAS_ROUTE, 0);
	assert_int_equal(uses->rows[2].count, 1);
	assert_string_equal(uses->rows[2].what.route, "1/0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_equal_requests_are_one_row, policy_of_the_lab),
		cmocka_unit_test_setup(test_another_verdict_is_another_row, policy_of_the_lab),
		cmocka_unit_test_setup(test_observed_is_told_apart, policy_of_the_lab),
		cmocka_unit_test_setup(test_rows_follow_their_rule, policy_of_the_lab),
		cmocka_unit_test_setup(test_full_and_not_read, policy_of_the_lab),
		cmocka_unit_test_setup(test_full_and_read, policy_of_the_lab),
		cmocka_unit_test_setup(test_denials_have_half, policy_of_the_lab),
		cmocka_unit_test_setup(test_each_request_of_a_message_counts, policy_of_the_lab),
		cmocka_unit_test_setup(test_a_denied_message_counts_once, policy_of_the_lab),
		cmocka_unit_test_setup(test_another_way_is_another_row, policy_of_the_lab),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

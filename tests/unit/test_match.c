/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The matcher: ranges, values, units and reasons at their edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "inspect/match_modbus.h"
#include "lab_policy.h"

static struct lab_program bytes;
static struct program program;

static void open_program(void)
{
	assert_true(program_open((const uint8_t *)&bytes, sizeof(bytes), CORE_RULES_MAX, &program));
}

static int setup(void **state)
{
	bytes = lab_program();
	open_program();
	return 0;
}

/* A request of a connection opened at the same time. */
static struct program_time when(int64_t wall)
{
	return (struct program_time){ wall, wall };
}

static struct match ask(struct modbus_message m)
{
	struct match match;

	m.known = modbus_function(m.function);
	match_modbus(&program, program_conduit(&program, LAB_CONDUIT), &m, when(1000), &match);
	return match;
}

static enum reason read_request(unsigned unit, unsigned address, unsigned quantity)
{
	return ask((struct modbus_message){ .unit = (uint8_t)unit, .function = 3,
					    .address = (uint16_t)address,
					    .quantity = (uint16_t)quantity }).reason;
}

static enum reason write_request(unsigned address, unsigned value)
{
	uint8_t data[2] = { (uint8_t)(value >> 8), (uint8_t)value };

	return ask((struct modbus_message){ .unit = 1, .function = 6, .address = (uint16_t)address,
					    .quantity = 1, .data = data, .data_length = 2 }).reason;
}

static void test_edges_of_a_range(void **state)
{
	assert_int_equal(read_request(1, 0, 100), REASON_NONE);
	assert_int_equal(read_request(1, 99, 1), REASON_NONE);
	assert_int_equal(read_request(1, 99, 2), REASON_ADDRESS_NOT_ALLOWED);
	assert_int_equal(read_request(1, 100, 1), REASON_ADDRESS_NOT_ALLOWED);
	assert_int_equal(read_request(1, 0, 101), REASON_ADDRESS_NOT_ALLOWED);
	assert_int_equal(read_request(1, 65535, 2), REASON_ADDRESS_NOT_ALLOWED);
	assert_int_equal(read_request(1, 0, 0), REASON_QUANTITY_NOT_ALLOWED);
	assert_int_equal(read_request(2, 0, 1), REASON_UNIT_NOT_ALLOWED);
	assert_int_equal(read_request(255, 0, 1), REASON_UNIT_NOT_ALLOWED);
	assert_int_equal(read_request(2, 0, 0), REASON_UNIT_NOT_ALLOWED);
}

static void test_two_ranges_are_not_one(void **state)
{
	bytes.ranges[0] = (struct program_range){ 0, 49 };
	bytes.ranges[1] = (struct program_range){ 50, 99 };
	bytes.entries[0].addresses = (struct program_span){ 0, 2 };
	open_program();
	assert_int_equal(read_request(1, 40, 10), REASON_NONE);
	assert_int_equal(read_request(1, 50, 50), REASON_NONE);
	assert_int_equal(read_request(1, 49, 2), REASON_ADDRESS_NOT_ALLOWED);
}

static void test_values(void **state)
{
	assert_int_equal(write_request(120, 0), REASON_NONE);
	assert_int_equal(write_request(120, 1500), REASON_NONE);
	assert_int_equal(write_request(120, 1501), REASON_VALUE_NOT_ALLOWED);
	assert_int_equal(write_request(121, 0), REASON_ADDRESS_NOT_ALLOWED);
}

static enum reason typed(uint8_t type, uint8_t order, double min, double max, const char *data, unsigned len)
{
	bytes.entries[1].value_type = type;
	bytes.entries[1].word_order = order;
	bytes.entries[1].function = 16;
	bytes.ranges[1] = (struct program_range){ 0, 99 };
	bytes.values[0] = (struct program_value){ min, max };
	return ask((struct modbus_message){ .unit = 1, .function = 16, .quantity = (uint16_t)(len / 2),
					    .data = (const uint8_t *)data,
					    .data_length = (uint16_t)len }).reason;
}

static void test_value_types(void **state)
{
	assert_int_equal(typed(PROGRAM_INT16, 0, -10, 10, "\xff\xf6", 2), REASON_NONE);
	assert_int_equal(typed(PROGRAM_INT16, 0, -10, 10, "\xff\xf5", 2), REASON_VALUE_NOT_ALLOWED);
	assert_int_equal(typed(PROGRAM_INT16, 0, -10, 10, "\x00\x01\x00\x0b", 4), REASON_VALUE_NOT_ALLOWED);
	assert_int_equal(typed(PROGRAM_UINT32, 0, 0, 70000, "\x00\x01\x11\x70", 4), REASON_NONE);
	assert_int_equal(typed(PROGRAM_UINT32, 1, 0, 70000, "\x11\x70\x00\x01", 4), REASON_NONE);
	assert_int_equal(typed(PROGRAM_UINT32, 0, 0, 70000, "\x11\x70\x00\x01", 4), REASON_VALUE_NOT_ALLOWED);
	assert_int_equal(typed(PROGRAM_UINT32, 0, 0, 70000, "\x00\x01", 2), REASON_VALUE_NOT_ALLOWED);
	assert_int_equal(typed(PROGRAM_INT32, 0, -1, 0, "\xff\xff\xff\xff", 4), REASON_NONE);
	assert_int_equal(typed(PROGRAM_FLOAT32, 0, 0, 1.5, "\x3f\xc0\x00\x00", 4), REASON_NONE);
	assert_int_equal(typed(PROGRAM_FLOAT32, 0, 0, 1.5, "\x3f\xc0\x00\x01", 4), REASON_VALUE_NOT_ALLOWED);
	assert_int_equal(typed(PROGRAM_FLOAT32, 0, 0, 1.5, "\x7f\xc0\x00\x00", 4), REASON_VALUE_NOT_ALLOWED);
}

/*
 * Registers 0-1 and 2-3 hold one number each, at most 70000. Written at 1-2, the four bytes are within the
 * limit too, but would set the low half of the first and the high half of the second.
 */
static void test_no_write_across_two_numbers(void **state)
{
	static const uint8_t data[] = { 0, 1, 0x11, 0x70 };
	struct modbus_message m = { .unit = 1, .function = 16, .quantity = 2, .data = data,
				    .data_length = sizeof(data) };

	bytes.entries[1].value_type = PROGRAM_UINT32;
	bytes.entries[1].function = 16;
	bytes.ranges[1] = (struct program_range){ 11, 14 };
	bytes.values[0] = (struct program_value){ 0, 70000 };
	m.address = 11;
	assert_int_equal(ask(m).reason, REASON_NONE);
	m.address = 13;
	assert_int_equal(ask(m).reason, REASON_NONE);
	m.address = 12;
	assert_int_equal(ask(m).reason, REASON_VALUE_NOT_ALLOWED);
	bytes.entries[1].values.count = 0; /* no limit, nothing to get around */
	assert_int_equal(ask(m).reason, REASON_NONE);
}

static void test_masks_escape_no_limit(void **state)
{
	struct modbus_message m = { .unit = 1, .function = 22, .address = 120, .quantity = 1 };

	bytes.entries[1].function = 22;
	assert_int_equal(ask(m).reason, REASON_VALUE_NOT_ALLOWED);
	bytes.entries[1].values.count = 0;
	assert_int_equal(ask(m).reason, REASON_NONE);
}

static void test_the_write_of_23(void **state)
{
	struct modbus_message m = { .unit = 1, .function = 23, .address = 0, .quantity = 4,
				    .write_address = 120, .write_quantity = 1,
				    .data = (const uint8_t *)"\5\334", .data_length = 2 };

	bytes.entries[0].function = 23;
	bytes.entries[0].writes = (struct program_span){ 1, 1 };
	bytes.entries[0].values = (struct program_span){ 0, 1 };
	assert_int_equal(ask(m).reason, REASON_NONE);
	m.data = (const uint8_t *)"\5\335";
	assert_int_equal(ask(m).reason, REASON_VALUE_NOT_ALLOWED);
	m.data = (const uint8_t *)"\5\334";
	m.write_address = 119;
	assert_int_equal(ask(m).reason, REASON_ADDRESS_NOT_ALLOWED);
}

static void test_rule_and_reason(void **state)
{
	struct match match = ask((struct modbus_message){ .unit = 1, .function = 5, .quantity = 1,
							  .data = (const uint8_t *)"\377\0",
							  .data_length = 2 });

	assert_int_equal(match.reason, REASON_FUNCTION_NOT_ALLOWED);
	assert_int_equal(match.rule, CORE_NO_RULE);
	match = ask((struct modbus_message){ .unit = 1, .function = 6, .address = 5, .quantity = 1,
					     .data = (const uint8_t *)"\0\0", .data_length = 2 });
	assert_int_equal(match.reason, REASON_ADDRESS_NOT_ALLOWED);
	assert_int_equal(match.rule, 1);
}

static void test_schedule(void **state)
{
	struct {
		struct lab_program p;
		struct program_window window;
	} timed = { .p = bytes, .window = { 900, 1001 } };
	struct match match;
	struct modbus_message m = { .unit = 1, .function = 3, .quantity = 1 };

	timed.p.header.size = sizeof(timed);
	timed.p.header.windows = (struct program_table){ sizeof(struct lab_program), 1 };
	timed.p.rules[0].windows = (struct program_span){ 0, 1 };
	assert_true(program_open((const uint8_t *)&timed, sizeof(timed), CORE_RULES_MAX, &program));
	match_modbus(&program, &timed.p.conduits[0], &m, when(1000), &match);
	assert_int_equal(match.reason, REASON_NONE);
	match_modbus(&program, &timed.p.conduits[0], &m, when(1001), &match);
	assert_int_equal(match.reason, REASON_OUTSIDE_SCHEDULE);
	match_modbus(&program, &timed.p.conduits[0], &m, when(899), &match);
	assert_int_equal(match.reason, REASON_OUTSIDE_SCHEDULE);
}

static void test_overdue_review(void **state)
{
	struct modbus_message m = { .unit = 1, .function = 3, .quantity = 1 };
	struct match match;

	bytes.rules[0].no_new_from = 1000;
	match_modbus(&program, &bytes.conduits[0], &m, (struct program_time){ 5000, 999 }, &match);
	assert_int_equal(match.reason, REASON_NONE);
	match_modbus(&program, &bytes.conduits[0], &m, (struct program_time){ 5000, 1000 }, &match);
	assert_int_equal(match.reason, REASON_REVIEW_OVERDUE);
	assert_int_equal(match.rule, 0);
}

/* Every word of the program set to hostile numbers: refused, or still safe to read. */
static void test_hostile_programs(void **state)
{
	static const uint32_t hostile[] = { 0, 1, 7, 0x7fffffff, 0x80000000, 0xffffffff };
	struct modbus_message m = { .unit = 1, .function = 3, .quantity = 1 };
	unsigned refused = 0;

	for (size_t at = 0; at < sizeof(bytes) / 4; at++) {
		for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
			struct program p;
			struct match match;

			bytes = lab_program();
			memcpy((uint8_t *)&bytes + 4 * at, &hostile[i], 4);
			if (!program_open((const uint8_t *)&bytes, sizeof(bytes), CORE_RULES_MAX, &p)) {
				refused++;
				continue;
			}
			if (program_conduit(&p, LAB_CONDUIT))
				match_modbus(&p, program_conduit(&p, LAB_CONDUIT), &m, when(0), &match);
		}
	}
	assert_true(refused > 100);
	bytes = lab_program();
	for (size_t n = 0; n < sizeof(bytes); n++)
		assert_false(program_open((const uint8_t *)&bytes, n, CORE_RULES_MAX, &program));
	assert_false(program_open((const uint8_t *)&bytes, sizeof(bytes), 1, &program));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_edges_of_a_range, setup),
		cmocka_unit_test_setup(test_two_ranges_are_not_one, setup),
		cmocka_unit_test_setup(test_values, setup),
		cmocka_unit_test_setup(test_value_types, setup),
		cmocka_unit_test_setup(test_no_write_across_two_numbers, setup),
		cmocka_unit_test_setup(test_masks_escape_no_limit, setup),
		cmocka_unit_test_setup(test_the_write_of_23, setup),
		cmocka_unit_test_setup(test_rule_and_reason, setup),
		cmocka_unit_test_setup(test_schedule, setup),
		cmocka_unit_test_setup(test_overdue_review, setup),
		cmocka_unit_test_setup(test_hostile_programs, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

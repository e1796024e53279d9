/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CIP paths: what means the same is the same, and what is not known is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocol/cip.h"
#include "protocol/cip_path.h"
#include "lab_hex.h"

static enum reason path_of(const char *hex, struct cip_path *ret, uint8_t *bytes)
{
	size_t len = bytes_of(hex, bytes);

	return cip_path(bytes, len, ret);
}

static void test_aliases(void **state)
{
	static const struct {
		const char *canonical;
		const char *alias;
	} pairs[] = {
		{ "20012401", "2100 0100 2500 0100" },
		{ "20012401", "2001 2600 01000000" },
		{ "2004 2405 2c06 3007", "2100 0400 2600 05000000 2d00 0600 3100 0700" },
		{ TAG "2803", TAG "2900 0300" },
		{ TAG "2803", TAG "2a00 03000000" },
		{ "9101 6100 9101 6200", "9103 612e62 00" },
		{ "0100", "1101 00 00" },
		{ "0100", "0f01 0000" },
		{ "0100", "1f01 0100 00 00" },
		{ "1208 31302e302e302e31", "1f08 0200 31302e302e302e31" },
	};
	uint8_t bytes[64], other[64], out[64];
	struct cip_path path, alias;
	size_t len;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		len = bytes_of(pairs[i].canonical, bytes);
		print_message("%s\n", pairs[i].alias);
		assert_int_equal(cip_path(bytes, len, &path), REASON_NONE);
		assert_int_equal(path_of(pairs[i].alias, &alias, other), REASON_NONE);
		assert_int_equal(cip_path_write(&alias, out, sizeof(out)), len);
		assert_memory_equal(out, bytes, len);
	}
}

static void test_bad_paths(void **state)
{
	static const char *const bad[] = {
		"20", "2001 24", "2101 0100", "2100 01", "2600 0100", "2200 01000000", "3200 01000000",
		"3801", "3c01", "34050102030405060708", "34040102030405", "9100", "9101 6101", "9102 2e61",
		"9102 612e", "9103 612e2e 00", "9102 6100", "9105 6162 0000", "0000", "1000", "1100 00 00",
		"0f00 0000", "1101 00 01", "4401", "5001 01", "8001 01", "6101", "a001", "c001", "e001",
	};
	struct cip_path path;
	uint8_t bytes[64];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		print_message("%s\n", bad[i]);
		assert_int_equal(path_of(bad[i], &path, bytes), REASON_MALFORMED_FRAME);
	}
}

static void test_segments_bounded(void **state)
{
	uint8_t bytes[2 * (CIP_SEGMENTS_MAX + 1)];
	struct cip_path path;

	for (size_t i = 0; i < sizeof(bytes); i += 2) {
		bytes[i] = 0x28;
		bytes[i + 1] = 1;
	}
	assert_int_equal(cip_path(bytes, sizeof(bytes) - 2, &path), REASON_NONE);
	assert_int_equal(path.count, CIP_SEGMENTS_MAX);
	assert_int_equal(cip_path(bytes, sizeof(bytes), &path), REASON_NESTING_TOO_DEEP);
}

static void test_objects(void **state)
{
	static const struct {
		const char *hex;
		uint32_t object;
	} cases[] = {
		{ "20012401", 1 },
		{ TAG, CIP_CLASS_SYMBOL },
		{ "206b 2500 0500" TAG, CIP_CLASS_SYMBOL },
		{ TAG "206b 2500 0500", CIP_CLASS_SYMBOL },
		{ "2068 2401 206b 2402", CIP_CLASS_SYMBOL },
		{ "2001 2401" TAG, CIP_NO_OBJECT },
		{ "2401" TAG, CIP_NO_OBJECT },
		{ "0100 20012401", CIP_NO_OBJECT },
		{ "3404 0000 0000 0000 00 00 20012401", CIP_NO_OBJECT },
		{ "", CIP_NO_OBJECT },
	};
	struct cip_path path;
	uint8_t bytes[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(path_of(cases[i].hex, &path, bytes), REASON_NONE);
		assert_int_equal(cip_path_object(&path), cases[i].object);
	}
}

static void test_names(void **state)
{
	uint8_t bytes[64];
	struct cip_path path;

	assert_int_equal(path_of("9104 41625a31", &path, bytes), REASON_NONE);
	assert_true(cip_name_equals(&path.segments[0], "abz1", 4));
	assert_false(cip_name_equals(&path.segments[0], "abz", 3));
	assert_false(cip_name_equals(&path.segments[0], "abz2", 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_aliases),
		cmocka_unit_test(test_bad_paths),
		cmocka_unit_test(test_segments_bounded),
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dates, and wall clocks across daylight saving. Expected instants are from `date -d ... +%s`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/calendar.h"

static int64_t day_of(const char *text)
{
	int64_t day;

	assert_true(calendar_parse_date(text, &day));
	return day;
}

static void dates(void **state)
{
	static const char *const wrong[] = { "", "2026-1-01", "2026-13-01", "2026-00-10", "2027-02-29",
					     "2026-04-31", "2026-11-22 ", "1969-12-31", "2026/11/22",
					     "+026-11-22", "2026-11-00", "20261122" };
	char text[CALENDAR_DATE_SIZE];
	int64_t day;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(calendar_parse_date(wrong[i], &day));
	assert_int_equal(day_of("1970-01-01"), 0);
	assert_int_equal(day_of("2026-11-22"), 20779);
	assert_int_equal(day_of("2028-02-29"), 21243);
	assert_int_equal(day_of("9999-12-31"), 2932896);
	assert_int_equal(calendar_weekday(20779), 6);
	assert_int_equal(calendar_weekday(0), 3);
	for (day = 0; day < 60000; day++) {
		calendar_format_date(day, text);
		assert_int_equal(day_of(text), day);
	}
}

static void times(void **state)
{
	int minutes;

	assert_true(calendar_parse_time("24:00", &minutes));
	assert_int_equal(minutes, 1440);
	assert_true(calendar_parse_time("06:05", &minutes));
	assert_int_equal(minutes, 365);
	assert_false(calendar_parse_time("24:01", &minutes));
	assert_false(calendar_parse_time("6:00", &minutes));
	assert_false(calendar_parse_time("06:60", &minutes));
}

static void daylight_saving(void **state)
{
	struct calendar_zone zone;

	setenv("TZ", "Asia/Tokyo", 1);
	assert_int_equal(calendar_enter(&zone, "America/Toronto"), 0);
	/* 2027-03-14: 02:00 EST becomes 03:00 EDT; 2026-11-01: 02:00 EDT becomes 01:00 EST */
	assert_int_equal(calendar_instant(day_of("2027-03-14"), 0), 1805000400);
	assert_int_equal(calendar_instant(day_of("2027-03-14"), 150), 1805007600);
	assert_int_equal(calendar_instant(day_of("2027-03-14"), 180), 1805007600);
	assert_int_equal(calendar_instant(day_of("2026-11-01"), 90), 1793511000);
	assert_int_equal(calendar_instant(day_of("2026-11-01"), 120), 1793516400);
	assert_int_equal(calendar_local_day(1805000399), day_of("2027-03-13"));
	assert_int_equal(calendar_local_day(1805000400), day_of("2027-03-14"));
	calendar_leave(&zone);
	assert_string_equal(getenv("TZ"), "Asia/Tokyo");
	unsetenv("TZ");
	assert_int_equal(calendar_enter(&zone, "UTC"), 0);
	assert_int_equal(calendar_instant(20779, 60), 20779 * 86400 + 3600);
	calendar_leave(&zone);
	assert_null(getenv("TZ"));
}

static void unknown_zones(void **state)
{
	static const char *const names[] = { "", "Toronto", "/etc/localtime", "../zoneinfo/UTC", "America",
					     "zone.tab", "UTC0" };
	struct calendar_zone zone;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_true(calendar_enter(&zone, names[i]) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates),
		cmocka_unit_test(times),
		cmocka_unit_test(daylight_saving),
		cmocka_unit_test(unknown_zones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

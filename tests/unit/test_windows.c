/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Schedules and expiry as instants, across changes of the clock. Expected instants are from
 * `TZ=... date -d ... +%s`, lengths by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/calendar.h"
#include "policy/hours.h"
#include "policy/windows.h"

#define EVERY_DAY 0x7fu
#define MONDAY 0x01u
#define TUESDAY 0x02u
#define SUNDAY 0x40u
#define AT(hour, minute) ((hour) * 60 + (minute))

static struct arena arena;

static int64_t day_of(const char *text)
{
	int64_t day;

	if (!text)
		return NO_DAY;
	assert_true(calendar_parse_date(text, &day));
	return day;
}

/* The windows of a rule with these schedules, as of a day in a zone. */
static struct window_list windows(const char *name, const char *today, const char *expires,
				  struct schedule *schedules, size_t count)
{
	const struct site site = { .today = day_of(today) };
	const struct rule rule = { .expires = day_of(expires), .schedules = schedules,
				   .schedule_count = count };
	struct calendar_zone zone;
	struct window_list list;

	assert_int_equal(calendar_enter(&zone, name), 0);
	assert_true(rule_windows(&site, &rule, &arena, &list));
	calendar_leave(&zone);
	for (size_t i = 0; i < list.count; i++) {
		assert_true(list.items[i].from < list.items[i].until);
		assert_true(!i || list.items[i].from > list.items[i - 1].until);
	}
	return list;
}

static bool open_at(const struct window_list *list, int64_t instant)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].from <= instant && instant < list->items[i].until)
			return true;
	return false;
}

/* Open from .. until - 1, and not the second before and after. */
static void assert_window(const struct window_list *list, int64_t from, int64_t until)
{
	assert_true(open_at(list, from));
	assert_true(open_at(list, from + (until - from) / 2));
	assert_true(open_at(list, until - 1));
	assert_false(open_at(list, from - 1));
	assert_false(open_at(list, until));
}

static void clocks_go_forward(void **state)
{
	struct schedule early = { SUNDAY, AT(1, 30), AT(3, 30) }, skipped = { SUNDAY, AT(2, 15), AT(2, 45) };
	struct schedule night = { EVERY_DAY, AT(22, 0), AT(6, 0) }, berlin = { SUNDAY, AT(1, 0), AT(4, 0) };
	struct window_list list = windows("America/Toronto", "2027-03-08", "2027-03-20", &early, 1);

	/* 02:00 EST is 03:00 EDT: an hour is left of two */
	assert_int_equal(list.count, 1);
	assert_window(&list, 1805005800, 1805005800 + 3600);
	list = windows("America/Toronto", "2027-03-08", "2027-03-20", &skipped, 1);
	assert_int_equal(list.count, 0); /* half an hour that does not exist that night */
	list = windows("America/Toronto", "2027-03-08", "2027-03-20", &night, 1);
	assert_window(&list, 1804993200, 1804993200 + 7 * 3600);
	list = windows("Europe/Berlin", "2027-03-20", "2027-04-01", &berlin, 1);
	assert_window(&list, 1806192000, 1806192000 + 2 * 3600);
	/* Lord Howe's summer time is half an hour */
	list = windows("Australia/Lord_Howe", "2026-09-20", "2026-10-08", &berlin, 1);
	assert_window(&list, 1791037800, 1791037800 + 9000);
}

static void clocks_go_back(void **state)
{
	struct schedule night = { EVERY_DAY, AT(22, 0), AT(6, 0) }, sunday = { SUNDAY, AT(1, 0), AT(4, 0) };
	struct schedule twice = { SUNDAY, AT(0, 30), AT(1, 30) };
	struct window_list list = windows("America/Toronto", "2026-10-20", "2026-11-20", &night, 1);

	assert_window(&list, 1793498400, 1793498400 + 9 * 3600);
	/* half past one comes twice: it ends the first time */
	list = windows("America/Toronto", "2026-10-30", "2026-11-03", &twice, 1);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.items[0].until, 1793511000);
	list = windows("Europe/Berlin", "2027-10-20", "2027-11-11", &sunday, 1);
	assert_window(&list, 1824937200, 1824937200 + 4 * 3600);
	list = windows("Australia/Lord_Howe", "2027-04-01", "2027-04-08", &sunday, 1);
	assert_int_equal(list.count, 1);
	assert_window(&list, 1806760800, 1806760800 + 12600);
}

static void a_zone_without_summer_time(void **state)
{
	struct schedule night = { EVERY_DAY, AT(22, 0), AT(6, 0) };
	struct window_list list = windows("Asia/Tokyo", "2026-12-25", NULL, &night, 1);

	assert_window(&list, 1798722000, 1798750800); /* over New Year */
	for (size_t i = 1; i + 1 < list.count; i++) {
		assert_int_equal(list.items[i].until - list.items[i].from, 8 * 3600);
		assert_int_equal(list.items[i + 1].from - list.items[i].from, 86400);
	}
	/* last night's reaches into today; the last one begins on the last day of the horizon */
	assert_int_equal(list.count, WINDOW_HORIZON + 2);
}

static void midnight(void **state)
{
	struct schedule all[] = { { EVERY_DAY, AT(0, 0), AT(24, 0) } };
	struct schedule joined[] = { { MONDAY, AT(20, 0), AT(24, 0) }, { TUESDAY, AT(0, 0), AT(4, 0) } };
	struct schedule until_midnight = { MONDAY, AT(20, 0), AT(0, 0) };
	struct window_list list = windows("America/Toronto", "2026-10-20", NULL, all, 1);

	assert_int_equal(list.count, 1); /* no gap at any midnight, nor where the clocks change */
	/* 2026-11-23 is a Monday */
	list = windows("UTC", "2026-11-22", "2026-11-28", joined, 2);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.items[0].from, 1795464000);
	assert_int_equal(list.items[0].until, 1795464000 + 8 * 3600);
	list = windows("UTC", "2026-11-22", "2026-11-28", &until_midnight, 1);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.items[0].until, 1795464000 + 4 * 3600);
}

static void leap_day(void **state)
{
	struct schedule day = { EVERY_DAY, AT(6, 0), AT(18, 0) }, tuesday = { TUESDAY, AT(6, 0), AT(18, 0) };
	struct window_list list = windows("America/Toronto", "2028-02-28", "2028-02-29", &day, 1);

	assert_int_equal(list.count, 2);
	assert_int_equal(list.items[1].from, 1835434800);
	assert_int_equal(list.items[1].until, 1835478000);
	list = windows("America/Toronto", "2028-02-28", "2028-02-29", &tuesday, 1);
	assert_int_equal(list.count, 1); /* the 29th of February 2028 is a Tuesday */
	assert_int_equal(list.items[0].from, 1835434800);
	list = windows("America/Toronto", "2028-02-28", "2028-02-29", NULL, 0);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.items[0].from, 1835326800);
	assert_int_equal(list.items[0].until, 1835499600); /* the first of March, 00:00 */
}

static void expiry(void **state)
{
	struct schedule night = { EVERY_DAY, AT(22, 0), AT(6, 0) };
	struct window_list list = windows("UTC", "2026-11-22", "2026-11-23", &night, 1);

	/* the night of the last day ends with it, at midnight */
	assert_int_equal(list.count, 3);
	assert_int_equal(list.items[2].until, 1795478400);
	list = windows("UTC", "2026-11-22", "2026-11-21", &night, 1);
	assert_int_equal(list.count, 0);
	assert_false(rule_windows(&(struct site){ .today = 20779 }, &(struct rule){ .expires = NO_DAY }, &arena,
				  &list));
}

/* Nothing that has been is opened again when the clock goes back; a later look reaches further ahead. */
static void the_horizon_moves(void **state)
{
	struct schedule day = { EVERY_DAY, AT(6, 0), AT(18, 0) };
	struct window_list now = windows("UTC", "2026-11-22", NULL, &day, 1);
	struct window_list later = windows("UTC", "2026-12-22", NULL, &day, 1);

	assert_int_equal(now.items[0].from, 1795305600 + 6 * 3600);
	assert_int_equal(later.items[0].from - now.items[0].from, 30 * 86400);
	assert_int_equal(later.items[later.count - 1].until - now.items[now.count - 1].until, 30 * 86400);
	assert_int_equal(now.items[now.count - 1].until, 1795305600 + WINDOW_HORIZON * 86400 + 18 * 3600);
}

/* ---- as hours ---- */

#define ROWS_MAX 8000

struct rows {
	struct ruleset_window items[ROWS_MAX];
	size_t count;
};

static struct rows rows_of(const struct window_list *list)
{
	struct rows rows;

	assert_true(HOURS_ROWS(list->count) <= ROWS_MAX);
	rows.count = hours_of(list, 7, rows.items);
	return rows;
}

/* As the kernel asks it: closed on both sides. */
static unsigned rows_at(const struct rows *rows, int64_t instant)
{
	unsigned found = 0;

	for (size_t i = 0; i < rows->count; i++) {
		const struct ruleset_window *w = &rows->items[i];

		assert_int_equal(w->timetable, 7);
		found += w->from <= instant && instant <= w->until && w->first <= instant % 86400 &&
			 instant % 86400 <= w->last;
	}
	return found;
}

/* Within the second that ends a window of a day or more the kernel's interval holds its first nanosecond. */
static bool ends_long(const struct window_list *list, int64_t instant)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].until == instant && instant - list->items[i].from >= 86400)
			return true;
	return false;
}

static void assert_same_at(const struct window_list *list, const struct rows *rows, int64_t instant)
{
	if (!ends_long(list, instant))
		assert_int_equal(rows_at(rows, instant), open_at(list, instant));
}

/* The kernel refuses rows that meet. */
static void assert_apart(const struct rows *rows)
{
	for (size_t i = 0; i < rows->count; i++)
		for (size_t k = 0; k < i; k++) {
			const struct ruleset_window *a = &rows->items[i], *b = &rows->items[k];

			assert_false(a->from <= b->until && b->from <= a->until && a->first <= b->last &&
				     b->first <= a->last);
		}
}

static void assert_same(const struct window_list *list)
{
	struct rows rows = rows_of(list);

	assert_apart(&rows);
	for (size_t i = 0; i < list->count; i++)
		for (int64_t off = -2; off <= 2; off++) {
			assert_same_at(list, &rows, list->items[i].from + off);
			assert_same_at(list, &rows, list->items[i].until + off);
			assert_same_at(list, &rows, list->items[i].from / 86400 * 86400 + off);
			assert_same_at(list, &rows, list->items[i].until / 86400 * 86400 + off);
		}
	for (size_t i = 0; list->count && i < 500; i++)
		assert_same_at(list, &rows, list->items[0].from - 86400 + rand() % (420 * 86400));
}

/* 401 days of one window are a row before, one within and one after summer time. */
static void the_same_hours_are_one_row(void **state)
{
	struct schedule shift = { EVERY_DAY, AT(6, 0), AT(14, 0) };
	struct schedule week = { 0x1f, AT(6, 0), AT(14, 0) }; /* Monday to Friday */
	struct window_list list = windows("America/Toronto", "2026-11-22", NULL, &shift, 1);
	struct rows rows = rows_of(&list);

	assert_int_equal(list.count, 401);
	assert_int_equal(rows.count, 3);
	assert_int_equal(rows.items[0].first, 11 * 3600); /* UTC, in winter */
	assert_int_equal(rows.items[0].last, 19 * 3600 - 1);
	assert_int_equal(rows.items[1].first, 10 * 3600);
	assert_same(&list);
	list = windows("America/Toronto", "2026-11-22", NULL, &week, 1);
	rows = rows_of(&list);
	assert_in_range(rows.count, 57, 59);
	assert_same(&list);
}

static void an_expiry_is_one_row(void **state)
{
	struct window_list list = windows("America/Toronto", "2026-11-22", "2060-01-01", NULL, 0);
	struct rows rows = rows_of(&list);

	assert_int_equal(rows.count, 1);
	assert_int_equal(rows.items[0].from, list.items[0].from);
	assert_int_equal(rows.items[0].until, list.items[0].until);
	assert_int_equal(rows.items[0].first, 0);
	assert_int_equal(rows.items[0].last, 86399);
}

/* Up to six schedules of random days and times together: shifts, nights, whole days, weekends. */
static void hours_by_lot(void **state)
{
	static const char *const zones[] = { "America/Toronto", "UTC", "Asia/Kolkata", "Australia/Lord_Howe" };

	srand(20261122);
	for (unsigned round = 0; round < 60; round++) {
		struct schedule schedules[6];
		struct window_list list;
		size_t count = 1 + (size_t)rand() % 6;

		for (size_t i = 0; i < count; i++)
			schedules[i] = (struct schedule){ 1 + (unsigned)rand() % 0x7f,
							  rand() % 3 ? rand() % 1440 : 0,
							  rand() % 3 ? rand() % 1440 : rand() % 2 ? 0 : 1440 };
		list = windows(zones[round % 4], "2026-11-22", rand() % 3 ? NULL : "2027-04-17", schedules, count);
		assert_same(&list);
	}
}

static int release(void **state)
{
	arena_free(&arena);
	return 0;
}

/* 2026-11-25 is day 20782, and 1795608000 its noon in UTC. */
static struct window_list windows_of(const struct site *site, const char *expires, struct schedule *schedule)
{
	const struct rule rule = { .expires = day_of(expires), .schedules = schedule, .schedule_count = !!schedule };
	struct calendar_zone zone;
	struct window_list list;

	assert_int_equal(calendar_enter(&zone, "UTC"), 0);
	assert_true(rule_windows(site, &rule, &arena, &list));
	calendar_leave(&zone);
	return list;
}

static void none_begins_before_the_floor(void **state)
{
	struct schedule morning = { EVERY_DAY, AT(6, 0), AT(11, 0) }, day = { EVERY_DAY, AT(6, 0), AT(18, 0) };
	struct site site = { .today = 20782, .floor = 1795608000 };
	struct window_list list = windows_of(&site, NULL, &morning);

	/* this morning's is over, tomorrow's is the first */
	assert_int_equal(list.items[0].from, 1795608000 + 18 * 3600);
	list = windows_of(&site, NULL, &day);
	assert_int_equal(list.items[0].from, 1795608000);
	assert_int_equal(list.items[0].until, 1795608000 + 6 * 3600);
	list = windows_of(&site, "2027-01-31", NULL);
	assert_int_equal(list.items[0].from, 1795608000);
	site.floor -= 86400;
	assert_int_equal(windows_of(&site, NULL, &morning).items[0].from, 1795608000 - 6 * 3600);
}

static void a_doubted_clock_closes_what_depends_on_it_soon(void **state)
{
	const struct site site = { .today = 20782, .floor = 1795608000, .clock_doubted = true };
	struct schedule always = { EVERY_DAY, AT(0, 0), AT(24, 0) };
	struct window_list list;

	assert_int_equal(windows_of(&site, NULL, &always).count, 0);
	assert_int_equal(windows_of(&site, "2027-06-30", &always).count, 0);
	assert_int_equal(windows_of(&site, "2026-11-24", NULL).count, 0);
	assert_int_equal(windows_of(&site, "2026-12-25", NULL).count, 0);
	list = windows_of(&site, "2026-12-26", NULL);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.items[0].from, 0);
	assert_int_equal(list.items[0].until, 1795608000 + 12 * 3600 + 31 * 86400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clocks_go_forward),
		cmocka_unit_test(clocks_go_back),
		cmocka_unit_test(a_zone_without_summer_time),
		cmocka_unit_test(midnight),
		cmocka_unit_test(leap_day),
		cmocka_unit_test(expiry),
		cmocka_unit_test(the_horizon_moves),
		cmocka_unit_test(the_same_hours_are_one_row),
		cmocka_unit_test(an_expiry_is_one_row),
		cmocka_unit_test(hours_by_lot),
		cmocka_unit_test(none_begins_before_the_floor),
		cmocka_unit_test(a_doubted_clock_closes_what_depends_on_it_soon),
	};

	return cmocka_run_group_tests(tests, NULL, release);
}

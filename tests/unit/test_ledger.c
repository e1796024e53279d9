/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The usage ledger counts: nothing twice, nothing lost unsaid, and within its bounds. */
#include "lab_ledger.h"

#include <errno.h>
#include <sys/stat.h>

/* ---- counting ---- */

static void what_is_added_is_there_by_hour(void **state)
{
	struct ledger *l = new_ledger();
	struct ledger_subject a = detail("unit=1 address=5"), b = attempt("10.1.0.9", "22");

	ledger_add(l, &a, 3, 0, NOW);
	ledger_add(l, &a, 4, 0, NOW + 10);
	ledger_add(l, &a, 5, 0, NOW + LEDGER_HOUR);
	ledger_add(l, &b, 1, 60, NOW);
	ledger_add_moment(l, &(struct ledger_moment){ .time = NOW, .kind = "start", .part = "supervisor" });
	ledger_flush(l, NOW);
	assert_int_equal(sums(LEDGER_USAGE, NULL).count, 12);
	assert_int_equal(sums(LEDGER_USAGE, "unit=1 address=5").first, NOW);
	assert_int_equal(sums(LEDGER_USAGE, "unit=1 address=5").last, NOW + LEDGER_HOUR);
	assert_int_equal(spans(LEDGER_USAGE, NULL).rows, 2);
	assert_int_equal(sums_between(LEDGER_USAGE, NULL, 0, NOW).count, 7);
	assert_int_equal(sums(LEDGER_ATTEMPT, "22").bytes, 60);
	assert_int_equal(moments("start").count, 1);
	ledger_free(l);
}

static void counters_count_once_and_begin_anew(void **state)
{
	struct ledger *l = new_ledger();
	struct ledger_subject a = rule("a"), b = rule("b");

	read_one(l, 1, 10, &a, 10, 0, NOW);
	read_one(l, 1, 30, &a, 30, 0, NOW);  /* + 20 */
	ledger_flush(l, NOW);
	read_one(l, 1, 30, &a, 30, 0, NOW);  /* + 0 */
	read_one(l, 1, 7, &a, 7, 0, NOW);    /* it went back: + 7 */
	read_one(l, 2, 5, &a, 5, 0, NOW);    /* another source of the same: + 5 */
	ledger_flush(l, NOW);
	assert_int_equal(sums(LEDGER_USAGE, "a").count, 42);
	/* 9 is more than 7, but the witness says that all began anew. */
	read_one(l, 1, 100, &a, 7, 0, NOW);
	read_one(l, 1, 9, &a, 9, 0, NOW);
	/* Gone from a reading, and back: from 0. */
	read_one(l, 1, 20, &b, 1, 0, NOW);
	read_one(l, 1, 21, &a, 3, 0, NOW);
	ledger_flush(l, NOW);
	assert_int_equal(sums(LEDGER_USAGE, "a").count, 42 + 9 + 3);
	assert_int_equal(sums(LEDGER_USAGE, "b").count, 1);
	ledger_free(l);
}

/* Any order of growth, restarts, failing disks and flushes: the sums are those of a plain tally. */
static void a_long_life_counts_exactly(void **state)
{
	uint64_t absolute[8] = { 0 }, tally[8] = { 0 }, witness = 0;
	struct ledger *l = new_ledger();
	char away[112], name[8];

	srandom(4410);
	snprintf(away, sizeof(away), "%s.away", folder);
	for (int round = 0; round < 2000; round++) {
		int64_t now = NOW + round * 600;

		if (random() % 20 == 0 && witness > 100) { /* a reading is seldom that late */
			memset(absolute, 0, sizeof(absolute));
			witness = 0;
		}
		for (int i = 0; i < 8; i++) {
			uint64_t more = (uint64_t)(random() % 4);

			absolute[i] += more;
			tally[i] += more;
			witness += more + 1;
		}
		if (random() % 40 == 0)
			(void)!rename(folder, away);
		if (random() % 10 == 0)
			(void)!rename(away, folder);
		ledger_reading_begin(l, 1, witness, now);
		for (int i = 0; i < 8; i++) {
			snprintf(name, sizeof(name), "r%d", i);
			ledger_reading_add(l, &(struct ledger_subject){ .field = { name, "modbus", "", "", "allowed" } },
					   absolute[i], 0);
		}
		ledger_reading_end(l);
		if (random() % 3 == 0)
			ledger_flush(l, now);
	}
	(void)!rename(away, folder);
	ledger_flush(l, NOW + 2000 * 600);
	for (int i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "r%d", i);
		assert_int_equal(sums(LEDGER_USAGE, name).count, tally[i]);
	}
	ledger_free(l);
}

static void the_kernels_counters_go_on_after_a_restart(void **state)
{
	struct ledger *l = new_ledger();
	struct ledger_subject a = conduit("10.1.0.2"), b = conduit("10.1.0.3"), c = conduit("10.1.0.4");

	ledger_reading_begin(l, LEDGER_KERNEL, 0, NOW);
	ledger_reading_add(l, &a, 100, 1000);
	ledger_reading_add(l, &b, 50, 500);
	ledger_reading_end(l);
	ledger_flush(l, NOW);
	ledger_free(l);
	/* Meanwhile a grew, b began anew, c came and was seen by nobody: what it counted is not of this time. */
	l = new_ledger();
	ledger_reading_first(l, &a, 130, 1300, NOW + 60);
	ledger_reading_first(l, &b, 20, 200, NOW + 60);
	ledger_reading_first(l, &c, 7000, 70000, NOW + 60);
	ledger_reading_begin(l, LEDGER_KERNEL, 0, NOW + 70);
	ledger_reading_add(l, &a, 131, 1310);
	ledger_reading_add(l, &b, 21, 210);
	ledger_reading_add(l, &c, 7001, 70010);
	ledger_reading_end(l);
	ledger_flush(l, NOW + 70);
	assert_int_equal(sums(LEDGER_CONDUIT, "10.1.0.2").count, 131);
	assert_int_equal(sums(LEDGER_CONDUIT, "10.1.0.2").bytes, 1310);
	assert_int_equal(sums(LEDGER_CONDUIT, "10.1.0.3").count, 50 + 21);
	assert_int_equal(sums(LEDGER_CONDUIT, "10.1.0.4").count, 1);
	assert_int_equal(sums(LEDGER_CONDUIT, "10.1.0.4").bytes, 10);
	ledger_free(l);
}

/* ---- bounds ---- */

static void old_hours_become_days_and_old_days_go(void **state)
{
	struct ledger_limits limits = ledger_usual_limits;
	int64_t day = NOW - NOW % LEDGER_DAY, now = day;
	struct ledger_subject a = rule("a"), gone = rule("gone");
	struct ledger *l;

	limits.hours_kept = 2;
	limits.days_kept = 10;
	l = ledger_new(path, &limits, tell, NULL);
	ledger_add(l, &gone, 1, 0, day);
	for (int hour = 0; hour < 5 * 24; hour++, now += LEDGER_HOUR)
		ledger_add(l, &a, 1, 10, now);
	ledger_flush(l, now);
	assert_int_equal(sums(LEDGER_USAGE, "a").count, 120);
	assert_int_equal(sums(LEDGER_USAGE, "a").bytes, 1200);
	assert_int_equal(spans(LEDGER_USAGE, "a").rows, 3 + 2 * 24);
	assert_int_equal(sums_between(LEDGER_USAGE, "a", day + LEDGER_DAY, day + 2 * LEDGER_DAY).count, 24);
	/* A year passes, or the clock is wrong by one: one day of evidence goes at each hour's pass. */
	now += 365 * (int64_t)LEDGER_DAY;
	ledger_flush(l, now);
	assert_int_equal(sums(LEDGER_USAGE, "a").count, 96);
	assert_int_equal(sums(LEDGER_USAGE, "gone").rows, 0);
	for (int pass = 0; pass < 4; pass++)
		ledger_flush(l, now += LEDGER_HOUR);
	assert_int_equal(sums(LEDGER_USAGE, "a").rows, 0);
	ledger_free(l);
}

static void the_file_stays_small(void **state)
{
	struct ledger_limits limits = ledger_usual_limits;
	struct stat st;
	struct ledger_health health;
	struct ledger *l;
	char name[32];

	limits.file_bytes = 1u << 20;
	l = ledger_new(path, &limits, tell, NULL);
	for (int day = 0; day < 200; day++) {
		for (int i = 0; i < 500; i++) {
			struct ledger_subject s = rule(name);

			snprintf(name, sizeof(name), "rule-%d", i);
			ledger_add(l, &s, 1, 0, NOW + day * (int64_t)LEDGER_DAY);
		}
		ledger_flush(l, NOW + day * (int64_t)LEDGER_DAY);
	}
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size <= 1 << 20);
	ledger_health(l, &health);
	assert_int_equal(health.error, 0);
	assert_true(told[LEDGER_SHORTENED] > 0);
	/* What is new is there all the same. */
	assert_int_equal(sums_between(LEDGER_USAGE, NULL, NOW + 198 * (int64_t)LEDGER_DAY, FAR).count, 500);
	ledger_free(l);
}

static void a_scan_leaves_room_for_the_rules(void **state)
{
	struct ledger_limits limits = ledger_usual_limits;
	struct ledger_subject a = rule("a");
	struct ledger *l;
	char port[8];

	limits.attempts = 300;
	limits.waiting = 1000;
	l = ledger_new(path, &limits, tell, NULL);
	for (int i = 0; i < 600; i++) {
		struct ledger_subject s = attempt("10.1.0.9", port);

		snprintf(port, sizeof(port), "%d", i);
		ledger_add(l, &s, 1, 0, NOW + i);
	}
	ledger_add(l, &a, 5, 0, NOW);
	ledger_flush(l, NOW);
	ledger_flush(l, NOW); /* what was lost goes with the next one */
	assert_int_equal(sums(LEDGER_ATTEMPT, NULL).rows, 300);
	assert_int_equal(sums(LEDGER_ATTEMPT, "0").rows, 0); /* the oldest went */
	assert_int_equal(sums(LEDGER_ATTEMPT, "499").rows, 1);
	assert_int_equal(sums(LEDGER_USAGE, "a").count, 5);
	assert_non_null(strstr(moments("counts-lost").text, "100 counts"));
	ledger_free(l);
}

static void a_long_outage_fits_memory(void **state)
{
	struct ledger_limits limits = ledger_usual_limits;
	struct ledger_health health;
	struct ledger *l;
	char name[8], away[112];

	limits.waiting = 200;
	snprintf(away, sizeof(away), "%s.away", folder);
	l = ledger_new(path, &limits, tell, NULL);
	assert_int_equal(rename(folder, away), 0);
	for (int hour = 0; hour < 24; hour++) /* 20 rules: by the hour this would be 480 rows */
		for (int i = 0; i < 20; i++) {
			struct ledger_subject s = rule(name);
			int64_t now = NOW - NOW % LEDGER_DAY + hour * LEDGER_HOUR;

			snprintf(name, sizeof(name), "r%d", i);
			ledger_add(l, &s, 1, 0, now);
			ledger_flush(l, now);
		}
	ledger_health(l, &health);
	assert_int_equal(health.error, -ENOENT);
	assert_int_equal(health.lost, 0);
	assert_true(health.waiting <= 200);
	assert_int_equal(told[LEDGER_FAILED], 1);
	assert_int_equal(rename(away, folder), 0);
	ledger_flush(l, NOW + LEDGER_DAY);
	assert_int_equal(told[LEDGER_WORKS], 1);
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "r%d", i);
		assert_int_equal(sums(LEDGER_USAGE, name).count, 24);
	}
	ledger_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_added_is_there_by_hour),
		TEST(counters_count_once_and_begin_anew),
		TEST(a_long_life_counts_exactly),
		TEST(the_kernels_counters_go_on_after_a_restart),
		TEST(old_hours_become_days_and_old_days_go),
		TEST(the_file_stays_small),
		TEST(a_scan_leaves_room_for_the_rules),
		TEST(a_long_outage_fits_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When the box's clock is trusted: boots, steps and jumps, with and without time servers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "run/clock.h"

#define NOON INT64_C(1795608000) /* 2026-11-25 12:00 UTC */
#define MINUTE 60
#define HOUR 3600
#define DAY 86400
#define YEAR (365 * DAY)

/* The box has been up for an hour; the gate saw NOON then, or read it from the disk. */
static struct clock at_noon(bool known)
{
	return (struct clock){ .latest = NOON, .latest_at = HOUR, .known = known, .recorded = true };
}

/* After `passed` seconds the clock is `wrong` seconds ahead of where it should be. */
static enum clock_doubt judged(struct clock *clock, int64_t passed, int64_t wrong, struct clock_reading reading)
{
	reading.wall = NOON + passed + wrong;
	reading.boot = HOUR + passed;
	clock_judge(clock, &reading);
	return clock->doubt;
}

static const struct clock_reading alone, synchronised = { .synchronised = true, .has_servers = true },
				  unheard = { .has_servers = true };

static void time_goes_on(void **state)
{
	struct clock clock = at_noon(true);

	for (int i = 0; i < 1000; i++)
		assert_int_equal(judged(&clock, i * HOUR, 0, i % 2 ? alone : synchronised), CLOCK_TRUSTED);
	assert_int_equal(clock_latest(&clock, HOUR + 1000 * HOUR), NOON + 1000 * HOUR);
}

static void set_back_while_running(void **state)
{
	struct clock clock = at_noon(true);

	assert_int_equal(judged(&clock, MINUTE, -DAY, alone), CLOCK_BEHIND);
	assert_int_equal(judged(&clock, HOUR, -DAY, synchronised), CLOCK_BEHIND);
	assert_int_equal(clock_latest(&clock, HOUR + HOUR), NOON + HOUR);
	assert_int_equal(judged(&clock, 2 * HOUR, 1, alone), CLOCK_TRUSTED);
}

static void small_steps_do_not_add_up(void **state)
{
	struct clock clock = at_noon(true);

	assert_int_equal(judged(&clock, MINUTE, -100, alone), CLOCK_TRUSTED);
	assert_int_equal(judged(&clock, DAY, -100, alone), CLOCK_TRUSTED);
	assert_int_equal(judged(&clock, DAY + MINUTE, -121, alone), CLOCK_BEHIND);
	assert_int_equal(judged(&clock, DAY + HOUR, 121, alone), CLOCK_JUMPED);
}

static void a_time_server_puts_it_right(void **state)
{
	struct clock clock = at_noon(true);

	/* the quartz was wrong by minutes in all the months before */
	assert_int_equal(judged(&clock, DAY, 10 * MINUTE, synchronised), CLOCK_TRUSTED);
	assert_int_equal(clock_latest(&clock, HOUR + DAY), NOON + DAY + 10 * MINUTE);
	assert_int_equal(judged(&clock, DAY + HOUR, 9 * MINUTE, synchronised), CLOCK_TRUSTED);
	assert_int_equal(judged(&clock, DAY + HOUR, 0, synchronised), CLOCK_BEHIND);
}

static void a_year_ahead_and_back(void **state)
{
	struct clock clock = at_noon(true);

	assert_int_equal(judged(&clock, HOUR, YEAR, alone), CLOCK_JUMPED);
	assert_int_equal(judged(&clock, DAY, YEAR, synchronised), CLOCK_JUMPED);
	assert_int_equal(clock_latest(&clock, HOUR + DAY), NOON + DAY);
	assert_int_equal(judged(&clock, 2 * DAY, 0, alone), CLOCK_TRUSTED);
}

/* Believed by a person, and wrong: the latest time known would keep everything closed for a year. */
static void a_person_has_the_last_word(void **state)
{
	struct clock clock = at_noon(true);
	struct clock_reading reading = { .wall = NOON + YEAR, .boot = 2 * HOUR };

	clock_confirm(&clock, &reading);
	assert_int_equal(judged(&clock, 2 * HOUR, 0, synchronised), CLOCK_BEHIND);
	reading.wall = NOON + 2 * HOUR;
	reading.boot = 3 * HOUR;
	clock_confirm(&clock, &reading);
	assert_int_equal(clock.doubt, CLOCK_TRUSTED);
	assert_int_equal(judged(&clock, 3 * HOUR, 0, alone), CLOCK_TRUSTED);
}

/* The clock chip has no battery; systemd puts the clock where it was last. */
static void booted_without_the_time(void **state)
{
	struct clock clock = at_noon(false);
	struct clock_reading dead = { .chip = 1 };

	assert_int_equal(judged(&clock, 0, -NOON, alone), CLOCK_BEHIND);
	assert_int_equal(judged(&clock, 0, -NOON, synchronised), CLOCK_BEHIND);
	assert_int_equal(judged(&clock, MINUTE, 0, dead), CLOCK_CHIP);
	assert_int_equal(judged(&clock, MINUTE, 0, unheard), CLOCK_UNCONFIRMED);
	assert_int_equal(judged(&clock, HOUR, 3 * DAY, synchronised), CLOCK_TRUSTED);
	assert_int_equal(clock_latest(&clock, 2 * HOUR), NOON + HOUR + 3 * DAY);
	/* that the time server is gone again does not matter in this boot */
	assert_int_equal(judged(&clock, 30 * DAY, 3 * DAY, unheard), CLOCK_TRUSTED);
}

static void booted_after_a_rest(void **state)
{
	struct clock clock = at_noon(false);
	struct clock_reading chip = { .chip = NOON + 20 * DAY - MINUTE };

	assert_int_equal(judged(&clock, 0, 20 * DAY, chip), CLOCK_TRUSTED);
	clock = at_noon(false);
	assert_int_equal(judged(&clock, 0, 31 * DAY, alone), CLOCK_AHEAD);
	assert_int_equal(judged(&clock, 0, 31 * DAY, synchronised), CLOCK_TRUSTED);
	/* the first start of all: the dates of files say nothing about how long ago */
	clock = at_noon(false);
	clock.recorded = false;
	assert_int_equal(judged(&clock, 0, 3 * (int64_t)YEAR, alone), CLOCK_TRUSTED);
}

static void every_doubt_has_its_words(void **state)
{
	assert_null(clock_doubt_text(CLOCK_TRUSTED));
	assert_null(clock_doubt_word(CLOCK_TRUSTED));
	for (unsigned d = CLOCK_BEHIND; d <= CLOCK_CHIP; d++) {
		assert_non_null(clock_doubt_text((enum clock_doubt)d));
		assert_non_null(clock_doubt_word((enum clock_doubt)d));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_goes_on),
		cmocka_unit_test(set_back_while_running),
		cmocka_unit_test(small_steps_do_not_add_up),
		cmocka_unit_test(a_time_server_puts_it_right),
		cmocka_unit_test(a_year_ahead_and_back),
		cmocka_unit_test(a_person_has_the_last_word),
		cmocka_unit_test(booted_without_the_time),
		cmocka_unit_test(booted_after_a_rest),
		cmocka_unit_test(every_doubt_has_its_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

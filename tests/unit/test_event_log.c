/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/event_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const denied[] = { "denied", NULL };
static char folder[64], path[96];

static int make_folder(void **state)
{
	strcpy(folder, "/tmp/test_event_log.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/events.jsonl", folder);
	return 0;
}

static int remove_folder(void **state)
{
	unlink(path);
	return rmdir(folder);
}

static struct event some_event(const char *reason)
{
	return (struct event){ .event = "denied", .rule = "historian-reads", .reason = reason,
			       .text = "It said \"no\".",
			       .server = { .name = "historian-01", .address = "10.1.0.2", .port = 4000 } };
}

static int lines(const char *const *events, struct arena *arena, const char ***ret)
{
	return event_log_recent(path, events, 100, arena, ret);
}

static void a_line_holds_the_members(void **state)
{
	struct event event = some_event("address-not-allowed");
	struct arena arena = { 0 };
	struct event_log log;
	const char **text;

	event_add_number(&event, "function", 6);
	assert_int_equal(event_log_open(&log, path), 0);
	assert_int_equal(event_log_write(&log, &event), 0);
	event_log_close(&log);
	assert_int_equal(lines(denied, &arena, &text), 1);
	assert_non_null(strstr(text[0], "\"time\": \"20"));
	assert_non_null(strstr(text[0], "\"rule\": \"historian-reads\""));
	assert_non_null(strstr(text[0], "\"text\": \"It said \\\"no\\\".\""));
	assert_non_null(strstr(text[0], "\"server\": {\"name\": \"historian-01\", "
			       "\"address\": \"10.1.0.2\", \"port\": 4000}"));
	assert_non_null(strstr(text[0], "\"function\": 6}"));
	assert_null(strstr(text[0], "device"));
	arena_free(&arena);
}

static void a_denial_without_rule_says_so(void **state)
{
	struct event event = some_event("no-rule");
	struct arena arena = { 0 };
	struct event_log log;
	const char **text;

	event.rule = NULL;
	assert_int_equal(event_log_open(&log, path), 0);
	assert_int_equal(event_log_write(&log, &event), 0);
	event_log_close(&log);
	assert_int_equal(lines(denied, &arena, &text), 1);
	assert_non_null(strstr(text[0], "\"rule\": null"));
	arena_free(&arena);
}

static void one_cause_is_limited_and_counted(void **state)
{
	struct event flood = some_event("rate-exceeded"), other = some_event("unit-not-allowed");
	struct arena arena = { 0 };
	struct event_log log;
	const char **text;

	assert_int_equal(event_log_open(&log, path), 0);
	for (int i = 0; i < 250; i++)
		assert_int_equal(event_log_write(&log, &flood), 0);
	assert_int_equal(event_log_write(&log, &other), 0);
	event_log_close(&log);
	/* ten of the flood, the other one, and one line for the 240 that were left out */
	assert_int_equal(lines(denied, &arena, &text), 12);
	assert_non_null(strstr(text[10], "unit-not-allowed"));
	assert_non_null(strstr(text[11], "\"repeated\": 240, "));
	assert_non_null(strstr(text[11], "rate-exceeded"));
	arena_free(&arena);
}

static void a_full_disk_costs_events_only(void **state)
{
	struct event event = some_event("no-rule");
	struct event_log log;

	assert_int_equal(event_log_open(&log, "/dev/full"), 0);
	assert_true(event_log_write(&log, &event) < 0);
	assert_int_equal(event_log_write(&log, &event), 0); /* said once */
	assert_int_equal(log.lost, 2);
	log.path = path;
	assert_int_equal(event_log_write(&log, &event), 0);
	assert_int_equal(log.lost, 0);
	event_log_close(&log);
	struct arena arena = { 0 };
	const char **text, *const events[] = { "events-lost", "denied", NULL };

	assert_int_equal(lines(events, &arena, &text), 2);
	assert_non_null(strstr(text[0], "\"count\": 2}"));
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_line_holds_the_members, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(a_denial_without_rule_says_so, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(one_cause_is_limited_and_counted, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(a_full_disk_costs_events_only, make_folder, remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/usage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/reason.h"

static void assert_usage(const struct core_event *event, const char *service, const char *detail,
			 const char *parts)
{
	struct usage usage;

	memset(&usage, 'x', sizeof(usage));
	usage_of_request(NULL, event, &usage);
	assert_string_equal(usage.subject.field[2], service);
	assert_string_equal(usage.subject.field[3], detail);
	assert_string_equal(usage.subject.note, parts);
}

static void a_modbus_request(void **state)
{
	const struct core_event event = { .kind = CORE_EVENT_DENIED, .unit = 1, .function = 6, .address = 666,
					  .quantity = 1, .value = 3, .transaction = 77,
					  .has = CORE_HAS_MESSAGE | CORE_HAS_ADDRESS | CORE_HAS_QUANTITY |
						 CORE_HAS_VALUE };

	assert_usage(&event, "write-single-register", "unit=1 address=666 quantity=1",
		     "{\"unit\": 1, \"address\": 666, \"quantity\": 1}");
}

static void a_cip_request_to_an_object(void **state)
{
	const struct core_event event = { .kind = CORE_EVENT_DENIED, .command = 0x6f, .service = 0x10,
					  .class = 0xf5, .instance = 1, .attribute = 5,
					  .has = CORE_HAS_COMMAND | CORE_HAS_SERVICE | CORE_HAS_CLASS |
						 CORE_HAS_INSTANCE | CORE_HAS_ATTRIBUTE };

	assert_usage(&event, "set-attribute-single", "class=245 instance=1 attribute=5",
		     "{\"class\": 245, \"instance\": 1, \"attribute\": 5}");
}

static void a_cip_request_to_a_tag(void **state)
{
	const struct core_event event = { .kind = CORE_EVENT_DENIED, .command = 0x6f, .service = 0x4d,
					  .tag = "Press.Speed",
					  .has = CORE_HAS_COMMAND | CORE_HAS_SERVICE | CORE_HAS_TAG };

	assert_usage(&event, "write-tag", "tag=Press.Speed", "{\"tag\": \"Press.Speed\"}");
}

static void a_name_that_is_no_name_stays_valid_json(void **state)
{
	const struct core_event event = { .kind = CORE_EVENT_DENIED, .command = 0x6f, .service = 0x4d,
					  .tag = "a\"\\b class=1",
					  .has = CORE_HAS_COMMAND | CORE_HAS_SERVICE | CORE_HAS_TAG };

	assert_usage(&event, "write-tag", "tag=a\"\\b class=1", "{\"tag\": \"a\\\"\\\\b class=1\"}");
}

static void the_longest_fits(void **state)
{
	struct core_event event = { .kind = CORE_EVENT_DENIED, .command = 0x6f, .service = 0x7b,
				    .class = UINT32_MAX, .instance = UINT32_MAX, .attribute = UINT32_MAX,
				    .has = CORE_HAS_COMMAND | CORE_HAS_SERVICE | CORE_HAS_CLASS |
					   CORE_HAS_INSTANCE | CORE_HAS_ATTRIBUTE | CORE_HAS_TAG };
	char detail[256], parts[512], quotes[2 * CORE_TAG_MAX + 1];

	memset(event.tag, '"', CORE_TAG_MAX);
	for (size_t i = 0; i < CORE_TAG_MAX; i++)
		memcpy(quotes + 2 * i, "\\\"", 3);
	snprintf(detail, sizeof(detail), "class=4294967295 instance=4294967295 attribute=4294967295 tag=%s",
		 event.tag);
	snprintf(parts, sizeof(parts), "{\"class\": 4294967295, \"instance\": 4294967295, "
		 "\"attribute\": 4294967295, \"tag\": \"%s\"}", quotes);
	assert_usage(&event, "service-123", detail, parts);
}

static void what_is_below_cip(void **state)
{
	const struct core_event list = { .kind = CORE_EVENT_DENIED, .command = 0x63, .has = CORE_HAS_COMMAND };
	const struct core_event unknown = { .kind = CORE_EVENT_DENIED, .command = 0x99, .has = CORE_HAS_COMMAND };

	assert_usage(&list, "list-identity", "", "{}");
	assert_usage(&unknown, "command-153", "", "{}");
}

static void what_could_not_be_read(void **state)
{
	const struct core_event event = { .kind = CORE_EVENT_DENIED, .reason = REASON_DEVICE_INITIATED,
					  .action = CORE_ACTION_OBSERVED };
	struct usage usage;

	assert_usage(&event, "", "", "{}");
	usage_of_request(NULL, &event, &usage);
	assert_string_equal(usage.subject.field[4], "observed/device-initiated");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_modbus_request),
		cmocka_unit_test(a_cip_request_to_an_object),
		cmocka_unit_test(a_cip_request_to_a_tag),
		cmocka_unit_test(a_name_that_is_no_name_stays_valid_json),
		cmocka_unit_test(the_longest_fits),
		cmocka_unit_test(what_is_below_cip),
		cmocka_unit_test(what_could_not_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

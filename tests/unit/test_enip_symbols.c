/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tags by the number of their symbol: what a listing teaches, how long that holds, and what a new one changes. */
#include "lab_enip_talk.h"

static void test_symbols_by_number(void **state)
{
	start_session();
	refused(RR(1, READ_SYMBOL("\x04")), REASON_TAG_NOT_ALLOWED, RR(1, "\xcc\0\x0f\0"));
	request_passes(RR(2, LISTING));
	reply_passes(RR(2, LISTED));
	request_passes(RR(3, READ_SYMBOL("\x04")));
	reply_passes(RR(3, RATE_READ));
	refused(RR(4, READ_SYMBOL("\x05")), REASON_TAG_NOT_ALLOWED, RR(4, "\xcc\0\x0f\0"));
	refused(RR(5, READ_SYMBOL("\x06")), REASON_TAG_NOT_ALLOWED, RR(5, "\xcc\0\x0f\0"));
	request_passes(lab_enip(0x66, SESSION, 0, 0, NULL));
	request_passes(lab_register(0));
	reply_passes(lab_register(SESSION));
	refused(RR(6, READ_SYMBOL("\x04")), REASON_TAG_NOT_ALLOWED, RR(6, "\xcc\0\x0f\0"));
}

/* What the listing shows after a download: from the start, or a later page. */
#define LIST_FROM(n) "\x55\x02\x20\x6b\x24" n "\x02\0\x01\0\x02\0"
#define LINE(n, name) n "\0\0\0" "\x06\0" name "\xc4\x20"
#define KNOWN(context, n) do { request_passes(RR(context, READ_SYMBOL(n))); reply_passes(RR(context, RATE_READ)); } while (0)
#define UNKNOWN(context, n) refused(RR(context, READ_SYMBOL(n)), REASON_TAG_NOT_ALLOWED, RR(context, "\xcc\0\x0f\0"))

/* Numbers 4 and 6 are Counts; the second page of a new listing ends without 6, which then stands for nothing. */
static void test_a_new_listing_replaces_the_former(void **state)
{
	start_session();
	request_passes(RR(1, LISTING));
	reply_passes(RR(1, "\xd5\0\0\0" LINE("\4", "Counts") LINE("\6", "Counts")));
	from_server(server_next, at_server);
	KNOWN(2, "\6");
	request_passes(RR(3, LISTING));
	reply_passes(RR(3, "\xd5\0\6\0" LINE("\4", "Counts")));
	from_server(server_next, at_server);
	KNOWN(4, "\6"); /* it is not over yet */
	request_passes(RR(5, LIST_FROM("\5")));
	reply_passes(RR(5, "\xd5\0\0\0" LINE("\7", "Counts")));
	from_server(server_next, at_server);
	KNOWN(6, "\4");
	KNOWN(7, "\7");
	UNKNOWN(8, "\6");
}

/* On its first page a number stands for another tag: what was not told again counts no more from there on. */
static void test_a_controller_that_was_loaded_anew(void **state)
{
	start_session();
	request_passes(RR(1, LISTING));
	reply_passes(RR(1, "\xd5\0\0\0" LINE("\4", "Counts") LINE("\5", "Counts") LINE("\6", "Counts")));
	from_server(server_next, at_server);
	request_passes(RR(2, LISTING));
	reply_passes(RR(2, "\xd5\0\6\0" LINE("\4", "Counts") LINE("\5", "Guards")));
	from_server(server_next, at_server);
	KNOWN(3, "\4");
	UNKNOWN(4, "\5");
	UNKNOWN(5, "\6");
}

/* A listing that asks for no names says nothing of them. */
static void test_a_listing_without_names(void **state)
{
	start_session();
	request_passes(RR(1, LISTING));
	reply_passes(RR(1, LISTED));
	from_server(server_next, at_server);
	request_passes(RR(2, "\x55\x02\x20\x6b\x24\x00\x01\0\x02\0"));
	reply_passes(RR(2, "\xd5\0\0\0" "\7\0\0\0" "\xc4\0"));
	from_server(server_next, at_server);
	KNOWN(3, "\4");
}

/* A listing within a Multiple Service Packet passes, and teaches nothing. */
static void test_a_listing_within_another(void **state)
{
	start_session();
	request_passes(RR(1, "\x0a\x02\x20\x02\x24\x01\x01\0\4\0" LISTING));
	reply_passes(RR(1, "\x8a\0\0\0\x01\0\4\0" LISTED));
	from_server(server_next, at_server);
	UNKNOWN(2, "\4");
}

/* What is listed inside another object (68/1) says nothing about the controller's own symbols. */
static void test_symbols_inside_another_object(void **state)
{
	policy.objects[0].class = 0x68;
	policy.objects[1] = (struct program_object){ .class = 0x6b, .instances = { 5, 1 } };
	policy.ranges[3].last = 2;
	policy.cip[1].service = 0x55;
	policy.cip[1].path.count = 2;
	start_session();
	request_passes(RR(1, "\x55\x04\x20\x68\x24\x01\x20\x6b\x24\x00\x02\0\x01\0\x02\0"));
	reply_passes(RR(1, LISTED));
	refused(RR(2, READ_SYMBOL("\x04")), REASON_TAG_NOT_ALLOWED, RR(2, "\xcc\0\x0f\0"));
	request_passes(RR(3, LISTING));
	reply_passes(RR(3, LISTED));
	request_passes(RR(4, READ_SYMBOL("\x04")));
}

#define TEST(name) cmocka_unit_test_setup(name, policy_of_the_lab)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_symbols_by_number),
		TEST(test_a_new_listing_replaces_the_former),
		TEST(test_a_controller_that_was_loaded_anew),
		TEST(test_a_listing_without_names),
		TEST(test_a_listing_within_another),
		TEST(test_symbols_inside_another_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

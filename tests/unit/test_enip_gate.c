/* SPDX-License-Identifier: GPL-2.0-or-later */
/* EtherNet/IP through the core: sessions, connections, refusals in the client's words. */
#include "inspect/enip_flow.h"
#include "lab_enip_talk.h"

static void test_reads_go_on_beside_a_refused_write(void **state)
{
	start_session();
	request_passes(RR(1, READ_RATE));
	reply_passes(RR(1, RATE_READ));
	refused(RR(2, WRITE_RATE), REASON_TAG_NOT_ALLOWED, RR(2, WRITE_REFUSED));
	request_passes(RR(3, WRITE_SPEED("\xdc")));
	reply_passes(RR(3, "\xcd\0\0\0"));
	refused(RR(4, WRITE_SPEED("\xdd")), REASON_VALUE_NOT_ALLOWED, RR(4, WRITE_REFUSED));
	request_passes(RR(5, READ_RATE));
	reply_passes(RR(5, RATE_READ));
}

static void test_what_is_recorded(void **state)
{
	struct lab_bytes m = RR(2, WRITE_RATE);

	start_session();
	server_says(&m);
	denied(REASON_TAG_NOT_ALLOWED, CORE_ACTION_REPLIED);
	assert_int_equal(core_io()->events[0].rule, 1);
	assert_int_equal(core_io()->events[0].has, CORE_HAS_COMMAND | CORE_HAS_SERVICE | CORE_HAS_TAG |
			 CORE_HAS_ELEMENTS);
	assert_int_equal(core_io()->events[0].service, 0x4d);
	assert_string_equal(core_io()->events[0].tag, "LINE3.Rate");
}

static void test_another_session(void **state)
{
	struct lab_bytes early = lab_rr(SESSION, 1, READ_RATE, sizeof(READ_RATE) - 1);
	struct lab_bytes other = lab_rr(SESSION + 1, 2, READ_RATE, sizeof(READ_RATE) - 1);

	start();
	refused(early, REASON_WRONG_SESSION, lab_enip(0x6f, SESSION, 0x64, 1, NULL));
	request_passes(lab_register(0));
	reply_passes(lab_register(SESSION));
	refused(other, REASON_WRONG_SESSION, lab_enip(0x6f, SESSION + 1, 0x64, 2, NULL));
	request_passes(RR(3, READ_RATE));
}

static void test_objects(void **state)
{
	start_session();
	request_passes(RR(1, "\x0e\x03\x20\x01\x24\x01\x30\x07"));
	reply_passes(RR(1, "\x8e\0\0\0\x02" "ab"));
	request_passes(RR(2, "\x0e\x05\x21\0\x01\0\x25\0\x01\0\x30\x07"));
	reply_passes(RR(2, "\x8e\0\0\0\x02" "ab"));
	refused(RR(3, "\x0e\x03\x20\x01\x24\x01\x30\x08"), REASON_OBJECT_NOT_ALLOWED, RR(3, "\x8e\0\x0f\0"));
	refused(RR(4, "\x0e\x03\x20\x01\x24\x02\x30\x07"), REASON_OBJECT_NOT_ALLOWED, RR(4, "\x8e\0\x0f\0"));
	refused(RR(5, "\x0e\x03\x20\xf5\x24\x01\x30\x05"), REASON_OBJECT_NOT_ALLOWED, RR(5, "\x8e\0\x0f\0"));
	refused(RR(6, "\x05\x02\x20\x01\x24\x01"), REASON_SERVICE_NOT_ALLOWED, RR(6, "\x85\0\x0f\0"));
	refused(RR(7, "\x07\x02\x20\x8e\x24\x01"), REASON_SERVICE_NOT_ALLOWED, RR(7, "\x87\0\x0f\0"));
	refused(RR(8, "\x4c\x02\x20\x8e\x24\x01\0\0"), REASON_SERVICE_NOT_ALLOWED, RR(8, "\xcc\0\x0f\0"));
}

/* Unconnected Send of a read of the identity's product name, by the route 1/0 or another. */
#define SEND(port, slot) "\x52\x02\x20\x06\x24\x01\x0a\x05\x08\0" "\x0e\x03\x20\x01\x24\x01\x30\x07" \
			 "\x01\0" port slot

static void test_routes(void **state)
{
	start_session();
	request_passes(RR(1, SEND("\x01", "\0")));
	reply_passes(RR(1, "\x8e\0\0\0" "\x02" "ab"));
	refused(RR(2, SEND("\x01", "\x01")), REASON_ROUTE_NOT_ALLOWED, RR(2, "\x8e\0\x0f\0"));
	refused(RR(3, SEND("\x02", "\0")), REASON_ROUTE_NOT_ALLOWED, RR(3, "\x8e\0\x0f\0"));
}

/* Two parts: a read, and the second of the same length. */
#define TWO(second) "\x0a\x02\x20\x02\x24\x01\x02\0\x06\0\x18\0" READ_RATE second

static void test_one_part_denies_all(void **state)
{
	static const char stop[] = "\x0a\x02\x20\x02\x24\x01\x02\0\x06\0\x18\0" READ_RATE
				   "\x07\x02\x20\x8e\x24\x01";
	static const char answer[] = "\x8a\0\x1e\0\x02\0\x06\0\x0a\0\xcc\0\x0f\0\x87\0\x0f\0";

	start_session();
	request_passes(RR(1, TWO(READ_RATE)));
	reply_passes(RR(1, "\x8a\0\0\0\x02\0\x06\0\x10\0" RATE_READ RATE_READ));
	refused(RR(2, stop), REASON_SERVICE_NOT_ALLOWED, RR(2, answer));
	request_passes(RR(3, READ_RATE));
}

static void test_nesting(void **state)
{
	static const char inside_itself[] = "\x0a\x02\x20\x02\x24\x01\x01\0\x04\0"
					    "\x0a\x02\x20\x02\x24\x01\x01\0\x04\0" READ_RATE;

	start_session();
	refused(RR(1, inside_itself), REASON_NESTING_TOO_DEEP, RR(1, "\x8a\0\x0f\0"));
	request_passes(RR(2, READ_RATE));
}

/* Class 3 to the message router by 1/0, serial 7, vendor 0x1234, originator 5. */
#define FORWARD_OPEN(class) "\x54\x02\x20\x06\x24\x01\x0a\x0e" "\0\0\0\0" "\x04\x03\x02\x01" "\x07\0\x34\x12" \
	"\x05\0\0\0" "\x03\0\0\0" "\x80\x84\x1e\0" "\xf4\x43" "\x80\x84\x1e\0" "\xf4\x43" class "\x03" \
	"\x01\0\x20\x02\x24\x01"
#define OPENED "\xd4\0\0\0" "\xdd\xcc\xbb\xaa" "\x04\x03\x02\x01" "\x07\0\x34\x12" "\x05\0\0\0" \
	"\x80\x84\x1e\0" "\x80\x84\x1e\0" "\0\0"
#define FORWARD_CLOSE(serial) "\x4e\x02\x20\x06\x24\x01\x0a\x0e" serial "\0\x34\x12" "\x05\0\0\0" "\x03\0" \
	"\x01\0\x20\x02\x24\x01"
#define CLOSED "\xce\0\0\0" "\x07\0\x34\x12" "\x05\0\0\0" "\0\0"

static void test_data_before_a_connection(void **state)
{
	struct lab_bytes early = UNIT(O_T, 1, READ_RATE);

	start_session();
	refused(UNIT(O_T, 1, READ_RATE), REASON_CONNECTION_NOT_ALLOWED, lab_enip(0x70, SESSION, 3, 0, NULL));
	request_passes(RR(1, FORWARD_OPEN("\xa3")));
	server_says(&early); /* answered in its turn */
	denied(REASON_CONNECTION_NOT_ALLOWED, CORE_ACTION_REPLIED);
	assert_int_equal(core_io()->verdict, CORE_DROP);
}

static void open_connection(void)
{
	start_session();
	request_passes(RR(1, FORWARD_OPEN("\xa3")));
	reply_passes(RR(1, OPENED));
}

static void test_connected_requests(void **state)
{
	open_connection();
	request_passes(UNIT(O_T, 1, READ_RATE));
	reply_passes(UNIT(T_O, 1, RATE_READ));
	refused(UNIT(O_T, 2, WRITE_RATE), REASON_TAG_NOT_ALLOWED, UNIT(T_O, 2, WRITE_REFUSED));
	request_passes(UNIT(O_T, 3, READ_RATE));
	reply_passes(UNIT(T_O, 3, RATE_READ));
	refused(UNIT(O_T + 1, 4, READ_RATE), REASON_CONNECTION_NOT_ALLOWED,
		lab_enip(0x70, SESSION, 3, 0, NULL));
	refused(RR(2, FORWARD_CLOSE("\x08")), REASON_CONNECTION_NOT_ALLOWED, RR(2, "\xce\0\x0f\0"));
	request_passes(RR(3, FORWARD_CLOSE("\x07")));
	reply_passes(RR(3, CLOSED));
	refused(UNIT(O_T, 5, READ_RATE), REASON_CONNECTION_NOT_ALLOWED, lab_enip(0x70, SESSION, 3, 0, NULL));
}

/* An electronic key between the route and the router. */
static void test_an_opening_with_a_key(void **state)
{
	static const char keyed[] = "\x54\x02\x20\x06\x24\x01\x0a\x0e" "\0\0\0\0" "\x04\x03\x02\x01" "\x07\0\x34\x12"
		"\x05\0\0\0" "\x03\0\0\0" "\x80\x84\x1e\0" "\xf4\x43" "\x80\x84\x1e\0" "\xf4\x43" "\xa3\x08"
		"\x01\0" "\x34\x04\x01\0\x0e\0\x5e\0\x14\x01" "\x20\x02\x24\x01";

	start_session();
	request_passes(RR(1, keyed));
	reply_passes(RR(1, OPENED));
	request_passes(UNIT(O_T, 1, READ_RATE));
}

/* Class 1 is for input and output: no rule here allows it. */
static void test_other_classes(void **state)
{
	start_session();
	refused(RR(1, FORWARD_OPEN("\x81")), REASON_CONNECTION_NOT_ALLOWED, RR(1, "\xd4\0\x0f\0"));
	refused(RR(2, FORWARD_OPEN("\x01")), REASON_CONNECTION_NOT_ALLOWED, RR(2, "\xd4\0\x0f\0"));
}

/* ---- what an adversary tries ---- */

/* Ten elements of Counts from a byte on; what comes back, as REAL or as a structure. */
#define READ_COUNTS(from) "\x52\x04\x91\x06" "Counts" "\x0a\0" from "\0\0"
#define COUNTS_READ(type) "\xd2\0\0\0" type "1234" "5678"

/* The reply tells the type, and with it where the read ends: what lies behind the elements is never told. */
static void test_reads_from_an_offset(void **state)
{
	start_session();
	request_passes(RR(1, READ_COUNTS("\x20\0")));
	reply_passes(RR(1, COUNTS_READ("\xca\0")));
	from_server(server_next, at_server);
	withdrawn(RR(2, READ_COUNTS("\x24\0")), RR(2, COUNTS_READ("\xca\0")), RR(2, "\xd2\0\x0f\0"));
	withdrawn(RR(3, READ_COUNTS("\xa0\x0f")), RR(3, COUNTS_READ("\xca\0")), RR(3, "\xd2\0\x0f\0"));
	withdrawn(RR(4, READ_COUNTS("\x04\0")), RR(4, COUNTS_READ("\xa0\x02\x34\x12")), RR(4, "\xd2\0\x0f\0"));
	request_passes(RR(5, READ_COUNTS("\xa0\x0f")));
	reply_passes(RR(5, "\xd2\0\xff\x01\x05\x21"));
	request_passes(RR(6, READ_RATE));
	reply_passes(RR(6, RATE_READ));
}

/* The same as the second of two parts. Of more than four such parts nobody keeps account. */
static void test_parts_that_read_from_an_offset(void **state)
{
	static const char five[] = "\x0a\x02\x20\x02\x24\x01\x05\0\x0c\0\x1c\0\x2c\0\x3c\0\x4c\0"
		READ_COUNTS("\4\0") READ_COUNTS("\4\0") READ_COUNTS("\4\0") READ_COUNTS("\4\0") READ_COUNTS("\4\0");
	static const char denied_all[] = "\x8a\0\x1e\0\x05\0\x0c\0\x10\0\x14\0\x18\0\x1c\0"
		"\xd2\0\x0f\0" "\xd2\0\x0f\0" "\xd2\0\x0f\0" "\xd2\0\x0f\0" "\xd2\0\x0f\0";

	start_session();
	request_passes(RR(1, TWO(READ_COUNTS("\x20\0"))));
	reply_passes(RR(1, "\x8a\0\0\0\x02\0\x06\0\x10\0" RATE_READ COUNTS_READ("\xca\0")));
	from_server(server_next, at_server);
	withdrawn(RR(2, TWO(READ_COUNTS("\x24\0"))),
		  RR(2, "\x8a\0\0\0\x02\0\x06\0\x10\0" RATE_READ COUNTS_READ("\xca\0")),
		  RR(2, "\x8a\0\x1e\0\x02\0\x06\0\x0a\0" "\xcc\0\x0f\0" "\xd2\0\x0f\0"));
	refused(RR(3, five), REASON_TAG_NOT_ALLOWED, RR(3, denied_all));
}

/* The same, to the slot of that number, with a context and a reply's status of its own. */
#define OPEN_BY(slot) "\x54\x02\x20\x06\x24\x01\x0a\x0e" "\0\0\0\0" "\x04\x03\x02\x01" "\x07\0\x34\x12" \
	"\x05\0\0\0" "\x03\0\0\0" "\x80\x84\x1e\0" "\xf4\x43" "\x80\x84\x1e\0" "\xf4\x43" "\xa3\x03" \
	"\x01" slot "\x20\x02\x24\x01"
#define CLOSE_BY(path) "\x4e\x02\x20\x06\x24\x01\x0a\x0e" "\x07\0\x34\x12" "\x05\0\0\0" path

/* Routes 1/0 and 1/1; the tags are read by 1/1 alone, the rest is allowed by both. */
static void start_with_two_slots(void)
{
	policy.hops[0].link = (struct program_span){ 21, 1 };
	policy.hops[1] = (struct program_hop){ .port = 1, .link = { 22, 1 } };
	policy.text[22] = 1;
	policy.routes[0] = (struct program_span){ 0, 1 };
	policy.routes[1] = (struct program_span){ 1, 1 };
	policy.cip[0].routes = (struct program_span){ 1, 1 };
	start_session();
}

/*
 * Two openings of one serial number are under way, by different routes. The device answers the second first:
 * the connection goes where the second went, whatever the first one asked for.
 */
static void test_two_openings_of_one_serial(void **state)
{
	start_with_two_slots();
	request_passes(RR(1, OPEN_BY("\x01")));
	request_passes(RR(2, OPEN_BY("\0")));
	reply_passes(RR(2, OPENED));
	reply_passes(RR(1, "\xd4\0\x01\0"));
	refused(UNIT(O_T, 1, READ_RATE), REASON_ROUTE_NOT_ALLOWED, UNIT(T_O, 1, "\xcc\0\x0f\0"));
}

/* A refusal that does not repeat the serial number frees its place all the same. */
static void test_refused_openings_leave_room(void **state)
{
	start_session();
	for (uint8_t i = 1; i <= 40; i++) {
		request_passes(RR(i, FORWARD_OPEN("\xa3")));
		reply_passes(RR(i, "\xd4\0\x08\0"));
		from_server(server_next, at_server);
	}
	request_passes(RR(50, FORWARD_OPEN("\xa3")));
	reply_passes(RR(50, OPENED));
	request_passes(UNIT(O_T, 1, READ_RATE));
}

/* Elsewhere the serial number is another's connection, and another object is no router. */
static void test_closing_elsewhere(void **state)
{
	open_connection();
	refused(RR(2, CLOSE_BY("\x03\0" "\x01\x05\x20\x02\x24\x01")), REASON_CONNECTION_NOT_ALLOWED,
		RR(2, "\xce\0\x0f\0"));
	refused(RR(3, CLOSE_BY("\x02\0" "\x20\x02\x24\x01")), REASON_CONNECTION_NOT_ALLOWED,
		RR(3, "\xce\0\x0f\0"));
	refused(RR(4, CLOSE_BY("\x03\0" "\x01\0\x20\x04\x24\x01")), REASON_CONNECTION_NOT_ALLOWED,
		RR(4, "\xce\0\x0f\0"));
	request_passes(RR(5, CLOSE_BY("\x03\0" "\x01\0\x20\x02\x24\x01")));
}

/* A message behind a route of 1/0 or 1/1, of an even length. */
#define SEND_BY(slot, length, message) "\x52\x02\x20\x06\x24\x01\x0a\x05" length "\0" message "\x01\0\x01" slot

/* What symbol 4 is in one slot says nothing of symbol 4 in the other. */
static void test_symbols_of_another_slot(void **state)
{
	start_with_two_slots();
	request_passes(RR(1, SEND_BY("\0", "\x0c", LISTING)));
	reply_passes(RR(1, LISTED));
	refused(RR(2, SEND_BY("\x01", "\x08", READ_SYMBOL("\x04"))), REASON_TAG_NOT_ALLOWED,
		RR(2, "\xcc\0\x0f\0"));
	request_passes(RR(3, SEND_BY("\x01", "\x0c", LISTING)));
	reply_passes(RR(3, LISTED));
	request_passes(RR(4, SEND_BY("\x01", "\x08", READ_SYMBOL("\x04"))));
}

/* The ids of one connection are those of another the other way round; each reply finds its request. */
static void test_ids_that_cross(void **state)
{
	static const char second[] = "\x54\x02\x20\x06\x24\x01\x0a\x0e" "\0\0\0\0" "\xdd\xcc\xbb\xaa"
		"\x08\0\x34\x12" "\x05\0\0\0" "\x03\0\0\0" "\x80\x84\x1e\0" "\xf4\x43"
		"\x80\x84\x1e\0" "\xf4\x43" "\xa3\x03" "\x01\0\x20\x02\x24\x01";
	static const char opened[] = "\xd4\0\0\0" "\x04\x03\x02\x01" "\xdd\xcc\xbb\xaa" "\x08\0\x34\x12"
		"\x05\0\0\0" "\x80\x84\x1e\0" "\x80\x84\x1e\0" "\0\0";

	open_connection();
	request_passes(RR(2, second));
	reply_passes(RR(2, opened));
	request_passes(UNIT(O_T, 1, READ_RATE));
	request_passes(UNIT(T_O, 2, READ_RATE));
	reply_passes(UNIT(T_O, 1, RATE_READ));
	reply_passes(UNIT(O_T, 2, RATE_READ));
}

/* A rule that only observes never holds a client up, though none of its replies can be paired. */
static void test_observing_holds_nothing_up(void **state)
{
	policy.conduits[0].mode = PROGRAM_OBSERVE;
	start_session();
	for (uint8_t i = 1; i <= 40; i++) {
		struct lab_bytes request = UNIT(O_T, i, READ_RATE), reply = UNIT(T_O, i, RATE_READ);

		server_says(&request);
		passed(at_device, device_next, request.b, request.n);
		at_device += (uint32_t)request.n;
		device_says(&reply);
		passed(at_server, server_next, reply.b, reply.n);
		at_server += (uint32_t)reply.n;
	}
}

static void test_two_in_one_segment(void **state)
{
	struct lab_bytes two = RR(1, WRITE_RATE), read = RR(2, READ_RATE), answer = RR(1, WRITE_REFUSED);

	start_session();
	lab_add(&two, read.b, read.n);
	server_says(&two);
	denied(REASON_TAG_NOT_ALLOWED, CORE_ACTION_REPLIED);
	passed(at_device, device_next, read.b, read.n);
	assert_int_equal(core_io()->made_count, 1);
	made(0, TO_SERVER, LAB_PSH | LAB_ACK, at_server, server_next - (uint32_t)read.n, answer.b, answer.n);
}

static void test_replies_nobody_asked_for(void **state)
{
	struct lab_bytes unasked = RR(1, RATE_READ);

	start_session();
	device_says(&unasked);
	denied(REASON_UNEXPECTED_REPLY, CORE_ACTION_DROPPED);
	assert_int_equal(core_io()->verdict, CORE_DROP);
}

static void test_a_reply_of_another_service(void **state)
{
	struct lab_bytes wrong = RR(1, "\xcd\0\0\0");

	start_session();
	request_passes(RR(1, READ_RATE));
	device_says(&wrong);
	denied(REASON_REPLY_MISMATCH, CORE_ACTION_RESET);
}

/* The tag is known before the values have come: the rest is taken out, too. */
static void test_a_write_in_two_pieces(void **state)
{
	struct lab_bytes write = RR(1, WRITE_RATE), answer = RR(1, WRITE_REFUSED);
	size_t first = write.n - 4;

	start_session();
	say(write.b, first);
	from_server(server_next, at_server);
	denied(REASON_TAG_NOT_ALLOWED, CORE_ACTION_REPLIED);
	assert_int_equal(core_io()->verdict, CORE_DROP);
	server_next += (uint32_t)first;
	say(write.b + first, 4);
	from_server(server_next, at_server);
	assert_int_equal(core_io()->verdict, CORE_DROP);
	made(0, TO_SERVER, LAB_PSH | LAB_ACK, at_server, server_next + 4, answer.b, answer.n);
}

static void test_not_a_message(void **state)
{
	struct lab_bytes m = lab_enip(0x72, SESSION, 0, 1, NULL);

	start_session();
	server_says(&m);
	denied(REASON_MALFORMED_FRAME, CORE_ACTION_RESET);
}

/* ---- places for sessions ---- */

static void server_opens(uint16_t port)
{
	server_port = port;
	gate_open();
}

/* Who works keeps the place; of those that are over one gives way. */
static void test_every_place_taken(void **state)
{
	unsigned tries = 0;

	start();
	for (unsigned i = 1; i < ENIP_FLOWS_MAX; i++)
		server_opens((uint16_t)(10000 + i));
	server_port = 9999;
	put_packet(TO_DEVICE, LAB_SYN, 1000, 0);
	assert_int_equal(core_io()->verdict, CORE_DROP);
	denied(REASON_FLOWS_EXHAUSTED, CORE_ACTION_DROPPED);
	server_port = 50000;
	request_passes(lab_register(0));
	reply_passes(lab_register(SESSION));
	server_port = 10001;
	put_packet(TO_DEVICE, LAB_RST, 1001, 0);
	recorded(CORE_EVENT_CLOSED, REASON_NONE, CORE_ACTION_NONE);
	core_io()->now += 2 * LAB_SECOND;
	server_port = 9999;
	do { /* the search looks at a part of the table each time */
		put_packet(TO_DEVICE, LAB_SYN, 1000, 0);
	} while (core_io()->verdict == CORE_DROP && ++tries < 10);
	gate_open();
	server_port = 50000;
	request_passes(RR(1, READ_RATE));
}

/* Neither the session nor a request of a connection that is over counts in the next one. */
static void test_a_place_is_handed_on_empty(void **state)
{
	struct lab_bytes answer = RR(1, RATE_READ);

	start_session();
	request_passes(RR(1, READ_RATE));
	put_packet(TO_DEVICE, LAB_RST, server_next, 0);
	core_io()->now += 11 * LAB_SECOND;
	core_tick();
	assert_int_equal(core_totals()->flows_now, 0);
	server_opens(50001);
	server_next = at_device = 1001;
	device_next = at_server = 5001;
	refused(RR(2, READ_RATE), REASON_WRONG_SESSION, lab_enip(0x6f, SESSION, 0x64, 2, NULL));
	device_says(&answer);
	denied(REASON_UNEXPECTED_REPLY, CORE_ACTION_DROPPED);
}

#define TEST(name) cmocka_unit_test_setup(name, policy_of_the_lab)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_reads_go_on_beside_a_refused_write),
		TEST(test_what_is_recorded),
		TEST(test_another_session),
		TEST(test_objects),
		TEST(test_routes),
		TEST(test_two_openings_of_one_serial),
		TEST(test_refused_openings_leave_room),
		TEST(test_closing_elsewhere),
		TEST(test_symbols_of_another_slot),
		TEST(test_ids_that_cross),
		TEST(test_observing_holds_nothing_up),
		TEST(test_one_part_denies_all),
		TEST(test_reads_from_an_offset),
		TEST(test_parts_that_read_from_an_offset),
		TEST(test_nesting),
		TEST(test_data_before_a_connection),
		TEST(test_connected_requests),
		TEST(test_an_opening_with_a_key),
		TEST(test_other_classes),
		TEST(test_two_in_one_segment),
		TEST(test_replies_nobody_asked_for),
		TEST(test_a_reply_of_another_service),
		TEST(test_a_write_in_two_pieces),
		TEST(test_not_a_message),
		TEST(test_every_place_taken),
		TEST(test_a_place_is_handed_on_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asking a device by UDP what it is: only where a rule says so, and each answer once, to who asked. */
#include "lab_udp.h"
#include "protocol/datagram.h"

#define LIST_SERVICES 0x04
#define LIST_IDENTITY 0x63

static size_t write_udp(int to_device, const struct lab_bytes *m, uint8_t *out)
{
	return put_udp(to_device, to_device ? server_port : LAB_PORT, to_device ? LAB_PORT : server_port, m, out);
}

static void send(int to_device, struct lab_bytes m)
{
	decide_udp(write_udp(to_device, &m, core_io()->packet));
}

static struct lab_bytes ask(unsigned command, uint8_t context)
{
	return lab_enip(command, 0, 0, context, NULL);
}

static struct lab_bytes answer(uint8_t context)
{
	struct lab_bytes data = { .n = 0 };

	lab_le(&data, 1, 2);
	lab_le(&data, 0x0c, 2);
	lab_le(&data, 4, 2);
	lab_le(&data, 0x01020304, 4);
	return lab_enip(LIST_IDENTITY, 0, 0, context, &data);
}

static void passes(int to_device, struct lab_bytes m)
{
	uint8_t as_sent[4200];
	size_t length = write_udp(to_device, &m, as_sent);

	send(to_device, m);
	assert_int_equal(core_io()->verdict, CORE_PASS);
	assert_int_equal(core_io()->event_count, 0);
	assert_memory_equal(core_io()->packet, as_sent, length);
}

static void dropped(enum reason reason)
{
	assert_int_equal(core_io()->verdict, CORE_DROP);
	assert_int_equal(core_io()->made_count, 0);
	denied(reason, CORE_ACTION_DROPPED);
}

static void refused(int to_device, struct lab_bytes m, enum reason reason)
{
	send(to_device, m);
	dropped(reason);
}

/* Rule 0 allows List Identity. */
static void start(void)
{
	policy.conduits[0].protocol = PROGRAM_ETHERNET_IP;
	policy.cip[2] = (struct program_cip){ .kind = CIP_LIST_IDENTITY };
	gate_policy();
}

static void test_each_answer_once(void **state)
{
	start();
	passes(TO_DEVICE, ask(LIST_IDENTITY, 1));
	passes(TO_SERVER, answer(1));
	refused(TO_SERVER, answer(1), REASON_UNEXPECTED_REPLY);
	assert_int_equal(core_totals()->rules[0].allowed, 1);
}

static void test_ipv6(void **state)
{
	policy.conduits[0].family = 6;
	start();
	passes(TO_DEVICE, ask(LIST_IDENTITY, 1));
	passes(TO_SERVER, answer(1));
	send(TO_DEVICE, ask(LIST_IDENTITY, 2));
	lab_put16(core_io()->packet + udp_at + 6, 0); /* no checksum */
	decide_udp(core_io()->length);
	dropped(REASON_MALFORMED_PACKET);
}

static void test_nobody_allowed_it(void **state)
{
	policy.conduits[0].protocol = PROGRAM_ETHERNET_IP;
	gate_policy();
	refused(TO_DEVICE, ask(LIST_IDENTITY, 1), REASON_SERVICE_NOT_ALLOWED);
	assert_int_equal(core_io()->events[0].has, CORE_HAS_COMMAND);
	assert_int_equal(core_io()->events[0].command, LIST_IDENTITY);
	assert_int_equal(core_io()->events[0].server_port, 50000);
	assert_int_equal(core_io()->events[0].to_device, 1);
	refused(TO_SERVER, answer(1), REASON_UNEXPECTED_REPLY);
	passes(TO_DEVICE, ask(LIST_SERVICES, 1)); /* comes with any entry */
}

static void test_answers_to_others(void **state)
{
	start();
	refused(TO_SERVER, answer(1), REASON_UNEXPECTED_REPLY);
	passes(TO_DEVICE, ask(LIST_IDENTITY, 1));
	refused(TO_SERVER, answer(2), REASON_UNEXPECTED_REPLY);
	server_port = 50001;
	refused(TO_SERVER, answer(1), REASON_UNEXPECTED_REPLY);
	server_port = 50000;
	passes(TO_SERVER, answer(1));
}

static void test_an_answer_too_late(void **state)
{
	start();
	passes(TO_DEVICE, ask(LIST_IDENTITY, 1));
	core_io()->now += 5 * LAB_SECOND;
	refused(TO_SERVER, answer(1), REASON_UNEXPECTED_REPLY);
}

static void test_few_wait_at_once(void **state)
{
	start();
	for (uint8_t i = 1; i <= 4; i++)
		passes(TO_DEVICE, ask(LIST_IDENTITY, i));
	refused(TO_DEVICE, ask(LIST_IDENTITY, 5), REASON_OUTSTANDING_EXCEEDED);
	passes(TO_SERVER, answer(3));
	passes(TO_DEVICE, ask(LIST_IDENTITY, 6));
	core_io()->now += 5 * LAB_SECOND;
	passes(TO_DEVICE, ask(LIST_IDENTITY, 7));
}

static void test_rate(void **state)
{
	policy.conduits[0].requests_per_second = 1;
	start();
	passes(TO_DEVICE, ask(LIST_IDENTITY, 1));
	refused(TO_DEVICE, ask(LIST_IDENTITY, 2), REASON_RATE_EXCEEDED);
}

static void test_observed(void **state)
{
	policy.conduits[0].protocol = PROGRAM_ETHERNET_IP;
	policy.conduits[0].mode = PROGRAM_OBSERVE;
	gate_policy();
	send(TO_DEVICE, ask(LIST_IDENTITY, 1));
	assert_int_equal(core_io()->verdict, CORE_PASS);
	denied(REASON_SERVICE_NOT_ALLOWED, CORE_ACTION_OBSERVED);
	passes(TO_SERVER, answer(1));
}

static void test_other_messages(void **state)
{
	struct lab_bytes longer = ask(LIST_IDENTITY, 1);

	start();
	lab_le(&longer, 0, 1);
	refused(TO_DEVICE, longer, REASON_TRAILING_BYTES);
	refused(TO_DEVICE, lab_register(0), REASON_MALFORMED_FRAME); /* not by UDP */
	refused(TO_DEVICE, lab_rr(1, 1, "\x4c\0", 2), REASON_MALFORMED_FRAME);
	refused(TO_DEVICE, (struct lab_bytes){ .n = 0 }, REASON_MALFORMED_FRAME);
}

static void test_of_no_conduit(void **state)
{
	gate_policy();
	refused(TO_DEVICE, ask(LIST_IDENTITY, 1), REASON_NO_RULE); /* Modbus has no datagrams */
	start();
	send(TO_DEVICE, ask(LIST_IDENTITY, 1));
	lab_put16(core_io()->packet + udp_at + 2, 2223);
	close_udp(core_io()->packet, core_io()->length);
	decide_udp(core_io()->length);
	dropped(REASON_NO_RULE);
}

/* One byte of the packet's headers changed. */
static void test_malformed(void **state)
{
	static const struct { size_t at; uint8_t to; } changes[] = {
		{ 0, 0x46 }, { 3, 0 }, { 6, 0x20 }, { 7, 1 }, { 10, 1 }, { 24, 1 }, { 25, 1 }, { 26, 0xee },
	};

	start();
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		struct lab_bytes m = ask(LIST_IDENTITY, 1);
		size_t length = write_udp(TO_DEVICE, &m, core_io()->packet);

		assert_int_not_equal(core_io()->packet[changes[i].at], changes[i].to);
		core_io()->packet[changes[i].at] = changes[i].to;
		decide_udp(length);
		dropped(REASON_MALFORMED_PACKET);
	}
}

static void test_without_checksum(void **state)
{
	struct lab_bytes m = ask(LIST_IDENTITY, 1);
	size_t length;

	start();
	length = write_udp(TO_DEVICE, &m, core_io()->packet);
	lab_put16(core_io()->packet + udp_at + 6, 0);
	decide_udp(length);
	assert_int_equal(core_io()->verdict, CORE_PASS);
}

/* The number of a conduit that went to another device: no answer passes that the other one was asked for. */
static void test_another_device_has_the_number(void **state)
{
	start();
	passes(TO_DEVICE, ask(LIST_IDENTITY, 1));
	policy.conduits[0].device[3] = 77;
	memcpy(core_program_area(), &policy, sizeof(policy));
	assert_int_equal(core_program_load(sizeof(policy)), 1);
	refused(TO_SERVER, answer(1), REASON_UNEXPECTED_REPLY);
}

/* What `replay` builds is what the strict reader takes, with the lab's own sums in it. */
static void test_written(void **state)
{
	struct lab_bytes m = ask(LIST_IDENTITY, 1);
	uint8_t out[200], wanted[4200];

	gate_policy();
	for (uint8_t family = 4; family <= 6; family += 2) {
		struct datagram d = { .family = family, .source = lab_server, .target = lab_device,
				      .source_port = server_port, .target_port = LAB_PORT, .data = m.b, .length = m.n };
		size_t length;

		policy.conduits[0].family = family;
		length = write_udp(TO_DEVICE, &m, wanted);
		assert_int_equal(datagram_write(&d, out, sizeof(out)), length);
		assert_memory_equal(out + udp_at, wanted + udp_at, length - udp_at);
		assert_int_equal(datagram_read(out, length, &d), REASON_NONE);
		assert_memory_equal(d.data, m.b, m.n);
		assert_int_equal(datagram_write(&d, wanted, length - 1), 0);
	}
}

#define TEST(name) cmocka_unit_test_setup(name, policy_of_the_lab)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_each_answer_once),
		TEST(test_ipv6),
		TEST(test_nobody_allowed_it),
		TEST(test_answers_to_others),
		TEST(test_an_answer_too_late),
		TEST(test_few_wait_at_once),
		TEST(test_rate),
		TEST(test_observed),
		TEST(test_other_messages),
		TEST(test_of_no_conduit),
		TEST(test_malformed),
		TEST(test_without_checksum),
		TEST(test_another_device_has_the_number),
		TEST(test_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

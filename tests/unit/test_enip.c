/* SPDX-License-Identifier: GPL-2.0-or-later */
/* EtherNet/IP encapsulation and CIP, from messages written by hand: what is taken, and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/cip_connection.h"
#include "protocol/enip.h"
#include "protocol/enip_ask.h"
#include "protocol/pccc.h"
#include "lab_hex.h"

#define MESSAGE_MAX 4096u

static void put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

/* Header of session 0x11223344 and context 01 .. 08 before the data. */
static size_t message_of(unsigned command, const char *data, uint8_t *out)
{
	size_t n = bytes_of(data, out + ENIP_HEADER);

	memcpy(out, "\0\0\0\0\x44\x33\x22\x11\0\0\0\0\1\2\3\4\5\6\7\x08\0\0\0\0", ENIP_HEADER);
	put16(out, command);
	put16(out + 2, n);
	return ENIP_HEADER + n;
}

/* A CIP request or reply as unconnected data, or connected: of connection 0xaabbccdd, sequence 7. */
static size_t packet_of(bool connected, const char *cip, uint8_t *out)
{
	size_t head = connected ? message_of(ENIP_SEND_UNIT_DATA, "00000000 0000 0200 a100 0400"
					     "ddccbbaa b100 0000 0700", out) :
				  message_of(ENIP_SEND_RR_DATA, "00000000 0000 0200 0000 0000"
					     "b200 0000", out);
	size_t n = bytes_of(cip, out + head);

	put16(out + head - (connected ? 4 : 2), n + (connected ? 2 : 0));
	put16(out + 2, head + n - ENIP_HEADER);
	return head + n;
}

static enum reason walk(const uint8_t *cip, size_t len, unsigned *ret_requests)
{
	struct cip_walk w;
	enum reason reason = cip_walk_first(&w, cip, len);

	for (*ret_requests = 0; reason == REASON_NONE && !w.end; reason = cip_walk_next(&w))
		(*ret_requests)++;
	return reason;
}

static enum reason walk_hex(const char *hex)
{
	uint8_t bytes[MESSAGE_MAX], *copy;
	size_t len = bytes_of(hex, bytes);
	enum reason reason;
	unsigned requests;

	copy = exactly(bytes, len);
	reason = walk(copy, len, &requests);
	free(copy);
	return reason;
}

static void ask_of(const uint8_t *frame, size_t len, struct enip_ask *ret)
{
	struct enip_message m;
	struct cip_walk w;
	enum reason reason;

	assert_int_equal(enip_request(frame, len, &m), REASON_NONE);
	enip_ask(&m, ret);
	for (reason = cip_walk_first(&w, m.cip, m.cip_length); reason == REASON_NONE && !w.end;
	     reason = cip_walk_next(&w))
		enip_ask_add(ret, &w);
	assert_int_equal(reason, REASON_NONE);
	ret->reply_connection = 0xaabbccdd;
}

/* ---- requests with a good reply, and one that does not fit -------------------------------------------- */

#define US_TO "5202 20062401 0a9c"

struct sample {
	const char *what;
	unsigned requests;
	bool open; /* it ends in a value of no size of its own: a shorter one is good, too */
	const char *request;
	const char *reply;
	const char *wrong; /* NULL: anything of its service fits */
};

static const struct sample samples[] = {
	{ "attributes all", 1, true, "0102 20012401", "81000000 0102", NULL },
	{ "attribute list", 1, false, "0302 20012401 0200 0100 0700", "83000000 0200 0100 0000 0100 0700 0000 0141",
	  "83000000 0300 0100 0000 0100" },
	{ "attribute single", 1, false, "0e03 20012401 3007", "8e000000 0141", "8f000000 0141" },
	{ "set attribute", 1, true, "1004 20f52401 3100 0500 01000000", NULL, NULL },
	{ "read tag", 1, false, "4c03" TAG "0100", "cc000000 c400 01000000", "cc000000 c400 01000000 02000000" },
	{ "read fragment", 1, false, "5203" TAG "0400 04000000", "d2000600 c400 01000000 02000000",
	  "d2000000 c400 01000000 02000000 03000000 04000000" },
	{ "write tag", 1, false, "4d03" TAG "c400 0100 07000000", "cd000000", "cd000000 00" },
	{ "write structure", 1, true, "4d03" TAG "a002 ce0f 0100 07000000", "cd000000", "cc000000" },
	{ "write fragment", 1, true, "5303" TAG "c300 0400 02000000 0100 0200", "d3000000", "d3000000 c300" },
	{ "modify", 1, false, "4e03" TAG "0200 ff00 ff0f", "ce000000", "ce000000 00" },
	{ "listing", 1, false, "5503 206b2500 0000 0200 0100 0200",
	  "d5000600 05000000 0300 616263 c400 07000000 0100 64 c300",
	  "d5000600 05000000 0300 616263 c400 07000000 0900 64 c300" },
	{ "template", 1, false, "4c03 206c2500 3412 00000000 0800", "cc000000 0102030405060708",
	  "cc000000 010203040506070809" },
	{ "unconnected send", 1, false, US_TO "0a00 4c03" TAG "0100 0100 0100", "cc000000 c400 01000000",
	  "8a000000 c400 01000000" },
	{ "packet", 2, false, "0a02 20022401 0200 0600 1000 4c03" TAG "0100 4c03" TAG "0100",
	  "8a000000 0200 0600 1000 cc000000 c400 05000000 cc000000 c400 01000000",
	  "8a000000 0200 0600 0e00 cd000000 c300 0100 cc000000 c300 0100" },
	{ "forward open", 1, false, "5402 20062401 0a0e 00000000 11223344 0100 4d00 01020304 01 000000"
	  "00127a00 f443 00127a00 f443 a3 03 0100 20022401",
	  "d4000000 01000000 11223344 0100 4d00 01020304 00127a00 00127a00 0000",
	  "d4000000 01000000 11223344 0200 4d00 01020304 00127a00 00127a00 0000" },
	{ "forward close", 1, false, "4e02 20062401 0a0e 0100 4d00 01020304 03 00 0100 20022401",
	  "ce000000 0100 4d00 01020304 0000", "ce000000 0100 4d00 01020305 0000" },
	{ "pccc read", 1, false, "4b02 20672401 07 4d00 01020304 0f00 0500 a2 04 07 89 00 00",
	  "cb000000 07 4d00 01020304 4f00 0500 01000200", "cb000000 07 4d00 01020304 4f00 0600 0100" },
};
#define SAMPLES (sizeof(samples) / sizeof(samples[0]))

static void check_sample(const struct sample *s, bool connected)
{
	uint8_t frame[MESSAGE_MAX], reply[MESSAGE_MAX], cip[MESSAGE_MAX];
	size_t len = packet_of(connected, s->request, frame), cip_len = bytes_of(s->request, cip);
	struct enip_message m;
	struct enip_ask ask;
	struct cip_reply r;
	unsigned requests;

	assert_int_equal(walk(cip, cip_len, &requests), REASON_NONE);
	assert_int_equal(requests, s->requests);
	ask_of(frame, len, &ask);
	for (unsigned wrong = 0; wrong < 2; wrong++) {
		const char *hex = wrong ? s->wrong : s->reply;

		if (!hex)
			continue;
		len = packet_of(connected, hex, reply);
		assert_int_equal(enip_reply(reply, len, &m), REASON_NONE);
		assert_true(enip_pairs(&ask, &m));
		assert_int_equal(enip_answers(&ask, &m, &r) != REASON_NONE, wrong);
	}
}

static void test_samples(void **state)
{
	for (size_t i = 0; i < SAMPLES; i++) {
		print_message("%s\n", samples[i].what);
		check_sample(&samples[i], false);
		check_sample(&samples[i], true);
	}
}

/* Every proper prefix is refused as a whole message, and may still become one; no byte beyond is read. */
static void test_prefixes(void **state)
{
	uint8_t frame[MESSAGE_MAX], cip[MESSAGE_MAX];
	struct enip_message m;
	enum reason reason;
	unsigned requests;

	for (size_t i = 0; i < SAMPLES; i++) {
		size_t len = packet_of(i % 2, samples[i].request, frame);
		size_t cip_len = bytes_of(samples[i].request, cip), there;

		for (size_t n = 0; n < len; n++) {
			uint8_t *copy = exactly(frame, n);

			assert_int_not_equal(enip_request(copy, n, &m), REASON_NONE);
			assert_true(enip_request_begins(copy, n));
			assert_int_equal(enip_request_start(copy, n, &m, &there), n >= ENIP_HEADER);
			free(copy);
		}
		for (size_t n = 0; n < cip_len; n++) {
			uint8_t *copy = exactly(cip, n);

			reason = walk(copy, n, &requests);
			assert_true(reason != REASON_NONE || samples[i].open);
			free(copy);
		}
	}
}

/* Of replies no byte beyond is read either, whatever was asked; what the header lacks is missed. */
static void test_reply_prefixes(void **state)
{
	uint8_t frame[MESSAGE_MAX], bytes[MESSAGE_MAX];
	struct enip_message m;
	struct enip_ask ask;
	struct cip_reply r;

	for (size_t i = 0; i < SAMPLES; i++) {
		size_t len = packet_of(i % 2, samples[i].request, frame);

		if (!samples[i].reply)
			continue;
		ask_of(frame, len, &ask);
		len = packet_of(i % 2, samples[i].reply, bytes);
		assert_int_equal(enip_reply(bytes, len, &m), REASON_NONE);
		len = bytes_of(samples[i].reply, bytes);
		for (size_t n = 0; n < len; n++) {
			uint8_t *copy = exactly(bytes, n);

			m.cip = copy;
			m.cip_length = (uint16_t)n;
			assert_int_equal(enip_answers(&ask, &m, &r) == REASON_MALFORMED_FRAME, n < 4);
			free(copy);
		}
	}
}

/* ---- nesting ------------------------------------------------------------------------------------------ */

static void test_nesting(void **state)
{
	static const struct {
		const char *what;
		const char *hex;
		enum reason reason;
	} cases[] = {
		{ "packet in a packet", "0a02 20022401 0100 0400 0a02 20022401 0100 0400 4c03" TAG "0100",
		  REASON_NESTING_TOO_DEEP },
		{ "packet in an unconnected send",
		  US_TO "1600 0a02 20022401 0100 0400 4c03" TAG "0100 0000 0000 0100 0100",
		  REASON_TRAILING_BYTES },
		{ "send in a send", US_TO "1800" US_TO "0c00 4c03" TAG "0100 0000 0000 0100 0100",
		  REASON_NESTING_TOO_DEEP },
		{ "send in a packet", "0a02 20022401 0100 0400" US_TO "0a00 4c03" TAG "0100 0000",
		  REASON_NESTING_TOO_DEEP },
		{ "send to another instance", "5202 20062402 0a9c 0a00 4c03" TAG "0100 0000",
		  REASON_NESTING_TOO_DEEP },
		{ "packet to another object", "0a02 20042401 0100 0400 4c03" TAG "0100",
		  REASON_NESTING_TOO_DEEP },
		{ "forward close in a packet",
		  "0a02 20022401 0100 0400 4e02 20062401 0a0e 0100 4d00 01020304 02 00 20022401",
		  REASON_NESTING_TOO_DEEP },
		{ "count 0", "0a02 20022401 0000", REASON_MALFORMED_FRAME },
		{ "count 256 of nothing", "0a02 20022401 0001 0202", REASON_MALFORMED_FRAME },
		{ "count 65535", "0a02 20022401 ffff 0400", REASON_MALFORMED_FRAME },
		{ "a gap behind the offsets", "0a02 20022401 0100 0600 0000 4c03" TAG "0100",
		  REASON_MALFORMED_FRAME },
		{ "offset backward", "0a02 20022401 0200 0600 0400 4c03" TAG "0100 4c03" TAG "0100",
		  REASON_MALFORMED_FRAME },
		{ "offset twice", "0a02 20022401 0200 0600 0600 4c03" TAG "0100", REASON_MALFORMED_FRAME },
		{ "offset beyond", "0a02 20022401 0200 0600 ff00 4c03" TAG "0100", REASON_MALFORMED_FRAME },
		{ "the reply bit", "cc03" TAG "0100", REASON_MALFORMED_FRAME },
		{ "service 0", "0003" TAG "0100", REASON_MALFORMED_FRAME },
		{ "a byte too many", "4c03" TAG "0100 00", REASON_TRAILING_BYTES },
		{ "more values than elements", "4d03" TAG "c400 0100 0700000000", REASON_MALFORMED_FRAME },
		{ "route that is no route", US_TO "0a00 4c03" TAG "0100 0200 20022401",
		  REASON_MALFORMED_FRAME },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].what);
		assert_int_equal(walk_hex(cases[i].hex), cases[i].reason);
	}
}

/* ---- encapsulation ------------------------------------------------------------------------------------ */

static void test_messages(void **state)
{
	static const struct {
		const char *what;
		unsigned command;
		const char *data;
		bool request;
		enum reason reason;
	} cases[] = {
		{ "register", 0x65, "0100 0000", true, REASON_NONE },
		{ "register, version 2", 0x65, "0200 0000", true, REASON_MALFORMED_FRAME },
		{ "register, options", 0x65, "0100 0100", true, REASON_MALFORMED_FRAME },
		{ "unregister", 0x66, "", true, REASON_NONE },
		{ "nop", 0, "0102", true, REASON_NONE },
		{ "nop as a reply", 0, "", false, REASON_MALFORMED_FRAME },
		{ "list identity", 0x63, "", true, REASON_NONE },
		{ "list identity with data", 0x63, "0000", true, REASON_TRAILING_BYTES },
		{ "an identity", 0x63, "0100 0c00 0200 0100", false, REASON_NONE },
		{ "an identity that is another item", 0x63, "0100 0001 0200 0100", false,
		  REASON_MALFORMED_FRAME },
		{ "indicate status", 0x72, "", true, REASON_MALFORMED_FRAME },
		{ "interface handle", 0x6f, "01000000 0000 0200 0000 0000 b200 0000", true,
		  REASON_MALFORMED_FRAME },
		{ "no item", 0x6f, "00000000 0000 0000 00000000 00000000", true, REASON_MALFORMED_FRAME },
		{ "one item", 0x6f, "00000000 0000 0100 b200 0400 01020304", true, REASON_MALFORMED_FRAME },
		{ "59,393 items", 0x6f, "00000000 0000 01e8 0000 0000 b200 0000", true,
		  REASON_MALFORMED_FRAME },
		{ "address twice", 0x6f, "00000000 0000 0300 0000 0000 0000 0000 b200 0000", true,
		  REASON_MALFORMED_FRAME },
		{ "data twice", 0x6f, "00000000 0000 0300 0000 0000 b200 0000 b200 0000", true,
		  REASON_MALFORMED_FRAME },
		{ "item beyond the frame", 0x6f, "00000000 0000 0200 0000 0000 b200 0100", true,
		  REASON_MALFORMED_FRAME },
		{ "bytes behind the items", 0x6f, "00000000 0000 0200 0000 0000 b200 0000 00", true,
		  REASON_TRAILING_BYTES },
		{ "connected in a SendRRData", 0x6f, "00000000 0000 0200 a100 0400 01000000 b100 0200 0100",
		  true, REASON_MALFORMED_FRAME },
		{ "a socket address", 0x6f, "00000000 0000 0300 0000 0000 b200 0000 0080 1000 0002 08ae"
		  "00000000 0000000000000000", true, REASON_NONE },
		{ "a socket address twice", 0x6f, "00000000 0000 0400 0000 0000 b200 0000"
		  "0080 1000 0002 08ae 00000000 0000000000000000"
		  "0080 1000 0002 08ae 00000000 0000000000000000", true, REASON_MALFORMED_FRAME },
		{ "time-out in a SendUnitData", 0x70, "00000000 0a00 0200 a100 0400 01000000 b100 0200 0100",
		  true, REASON_NONE },
		{ "address of 8 bytes", 0x70, "00000000 0000 0200 a100 0800 0100000000000000 b100 0200 0100",
		  true, REASON_MALFORMED_FRAME },
	};
	uint8_t frame[MESSAGE_MAX];
	struct enip_message m;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = message_of(cases[i].command, cases[i].data, frame);

		print_message("%s\n", cases[i].what);
		assert_int_equal(cases[i].request ? enip_request(frame, len, &m) : enip_reply(frame, len, &m),
				 cases[i].reason);
	}
}

static void test_header(void **state)
{
	uint8_t frame[MESSAGE_MAX];
	struct enip_message m;
	size_t len = message_of(ENIP_LIST_IDENTITY, "", frame), size;

	frame[20] = 1; /* options */
	assert_int_equal(enip_request(frame, len, &m), REASON_MALFORMED_FRAME);
	assert_false(enip_request_begins(frame, len));
	frame[20] = 0;
	frame[8] = 1; /* status */
	assert_int_equal(enip_request(frame, len, &m), REASON_MALFORMED_FRAME);
	assert_int_equal(enip_reply(frame, len, &m), REASON_NONE);
	put16(frame, ENIP_SEND_RR_DATA);
	put16(frame + 2, ENIP_FRAME_MAX - ENIP_HEADER);
	assert_int_equal(enip_frame(frame, 4, &size), REASON_NONE);
	assert_int_equal(size, ENIP_FRAME_MAX);
	put16(frame + 2, ENIP_FRAME_MAX - ENIP_HEADER + 1);
	assert_int_equal(enip_frame(frame, 4, &size), REASON_MALFORMED_FRAME);
}

static void test_datagrams(void **state)
{
	uint8_t bytes[64];
	struct enip_message m;
	struct enip_io io;
	size_t len = message_of(ENIP_LIST_IDENTITY, "", bytes);

	assert_int_equal(enip_datagram(bytes, len, true, &m), REASON_NONE);
	len = message_of(ENIP_REGISTER_SESSION, "0100 0000", bytes);
	assert_int_equal(enip_datagram(bytes, len, true, &m), REASON_MALFORMED_FRAME);
	len = bytes_of("0200 0280 0800 ddccbbaa 05000000 b100 0300 010042", bytes);
	assert_int_equal(enip_io(bytes, len, &io), REASON_NONE);
	assert_int_equal(io.connection, 0xaabbccdd);
	assert_int_equal(io.encap_sequence, 5);
	assert_int_equal(io.length, 3);
	assert_int_equal(enip_io(bytes, len - 1, &io), REASON_MALFORMED_FRAME);
	assert_int_equal(enip_io(bytes, len + 1, &io), REASON_TRAILING_BYTES);
}

/* ---- what a client gets in place of an answer --------------------------------------------------------- */

static void check_error(bool connected, const char *request, const char *want)
{
	uint8_t frame[MESSAGE_MAX], expected[MESSAGE_MAX], out[ENIP_ERROR_MAX];
	struct enip_message m;
	struct enip_ask ask;
	size_t len = packet_of(connected, request, frame);

	ask_of(frame, len, &ask);
	assert_int_equal(enip_request(frame, len, &m), REASON_NONE);
	len = packet_of(connected, want, expected);
	assert_int_equal(enip_error(&ask, &m, CIP_STATUS_PRIVILEGE_VIOLATION, out), len);
	assert_memory_equal(out, expected, len);
}

static void test_errors(void **state)
{
	for (unsigned connected = 0; connected < 2; connected++) {
		check_error(connected, "4d03" TAG "c400 0100 07000000", "cd000f00");
		check_error(connected, US_TO "0a00 4c03" TAG "0100 0100 0100", "cc000f00");
		check_error(connected, "0a02 20022401 0200 0600 1000 4c03" TAG "0100 0e03 20012401 3007",
			    "8a001e00 0200 0600 0a00 cc000f00 8e000f00");
	}
}

/* "0a02 20022401", the count, the offsets of parts of that size, the parts. */
static void many_of(const char *head, unsigned count, size_t size, const char *part, char *out)
{
	out += sprintf(out, "%s%02x%02x", head, count & 0xff, count >> 8);
	for (unsigned i = 0; i < count; i++) {
		size_t offset = 2 + 2 * count + i * size;

		out += sprintf(out, "%02zx%02zx", offset & 0xff, offset >> 8);
	}
	for (unsigned i = 0; i < count; i++)
		out += sprintf(out, "%s", part);
}

/* As many parts as fit into the largest connection, each answered by itself; not one more. */
static void test_error_of_many(void **state)
{
	static char request[4 * 8192], want[4 * 8192];
	static uint8_t frame[8192];
	struct enip_message m;
	struct cip_walk w;

	for (unsigned count = 32; count <= 500; count += count == 33 ? 467 : 1) {
		many_of("0a02 20022401", count, 6, "010220012401", request);
		many_of("8a001e00", count, 4, "81000f00", want);
		for (unsigned connected = 0; connected < 2; connected++)
			check_error(connected, request, want);
	}
	many_of("0a02 20022401", 501, 6, "010220012401", request);
	assert_int_equal(enip_request(frame, packet_of(true, request, frame), &m), REASON_NONE);
	assert_int_equal(cip_walk_first(&w, m.cip, m.cip_length), REASON_MALFORMED_FRAME);
}

static void test_refusals(void **state)
{
	uint8_t frame[MESSAGE_MAX], out[ENIP_ERROR_MAX];
	struct enip_message m;
	struct enip_ask ask;
	size_t len = message_of(ENIP_LIST_SERVICES, "", frame);

	assert_int_equal(enip_request(frame, len, &m), REASON_NONE);
	enip_ask(&m, &ask);
	assert_int_equal(enip_error(&ask, &m, CIP_STATUS_PRIVILEGE_VIOLATION, out), 0);
	assert_int_equal(enip_refusal(&ask, ENIP_STATUS_INVALID_COMMAND, out), ENIP_HEADER);
	frame[8] = ENIP_STATUS_INVALID_COMMAND;
	assert_memory_equal(out, frame, ENIP_HEADER);
	len = message_of(ENIP_NOP, "", frame);
	assert_int_equal(enip_request(frame, len, &m), REASON_NONE);
	enip_ask(&m, &ask);
	assert_int_equal(enip_refusal(&ask, ENIP_STATUS_INVALID_COMMAND, out), 0);
}

/* ---- details ------------------------------------------------------------------------------------------ */

static void test_forward_open(void **state)
{
	struct cip_request r;
	struct cip_open open;
	uint8_t bytes[128];
	size_t len = bytes_of("5b02 20062401 0a0e 01000000 02000000 0300 0400 05000000 02 000000"
			      "10270000 a00f0042 204e0000 00020026 01 06 0103 20042464 2c65 2c66 8000", bytes);

	assert_int_equal(cip_request(bytes, len, &r), REASON_NONE);
	assert_int_equal(cip_open(&r, &open), REASON_NONE);
	assert_true(open.large && !open.server);
	assert_int_equal(open.multiplier, 16);
	assert_int_equal(open.transport_class, 1);
	assert_int_equal(open.o_t.id, 1);
	assert_int_equal(open.o_t.rpi, 10000);
	assert_int_equal(open.o_t.size, 4000);
	assert_int_equal(open.o_t.type, CIP_POINT_TO_POINT);
	assert_true(open.o_t.variable);
	assert_int_equal(open.t_o.size, 512);
	assert_int_equal(open.t_o.type, CIP_MULTICAST);
	assert_int_equal(open.t_o.priority, 1);
	assert_int_equal(open.triad.serial, 3);
	assert_int_equal(open.triad.vendor, 4);
	assert_int_equal(open.triad.originator, 5);
	assert_int_equal(open.route, 1);
	assert_int_equal(open.path.count, 6);
}

static void test_pccc_addresses(void **state)
{
	static const struct {
		const char *data; /* from the command on */
		const char *type;
		unsigned file, element, subelement, elements;
	} cases[] = {
		{ "0f00 0100 a2 04 07 89 0a 00", "N", 7, 10, 0, 2 },
		{ "0f00 0100 a2 06 04 86 02 00", "T", 4, 2, 0, 1 },
		{ "0f00 0100 a2 02 04 86 02 02", "T", 4, 2, 2, 1 },
		{ "0f00 0100 a2 08 ff0001 8a ff0102 00", "F", 256, 513, 0, 2 },
		{ "0f00 0100 a1 02 03 85 01", "B", 3, 1, 0, 1 },
		{ "0f00 0100 aa 02 07 89 0a 00 3412", "N", 7, 10, 0, 1 },
		{ "0f00 0100 68 0000 0300 06 07 0a 0300", NULL, 7, 10, 0, 3 },
	};
	struct cip_request r;
	struct pccc p;
	uint8_t bytes[128];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = bytes_of("4b02 20672401 07 4d00 01020304", bytes);

		len += bytes_of(cases[i].data, bytes + len);
		print_message("%s\n", cases[i].data);
		assert_int_equal(cip_request(bytes, len, &r), REASON_NONE);
		assert_int_equal(pccc_request(&r, &p), REASON_NONE);
		assert_true(p.has_address);
		assert_int_equal(p.file, cases[i].file);
		assert_int_equal(p.element, cases[i].element);
		assert_int_equal(p.subelement, cases[i].subelement);
		assert_int_equal(p.elements, cases[i].elements);
		if (cases[i].type)
			assert_string_equal(pccc_type_name(p.type), cases[i].type);
		assert_int_not_equal(cip_request(bytes, len - 1, &r), REASON_NONE);
		bytes[len] = 0;
		assert_int_not_equal(cip_request(bytes, len + 1, &r), REASON_NONE);
	}
}

static void test_listing(void **state)
{
	uint8_t frame[MESSAGE_MAX], reply[MESSAGE_MAX];
	struct enip_message m;
	struct enip_ask ask;
	struct cip_reply r;
	struct cip_symbol s;
	struct cursor c;
	size_t len = packet_of(true, "5503 206b2500 0000 0200 0100 0200", frame);

	ask_of(frame, len, &ask);
	len = packet_of(true, "d5000600 05000000 0300 616263 c400 07000000 0100 64 c300", reply);
	assert_int_equal(enip_reply(reply, len, &m), REASON_NONE);
	assert_int_equal(enip_answers(&ask, &m, &r), REASON_NONE);
	c = cursor_over(r.data, r.length);
	assert_true(cip_symbol_next(&ask, &c, &s));
	assert_int_equal(s.instance, 5);
	assert_int_equal(s.name_length, 3);
	assert_memory_equal(s.name, "abc", 3);
	assert_int_equal(s.type, 0xc4);
	assert_true(cip_symbol_next(&ask, &c, &s));
	assert_int_equal(s.instance, 7);
	assert_false(cip_symbol_next(&ask, &c, &s));
	assert_false(c.bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_reply_prefixes),
		cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_datagrams),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_error_of_many),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_forward_open),
		cmocka_unit_test(test_pccc_addresses),
		cmocka_unit_test(test_listing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

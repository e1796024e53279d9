/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Modbus messages: every function's own shape and nothing else, from frames written by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/modbus.h"

struct sample {
	const char *what;
	const char *request; /* hex from the unit id on; the header is put before it */
	const char *reply;
};

/* Transaction 0x0102, unit 0x11; values from the specification's own examples where it has one. */
static const struct sample samples[] = {
	{ "read coils", "11 01 0013 0013", "11 01 03 cd6b05" },
	{ "read discrete inputs", "11 02 00c4 0016", "11 02 03 acdb35" },
	{ "read holding registers", "11 03 006b 0003", "11 03 06 022b 0000 0064" },
	{ "read input registers", "11 04 0008 0001", "11 04 02 000a" },
	{ "write single coil", "11 05 00ac ff00", "11 05 00ac ff00" },
	{ "write single register", "11 06 0001 0003", "11 06 0001 0003" },
	{ "read exception status", "11 07", "11 07 6d" },
	{ "diagnostics, echo", "11 08 0000 a537", "11 08 0000 a537" },
	{ "diagnostics, counter", "11 08 000b 0000", "11 08 000b 0007" },
	{ "comm event counter", "11 0b", "11 0b ffff 0108" },
	{ "comm event log", "11 0c", "11 0c 08 0000 0108 0121 2000" },
	{ "write multiple coils", "11 0f 0013 000a 02 cd01", "11 0f 0013 000a" },
	{ "write multiple registers", "11 10 0001 0002 04 000a 0102", "11 10 0001 0002" },
	{ "report server id", "11 11", "11 11 03 41ff00" },
	{ "read file record", "11 14 0e 06 0004 0001 0002 06 0003 0009 0002",
	  "11 14 0c 05 06 0dfe 0020 05 06 33cd 0040" },
	{ "write file record", "11 15 0d 06 0004 0007 0003 06af 04be 100d",
	  "11 15 0d 06 0004 0007 0003 06af 04be 100d" },
	{ "mask write register", "11 16 0004 00f2 0025", "11 16 0004 00f2 0025" },
	{ "read and write registers", "11 17 0003 0006 000e 0003 06 00ff 00ff 00ff",
	  "11 17 0c 00fe 0acd 0001 0003 000d 00ff" },
	{ "read FIFO queue", "11 18 04de", "11 18 0006 0002 01b8 1284" },
	{ "device identification", "11 2b 0e 01 00", "11 2b 0e 01 01 00 00 02 00 03 414243 01 01 58" },
	{ "user-defined code", "11 64 0102", "11 64 03" },
};
#define SAMPLES (sizeof(samples) / sizeof(samples[0]))

static unsigned nibble(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* Header and hex as bytes; the length field is right. Returns the frame's size. */
static size_t frame_of(const char *hex, uint8_t out[300])
{
	size_t n = 6;

	memcpy(out, "\x01\x02\x00\x00\x00", 5);
	for (; *hex; hex++) {
		if (*hex == ' ')
			continue;
		out[n++] = (uint8_t)(nibble(hex[0]) << 4 | nibble(hex[1]));
		hex++;
	}
	out[5] = (uint8_t)(n - 6);
	return n;
}

typedef enum reason decoder(const uint8_t *frame, size_t len, struct modbus_message *ret);

static enum reason decode_in_heap(decoder *decode, const uint8_t *bytes, size_t len,
				  struct modbus_message *ret)
{
	uint8_t *exact = malloc(len ? len : 1);
	enum reason r;

	assert_non_null(exact);
	memcpy(exact, bytes, len);
	r = decode(exact, len, ret);
	free(exact);
	return r;
}

/* A frame is accepted; cut short, or cut short with a length field that agrees, it is not. */
static void check_sizes(const struct sample *s, decoder *decode, const char *hex, bool opaque)
{
	struct modbus_message m;
	uint8_t frame[300];
	size_t size = frame_of(hex, frame);

	if (decode_in_heap(decode, frame, size, &m) != REASON_NONE)
		fail_msg("%s: refused", s->what);
	for (size_t n = 0; n < size; n++) {
		if (decode_in_heap(decode, frame, n, &m) == REASON_NONE)
			fail_msg("%s: accepted %zu of %zu bytes", s->what, n, size);
		frame[5] = (uint8_t)(n - 6);
		if (n >= 8 && !opaque && decode_in_heap(decode, frame, n, &m) == REASON_NONE)
			fail_msg("%s: accepted when cut to %zu bytes", s->what, n);
		frame[5] = (uint8_t)(size - 6);
	}
	frame[size] = 0;
	frame[5]++;
	if (!opaque && decode_in_heap(decode, frame, size + 1, &m) == REASON_NONE)
		fail_msg("%s: accepted with a byte too many", s->what);
}

static void test_every_size(void **state)
{
	for (size_t i = 0; i < SAMPLES; i++) {
		bool opaque = i == SAMPLES - 1;

		check_sizes(&samples[i], modbus_request, samples[i].request, opaque);
		check_sizes(&samples[i], modbus_reply, samples[i].reply, opaque);
	}
}

/* Every beginning of a good frame is one; a whole one with a longer length field is none of a longer. */
static void check_beginnings(const struct sample *s, bool (*begins)(const uint8_t *, size_t), const char *hex,
			     bool any_length)
{
	uint8_t frame[300];
	size_t size = frame_of(hex, frame);

	for (size_t n = 0; n < size; n++)
		if (!begins(frame, n))
			fail_msg("%s: %zu bytes are no beginning", s->what, n);
	if (any_length)
		return;
	for (unsigned length = (unsigned)size - 5; length < 255; length++) {
		frame[5] = (uint8_t)length;
		if (begins(frame, size))
			fail_msg("%s: may begin a frame with length %u", s->what, length);
	}
}

static void test_beginnings(void **state)
{
	for (size_t i = 0; i < SAMPLES; i++) {
		bool opaque = i == SAMPLES - 1;
		uint8_t code = (uint8_t)(nibble(samples[i].request[3]) << 4 | nibble(samples[i].request[4]));

		check_beginnings(&samples[i], modbus_request_begins, samples[i].request,
				 opaque || (code == 8 && samples[i].request[9] == '0'));
		/* Replies whose length is known at their end only: FIFO queue, device identification. */
		check_beginnings(&samples[i], modbus_reply_begins, samples[i].reply,
				 opaque || code == 0x18 || code == 0x2b ||
				 (code == 8 && samples[i].request[9] == '0'));
	}
}

static void test_every_function_has_a_sample(void **state)
{
	for (size_t i = 0; i < modbus_function_count; i++) {
		bool found = false;

		for (size_t j = 0; j < SAMPLES; j++) {
			uint8_t frame[300];

			frame_of(samples[j].request, frame);
			found |= frame[7] == modbus_functions[i].code;
		}
		if (!found)
			fail_msg("no sample of function %u", modbus_functions[i].code);
	}
}

static enum reason answers(const char *request, const char *reply)
{
	struct modbus_message q, a;
	struct modbus_ask ask;
	uint8_t frame[300];

	assert_int_equal(modbus_request(frame, frame_of(request, frame), &q), REASON_NONE);
	modbus_ask(&q, &ask);
	assert_int_equal(modbus_reply(frame, frame_of(reply, frame), &a), REASON_NONE);
	return modbus_answers(&ask, &a);
}

static void test_each_reply_answers_only_its_request(void **state)
{
	for (size_t i = 0; i < SAMPLES; i++) {
		for (size_t j = 0; j < SAMPLES; j++) {
			enum reason r = answers(samples[i].request, samples[j].reply);

			if ((r == REASON_NONE) != (i == j))
				fail_msg("%s answered by the reply of %s: %d", samples[i].what,
					 samples[j].what, r);
		}
	}
}

static void test_replies_that_lie(void **state)
{
	static const char *const lies[][2] = {
		{ "11 03 006b 0003", "11 03 04 022b 0000" },          /* shorter than asked */
		{ "11 03 006b 0003", "11 03 08 022b 0000 0064 0000" }, /* longer */
		{ "11 03 006b 0003", "12 03 06 022b 0000 0064" },      /* another unit */
		{ "11 01 0013 0013", "11 01 02 cd6b" },                /* 19 coils take three bytes */
		{ "11 06 0001 0003", "11 06 0001 0004" },              /* echo of another value */
		{ "11 06 0001 0003", "11 06 0002 0003" },              /* of another address */
		{ "11 10 0001 0002 04 000a 0102", "11 10 0001 0001" },
		{ "11 16 0004 00f2 0025", "11 16 0004 00f2 0024" },
		{ "11 08 0000 a537", "11 08 0000 a538" },
		{ "11 08 000b 0000", "11 08 000c 0000" },
		{ "11 2b 0e 01 00", "11 2b 0e 02 01 00 00 00" },
		{ "11 14 07 06 0004 0001 0002", "11 14 08 07 06 0dfe 0020 0000" },
	};

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
		if (answers(lies[i][0], lies[i][1]) != REASON_REPLY_MISMATCH)
			fail_msg("%s was taken for the answer to %s", lies[i][1], lies[i][0]);
	assert_int_equal(answers("11 03 006b 0003", "11 83 02"), REASON_NONE);
	assert_int_equal(answers("11 03 006b 0003", "11 84 02"), REASON_REPLY_MISMATCH);
}

static void test_refused(void **state)
{
	static const struct {
		const char *hex;
		enum reason reason;
	} bad[] = {
		{ "11 00", REASON_MALFORMED_FRAME },                    /* function 0 */
		{ "11 83 02", REASON_MALFORMED_FRAME },                 /* an exception is no request */
		{ "11 03 0000 0001 00", REASON_TRAILING_BYTES },
		{ "11 0f 0013 000a 03 cd0100", REASON_MALFORMED_FRAME }, /* byte count against quantity */
		{ "11 10 0001 0002 03 000a01", REASON_MALFORMED_FRAME },
		{ "11 10 0001 0001 04 000a 0102", REASON_MALFORMED_FRAME },
		{ "11 17 0003 0006 000e 0003 04 00ff 00ff", REASON_MALFORMED_FRAME },
		{ "11 14 07 05 0004 0001 0002", REASON_MALFORMED_FRAME }, /* reference type 5 */
		{ "11 14 08 06 0004 0001 0002 00", REASON_MALFORMED_FRAME },
		{ "11 15 0b 06 0004 0007 0003 06af 04be", REASON_MALFORMED_FRAME }, /* beyond the frame */
		{ "11 14 00", REASON_MALFORMED_FRAME },
		{ "11 2b 0e 05 00", REASON_MALFORMED_FRAME },
		{ "11 2b 0c 00", REASON_MALFORMED_FRAME },
		{ "11 08 0001 0000 0000", REASON_MALFORMED_FRAME },
		{ "11 08 0000 00", REASON_MALFORMED_FRAME },
	};
	struct modbus_message m;
	uint8_t frame[300];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (modbus_request(frame, frame_of(bad[i].hex, frame), &m) != bad[i].reason)
			fail_msg("%s was not refused for the right reason", bad[i].hex);
}

static enum reason limits(const char *hex)
{
	struct modbus_message m;
	uint8_t frame[300];

	assert_int_equal(modbus_request(frame, frame_of(hex, frame), &m), REASON_NONE);
	return modbus_limits(&m);
}

static void test_limits(void **state)
{
	assert_int_equal(limits("11 01 0000 07d0"), REASON_NONE);
	assert_int_equal(limits("11 01 0000 07d1"), REASON_QUANTITY_NOT_ALLOWED);
	assert_int_equal(limits("11 03 0000 007d"), REASON_NONE);
	assert_int_equal(limits("11 03 0000 007e"), REASON_QUANTITY_NOT_ALLOWED);
	assert_int_equal(limits("11 03 0000 0000"), REASON_QUANTITY_NOT_ALLOWED);
	assert_int_equal(limits("11 03 ffff 0001"), REASON_NONE);
	assert_int_equal(limits("11 03 ffff 0002"), REASON_ADDRESS_NOT_ALLOWED);
	assert_int_equal(limits("11 05 0000 0000"), REASON_NONE);
	assert_int_equal(limits("11 05 0000 ff00"), REASON_NONE);
	assert_int_equal(limits("11 05 0000 0001"), REASON_VALUE_NOT_ALLOWED);
	assert_int_equal(limits("11 05 0000 ff01"), REASON_VALUE_NOT_ALLOWED);
	assert_int_equal(limits("11 17 0000 007d ffff 0001 02 0000"), REASON_NONE);
	assert_int_equal(limits("11 17 0000 007e 0000 0001 02 0000"), REASON_QUANTITY_NOT_ALLOWED);
	assert_int_equal(limits("11 17 0000 0001 ffff 0002 04 0000 0000"), REASON_ADDRESS_NOT_ALLOWED);
	assert_int_equal(limits("11 14 07 06 0004 0001 0000"), REASON_QUANTITY_NOT_ALLOWED);
}

static enum reason framing(const char *bytes, size_t len, size_t *size)
{
	return modbus_frame((const uint8_t *)bytes, len, size);
}

static void test_framing(void **state)
{
	size_t size;

	assert_int_equal(framing("\1\2\0\0\0\6", 6, &size), REASON_NONE);
	assert_int_equal(size, 12);
	assert_int_equal(framing("\1\2\0\0\0", 5, &size), REASON_NONE);
	assert_int_equal(size, 0);
	assert_int_equal(framing("\1\2\0\0\0\2", 6, &size), REASON_NONE);
	assert_int_equal(size, 8);
	assert_int_equal(framing("\1\2\0\0\0\376", 6, &size), REASON_NONE);
	assert_int_equal(size, 260);
	/* Seen as early as it can be: protocol id, length 0, 1, 255 and 65535. */
	assert_int_equal(framing("\1\2\1", 3, &size), REASON_MALFORMED_FRAME);
	assert_int_equal(framing("\1\2\0\1", 4, &size), REASON_MALFORMED_FRAME);
	assert_int_equal(framing("\1\2\0\0\0\0", 6, &size), REASON_MALFORMED_FRAME);
	assert_int_equal(framing("\1\2\0\0\0\1", 6, &size), REASON_MALFORMED_FRAME);
	assert_int_equal(framing("\1\2\0\0\0\377", 6, &size), REASON_MALFORMED_FRAME);
	assert_int_equal(framing("\1\2\0\0\377", 5, &size), REASON_MALFORMED_FRAME);
}

static void test_fields(void **state)
{
	struct modbus_message m;
	uint8_t frame[300];

	assert_int_equal(modbus_request(frame, frame_of("11 17 0003 0006 000e 0002 04 00ff 1234", frame), &m),
			 REASON_NONE);
	assert_int_equal(m.transaction, 0x0102);
	assert_int_equal(m.unit, 0x11);
	assert_int_equal(m.function, 23);
	assert_int_equal(m.address, 3);
	assert_int_equal(m.quantity, 6);
	assert_int_equal(m.write_address, 14);
	assert_int_equal(m.write_quantity, 2);
	assert_int_equal(m.data_length, 4);
	assert_memory_equal(m.data, "\0\377\x12\x34", 4);
	assert_int_equal(modbus_reply(frame, frame_of("11 83 0b", frame), &m), REASON_NONE);
	assert_int_equal(m.function, 3);
	assert_int_equal(m.exception, 11);
	assert_int_equal(modbus_reply(frame, frame_of("11 83 07", frame), &m), REASON_MALFORMED_FRAME);
}

static void test_exception_reply(void **state)
{
	struct modbus_ask ask = { .transaction = 0xabcd, .unit = 5, .function = 6 };
	uint8_t out[MODBUS_EXCEPTION_FRAME];

	modbus_exception(&ask, 2, out);
	assert_memory_equal(out, "\xab\xcd\0\0\0\3\5\x86\2", 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_size),
		cmocka_unit_test(test_beginnings),
		cmocka_unit_test(test_every_function_has_a_sample),
		cmocka_unit_test(test_each_reply_answers_only_its_request),
		cmocka_unit_test(test_replies_that_lie),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_framing),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_exception_reply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

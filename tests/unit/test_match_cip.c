/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The matcher of EtherNet/IP: tags, elements, values, objects, attributes, routes and data files at their edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "inspect/match_cip.h"
#include "inspect/match_tag.h"
#include "lab_policy.h"

static struct {
	struct lab_program lab;
	_Alignas(8) struct program_file files[1];
} bytes;
static struct program program;

static void open_program(void)
{
	assert_true(program_open((const uint8_t *)&bytes, sizeof(bytes), CORE_RULES_MAX, &program));
}

static int setup(void **state)
{
	memset(&bytes, 0, sizeof(bytes));
	bytes.lab = lab_program();
	bytes.lab.header.size = sizeof(bytes);
	bytes.lab.header.files = (struct program_table){ offsetof(__typeof__(bytes), files), 1 };
	bytes.lab.conduits[0].protocol = PROGRAM_ETHERNET_IP;
	open_program();
	return 0;
}

/* The matcher's answer to the bytes of one request, sent to the device itself. */
static struct match ask_by(const struct cip_path *route, const void *cip, size_t n)
{
	struct cip_request r;
	struct cip_question q = { .program = &program, .conduit = program_conduit(&program, LAB_CONDUIT),
				  .routes = { route, NULL } };
	struct match match;

	assert_int_equal(cip_request(cip, n, &r), REASON_NONE);
	q.tag = cip_path_names_tag(&r.path) ? &r.path : NULL;
	match_cip(&q, &r, &match);
	return match;
}
#define ASK(cip) ask_by(NULL, cip, sizeof(cip) - 1).reason

#define COUNTS "\x91\x06" "COUNTS"
#define RATE "\x91\x05" "line3\0" "\x91\x04" "RATE"
#define SPEED "\x91\x06" "Recipe" "\x91\x05" "Speed\0"

static void test_elements(void **state)
{
	assert_int_equal(ASK("\x4c\x04" COUNTS "\x01\0"), REASON_NONE);
	assert_int_equal(ASK("\x4c\x04" COUNTS "\x0a\0"), REASON_NONE);
	assert_int_equal(ASK("\x4c\x04" COUNTS "\x0b\0"), REASON_TAG_NOT_ALLOWED);
	assert_int_equal(ASK("\x4c\x04" COUNTS "\x00\0"), REASON_TAG_NOT_ALLOWED);
	assert_int_equal(ASK("\x4c\x05" COUNTS "\x28\x09" "\x01\0"), REASON_NONE);
	assert_int_equal(ASK("\x4c\x05" COUNTS "\x28\x09" "\x02\0"), REASON_TAG_NOT_ALLOWED);
	assert_int_equal(ASK("\x4c\x05" COUNTS "\x28\x0a" "\x01\0"), REASON_TAG_NOT_ALLOWED);
	assert_int_equal(ASK("\x4c\x06" COUNTS "\x29\0\x09\0" "\x01\0"), REASON_NONE);
	assert_int_equal(ASK("\x4c\x07" COUNTS "\x2a\0\xff\xff\xff\xff" "\xff\xff"), REASON_TAG_NOT_ALLOWED);
	assert_int_equal(ASK("\x4c\x06" COUNTS "\x28\0\x28\0" "\x01\0"), REASON_TAG_NOT_ALLOWED);
}

static void test_names(void **state)
{
	assert_int_equal(ASK("\x4c\x07" RATE "\x01\0"), REASON_NONE);
	assert_int_equal(ASK("\x4c\x06\x91\x0a" "Line3.Rate" "\x01\0"), REASON_NONE);
	assert_int_equal(ASK("\x4c\x04\x91\x05" "Line3\0" "\x01\0"), REASON_TAG_NOT_ALLOWED);
	assert_int_equal(ASK("\x4c\x04\x91\x06" "Line31" "\x01\0"), REASON_TAG_NOT_ALLOWED);
	assert_int_equal(ASK("\x4c\x09" RATE "\x91\x01" "X\0" "\x01\0"), REASON_TAG_NOT_ALLOWED);
	assert_int_equal(ASK("\x4c\x08" RATE "\x28\x00" "\x01\0"), REASON_NONE);
	/* reading is not writing, and a number on a tag is another service than on an object */
	assert_int_equal(ASK("\x4c\x08" SPEED "\x01\0"), REASON_TAG_NOT_ALLOWED);
	assert_int_equal(ASK("\x01\x08" SPEED), REASON_OBJECT_NOT_ALLOWED);
	assert_int_equal(ASK("\x07\x08" SPEED), REASON_SERVICE_NOT_ALLOWED);
}

static void test_everything_below(void **state)
{
	assert_int_equal(ASK("\x4d\x08" SPEED "\xc4\0\x01\0\x01\0\0\0"), REASON_NONE);
	assert_int_equal(ASK("\x4d\x04\x91\x06" "Recipe" "\xc4\0\x01\0\x01\0\0\0"), REASON_NONE);
	assert_int_equal(ASK("\x4d\x05\x91\x07" "Recipe2\0" "\xc4\0\x01\0\x01\0\0\0"), REASON_TAG_NOT_ALLOWED);
}

static void test_values(void **state)
{
	assert_int_equal(ASK("\x4d\x08" SPEED "\xc4\0\x01\0\xdc\x05\0\0"), REASON_NONE);
	assert_int_equal(ASK("\x4d\x08" SPEED "\xc4\0\x01\0\xdd\x05\0\0"), REASON_VALUE_NOT_ALLOWED);
	assert_int_equal(ASK("\x4d\x08" SPEED "\xc4\0\x01\0\xff\xff\xff\xff"), REASON_VALUE_NOT_ALLOWED);
	assert_int_equal(ASK("\x4d\x08" SPEED "\xc4\0\x02\0\x01\0\0\0\xff\xff\0\0"), REASON_VALUE_NOT_ALLOWED);
	assert_int_equal(ASK("\x4d\x08" SPEED "\xc3\0\x01\0\xdc\x05"), REASON_NONE);
	assert_int_equal(ASK("\x4d\x08" SPEED "\xc3\0\x01\0\xff\xff"), REASON_VALUE_NOT_ALLOWED);
	assert_int_equal(ASK("\x4d\x08" SPEED "\xca\0\x01\0\0\0\xc0\x3f"), REASON_NONE);
	assert_int_equal(ASK("\x4d\x08" SPEED "\xca\0\x01\0\0\0\xc0\x7f"), REASON_VALUE_NOT_ALLOWED);
	assert_int_equal(ASK("\x4d\x08" SPEED "\xc5\0\x01\0\0\0\0\0\x01\0\0\0"), REASON_VALUE_NOT_ALLOWED);
	assert_int_equal(ASK("\x4d\x08" SPEED "\xa0\x02\x34\x12\x01\0\x01\0\0\0"), REASON_VALUE_NOT_ALLOWED);
	assert_int_equal(ASK("\x53\x08" SPEED "\xc4\0\x02\0\x04\0\0\0\x05\0\0\0"), REASON_NONE);
	assert_int_equal(ASK("\x53\x08" SPEED "\xc4\0\x02\0\x02\0\0\0\x05\0\0\0") == REASON_NONE, 0);
	assert_int_equal(ASK("\x4e\x08" SPEED "\x02\0\x01\0\xff\xff"), REASON_VALUE_NOT_ALLOWED);
	bytes.lab.cip[3].values.count = 0;
	assert_int_equal(ASK("\x4e\x08" SPEED "\x02\0\x01\0\xff\xff"), REASON_NONE);
}

/*
 * A byte offset moves what is written. Of a type whose size is known it stays inside the elements of the request, or it
 * is no request; of a structure nobody can tell where it ends.
 */
static void test_offsets(void **state)
{
	static const uint8_t beyond[] = "\x53\x04" COUNTS "\xc4\0\x0a\0" "\xa0\x0f\0\0" "\1\0\0\0";
	static const uint8_t across[] = "\x53\x04" COUNTS "\xc4\0\x0a\0" "\x26\0\0\0" "\1\0\0\0";
	struct cip_request r;

	bytes.lab.cip[0].kind = CIP_WRITE_TAGS; /* Line3.Rate and Counts[0-9] */
	assert_int_equal(ASK("\x53\x04" COUNTS "\xc4\0\x0a\0" "\x24\0\0\0" "\1\0\0\0"), REASON_NONE);
	assert_int_equal(cip_request(beyond, sizeof(beyond) - 1, &r), REASON_MALFORMED_FRAME);
	assert_int_equal(cip_request(across, sizeof(across) - 1, &r), REASON_MALFORMED_FRAME);
	assert_int_equal(ASK("\x53\x05" COUNTS "\x28\x09" "\xc4\0\x02\0" "\4\0\0\0" "\1\0\0\0"),
			 REASON_TAG_NOT_ALLOWED);
	/* a structure; a type that has no one size; to single elements, and to a tag without elements */
	assert_int_equal(ASK("\x53\x04" COUNTS "\xa0\x02\x34\x12\x0a\0" "\xa0\x0f\0\0" "\1"), REASON_TAG_NOT_ALLOWED);
	assert_int_equal(ASK("\x53\x04" COUNTS "\xa0\x02\x34\x12\x0a\0" "\0\0\0\0" "\1"), REASON_TAG_NOT_ALLOWED);
	assert_int_equal(ASK("\x4d\x04" COUNTS "\xa0\x02\x34\x12\x01\0" "\1"), REASON_TAG_NOT_ALLOWED);
	assert_int_equal(ASK("\x4d\x04" COUNTS "\xd0\0\x01\0" "\1"), REASON_TAG_NOT_ALLOWED);
	assert_int_equal(ASK("\x53\x07" RATE "\xa0\x02\x34\x12\x01\0" "\xa0\x0f\0\0" "\1"), REASON_NONE);
	/* a BOOL array is written in words of 32 (DWORD): the elements are these */
	assert_int_equal(ASK("\x4d\x05" COUNTS "\x28\x09" "\xd3\0\x01\0" "\xff\xff\xff\xff"), REASON_NONE);
	assert_int_equal(ASK("\x4d\x05" COUNTS "\x28\x09" "\xd3\0\x02\0" "\1\0\0\0\1\0\0\0"), REASON_TAG_NOT_ALLOWED);
}

static void test_two_dimensions(void **state)
{
	bytes.lab.names[2].dimension_count = 2;
	bytes.lab.names[2].dimensions[0] = (struct program_range){ 1, 2 };
	bytes.lab.names[2].dimensions[1] = (struct program_range){ 0, 3 };
	assert_int_equal(ASK("\x4c\x06" COUNTS "\x28\x01\x28\x00" "\x04\0"), REASON_NONE);
	assert_int_equal(ASK("\x4c\x06" COUNTS "\x28\x02\x28\x03" "\x01\0"), REASON_NONE);
	assert_int_equal(ASK("\x4c\x06" COUNTS "\x28\x01\x28\x01" "\x04\0"), REASON_TAG_NOT_ALLOWED);
	assert_int_equal(ASK("\x4c\x06" COUNTS "\x28\x03\x28\x00" "\x01\0"), REASON_TAG_NOT_ALLOWED);
	assert_int_equal(ASK("\x4c\x05" COUNTS "\x28\x01" "\x01\0"), REASON_TAG_NOT_ALLOWED);
	assert_int_equal(ASK("\x4c\x04" COUNTS "\x01\0"), REASON_TAG_NOT_ALLOWED);
}

static void test_attributes(void **state)
{
	assert_int_equal(ASK("\x0e\x03\x20\x01\x24\x01\x30\x01"), REASON_NONE);
	assert_int_equal(ASK("\x0e\x03\x20\x01\x24\x01\x30\x05"), REASON_OBJECT_NOT_ALLOWED);
	assert_int_equal(ASK("\x0e\x02\x20\x01\x24\x01"), REASON_OBJECT_NOT_ALLOWED);
	assert_int_equal(ASK("\x0e\x04\x20\x01\x24\x01\x20\x01\x30\x01") == REASON_NONE, 0);
	bytes.lab.cip[1].service = 3;
	assert_int_equal(ASK("\x03\x02\x20\x01\x24\x01\x02\0\x01\0\x07\0"), REASON_NONE);
	assert_int_equal(ASK("\x03\x02\x20\x01\x24\x01\x02\0\x01\0\x05\0"), REASON_OBJECT_NOT_ALLOWED);
	/* one in the path beside the list, allowed or not */
	assert_int_equal(ASK("\x03\x03\x20\x01\x24\x01\x30\x05\x01\0\x01\0"), REASON_OBJECT_NOT_ALLOWED);
	assert_int_equal(ASK("\x03\x03\x20\x01\x24\x01\x30\x01\x01\0\x01\0"), REASON_OBJECT_NOT_ALLOWED);
	bytes.lab.cip[1].service = 4;
	assert_int_equal(ASK("\x04\x02\x20\x01\x24\x01\x01\0\x01\0\x07"), REASON_NONE);
	assert_int_equal(ASK("\x04\x03\x20\x01\x24\x01\x30\x05\x01\0\x01\0\x07"), REASON_OBJECT_NOT_ALLOWED);
}

/* The whole path in its order: 68/1 then 6D/5, attributes 6 and 7, is allowed; ranges of the outer and the inner one. */
#define NESTED "\x20\x68\x24\x01\x20\x6d\x24\x05"
static void test_nested_paths(void **state)
{
	bytes.lab.ranges[5] = (struct program_range){ 5, 6 };
	bytes.lab.objects[0] = (struct program_object){ .class = 0x68, .instances = { 2, 1 } };
	bytes.lab.objects[1] = (struct program_object){ .class = 0x6d, .instances = { 5, 1 } };
	bytes.lab.cip[1].path.count = 2;
	open_program();
	assert_int_equal(ASK("\x0e\x05" NESTED "\x30\x07"), REASON_NONE);
	assert_int_equal(ASK("\x0e\x07" "\x21\0\x68\0\x24\x01\x20\x6d\x25\0\x06\0\x30\x06"), REASON_NONE);
	assert_int_equal(ASK("\x0e\x06" NESTED "\x30\x07\x28\x02"), REASON_NONE);
	assert_int_equal(ASK("\x0e\x05" NESTED "\x30\x05"), REASON_OBJECT_NOT_ALLOWED);
	assert_int_equal(ASK("\x0e\x04" NESTED), REASON_OBJECT_NOT_ALLOWED);
	assert_int_equal(ASK("\x0e\x05\x20\x68\x24\x02\x20\x6d\x24\x05\x30\x07"), REASON_OBJECT_NOT_ALLOWED);
	assert_int_equal(ASK("\x0e\x05\x20\x68\x24\x01\x20\x6d\x24\x07\x30\x07"), REASON_OBJECT_NOT_ALLOWED);
	/* one of the two alone, in the other order, the outer one twice, a third behind, the class itself outside */
	assert_int_equal(ASK("\x0e\x03\x20\x6d\x24\x05\x30\x07"), REASON_OBJECT_NOT_ALLOWED);
	assert_int_equal(ASK("\x0e\x03\x20\x68\x24\x01\x30\x07"), REASON_OBJECT_NOT_ALLOWED);
	assert_int_equal(ASK("\x0e\x05\x20\x6d\x24\x05\x20\x68\x24\x01\x30\x07"), REASON_OBJECT_NOT_ALLOWED);
	assert_int_equal(ASK("\x0e\x07\x20\x68\x24\x01" NESTED "\x30\x07"), REASON_OBJECT_NOT_ALLOWED);
	assert_int_equal(ASK("\x0e\x07" NESTED "\x20\x01\x24\x01\x30\x07"), REASON_OBJECT_NOT_ALLOWED);
	assert_int_equal(ASK("\x0e\x04\x20\x68\x20\x6d\x24\x05\x30\x07"), REASON_OBJECT_NOT_ALLOWED);
	assert_int_equal(ASK("\x0e\x06\x20\x68\x24\x01\x30\x07\x20\x6d\x24\x05\x30\x07"), REASON_OBJECT_NOT_ALLOWED);
	/* the entry allows nothing on the outer object, and no other service on the inner one */
	assert_int_equal(ASK("\x10\x05" NESTED "\x30\x07\x01"), REASON_SERVICE_NOT_ALLOWED);
	bytes.lab.cip[1].service = 0x4c;
	assert_int_equal(ASK("\x4c\x04" NESTED "\x01\0"), REASON_OBJECT_NOT_ALLOWED);
	bytes.lab.cip[1].attributes.count = 0;
	assert_int_equal(ASK("\x4c\x04" NESTED "\x01\0"), REASON_NONE);
	assert_int_equal(ASK("\x4c\x02\x20\x6d\x24\x05\x01\0"), REASON_SERVICE_NOT_ALLOWED);
}

static void test_browsing(void **state)
{
	assert_int_equal(ASK("\x55\x02\x20\x6b\x24\x00\x01\0\x01\0"), REASON_NONE);
	assert_int_equal(ASK("\x55\x03\x20\x6b\x24\x00\x30\x01\x01\0\x01\0"), REASON_OBJECT_NOT_ALLOWED);
	assert_int_equal(ASK("\x55\x09\x91\x0c" "Program:Main" "\x20\x6b\x24\x00\x01\0\x01\0"), REASON_NONE);
	assert_int_equal(ASK("\x4c\x02\x20\x6c\x24\x05\0\0\0\0\x10\0"), REASON_NONE);
	assert_int_equal(ASK("\x4c\x02\x20\x6b\x24\x05\x01\0"), REASON_TAG_NOT_ALLOWED);
	assert_int_equal(ASK("\x09\x02\x20\x6b\x24\x05"), REASON_SERVICE_NOT_ALLOWED);
}

static void test_routes(void **state)
{
	struct cip_path route = { .count = 1,
				  .segments = { { .kind = CIP_SEGMENT_PORT, .number = 1, .length = 1,
						  .bytes = (const uint8_t *)"\0" } } };
	static const char read[] = "\x4c\x07" RATE "\x01\0";

	assert_int_equal(ask_by(&route, read, sizeof(read) - 1).reason, REASON_NONE);
	route.segments[0].number = 2;
	assert_int_equal(ask_by(&route, read, sizeof(read) - 1).reason, REASON_ROUTE_NOT_ALLOWED);
	route.segments[0].number = 1;
	route.segments[0].bytes = (const uint8_t *)"\1";
	assert_int_equal(ask_by(&route, read, sizeof(read) - 1).reason, REASON_ROUTE_NOT_ALLOWED);
	route.segments[1] = route.segments[0];
	route.count = 2;
	assert_int_equal(ask_by(&route, read, sizeof(read) - 1).reason, REASON_ROUTE_NOT_ALLOWED);
}

/* Protected typed logical read and write with three address fields, of N7; ten elements from 0 on are allowed. */
#define PCCC(function, bytes_asked, element, data) "\x4b\x02\x20\x67\x24\x01\x07\x34\x12\1\0\0\0" \
	"\x0f\0\x01\0" function bytes_asked "\x07\x89" element "\0" data

static void test_data_files(void **state)
{
	bytes.files[0] = (struct program_file){ .type = "N", .number = 7, .elements = { 0, 9 } };
	bytes.lab.cip[0] = (struct program_cip){ .kind = CIP_PCCC_READ, .files = { 0, 1 }, .routes = { 0, 2 } };
	open_program();
	assert_int_equal(ASK(PCCC("\xa2", "\x02", "\x09", "")), REASON_NONE);
	assert_int_equal(ASK(PCCC("\xa2", "\x04", "\x09", "")), REASON_ADDRESS_NOT_ALLOWED);
	assert_int_equal(ASK(PCCC("\xa2", "\x14", "\x00", "")), REASON_NONE);
	assert_int_equal(ASK(PCCC("\xa2", "\x16", "\x00", "")), REASON_ADDRESS_NOT_ALLOWED);
	assert_int_equal(ASK(PCCC("\xaa", "\x02", "\x00", "\1\0")), REASON_SERVICE_NOT_ALLOWED);
	bytes.files[0].number = 8;
	assert_int_equal(ASK(PCCC("\xa2", "\x02", "\x00", "")), REASON_ADDRESS_NOT_ALLOWED);
	bytes.files[0] = (struct program_file){ .type = "F", .number = 7, .elements = { 0, 9 } };
	assert_int_equal(ASK(PCCC("\xa2", "\x02", "\x00", "")), REASON_ADDRESS_NOT_ALLOWED);
}

#define PLC5(function, offset, total, address, data) "\x4b\x02\x20\x67\x24\x01\x07\x34\x12\1\0\0\0" \
	"\x0f\0\x01\0" function offset "\0" total "\0" address data
#define N7_0 "\x06\x07\x00"
#define N7_0_SUB(n) "\x0e\x07\x00" n

/* A PLC-5 is told the range, and then how much of it this message is about: what reaches beyond is denied. */
static void test_data_files_of_a_plc5(void **state)
{
	static const uint8_t long_write[] = PLC5("\x00", "\x00", "\x01", N7_0, "\1\0\2\0");
	static const uint8_t long_read[] = PLC5("\x68", "\x00", "\x01", N7_0, "\x02\0");
	static const uint8_t long_words[] = PLC5("\x01", "\x09", "\x0a", N7_0, "\x04");
	struct cip_request r;

	bytes.files[0] = (struct program_file){ .type = "N", .number = 7, .elements = { 0, 9 } };
	bytes.lab.cip[0] = (struct program_cip){ .kind = CIP_PCCC_READ, .files = { 0, 1 }, .routes = { 0, 2 } };
	open_program();
	assert_int_equal(ASK(PLC5("\x01", "\x00", "\x0a", N7_0, "\x14")), REASON_NONE);
	assert_int_equal(ASK(PLC5("\x01", "\x00", "\x0b", N7_0, "\x16")), REASON_ADDRESS_NOT_ALLOWED);
	assert_int_equal(ASK(PLC5("\x01", "\x00", "\x02", N7_0_SUB("\x08"), "\x04")), REASON_NONE);
	assert_int_equal(ASK(PLC5("\x01", "\x00", "\x02", N7_0_SUB("\x09"), "\x04")), REASON_ADDRESS_NOT_ALLOWED);
	assert_int_equal(ASK(PLC5("\x68", "\x00", "\x0a", N7_0, "\x0a\0")), REASON_NONE);
	assert_int_equal(ASK(PLC5("\x68", "\x00", "\x01", N7_0_SUB("\x0a"), "\x01\0")), REASON_ADDRESS_NOT_ALLOWED);
	assert_int_equal(cip_request(long_write, sizeof(long_write) - 1, &r), REASON_MALFORMED_FRAME);
	assert_int_equal(cip_request(long_read, sizeof(long_read) - 1, &r), REASON_MALFORMED_FRAME);
	assert_int_equal(cip_request(long_words, sizeof(long_words) - 1, &r), REASON_MALFORMED_FRAME);
	bytes.lab.cip[0].kind = CIP_PCCC_WRITE;
	open_program();
	assert_int_equal(ASK(PLC5("\x00", "\x00", "\x02", N7_0, "\1\0\2\0")), REASON_NONE);
	/* Typed: one integer; an array of two; one that holds more than was announced. */
	assert_int_equal(ASK(PLC5("\x67", "\x00", "\x01", N7_0, "\x42\1\0")), REASON_NONE);
	assert_int_equal(ASK(PLC5("\x67", "\x00", "\x02", N7_0, "\x99\x09\x05\x42\1\0\2\0")), REASON_NONE);
	assert_int_equal(ASK(PLC5("\x67", "\x00", "\x01", N7_0, "\x99\x09\x05\x42\1\0\2\0")),
			 REASON_SERVICE_NOT_ALLOWED);
	assert_int_equal(ASK(PLC5("\x67", "\x01", "\x02", N7_0, "\x99\x09\x05\x42\1\0\2\0")),
			 REASON_SERVICE_NOT_ALLOWED);
	assert_int_equal(ASK(PLC5("\x67", "\x00", "\x0a", N7_0, "\x42\1\0\2\0")), REASON_SERVICE_NOT_ALLOWED);
	assert_int_equal(ASK(PLC5("\x67", "\x00", "\x01", N7_0, "\x44\1\0\2\0")), REASON_ADDRESS_NOT_ALLOWED);
	/* A file of floats: two words an element. */
	bytes.files[0] = (struct program_file){ .type = "F", .number = 7, .elements = { 0, 9 } };
	assert_int_equal(ASK(PLC5("\x00", "\x00", "\x04", "\x06\x07\x08", "12345678")), REASON_NONE);
	assert_int_equal(ASK(PLC5("\x00", "\x00", "\x06", "\x06\x07\x08", "123456789012")),
			 REASON_ADDRESS_NOT_ALLOWED);
}

/* One function, whatever its data; known or not. */
static void test_pccc_functions(void **state)
{
	static const char poll[] = PCCC("\xa3", "\x02", "\x09", "");

	bytes.lab.cip[0] = (struct program_cip){ .kind = CIP_PCCC_FUNCTION, .pccc_command = 0x0f, .pccc_function = 0xa2,
						 .routes = { 0, 2 } };
	assert_int_equal(ASK(PCCC("\xa2", "\x02", "\x09", "")), REASON_NONE);
	assert_int_equal(ask_by(NULL, poll, sizeof(poll) - 1).reason, REASON_SERVICE_NOT_ALLOWED);
	assert_int_equal(ASK("\x4b\x02\x20\x67\x24\x01\x07\x34\x12\1\0\0\0" "\x06\0\x01\0\x03"),
			 REASON_SERVICE_NOT_ALLOWED);
	assert_int_equal(ASK("\x4b\x02\x20\x67\x24\x01\x07\x34\x12\1\0\0\0" "\x08\0\x01\0\xa2"),
			 REASON_SERVICE_NOT_ALLOWED);
	/* behind another object it is another thing */
	assert_int_equal(ASK("\x4b\x04\x20\x68\x24\x01\x20\x67\x24\x01\x07\x34\x12\1\0\0\0" "\x0f\0\x01\0\xa2\x02\x07\x89\x09\0"),
			 REASON_SERVICE_NOT_ALLOWED);
	bytes.lab.cip[0].pccc_function = 0xa3;
	assert_int_equal(ask_by(NULL, poll, sizeof(poll) - 1).reason, REASON_NONE);
	bytes.lab.cip[0].pccc_command = 0x08;
	bytes.lab.cip[0].pccc_function = -1;
	assert_int_equal(ASK("\x4b\x02\x20\x67\x24\x01\x07\x34\x12\1\0\0\0" "\x08\0\x01\0\xa2"), REASON_NONE);
}

/* What only reads on every object, and nothing else: no number that means something of its own on some. */
static void test_reading_objects(void **state)
{
	bytes.lab.cip[1] = (struct program_cip){ .kind = CIP_READ_OBJECTS, .routes = { 0, 2 } };
	assert_int_equal(ASK("\x01\x02\x20\x64\x24\x01"), REASON_NONE);
	assert_int_equal(ASK("\x01\x01\x20\xac"), REASON_NONE);
	assert_int_equal(ASK("\x0e\x04\x20\xf5\x24\x01\x30\x05\x28\x01"), REASON_NONE);
	assert_int_equal(ASK("\x03\x06\x20\x68\x24\x01\x20\x6d\x24\x02\x20\x8c\x24\x03\x01\0\x07\0"), REASON_NONE);
	for (unsigned service = 1; service < 0x80; service++) {
		uint8_t request[] = { (uint8_t)service, 2, 0x21, 0, 0x34, 3, 0, 0 };

		if (service == 0x0a || service == 0x03 || service == 0x04 || service == 0x02 || service == 0x10)
			continue; /* of another layout: below, and in the other tests */
		assert_int_equal(ask_by(NULL, request, 6).reason == REASON_NONE,
				 service == 0x01 || service == 0x0e || service == 0x11 || service == 0x17 ||
				 service == 0x18 || service == 0x1c);
	}
	assert_int_equal(ASK("\x10\x03\x20\xf5\x24\x01\x30\x05\x01"), REASON_SERVICE_NOT_ALLOWED);
	assert_int_equal(ASK("\x04\x02\x20\x8b\x24\x01\x01\0\x06\0\x01"), REASON_SERVICE_NOT_ALLOWED);
	assert_int_equal(ASK("\x02\x02\x20\x8b\x24\x01\x01"), REASON_SERVICE_NOT_ALLOWED);
	assert_int_equal(ASK("\x4c\x04\x20\x8e\x24\x01\x20\x74\x24\x01"), REASON_SERVICE_NOT_ALLOWED);
	assert_int_equal(ASK("\x4c\x02\x20\xf6\x24\x01"), REASON_SERVICE_NOT_ALLOWED);
	/* an attribute in the path beside the list of others */
	assert_int_equal(ASK("\x03\x03\x20\x68\x24\x01\x30\x07\x01\0\x07\0"), REASON_OBJECT_NOT_ALLOWED);
	/* a tag, an attribute in the middle, a connection point: no path of objects */
	assert_int_equal(ASK("\x01\x08" SPEED), REASON_OBJECT_NOT_ALLOWED);
	assert_int_equal(ASK("\x0e\x05\x20\x01\x24\x01\x30\x01\x20\x02\x24\x01"), REASON_OBJECT_NOT_ALLOWED);
	assert_int_equal(ASK("\x0e\x03\x20\x04\x2c\x64\x30\x03"), REASON_OBJECT_NOT_ALLOWED);
}

static void test_hostile_programs(void **state)
{
	static const uint32_t hostile[] = { 0, 1, 7, 0x7fffffff, 0x80000000, 0xffffffff };
	static const char write[] = "\x4d\x08" SPEED "\xc4\0\x01\0\xdc\x05\0\0";

	for (size_t at = 0; at < sizeof(bytes) / 4; at++)
		for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
			setup(state);
			memcpy((uint8_t *)&bytes + 4 * at, &hostile[i], 4);
			if (program_open((const uint8_t *)&bytes, sizeof(bytes), CORE_RULES_MAX, &program) &&
			    program_conduit(&program, LAB_CONDUIT))
				ask_by(NULL, write, sizeof(write) - 1);
		}
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_elements),	  TEST(test_names),	 TEST(test_everything_below),
		TEST(test_values),	  TEST(test_offsets),	 TEST(test_two_dimensions), TEST(test_attributes),
		TEST(test_browsing),	  TEST(test_routes),	 TEST(test_data_files),
		TEST(test_data_files_of_a_plc5), TEST(test_nested_paths), TEST(test_pccc_functions),
		TEST(test_reading_objects), TEST(test_hostile_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

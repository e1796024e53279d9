/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The nft text of a ruleset built by hand, against a file reviewed by hand; rows; the log's decoder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "netfilter/nflog.h"
#include "netfilter/nft_text.h"
#include "netfilter/rows.h"
#include "netfilter/shape.h"

#define GOLDEN "tests/golden/ruleset/north-mill.nft"

#define IP4(p, q, r, s) { .family = 4, .b = { p, q, r, s } }
#define IP6(net, host) { .family = 6, .b = { 0xfd, 0, 0, net, [15] = host } }

static struct ruleset_conduit conduits[] = {
	{ IP4(10, 1, 0, 2), IP4(10, 2, 0, 2), IPPROTO_TCP, 502, 0x40000001, RULESET_UDP_MESSAGES,
	  "historian-reads-press-3, historian-sets-rate", "rules/press.json", 10 },
	{ IP4(10, 1, 0, 2), IP4(10, 2, 0, 2), IPPROTO_UDP, 5000, 0x00000002, 0, "press-clock",
	  "rules/press.json", 20 },
	{ IP4(10, 1, 0, 2), IP4(10, 2, 0, 3), IPPROTO_TCP, 502, 0x50040003, RULESET_UDP_CYCLIC, "meter-by-day",
	  "rules/meter.json", 30 },
	{ IP6(1, 2), IP6(2, 2), IPPROTO_TCP, 4840, 0x00000004, 0, "line-4-diagnosis", "rules/line.json", 40 },
};
static struct ruleset_window windows[] = {
	{ 2, 0, 86399, 1767225600, 1798761600 },
	{ 2, 3600, 7199, 1798800000, 1798900000 },
};
static struct ruleset_overdue overdue[] = {
	{ 0x00000002, 0x00000002, 1798800000 },
	{ 0x00000004, 0x00000007, 0 },
};
static struct ruleset_home homes[] = {
	{ "eth0", IP4(10, 1, 0, 0), 24 },
	{ "eth0", IP6(1, 0), 64 },
	{ "eth1", IP4(10, 2, 0, 0), 24 },
	{ "eth1", IP6(2, 2), 128 },
};
static struct ruleset_own own[] = {
	{ IP4(10, 1, 0, 5), IPPROTO_UDP, 123, "time server", "rules/site.json", 20 },
	{ IP6(1, 6), IPPROTO_TCP, 6514, "log collector", "rules/site.json", 21 },
};
static const struct ruleset ruleset = {
	.site = "north-mill", .conduits = conduits, .conduit_count = 4, .windows = windows,
	.window_count = 2, .overdue = overdue, .overdue_count = 2, .homes = homes, .home_count = 4, .own = own,
	.own_count = 2, .queue_first = RULESET_QUEUE, .queue_count = 2, .log_group = RULESET_LOG_GROUP,
};

static char *text_of(const struct ruleset *r, const struct netfilter_kernel *kernel)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	nft_text_write(r, kernel, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void golden_text(void **state)
{
	static char expected[1 << 16];
	char *text = text_of(&ruleset, NULL);
	FILE *in = fopen(GOLDEN, "r");
	size_t n;

	assert_non_null(in);
	n = fread(expected, 1, sizeof(expected) - 1, in);
	fclose(in);
	expected[n] = 0;
	assert_string_equal(text, expected);
	free(text);
}

static void same_bytes_twice(void **state)
{
	char *once = text_of(&ruleset, NULL), *twice = text_of(&ruleset, NULL);

	assert_string_equal(once, twice);
	free(once);
	free(twice);
}

/* Three queues for sixteen buckets; those that fail open never share theirs. */
static void buckets_go_round_the_queues(void **state)
{
	static const char *const lines[] = {
		"meta mark & 0x08000000 == 0x08000000 queue num 4426\n",
		"meta mark & 0x0000000f == 0x00000000 queue num 4410\n",
		"meta mark & 0x0000000f == 0x00000001 queue num 4411\n",
		"meta mark & 0x0000000f == 0x00000002 queue num 4412\n",
		"meta mark & 0x0000000f == 0x00000003 queue num 4410\n",
		"meta mark & 0x0000000f == 0x0000000f queue num 4410\n",
	};
	struct ruleset three = ruleset;
	char *text;

	three.queue_count = 3;
	text = text_of(&three, NULL);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_non_null(strstr(text, lines[i]));
	free(text);
}

static void without_queue_nothing_inspected_passes(void **state)
{
	const struct netfilter_kernel kernel = { .queue = false };
	char *text = text_of(&ruleset, &kernel);

	assert_null(strstr(text, "queue num"));
	assert_non_null(strstr(text, "meta mark & 0x08000000 == 0x08000000 drop\n"));
	assert_non_null(strstr(text, "meta mark & 0x0000000f == 0x0000000f drop\n"));
	free(text);
}

/* What would end the quotes or the line is not written. */
static void names_cannot_break_out(void **state)
{
	struct ruleset_conduit odd = conduits[0];
	struct ruleset r = ruleset;
	char *text;

	odd.rules = "a\" : 0x1, \n}";
	r.site = "x\nflush ruleset";
	r.conduits = &odd;
	r.conduit_count = 1;
	text = text_of(&r, NULL);
	assert_non_null(strstr(text, "comment \"a? : 0x1, ?}\" : 0x40000001"));
	assert_non_null(strstr(text, "site \"x?flush ruleset\""));
	free(text);
}

/* The last two lie inside others of the same interface. */
static void rows_of_networks(void **state)
{
	static struct ruleset_home odd[] = {
		{ "b", IP4(10, 1, 2, 3), 0 }, { "a", IP4(10, 1, 2, 3), 12 }, { "c", IP4(10, 1, 2, 3), 32 },
		{ "a", IP4(10, 15, 2, 0), 24 }, { "c", IP4(10, 1, 2, 3), 32 },
	};
	const struct ruleset r = { .homes = odd, .home_count = 5 };
	struct arena arena = { 0 };
	struct rows rows;

	rows_wanted(&r, SHAPE_HOMES4, &arena, &rows);
	assert_int_equal(rows.count, 3);
	assert_memory_equal(rows.items[0].key + 16, ((uint8_t[]){ 10, 0, 0, 0 }), 4);
	assert_memory_equal(rows.items[0].last + 16, ((uint8_t[]){ 10, 15, 255, 255 }), 4);
	assert_string_equal((const char *)rows.items[1].key, "b");
	assert_memory_equal(rows.items[1].last + 16, ((uint8_t[]){ 255, 255, 255, 255 }), 4);
	assert_memory_equal(rows.items[2].key + 16, ((uint8_t[]){ 10, 1, 2, 3 }), 4);
	assert_memory_equal(rows.items[2].last + 16, ((uint8_t[]){ 10, 1, 2, 3 }), 4);
	arena_free(&arena);
}

/* Big-endian: the mark's part, seconds of the day, nanoseconds; the bytes are those that nft itself sent. */
static void rows_of_windows(void **state)
{
	static const uint8_t from[] = { 0, 4, 0, 0, 0, 0, 0, 0, 0x18, 0x86, 0x72, 0x51, 0xed, 0xfa, 0, 0 };
	static const uint8_t until[] = { 0, 4, 0, 0, 0, 1, 0x51, 0x7f, 0x18, 0xf6, 0x7c, 0x25, 0x1b, 0x9d, 0, 0 };
	struct arena arena = { 0 };
	struct rows rows;

	rows_wanted(&ruleset, SHAPE_WINDOWS, &arena, &rows);
	assert_int_equal(rows.count, 2);
	assert_memory_equal(rows.items[0].key, from, sizeof(from));
	assert_memory_equal(rows.items[0].last, until, sizeof(until));
	assert_memory_equal(rows.items[1].key + 4, ((uint8_t[]){ 0, 0, 0x0e, 0x10 }), 4);
	assert_memory_equal(rows.items[1].last + 4, ((uint8_t[]){ 0, 0, 0x1c, 0x1f }), 4);
	arena_free(&arena);
}

static void conduit_key_and_back(void **state)
{
	struct ruleset_conduit c;
	struct arena arena = { 0 };
	struct rows rows;

	rows_wanted(&ruleset, SHAPE_CONDUITS6, &arena, &rows);
	assert_int_equal(rows.count, 1);
	rows_conduit(SHAPE_CONDUITS6, &rows.items[0], &c);
	assert_memory_equal(&c.server, &conduits[3].server, sizeof(c.server));
	assert_memory_equal(&c.device, &conduits[3].device, sizeof(c.device));
	assert_int_equal(c.transport, IPPROTO_TCP);
	assert_int_equal(c.port, 4840);
	assert_int_equal(c.mark, 4);
	arena_free(&arena);
}

/* ---- the log ---- */

static const uint8_t tcp4[] = {
	0x45, 0, 0, 44, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 1, 0, 2, 10, 2, 0, 2,
	0x9c, 0x40, 0x01, 0xf6,
};
static const uint8_t udp6[] = {
	0x60, 0, 0, 0, 0, 16, 0, 64, /* a hop-by-hop header comes first */
	0xfd, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
	0xfd, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
	17, 0, 1, 4, 0, 0, 0, 0,
	0x13, 0x88, 0x13, 0x89,
};

static struct nflog_message decoded(const uint8_t *bytes, size_t length)
{
	struct nflog_message m = { 0 };
	uint8_t *exact = malloc(length ? length : 1);

	assert_non_null(exact);
	memcpy(exact, bytes, length);
	nflog_decode_packet(exact, length, &m);
	free(exact);
	return m;
}

static void log_of_ip4(void **state)
{
	struct nflog_message m = decoded(tcp4, sizeof(tcp4));

	assert_int_equal(m.source.family, 4);
	assert_memory_equal(m.source.b, ((uint8_t[]){ 10, 1, 0, 2 }), 4);
	assert_memory_equal(m.destination.b, ((uint8_t[]){ 10, 2, 0, 2 }), 4);
	assert_int_equal(m.transport, IPPROTO_TCP);
	assert_true(m.has_ports);
	assert_int_equal(m.source_port, 40000);
	assert_int_equal(m.destination_port, 502);
	assert_int_equal(m.length, 44);
}

static void log_of_ip6(void **state)
{
	struct nflog_message m = decoded(udp6, sizeof(udp6));

	assert_int_equal(m.destination.family, 6);
	assert_int_equal(m.destination.b[3], 2);
	assert_int_equal(m.transport, IPPROTO_UDP);
	assert_true(m.has_ports);
	assert_int_equal(m.source_port, 5000);
	assert_int_equal(m.destination_port, 5001);
}

/* A fragment that is not the first has no ports; a cut packet has none either. */
static void log_of_pieces(void **state)
{
	uint8_t fragment[sizeof(tcp4)];

	memcpy(fragment, tcp4, sizeof(tcp4));
	fragment[7] = 5;
	assert_false(decoded(fragment, sizeof(fragment)).has_ports);
	for (size_t n = 0; n < sizeof(tcp4); n++)
		assert_false(decoded(tcp4, n).has_ports);
	for (size_t n = 0; n < sizeof(udp6); n++)
		assert_false(decoded(udp6, n).has_ports);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_text),
		cmocka_unit_test(same_bytes_twice),
		cmocka_unit_test(buckets_go_round_the_queues),
		cmocka_unit_test(without_queue_nothing_inspected_passes),
		cmocka_unit_test(names_cannot_break_out),
		cmocka_unit_test(rows_of_networks),
		cmocka_unit_test(rows_of_windows),
		cmocka_unit_test(conduit_key_and_back),
		cmocka_unit_test(log_of_ip4),
		cmocka_unit_test(log_of_ip6),
		cmocka_unit_test(log_of_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* capture/reorder.h: whatever the order of the segments, the bytes come out as they were sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture/reorder.h"

#define SENT 5000u
#define PIECES_MAX 2048u

/* What came out of one direction. */
struct heard {
	uint8_t bytes[4 * SENT];
	size_t length;
	uint64_t last_frame;
	unsigned opened;
	unsigned ended;
	unsigned forgotten;
	uint64_t missing;
	uint64_t frames[4 * SENT]; /* of each byte */
};

static uint32_t seed;

static uint32_t roll(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % below;
}

static void hear(void *context, struct reorder_flow *flow, const struct reorder_event *event)
{
	struct heard *heard = context;

	assert_true(event->frame >= heard->last_frame);
	heard->last_frame = event->frame;
	heard->opened += event->kind == REORDER_OPENED;
	heard->ended += event->kind == REORDER_ENDED;
	heard->forgotten += event->kind == REORDER_FORGOTTEN;
	if (event->kind != REORDER_BYTES)
		return;
	assert_true(event->length > 0 && heard->length + event->length <= sizeof(heard->bytes));
	heard->missing += event->missing;
	for (size_t i = 0; i < event->length; i++)
		heard->frames[heard->length + i] = event->frame;
	memcpy(heard->bytes + heard->length, event->bytes, event->length);
	heard->length += event->length;
}

static struct tcp_segment segment_of(unsigned side, uint32_t sequence, uint8_t flags,
				 const uint8_t *bytes, size_t length)
{
	struct tcp_segment s = { .sequence = sequence, .flags = flags, .payload = bytes,
			     .length = length };
	struct endpoint ends[2] = { { 4, { 10, 1, 0, 2 }, 40000 }, { 4, { 10, 2, 0, 2 }, 502 } };

	s.source = ends[side];
	s.target = ends[!side];
	return s;
}

struct bench {
	struct heard heard;
	struct reorder *reorder;
	uint64_t frame;
	struct timespec now;
};

static void send(struct bench *b, const struct tcp_segment *segment)
{
	b->now.tv_nsec += 1000;
	assert_int_equal(reorder_add(b->reorder, segment, ++b->frame, b->now), 0);
}

static void send_data(struct bench *b, uint32_t sequence, const void *bytes, size_t length)
{
	struct tcp_segment s = segment_of(0, sequence, SEGMENT_ACK, bytes, length);

	send(b, &s);
}

static void send_flags(struct bench *b, unsigned side, uint32_t sequence, uint32_t acknowledged,
		       uint8_t flags)
{
	struct tcp_segment s = segment_of(side, sequence, flags, NULL, 0);

	s.acknowledgement = acknowledged;
	send(b, &s);
}

static struct bench *begin(void)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->reorder = reorder_new(hear, &b->heard);
	assert_non_null(b->reorder);
	return b;
}

static void finish(struct bench *b)
{
	assert_int_equal(reorder_finish(b->reorder), 0);
	reorder_free(b->reorder);
	assert_int_equal(b->heard.forgotten, b->heard.opened);
}

static void assert_heard(const struct bench *b, const void *bytes, size_t length)
{
	assert_int_equal(b->heard.length, length);
	assert_memory_equal(b->heard.bytes, bytes, length);
}

struct piece {
	size_t from;
	size_t length;
	uint32_t rank;
};

static int by_rank(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;

	return x->rank < y->rank ? -1 : x->rank > y->rank;
}

/* Cuts the bytes at random, repeats and overlaps some, and moves each up to `disorder` places. */
static size_t cut(struct piece *pieces, uint32_t disorder)
{
	size_t count = 0;

	for (size_t from = 0; from < SENT;) {
		size_t length = 1 + roll(roll(4) ? 40 : 3);

		length = from + length > SENT ? SENT - from : length;
		pieces[count] = (struct piece){ from, length,
						(uint32_t)count * 4 + roll(1 + 4 * disorder) };
		count++;
		if (roll(5) == 0 && count < PIECES_MAX) {
			size_t back = roll((uint32_t)(from < 60 ? from : 60) + 1);
			size_t again = 1 + roll(120);

			if (from - back + again > SENT)
				again = SENT - (from - back);
			pieces[count] = (struct piece){ from - back, again, (uint32_t)count * 4 +
							roll(1 + 8 * disorder) };
			count++;
		}
		from += length;
		assert_true(count < PIECES_MAX);
	}
	qsort(pieces, count, sizeof(*pieces), by_rank);
	return count;
}

static void test_any_order(void **state)
{
	static struct piece pieces[PIECES_MAX];
	static uint8_t sent[SENT];

	for (uint32_t round = 0; round < 300; round++) {
		struct bench *b = begin();
		uint32_t base;
		size_t count;

		seed = round;
		base = round % 3 ? roll(1u << 24) : UINT32_MAX - roll(SENT); /* wraps */
		for (size_t i = 0; i < SENT; i++)
			sent[i] = (uint8_t)roll(256);
		count = cut(pieces, round % 12);
		send_flags(b, 0, base, 0, SEGMENT_SYN);
		send_flags(b, 1, 77, base + 1, SEGMENT_SYN | SEGMENT_ACK);
		for (size_t i = 0; i < count; i++)
			send_data(b, base + 1 + (uint32_t)pieces[i].from, sent + pieces[i].from,
				  pieces[i].length);
		finish(b);
		assert_heard(b, sent, SENT);
		assert_int_equal(b->heard.missing, 0);
		free(b);
	}
}

/* Bytes behind a hole carry the frame that filled it. */
static void test_late_segment(void **state)
{
	struct bench *b = begin();

	send_flags(b, 0, 99, 0, SEGMENT_SYN);
	send_data(b, 104, "5678", 4);
	send_data(b, 100, "1234", 4);
	finish(b);
	assert_heard(b, "12345678", 8);
	assert_int_equal(b->heard.frames[0], 3);
	assert_int_equal(b->heard.frames[7], 3);
	free(b);
}

static void test_first_copy_wins(void **state)
{
	struct bench *b = begin();

	send_flags(b, 0, 99, 0, SEGMENT_SYN);
	send_data(b, 100, "abcd", 4);
	send_data(b, 100, "WXYZ", 4);
	send_data(b, 106, "gh", 2);
	send_data(b, 102, "XXefYYij", 8);
	finish(b);
	assert_heard(b, "abcdefghij", 10);
	free(b);
}

/* The receiver acknowledged what the capture lacks: the rest goes on, in its own frames. */
static void test_hole_acknowledged(void **state)
{
	struct bench *b = begin();

	send_flags(b, 0, 99, 0, SEGMENT_SYN);
	send_data(b, 110, "tail", 4);
	send_flags(b, 1, 500, 114, SEGMENT_ACK);
	for (unsigned i = 0; i < 16; i++)
		send_flags(b, 1, 500, 114, SEGMENT_ACK);
	assert_heard(b, "tail", 4);
	assert_int_equal(b->heard.missing, 10);
	assert_int_equal(b->heard.frames[0], 2);
	finish(b);
	free(b);
}

/* A hole that nothing fills or acknowledges is given up at the end, or after a minute. */
static void test_hole_at_end(void **state)
{
	struct bench *b = begin();

	send_flags(b, 0, 99, 0, SEGMENT_SYN);
	send_data(b, 110, "tail", 4);
	assert_heard(b, "", 0);
	b->now.tv_sec += 62;
	send_data(b, 114, "more", 4);
	assert_heard(b, "tailmore", 8);
	send_data(b, 200, "last", 4);
	finish(b);
	assert_heard(b, "tailmorelast", 12);
	assert_int_equal(b->heard.missing, 10 + 82);
	free(b);
}

/* What waits is bounded: too many segments behind a hole give it up. */
static void test_hole_too_expensive(void **state)
{
	struct bench *b = begin();

	send_flags(b, 0, 99, 0, SEGMENT_SYN);
	for (uint32_t i = 0; i < 4100; i++)
		send_data(b, 110 + i, "x", 1);
	assert_int_equal(b->heard.missing, 10);
	assert_int_equal(b->heard.length, 4100);
	finish(b);
	free(b);
}

static void test_no_handshake(void **state)
{
	struct bench *b = begin();

	send_data(b, 4000, "middle", 6);
	send_data(b, 4006, " on", 3);
	send_data(b, 4000, "middle", 6);
	finish(b);
	assert_heard(b, "middle on", 9);
	assert_int_equal(b->heard.opened, 1);
	free(b);
}

/* The same ports again: a SYN begins another connection, a repeated SYN does not. */
static void test_ports_used_again(void **state)
{
	struct bench *b = begin();

	send_flags(b, 0, 99, 0, SEGMENT_SYN);
	send_flags(b, 0, 99, 0, SEGMENT_SYN);
	send_data(b, 100, "one", 3);
	assert_int_equal(b->heard.opened, 1);
	send_flags(b, 0, 103, 0, SEGMENT_RST);
	assert_int_equal(b->heard.ended, 1);
	send_flags(b, 0, 50, 0, SEGMENT_SYN);
	send_data(b, 51, "two", 3);
	finish(b);
	assert_heard(b, "onetwo", 6);
	assert_int_equal(b->heard.opened, 2);
	assert_int_equal(b->heard.missing, 0);
	free(b);
}

static void test_both_fins_end(void **state)
{
	struct bench *b = begin();

	send_flags(b, 0, 99, 0, SEGMENT_SYN);
	send_flags(b, 1, 10, 100, SEGMENT_SYN | SEGMENT_ACK);
	send_flags(b, 0, 100, 11, SEGMENT_FIN | SEGMENT_ACK);
	assert_int_equal(b->heard.ended, 0);
	send_flags(b, 1, 11, 101, SEGMENT_FIN | SEGMENT_ACK);
	assert_int_equal(b->heard.ended, 1);
	finish(b);
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_late_segment),
		cmocka_unit_test(test_first_copy_wins),
		cmocka_unit_test(test_hole_acknowledged),
		cmocka_unit_test(test_hole_at_end),
		cmocka_unit_test(test_hole_too_expensive),
		cmocka_unit_test(test_no_handshake),
		cmocka_unit_test(test_ports_used_again),
		cmocka_unit_test(test_both_fins_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Multiple Service Packets of many parts through the core, up to the largest connection: they come in several segments
 * and wait to be whole; their refusals are longer than a segment, and are lost and repeated piece by piece.
 */
#include <stdbool.h>

#include "lab_enip.h"
#include "lab_gate.h"

#define SESSION 0x11223344u
#define O_T 0xaabbccddu
#define T_O 0x01020304u
#define PARTS 390u    /* of eight bytes and an offset: a frame of 3,954 bytes, a refusal of 2,392 */
#define MSS 1460u
#define PIECE 1400u   /* of a message that was withheld, and of a refusal */

static uint32_t server_next, device_next; /* the senders' numbers */
static uint32_t at_device, at_server;     /* the receivers' */
static struct lab_bytes request, refusal;

/* Attribute 1 of the identity, `count` times; the last is attribute 5, which is not allowed, if one is to be denied. */
static struct lab_bytes many(unsigned count, bool denied)
{
	struct lab_bytes cip = { .n = 0 };

	lab_add(&cip, "\x0a\x02\x20\x02\x24\x01", 6);
	lab_le(&cip, count, 2);
	for (unsigned i = 0; i < count; i++)
		lab_le(&cip, 2 + 2 * count + 8 * i, 2);
	for (unsigned i = 0; i < count; i++)
		lab_add(&cip, denied && i + 1 == count ? "\x0e\x03\x20\x01\x24\x01\x30\x05" :
							 "\x0e\x03\x20\x01\x24\x01\x30\x01", 8);
	return cip;
}

static struct lab_bytes refused_many(unsigned count)
{
	struct lab_bytes cip = { .n = 0 };

	lab_add(&cip, "\x8a\0\x1e\0", 4);
	lab_le(&cip, count, 2);
	for (unsigned i = 0; i < count; i++)
		lab_le(&cip, 2 + 2 * count + 4 * i, 2);
	for (unsigned i = 0; i < count; i++)
		lab_add(&cip, "\x8e\0\x0f\0", 4);
	return cip;
}

/* A handshake in which both name their largest segment. */
static void open_with_mss(unsigned server_mss)
{
	const uint8_t server[] = { 2, 4, (uint8_t)(server_mss >> 8), (uint8_t)server_mss };
	const uint8_t device[] = { 2, 4, MSS >> 8, MSS & 0xff };

	policy.conduits[0].protocol = PROGRAM_ETHERNET_IP;
	gate_policy();
	memcpy(options, server, options_length = sizeof(server));
	put_packet(TO_DEVICE, LAB_SYN, 1000, 0);
	memcpy(options, device, options_length = sizeof(device));
	put_packet(TO_SERVER, LAB_SYN | LAB_ACK, 5000, 1001);
	from_server(1001, 5001);
	passed(1001, 5001, NULL, 0);
	server_next = at_device = 1001;
	device_next = at_server = 5001;
}

static void server_says(const uint8_t *bytes, size_t n)
{
	say(bytes, n);
	from_server(server_next, at_server);
	server_next += (uint32_t)n;
}

static void request_passes(struct lab_bytes m)
{
	server_says(m.b, m.n);
	passed(at_device, device_next, m.b, m.n);
	at_device += (uint32_t)m.n;
}

static void reply_passes(struct lab_bytes m)
{
	say(m.b, m.n);
	from_device(device_next, at_device);
	passed(at_server, server_next, m.b, m.n);
	device_next += (uint32_t)m.n;
	at_server += (uint32_t)m.n;
}

/* A connection of class 3, and one large request on it with its refusal. */
static void start(unsigned server_mss, bool denied)
{
	struct lab_bytes cip = many(PARTS, denied), answer = refused_many(PARTS);

	open_with_mss(server_mss);
	request_passes(lab_register(0));
	reply_passes(lab_register(SESSION));
	request_passes(lab_open(SESSION));
	reply_passes(lab_opened(SESSION, O_T));
	from_server(server_next, at_server);
	request = lab_unit(SESSION, O_T, 1, cip.b, cip.n);
	refusal = lab_unit(SESSION, T_O, 1, answer.b, answer.n);
}

/* A small read and its answer, in the numbers that both sides now have. */
static void goes_on(uint8_t context)
{
	request_passes(lab_rr(SESSION, context, "\x0e\x03\x20\x01\x24\x01\x30\x07", 8));
	reply_passes(lab_rr(SESSION, context, "\x8e\0\0\0\x01" "x", 6));
}

/* The gate's own packets are the bytes from .. until of a message that begins at `seq`, in order, in pieces. */
static void made_pieces(int to, const struct lab_bytes *m, size_t from, size_t until, size_t piece, uint32_t seq,
			uint32_t ack)
{
	unsigned i = 0;

	for (size_t n; from < until; from += n) {
		n = until - from < piece ? until - from : piece;
		made(i++, to, LAB_PSH | LAB_ACK, seq + (uint32_t)from, ack, m->b + from, n);
	}
	assert_int_equal(core_io()->made_count, i);
}

static void tick_after(uint64_t ns)
{
	core_io()->now += ns;
	core_tick();
}

/* All of the request but its last segment, which is said next. */
static void first_segments_wait(void)
{
	for (size_t at = 0; at + MSS < request.n; at += MSS) {
		server_says(request.b + at, MSS);
		held();
	}
}

static void last_segment(void)
{
	size_t at = request.n / MSS * MSS;

	server_says(request.b + at, request.n - at);
}

static void test_allowed_when_it_is_whole(void **state)
{
	start(MSS, false);
	first_segments_wait();
	last_segment();
	assert_int_equal(core_io()->verdict, CORE_DROP);
	made_pieces(TO_DEVICE, &request, 0, request.n, PIECE, at_device, device_next);
	at_device += (uint32_t)request.n;
	reply_passes(lab_unit(SESSION, T_O, 1, "\x8a\0\x08\0", 4));
	goes_on(1);
}

/* What a release lost on its way is repeated by its sender, and passes then. */
static void test_repeated_after_it_went(void **state)
{
	start(MSS, false);
	first_segments_wait();
	last_segment();
	say(request.b, MSS);
	from_server(server_next - (uint32_t)request.n, at_server);
	passed(at_device, device_next, request.b, MSS);
}

static void test_another_message_behind_it(void **state)
{
	struct lab_bytes read = lab_rr(SESSION, 2, "\x0e\x03\x20\x01\x24\x01\x30\x07", 8);
	size_t at;

	start(MSS, false);
	at = request.n / MSS * MSS;
	first_segments_wait();
	say(request.b + at, request.n - at);
	server_says(read.b, read.n);
	made_pieces(TO_DEVICE, &request, 0, request.n, PIECE, at_device, device_next);
	passed(at_device + (uint32_t)request.n, device_next, read.b, read.n);
}

/* The device sees nothing of it; the server gets an answer for each part. */
static void test_denied_when_it_is_whole(void **state)
{
	start(MSS, true);
	first_segments_wait();
	last_segment();
	denied(REASON_OBJECT_NOT_ALLOWED, CORE_ACTION_REPLIED);
	assert_int_equal(core_io()->verdict, CORE_DROP);
	made_pieces(TO_SERVER, &refusal, 0, refusal.n, PIECE, at_server, server_next);
	at_server += (uint32_t)refusal.n;
	from_server(server_next, at_server);
	goes_on(1);
	tick_after(LAB_SECOND);
	assert_int_equal(core_io()->made_count, 0);
}

static void test_unconnected(void **state)
{
	struct lab_bytes cip = many(60, true), answer = refused_many(60);

	start(MSS, true);
	request = lab_rr(SESSION, 3, cip.b, cip.n);
	refusal = lab_rr(SESSION, 3, answer.b, answer.n);
	server_says(request.b, request.n);
	denied(REASON_OBJECT_NOT_ALLOWED, CORE_ACTION_REPLIED);
	made_pieces(TO_SERVER, &refusal, 0, refusal.n, PIECE, at_server, server_next);
	at_server += (uint32_t)refusal.n;
	goes_on(1);
}

/* The timer repeats it; of what has arrived no whole chunk (248 bytes) again, and no device byte comes too early. */
static void test_pieces_are_lost(void **state)
{
	struct lab_bytes reply = lab_rr(SESSION, 4, "\x8e\0\0\0\x01" "x", 6);

	start(MSS, true);
	first_segments_wait();
	last_segment();
	tick_after(LAB_SECOND / 5);
	made_pieces(TO_SERVER, &refusal, 0, refusal.n, PIECE, at_server, server_next);
	from_server(server_next, at_server + PIECE); /* the second is lost */
	assert_int_equal(core_io()->made_count, 0);
	tick_after(LAB_SECOND / 5);
	made_pieces(TO_SERVER, &refusal, 5 * 248, refusal.n, PIECE, at_server, server_next);
	/* Meanwhile the device answers something else: behind the refusal. */
	request_passes(lab_rr(SESSION, 4, "\x0e\x03\x20\x01\x24\x01\x30\x07", 8));
	at_server += (uint32_t)refusal.n;
	reply_passes(reply);
	/* The server has the reply, but not the piece: the device is told neither of one nor of the other. */
	memcpy(options, "\x01\x01\x05\x0a", 4);
	lab_put32(options + 4, at_server - (uint32_t)reply.n);
	lab_put32(options + 8, at_server);
	options_length = 12;
	from_server(server_next, at_server - (uint32_t)reply.n - 992);
	passed(at_device, device_next - (uint32_t)reply.n, NULL, 0);
	assert_int_equal(core_io()->packet[20 + 20 + 2], 1); /* no block is left */
	from_server(server_next, at_server);
	passed(at_device, device_next, NULL, 0);
	goes_on(5);
}

/* A server that takes small segments: what there are no places for follows with its acknowledgements. */
static void test_small_segments(void **state)
{
	size_t piece = 300 - 12, at = 6 * piece;

	start(300, true);
	first_segments_wait();
	last_segment();
	made_pieces(TO_SERVER, &refusal, 0, at, piece, at_server, server_next);
	from_server(server_next, at_server + (uint32_t)at);
	made_pieces(TO_SERVER, &refusal, at, refusal.n, piece, at_server, server_next);
	at_server += (uint32_t)refusal.n;
	from_server(server_next, at_server);
	goes_on(1);
}

/* The same, and nothing arrives: the timer sends the first pieces again, and the last follow. */
static void test_small_segments_are_lost(void **state)
{
	size_t piece = 300 - 12, at = 6 * piece;

	start(300, true);
	first_segments_wait();
	last_segment();
	tick_after(LAB_SECOND / 5);
	made_pieces(TO_SERVER, &refusal, 0, at, piece, at_server, server_next);
	from_server(server_next, at_server + (uint32_t)at);
	made_pieces(TO_SERVER, &refusal, at, refusal.n, piece, at_server, server_next);
}

/* The acknowledgement of bytes that the gate has not sent yet. */
static void test_a_server_that_lies(void **state)
{
	start(300, true);
	first_segments_wait();
	last_segment();
	at_server += (uint32_t)refusal.n;
	from_server(server_next, at_server);
	assert_int_equal(core_io()->made_count, 0);
	goes_on(1);
}

/* A sender that waits for an acknowledgement repeats itself: then what there is goes, and a denial comes too late. */
static void test_a_sender_that_waits(void **state)
{
	start(MSS, true);
	server_says(request.b, MSS);
	held();
	say(request.b, MSS);
	from_server(server_next - MSS, at_server);
	assert_int_equal(core_io()->verdict, CORE_DROP);
	made_pieces(TO_DEVICE, &request, 0, MSS, PIECE, at_device, device_next);
	server_says(request.b + MSS, MSS);
	passed(at_device + MSS, device_next, request.b + MSS, MSS);
	server_says(request.b + 2 * MSS, request.n - 2 * MSS);
	denied(REASON_DENIED_AFTER_PARTIAL, CORE_ACTION_RESET);
}

/* Three times, and the messages of the connection wait no more. */
static void test_a_sender_that_always_waits(void **state)
{
	start(MSS, false);
	for (unsigned i = 0; i < 3; i++) {
		server_says(request.b, MSS);
		held();
		say(request.b, MSS);
		from_server(server_next - MSS, at_server);
		server_says(request.b + MSS, MSS);
		server_says(request.b + 2 * MSS, request.n - 2 * MSS);
		at_device += (uint32_t)request.n;
		reply_passes(lab_unit(SESSION, T_O, 1, "\x8a\0\x08\0", 4));
		from_server(server_next, at_server);
	}
	server_says(request.b, MSS);
	passed(at_device, device_next, request.b, MSS);
}

/* The end of the stream in the middle of it: the device gets what there is. */
static void test_closed_in_the_middle(void **state)
{
	start(MSS, true);
	server_says(request.b, MSS);
	put_packet(TO_DEVICE, LAB_ACK | LAB_FIN, server_next, at_server);
	made_pieces(TO_DEVICE, &request, 0, MSS, PIECE, at_device, device_next);
	passed(at_device + MSS, device_next, NULL, 0);
}

/* An acknowledgement of the server's tells the device no number that it cannot know. */
static void test_an_acknowledgement_meanwhile(void **state)
{
	start(MSS, true);
	server_says(request.b, MSS);
	from_server(server_next, at_server);
	passed(at_device, device_next, NULL, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, policy_of_the_lab)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_allowed_when_it_is_whole),
		TEST(test_repeated_after_it_went),
		TEST(test_another_message_behind_it),
		TEST(test_denied_when_it_is_whole),
		TEST(test_unconnected),
		TEST(test_pieces_are_lost),
		TEST(test_small_segments),
		TEST(test_small_segments_are_lost),
		TEST(test_a_server_that_lies),
		TEST(test_a_sender_that_waits),
		TEST(test_a_sender_that_always_waits),
		TEST(test_closed_in_the_middle),
		TEST(test_an_acknowledgement_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

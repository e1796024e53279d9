/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hostile server against an honest device, at random (seeded): SYNs again and again, pieces of several
 * streams at the same sequence numbers, resets, closings, old acknowledgements. The device is a small TCP of its own
 * that shares no code with the engine; packets between it and the gate are late. Whatever it puts
 * together of what reaches it, every whole request must be one that the policy allows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lab_policy.h"
#include "protocol/segment.h"

#define CLIENT_PORT 51000
#define BASE 0xfffffff0u /* initial sequence number: wraps in mid-stream */
#define STREAMS 4
#define STREAM_BYTES 240 /* twenty requests */
#define LINK_MAX 32
#define PACKET_MAX 600
#define OUT_MAX 8192
#define STEPS 600
#define MILLISECOND 1000000ull

static uint64_t random_state;

static unsigned draw(unsigned below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)(random_state % below);
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

struct packet {
	size_t length;
	uint8_t bytes[PACKET_MAX];
};

struct link {
	size_t count;
	struct packet packets[LINK_MAX];
};

static void link_put(struct link *l, const uint8_t *bytes, size_t length)
{
	if (l->count == LINK_MAX)
		return;
	assert_true(length <= PACKET_MAX);
	memcpy(l->packets[l->count].bytes, bytes, length);
	l->packets[l->count++].length = length;
}

/* Mostly in order; now and then a packet overtakes, or is lost. */
static bool link_get(struct link *l, struct packet *ret)
{
	size_t i = l->count && !draw(10) ? draw((unsigned)l->count) : 0;

	if (l->count == 0)
		return false;
	*ret = l->packets[i];
	l->count--;
	memmove(&l->packets[i], &l->packets[i + 1], (l->count - i) * sizeof(l->packets[0]));
	return draw(20) != 0;
}

static struct link to_device, from_device;
static uint64_t seed;
static unsigned accepted; /* whole requests that the device took, over all seeds */

/* ---- the device ---------------------------------------------------------------------------------------- */

enum device_state { LISTENING, SYN_RECEIVED, ESTABLISHED };

static struct {
	enum device_state state;
	uint32_t irs, next;           /* of the server: initial, expected */
	uint32_t isn, una, sent;      /* its own */
	uint32_t window;
	size_t received, handled, written;
	uint8_t in[OUT_MAX], out[OUT_MAX];
} device;

static void device_send(uint8_t flags, uint32_t seq, uint32_t ack, const uint8_t *data, size_t length)
{
	uint8_t bytes[PACKET_MAX];
	struct segment_parts parts = {
		.family = 4, .source = lab_device, .target = lab_server,
		.source_port = LAB_PORT, .target_port = CLIENT_PORT, .seq = seq, .ack = ack,
		.flags = flags, .window = (uint16_t)device.window, .payload = data, .payload_length = length,
	};

	link_put(&from_device, bytes, segment_build(&parts, bytes, sizeof(bytes)));
}

static void device_acknowledge(void)
{
	device_send(TCP_ACK, device.sent, device.next, NULL, 0);
}

static void device_syn_ack(void)
{
	device_send(TCP_SYN | TCP_ACK, device.isn, device.next, NULL, 0);
}

/* The policy of lab_policy.h in other words. */
static bool request_allowed(const uint8_t *f)
{
	unsigned address = (unsigned)(f[8] << 8 | f[9]), value = (unsigned)(f[10] << 8 | f[11]);

	if (f[2] || f[3] || f[4] || f[5] != 6 || f[6] != 1)
		return false;
	if (f[7] == 3)
		return value >= 1 && address + value <= 100;
	return f[7] == 6 && address == 120 && value <= 1500;
}

static void device_answer(const uint8_t *q)
{
	uint8_t *a = device.out + device.written;
	unsigned bytes = q[7] == 3 ? 3 + 2u * q[11] : 6;

	if (device.written + 6 + bytes > OUT_MAX)
		return;
	memcpy(a, q, 12);
	a[5] = (uint8_t)bytes;
	if (q[7] == 3) {
		memset(a + 8, 0, 1 + 2u * q[11]);
		a[8] = (uint8_t)(2 * q[11]);
	}
	device.written += 6 + bytes;
}

static void device_handle(void)
{
	while (device.received - device.handled >= 12) {
		const uint8_t *q = device.in + device.handled;

		if (!request_allowed(q))
			fail_msg("SEED=%llu: the device got %02x%02x %02x%02x %02x%02x %02x %02x %02x%02x %02x%02x",
				 (unsigned long long)seed, q[0], q[1], q[2], q[3], q[4], q[5], q[6], q[7], q[8], q[9], q[10], q[11]);
		device_answer(q);
		device.handled += 12;
		accepted++;
	}
}

static void device_listen(uint32_t seq, uint32_t ack, uint8_t flags)
{
	if (flags & TCP_RST)
		return;
	if (flags & TCP_ACK) {
		device_send(TCP_RST, ack, 0, NULL, 0);
		return;
	}
	device.state = SYN_RECEIVED;
	device.irs = seq;
	device.next = seq + 1;
	device.isn = device.una = draw(0x7fffffff) * 2u;
	device.sent = device.isn + 1;
	device.received = device.handled = device.written = 0;
	device_syn_ack();
}

static void device_take(uint32_t seq, const uint8_t *data, uint32_t length)
{
	uint32_t old = device.next - seq;

	if ((int32_t)old < 0 || old >= length || device.received + length > OUT_MAX)
		return;
	length -= old;
	if (length > device.window)
		length = device.window;
	memcpy(device.in + device.received, data + old, length);
	device.received += length;
	device.next += length;
	device_handle();
}

static void device_connected(uint32_t seq, uint32_t ack, uint8_t flags, const uint8_t *data, uint32_t length)
{
	if (flags & TCP_SYN) {
		if (device.state == SYN_RECEIVED && seq == device.irs)
			device_syn_ack();
		else
			device_acknowledge();
		return;
	}
	if (flags & TCP_RST) {
		if (seq == device.next)
			device.state = LISTENING;
		else
			device_acknowledge();
		return;
	}
	/* RFC 5961, section 5.2: neither of the future nor too old. */
	if ((int32_t)(ack - device.sent) > 0 || (int32_t)(ack - device.una) < -65535) {
		device_acknowledge();
		return;
	}
	if (device.state == SYN_RECEIVED && ack != device.isn + 1)
		return;
	device.state = ESTABLISHED;
	if ((int32_t)(ack - device.una) > 0)
		device.una = ack;
	device_take(seq, data, length);
	if (length)
		device_acknowledge();
}

static void device_receive(const struct packet *packet)
{
	const uint8_t *tcp = packet->bytes + 20;
	size_t header = (size_t)(tcp[12] >> 4) * 4;
	uint32_t seq = be32(tcp + 4), ack = be32(tcp + 8);

	if (device.state == LISTENING)
		device_listen(seq, ack, tcp[13]);
	else
		device_connected(seq, ack, tcp[13], tcp + header,
				 (uint32_t)(packet->length - 20 - header));
}

/* Its timers: the SYN-ACK again, or what is not acknowledged. */
static void device_timer(void)
{
	uint32_t at = device.una - device.isn - (device.una != device.isn);
	size_t n = device.written - at < 200 ? device.written - at : 200;

	if (device.state == SYN_RECEIVED)
		device_syn_ack();
	if (device.state != ESTABLISHED || n == 0)
		return;
	device_send(TCP_ACK, device.isn + 1 + at, device.next, device.out + at, n);
	if ((int32_t)(device.isn + 1 + at + (uint32_t)n - device.sent) > 0)
		device.sent = device.isn + 1 + at + (uint32_t)n;
}

/* ---- the gate ------------------------------------------------------------------------------------------- */

static uint32_t heard_seq, heard_ack, heard_isn; /* by the server: of the latest packet, of the latest SYN-ACK */

static void server_hears(const uint8_t *bytes)
{
	const uint8_t *tcp = bytes + 20;

	heard_ack = be32(tcp + 8);
	heard_seq = be32(tcp + 4);
	if (tcp[13] & TCP_SYN)
		heard_isn = heard_seq;
}

static void forward_made(void)
{
	const struct core_io *io = core_io();

	for (uint32_t i = 0; i < io->made_count; i++) {
		if (io->made[i].to_device)
			link_put(&to_device, io->made[i].bytes, io->made[i].length);
		else
			server_hears(io->made[i].bytes);
	}
}

static void gate(const uint8_t *bytes, size_t length, bool by_device)
{
	struct core_io *io = core_io();

	memcpy(io->packet, bytes, length);
	io->length = (uint32_t)length;
	io->mark = MARK_INSPECTED | LAB_CONDUIT;
	core_packet();
	if (io->verdict != CORE_DROP && by_device)
		server_hears(io->packet);
	else if (io->verdict != CORE_DROP)
		link_put(&to_device, io->packet, io->length);
	forward_made();
}

/* ---- the hostile server ------------------------------------------------------------------------------------ */

static uint8_t streams[STREAMS][STREAM_BYTES];

/* Requests of 12 bytes; in the first two streams all are allowed. */
static void write_streams(void)
{
	for (unsigned s = 0; s < STREAMS; s++)
		for (unsigned at = 0; at < STREAM_BYTES; at += 12) {
			bool write = draw(2), allowed = s < 2 || draw(2);
			unsigned address = allowed ? (write ? 120 : draw(50)) : 100 + draw(30);
			uint8_t f[12] = { (uint8_t)draw(2), (uint8_t)draw(256), 0, 0, 0, 6, 1, write ? 6 : 3, 0,
					  (uint8_t)address, 0, (uint8_t)(1 + draw(40)) };

			memcpy(streams[s] + at, f, sizeof(f));
		}
}

static void server_send(uint8_t flags, uint32_t seq, uint32_t ack, const uint8_t *data, size_t length)
{
	uint8_t bytes[PACKET_MAX];
	struct segment_parts parts = {
		.family = 4, .source = lab_server, .target = lab_device,
		.source_port = CLIENT_PORT, .target_port = LAB_PORT, .seq = seq, .ack = ack,
		.flags = flags, .window = 20000, .payload = data, .payload_length = length,
	};

	gate(bytes, segment_build(&parts, bytes, sizeof(bytes)), false);
}

/* Where in the streams the next piece begins: mostly where the device stands. */
static unsigned choose_offset(void)
{
	uint32_t at = heard_ack - BASE - 1;

	if (at >= STREAM_BYTES || !draw(4))
		at = draw(4) ? draw(24) : draw(STREAM_BYTES);
	return at;
}

static uint32_t choose_ack(void)
{
	switch (draw(6)) {
	case 0:
		return heard_isn + 1;
	case 1:
		return heard_isn + 1 + draw(100);
	default:
		return device.sent;
	}
}

static void server_step(void)
{
	unsigned offset = choose_offset(), room = STREAM_BYTES - offset;
	unsigned length = 1 + draw(room < 40 ? room : 40);
	const uint8_t *data = streams[draw(STREAMS)] + offset;
	uint32_t seq = BASE + 1 + offset;

	switch (draw(24)) {
	case 0:
	case 1:
	case 2:
		server_send(TCP_SYN, draw(6) ? BASE : seq - 1, 0, NULL, 0);
		break;
	case 3:
		server_send(TCP_RST | TCP_ACK, draw(2) ? heard_ack : seq, choose_ack(), NULL, 0);
		break;
	case 4:
		server_send(TCP_FIN | TCP_ACK, seq, choose_ack(), data, draw(2) ? length : 0);
		break;
	case 5:
	case 6:
		server_send(TCP_ACK, seq, choose_ack(), NULL, 0);
		break;
	default:
		server_send(TCP_PSH | TCP_ACK, seq, choose_ack(), data, length);
		break;
	}
}

static void step(void)
{
	struct packet packet;

	core_io()->now += (draw(200) ? 1 : 3000) * MILLISECOND;
	if (draw(3))
		server_step();
	if (draw(3) && link_get(&to_device, &packet))
		device_receive(&packet);
	if (!draw(6))
		device_timer();
	if (draw(2) && link_get(&from_device, &packet))
		gate(packet.bytes, packet.length, true);
	if (!draw(20)) {
		core_tick();
		forward_made();
	}
}

static void run(void)
{
	struct lab_program program = lab_program();

	random_state = seed * 0x9e3779b97f4a7c15ull + 1;
	memset(&device, 0, sizeof(device));
	device.window = draw(3) ? 8192 : 5 + draw(30);
	to_device.count = from_device.count = 0;
	heard_seq = heard_ack = heard_isn = 0;
	program.conduits[0].on_violation = (uint8_t)(PROGRAM_REPLY + draw(3));
	assert_int_equal(lab_load(&program), 1);
	core_io()->now = 1000000 * MILLISECOND;
	write_streams();
	for (unsigned i = 0; i < STEPS; i++)
		step();
}

static void test_hostile_server(void **state)
{
	const char *from = getenv("SEED");
	const char *rounds = getenv("ROUNDS");
	uint64_t first = from ? strtoull(from, NULL, 10) : 1;
	uint64_t count = from ? 1 : rounds ? strtoull(rounds, NULL, 10) : 1000;

	for (seed = first; seed < first + count; seed++)
		run();
	assert_true(from || accepted > count); /* the device is really reached */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hostile_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

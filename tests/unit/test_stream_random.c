/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two simulated TCP peers talk Modbus through the core over links that split, lose, repeat and reorder
 * packets at random (seeded). The peers keep their own books and share no code with the engine. At the
 * end the device must have received exactly the allowed requests, the client exactly one answer a
 * request: the device's for an allowed one, an exception for a denied one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lab_policy.h"
#include "protocol/segment.h"

#define REQUESTS 40
#define STREAM_MAX 8192
#define LINK_MAX 64
#define PACKET_MAX 1600
#define CLIENT_PORT 51000
#define STEPS_MAX 400000
#define MILLISECOND 1000000ull

static uint64_t random_state;

static unsigned draw(unsigned below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)(random_state % below);
}

struct packet {
	size_t length;
	uint8_t bytes[PACKET_MAX];
};

/* Packets on their way in one direction. */
struct link {
	size_t count;
	struct packet packets[LINK_MAX];
};

/* One end of the connection, as its own kernel would see it. */
struct peer {
	bool client;
	bool connected;
	uint32_t isn, una, sent, got;  /* own numbers; `got` is what it expects from the other */
	uint8_t out[STREAM_MAX];       /* everything it ever writes, out[0] has number isn + 1 */
	size_t written;
	uint8_t in[STREAM_MAX];
	size_t received;
};

static struct peer client, device;
static struct link to_gate_c, to_gate_d, to_client, to_device;
static uint64_t clock_now;

static void link_put(struct link *l, const uint8_t *bytes, size_t length)
{
	if (l->count == LINK_MAX)
		return;
	memcpy(l->packets[l->count].bytes, bytes, length);
	l->packets[l->count++].length = length;
}

/* Takes a packet out, mostly the oldest. Sometimes it stays as well, sometimes it is lost. */
static bool link_get(struct link *l, struct packet *ret)
{
	size_t i;

	if (l->count == 0)
		return false;
	i = draw(8) ? 0 : draw((unsigned)l->count);
	*ret = l->packets[i];
	if (draw(16)) {
		l->count--;
		memmove(&l->packets[i], &l->packets[i + 1], (l->count - i) * sizeof(l->packets[0]));
	}
	return draw(12) != 0;
}

static void peer_send(struct peer *p, uint8_t flags, uint32_t seq, const uint8_t *data, size_t length)
{
	uint8_t bytes[PACKET_MAX];
	struct segment_parts parts = {
		.family = 4,
		.source = p->client ? lab_server : lab_device,
		.target = p->client ? lab_device : lab_server,
		.source_port = p->client ? CLIENT_PORT : LAB_PORT,
		.target_port = p->client ? LAB_PORT : CLIENT_PORT,
		.seq = seq,
		.ack = p->got,
		.flags = flags,
		.window = 60000,
		.payload = data,
		.payload_length = length,
	};
	size_t n = segment_build(&parts, bytes, sizeof(bytes));

	assert_true(n > 0);
	link_put(p->client ? &to_gate_c : &to_gate_d, bytes, n);
}

static bool denied[REQUESTS];

/*
 * A denied request that arrives in pieces is answered by resets (denied-after-partial, tested
 * elsewhere): here the client's segments do not end inside one.
 */
static uint32_t whole_denied(const struct peer *p, uint32_t end)
{
	uint32_t at = end - p->isn - 1;

	return p->client && at % 12 && denied[at / 12] ? end + 12 - at % 12 : end;
}

/* Sends some bytes that are written and not acknowledged, new ones or again. */
static void peer_transmit(struct peer *p)
{
	uint32_t end = p->isn + 1 + (uint32_t)p->written;
	uint32_t from = draw(3) ? p->sent : p->una + draw(p->sent - p->una + 1);
	uint32_t room = end - from;
	uint32_t n = room ? 1 + draw(room < 60 ? room : 60) : 0;

	if (n && !draw(3))
		n = room < 1000 ? room : 1000;
	n = whole_denied(p, from + n) - from;
	peer_send(p, TCP_ACK | (n ? TCP_PSH : 0), from, p->out + (from - p->isn - 1), n);
	if ((int32_t)(from + n - p->sent) > 0)
		p->sent = from + n;
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* What arrived: read with the test's own few lines, header lengths from the packet itself. */
static void peer_receive(struct peer *p, const struct packet *packet)
{
	const uint8_t *tcp = packet->bytes + 20;
	size_t header = (size_t)(tcp[12] >> 4) * 4;
	const uint8_t *data = tcp + header;
	size_t length = packet->length - 20 - header;
	uint32_t seq = be32(tcp + 4), ack = be32(tcp + 8);
	uint8_t flags = tcp[13];

	assert_false(flags & TCP_RST);
	if (flags & TCP_SYN) {
		if (p->connected)
			return; /* one that was long on its way */
		p->got = seq + 1;
		if (p->client) {
			p->connected = true;
			p->una = p->sent = p->isn + 1;
		} else {
			peer_send(p, TCP_SYN | TCP_ACK, p->isn, NULL, 0);
		}
		return;
	}
	if (!p->connected) {
		p->connected = true;
		p->una = p->sent = p->isn + 1;
	}
	/* An acknowledgement of what was never sent would be a fault of the gate. */
	assert_true((int32_t)(ack - p->sent) <= 0);
	if ((int32_t)(ack - p->una) > 0)
		p->una = ack;
	if ((int32_t)(seq - p->got) <= 0 && (int32_t)(seq + (uint32_t)length - p->got) > 0) {
		size_t old = p->got - seq;

		assert_true(p->received + length - old <= STREAM_MAX);
		memcpy(p->in + p->received, data + old, length - old);
		p->received += length - old;
		p->got += (uint32_t)(length - old);
	}
	if (length)
		peer_send(p, TCP_ACK, p->sent, NULL, 0);
}

/* ---- the gate between the links ------------------------------------------------------------------------ */

static void forward_made(void)
{
	const struct core_io *io = core_io();

	for (uint32_t i = 0; i < io->made_count; i++) {
		assert_int_equal(io->made[i].server_port, CLIENT_PORT);
		if (draw(12))
			link_put(io->made[i].to_device ? &to_device : &to_client, io->made[i].bytes,
				 io->made[i].length);
	}
}

static void gate_step(struct link *from, struct link *to)
{
	struct core_io *io = core_io();
	struct packet packet;

	if (!link_get(from, &packet))
		return;
	memcpy(io->packet, packet.bytes, packet.length);
	io->length = (uint32_t)packet.length;
	io->mark = MARK_INSPECTED | LAB_CONDUIT;
	io->now = clock_now;
	core_packet();
	if (io->verdict != CORE_DROP)
		link_put(to, io->packet, io->length);
	forward_made();
}

/* ---- Modbus at both ends --------------------------------------------------------------------------------- */

static bool denied[REQUESTS];

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Request number i: a read or a write, allowed or not. */
static size_t request_bytes(unsigned i, uint8_t out[12])
{
	unsigned kind = draw(5);
	unsigned address = kind == 0 || kind == 1 ? draw(90) : kind == 2 ? 95 : kind == 3 ? 120 : 121;
	unsigned value = kind < 2 ? 1 + draw(10) : kind == 2 ? 6 : draw(2) ? 700 : 1501;

	denied[i] = kind == 2 || kind == 4 || (kind == 3 && value > 1500);
	put16(out, i);
	put16(out + 2, 0);
	put16(out + 4, 6);
	out[6] = 1;
	out[7] = kind <= 2 ? 3 : 6;
	put16(out + 8, address);
	put16(out + 10, value);
	return 12;
}

static void client_write_requests(void)
{
	for (unsigned i = 0; i < REQUESTS; i++)
		client.written += request_bytes(i, client.out + client.written);
}

/* The device answers every whole request that it has received. */
static size_t answered;

static void device_answer(void)
{
	while (device.received - answered >= 12) {
		const uint8_t *q = device.in + answered;
		uint8_t *a = device.out + device.written;
		unsigned bytes = q[7] == 3 ? 3 + 2u * q[11] : 6;

		memcpy(a, q, 12);
		put16(a + 4, bytes);
		if (q[7] == 3) {
			a[8] = (uint8_t)(2 * q[11]);
			for (unsigned i = 0; i < 2u * q[11]; i++)
				a[9 + i] = (uint8_t)(q[9] + i);
		}
		device.written += 6 + bytes;
		answered += 12;
	}
}

static void check_device(void)
{
	size_t at = 0;

	for (unsigned i = 0; i < REQUESTS; i++) {
		if (denied[i])
			continue;
		assert_memory_equal(device.in + at, client.out + 12 * i, 12);
		at += 12;
	}
	assert_int_equal(device.received, at);
}

/* An error reply may have to wait until the device is between two messages: any order, each once. */
static void check_client(void)
{
	bool seen[REQUESTS] = { false };
	size_t at = 0;

	while (at < client.received) {
		const uint8_t *a = client.in + at;
		unsigned i = (unsigned)(a[0] << 8 | a[1]);

		assert_true(i < REQUESTS && !seen[i]);
		seen[i] = true;
		assert_int_equal(a[7], denied[i] ? client.out[12 * i + 7] | 0x80 : client.out[12 * i + 7]);
		at += 6 + (size_t)a[5];
	}
	assert_int_equal(client.received, at);
	for (unsigned i = 0; i < REQUESTS; i++)
		assert_true(seen[i]);
}

static bool all_answered(void)
{
	unsigned answers = 0;

	for (size_t at = 0; at + 6 <= client.received; at += 6 + (size_t)client.in[at + 5])
		answers += at + 6 + (size_t)client.in[at + 5] <= client.received;
	return answers == REQUESTS;
}

static void start(uint64_t seed)
{
	struct lab_program program = lab_program();

	random_state = seed * 0x9e3779b97f4a7c15ull + 1;
	memset(&client, 0, sizeof(client));
	memset(&device, 0, sizeof(device));
	to_gate_c.count = to_gate_d.count = to_client.count = to_device.count = 0;
	answered = 0;
	client.client = true;
	/* Near the end of the circle, so that numbers wrap in mid-stream. */
	client.isn = 0xffffffffu - draw(400);
	device.isn = 0xffffffffu - draw(1200);
	clock_now = 1000 * MILLISECOND;
	assert_int_equal(lab_load(&program), 1);
	client_write_requests();
}

static void step(void)
{
	struct packet packet;

	clock_now += MILLISECOND / 20; /* fast enough that no error reply gives up waiting for its turn */
	if (!client.connected && !draw(10))
		peer_send(&client, TCP_SYN, client.isn, NULL, 0);
	if (client.connected && !draw(3))
		peer_transmit(&client);
	if (device.connected && !draw(3))
		peer_transmit(&device);
	gate_step(&to_gate_c, &to_device);
	gate_step(&to_gate_d, &to_client);
	if (link_get(&to_client, &packet))
		peer_receive(&client, &packet);
	if (link_get(&to_device, &packet))
		peer_receive(&device, &packet);
	device_answer();
	if (!draw(100)) {
		core_io()->now = clock_now;
		core_tick();
		forward_made();
	}
}

static void run(uint64_t seed)
{
	unsigned steps = 0;

	start(seed);
	while (!all_answered() && steps++ < STEPS_MAX)
		step();
	if (steps >= STEPS_MAX)
		fail_msg("seed %llu: not every request was answered", (unsigned long long)seed);
	check_device();
	check_client();
}

static void test_random_streams(void **state)
{
	const char *from = getenv("SEED");
	const char *rounds = getenv("ROUNDS");
	uint64_t first = from ? strtoull(from, NULL, 10) : 1;
	uint64_t count = from ? 1 : rounds ? strtoull(rounds, NULL, 10) : 300;

	for (uint64_t seed = first; seed < first + count; seed++)
		run(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_streams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

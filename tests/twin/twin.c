/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The decision core at work, with everything it answers written down: linked once with the core in its
 * sandbox and once with the native one, for a test that compares what the two print.
 *
 *   twin session SEED STEPS   connections of peers that are honest for the most part, with policy changes,
 *                             timers and jumps of time between
 *   twin replay FILE          the TCP packets to and from port 502 in a capture
 *
 * A line a call: what was called, the verdict, counts, and a digest of every byte that came out.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "../unit/lab_packet.h"
#include "../unit/lab_policy.h"
#include "capture/headers.h"
#include "capture/pcap.h"
#include "run/vm.h"

#define MILLISECOND 1000000ull
#define CONDUITS 3u       /* IPv4, IPv6, IPv4 observed */
#define CONNECTIONS 6u
#define PAIRS_MAX 64u     /* of a capture */
#define RULES_WRITTEN 4096u /* whose counts are compared */

static struct vm *vm;
static struct core_io *io;
static unsigned long calls;

/* ---- what is written down --------------------------------------------------------------------------- */

static uint64_t digest;

static void take_in(const void *bytes, size_t length)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < length; i++)
		digest = (digest ^ p[i]) * 0x100000001b3ull;
}

static void require(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "twin: %s after %lu calls\n", what, calls);
	exit(1);
}

/* A call's whole answer. A packet that is dropped has none in `packet`. */
static void write_down(const char *call)
{
	require(io->length <= CORE_PACKET_MAX && io->made_count <= CORE_MADE_MAX &&
		io->event_count <= CORE_EVENTS_MAX, "an answer out of bounds");
	digest = 0xcbf29ce484222325ull;
	if (io->verdict != CORE_DROP)
		take_in(io->packet, io->length);
	for (uint32_t i = 0; i < io->made_count; i++) {
		take_in(&io->made[i], offsetof(struct core_made, bytes));
		take_in(io->made[i].bytes, io->made[i].length);
	}
	take_in(io->events, io->event_count * sizeof(io->events[0]));
	printf("%lu %s verdict %u length %u made %u events %u lost %u more %u %016" PRIx64 "\n", calls++, call,
	       io->verdict, io->verdict == CORE_DROP ? 0 : io->length, io->made_count, io->event_count,
	       io->events_lost, io->more, digest);
}

static void write_totals(void)
{
	digest = 0xcbf29ce484222325ull;
	take_in(vm_totals(vm), offsetof(struct core_totals, rules[RULES_WRITTEN]));
	printf("%lu totals packets %" PRIu64 " passed %" PRIu64 " flows %u %016" PRIx64 "\n", calls,
	       vm_totals(vm)->packets, vm_totals(vm)->passed, vm_totals(vm)->flows_now, digest);
}

/* ---- calls ---------------------------------------------------------------------------------------------- */

static void after_call(void);

static void sweep(void)
{
	do {
		require(vm_sweep(vm) == VM_DONE, "a trap in sweep");
		write_down("sweep");
		after_call();
	} while (io->more);
}

static void load(const void *program, size_t size)
{
	int loaded;

	require(vm_load(vm, program, size, &loaded) == VM_DONE, "a trap in load");
	printf("%lu load %zu %d\n", calls++, size, loaded);
	if (loaded)
		sweep();
	write_totals();
}

static void tick(void)
{
	do {
		require(vm_tick(vm) == VM_DONE, "a trap in tick");
		write_down("tick");
		after_call();
	} while (io->more);
}

static void packet(const uint8_t *bytes, size_t length, uint32_t conduit)
{
	memcpy(io->packet, bytes, length);
	io->length = (uint32_t)length;
	io->mark = MARK_INSPECTED | conduit;
	require(vm_packet(vm) == VM_DONE, "a trap in packet");
	write_down("packet");
}

static void open_vm(void)
{
	vm = vm_open(-1, 0);
	require(vm != NULL, "no instance");
	io = vm_io(vm);
	require(io != NULL, "no shared block");
	io->trace = 1;
	io->now = 1000 * MILLISECOND;
	io->wall = 1800000000;
}

/* ---- random policy ---------------------------------------------------------------------------------------- */

static uint64_t random_state;

static unsigned draw(unsigned below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)(random_state % below);
}

struct twin_program {
	struct lab_program lab; /* one block: the tables below follow */
	struct program_window windows[1];
	struct program_conduit conduits[CONDUITS];
	uint32_t index[CONDUITS + 1];
};

static const uint8_t server6[16] = { 0xfd, [15] = 1 }, device6[16] = { 0xfd, [15] = 2 };
static const uint8_t server_watched[16] = { 10, 1, 0, 3 };

static void random_conduit(struct twin_program *p, unsigned i)
{
	struct program_conduit *c = &p->conduits[i];

	*c = p->lab.conduits[0];
	c->number = i + 1;
	c->on_violation = (uint8_t)(PROGRAM_REPLY + (draw(2) ? 0 : draw(3)));
	c->requests_per_second = draw(4) ? 0 : 5;
	c->max_connections = draw(4) ? 0 : 2;
	if (i == 1) {
		c->family = 6;
		memcpy(c->server, server6, 16);
		memcpy(c->device, device6, 16);
	} else if (i == 2) {
		c->mode = PROGRAM_OBSERVE;
		memcpy(c->server, server_watched, 16);
	}
	p->index[i + 1] = i + 1;
}

/* Now and then a conduit is gone, or one has a window that is closed. */
static void random_policy(bool whole)
{
	struct twin_program p = { .lab = lab_program() };
	unsigned last = whole || draw(3) ? CONDUITS : CONDUITS - 1;

	for (unsigned i = 0; i < CONDUITS; i++)
		random_conduit(&p, i);
	p.lab.header.size = sizeof(p);
	p.lab.header.index = (struct program_table){ offsetof(struct twin_program, index), last + 1 };
	p.lab.header.conduits = (struct program_table){ offsetof(struct twin_program, conduits), last };
	p.lab.header.windows = (struct program_table){ offsetof(struct twin_program, windows), 1 };
	p.windows[0] = (struct program_window){ io->wall, io->wall + 20 };
	p.lab.rules[0].key = 1;
	p.lab.rules[1].key = draw(2) ? 2 : 3;
	p.lab.rules[1].windows.count = draw(4) == 0;
	p.lab.rules[0].quirks = draw(3) ? 0 : PROGRAM_QUIRK_TRANSACTION_ID;
	if (!draw(8))
		p.lab.header.ranges.count = 1 << 30; /* refused */
	load(&p, sizeof(p));
}

/* ---- peers --------------------------------------------------------------------------------------------------- */

struct side {
	uint32_t next;    /* of its own stream */
	uint32_t got;     /* of the other's */
	uint8_t in[600];  /* what arrived and is not used up */
	size_t held;
};

static struct connection {
	uint32_t conduit;
	uint16_t port;
	bool open;
	unsigned transaction;
	struct side server, device;
} connections[CONNECTIONS];

static const uint8_t *address(const struct connection *c, bool server)
{
	if (c->conduit == 2)
		return server ? server6 : device6;
	return !server ? lab_device : c->conduit == 3 ? server_watched : lab_server;
}

/* What the receiver's kernel would make of it. */
static void arrive(struct connection *c, bool to_device, const uint8_t *bytes, size_t length)
{
	struct side *to = to_device ? &c->device : &c->server;
	size_t ip = bytes[0] >> 4 == 4 ? 20 : 40, header = (size_t)(bytes[ip + 12] >> 4) * 4;
	uint8_t flags = bytes[ip + 13];
	uint32_t seq = lab_get32(bytes + ip + 4);
	size_t n = length - ip - header, old = to->got - seq;

	if (flags & LAB_RST) {
		c->open = false;
		return;
	}
	if (flags & LAB_SYN) {
		to->got = seq + 1;
		return;
	}
	if ((int32_t)(to->got - seq) < 0 || old > n)
		return;
	if (to->held + n - old > sizeof(to->in))
		to->held = 0;
	if (n - old > sizeof(to->in))
		return;
	memcpy(to->in + to->held, bytes + ip + header + old, n - old);
	to->held += n - old;
	to->got += (uint32_t)(n - old);
}

static struct connection *by_port(uint16_t port)
{
	for (unsigned i = 0; i < CONNECTIONS; i++)
		if (connections[i].port == port)
			return &connections[i];
	return NULL;
}

static void after_call(void)
{
	for (uint32_t i = 0; i < io->made_count; i++) {
		struct connection *c = by_port(io->made[i].server_port);

		if (c)
			arrive(c, io->made[i].to_device, io->made[i].bytes, io->made[i].length);
	}
}

static size_t random_options(const struct side *from, uint8_t *out)
{
	if (draw(6))
		return 0;
	memset(out, 1, 12);
	if (draw(2)) {
		out[2] = 8; /* timestamps */
		out[3] = 10;
		lab_put32(out + 4, (uint32_t)(io->now / MILLISECOND));
		lab_put32(out + 8, draw(1000));
	} else {
		out[2] = 5; /* one SACK block */
		out[3] = 10;
		lab_put32(out + 4, from->got + draw(20));
		lab_put32(out + 8, from->got + 20 + draw(20));
	}
	return 12;
}

static void send(struct connection *c, bool server, uint8_t flags, uint32_t seq, const uint8_t *data,
		 size_t length)
{
	struct side *from = server ? &c->server : &c->device;
	uint8_t options[12], bytes[2048];
	struct lab_packet p = {
		.family = c->conduit == 2 ? 6 : 4,
		.source = address(c, server), .target = address(c, !server),
		.source_port = server ? c->port : LAB_PORT, .target_port = server ? LAB_PORT : c->port,
		.seq = seq, .ack = draw(40) ? from->got : from->got - 10 + draw(20),
		.flags = flags, .options = options, .options_length = random_options(from, options),
		.data = data, .length = length,
	};
	size_t n = lab_write(&p, bytes);

	if (!draw(60))
		bytes[draw((unsigned)n)] ^= (uint8_t)(1 + draw(255));
	packet(bytes, n, draw(200) ? c->conduit : draw(6));
	if (io->verdict != CORE_DROP && draw(25))
		arrive(c, server, io->packet, io->length);
	after_call();
}

static void begin(struct connection *c)
{
	uint32_t server = 0xffffff00u + draw(512), device = 0xffffff00u + draw(512);

	c->server = (struct side){ .next = server + 1 };
	c->device = (struct side){ .next = device + 1 };
	if (!draw(4))
		c->port = (uint16_t)(50000 + (c - connections) * 100 + draw(3));
	send(c, true, LAB_SYN, server, NULL, 0);
	send(c, false, LAB_SYN | LAB_ACK, device, NULL, 0);
	c->server.got = device + 1;
	c->open = true;
	send(c, true, LAB_ACK, c->server.next, NULL, 0);
}

/* Reads and writes, allowed and not, sometimes no message at all. */
static size_t random_request(struct connection *c, uint8_t *out)
{
	bool write = !draw(3);

	lab_put16(out, c->transaction++);
	lab_put16(out + 2, draw(80) ? 0 : 1);
	lab_put16(out + 4, draw(80) ? 6 : draw(9));
	out[6] = draw(20) ? 1 : 2;
	out[7] = write ? 6 : draw(12) ? 3 : 4;
	lab_put16(out + 8, write ? 120 + !draw(3) : draw(105));
	lab_put16(out + 10, write ? draw(1700) : 1 + draw(6));
	return 12;
}

static void server_talks(struct connection *c)
{
	uint8_t data[96];
	size_t n = 0, cut;

	for (unsigned i = 1 + draw(4); i > 0; i--)
		n += random_request(c, data + n);
	cut = draw(3) ? n : 1 + draw((unsigned)n);
	send(c, true, LAB_ACK | LAB_PSH, c->server.next, data, cut);
	if (!draw(6)) {
		data[draw((unsigned)cut)] ^= (uint8_t)(draw(4) ? 0 : 1);
		send(c, true, LAB_ACK | LAB_PSH, c->server.next, data, cut);
	}
	if (cut < n)
		send(c, true, LAB_ACK | LAB_PSH, c->server.next + (uint32_t)cut, data + cut, n - cut);
	c->server.next += (uint32_t)n;
}

static size_t reply(const uint8_t *q, uint8_t *out)
{
	size_t bytes = q[7] == 3 ? 3 + 2u * (q[11] % 8) : 6;

	memset(out, 7, 6 + bytes);
	memcpy(out, q, 12 < 6 + bytes ? 12 : 6 + bytes);
	lab_put16(out + 4, (unsigned)bytes);
	if (q[7] == 3)
		out[8] = (uint8_t)(2 * (q[11] % 8));
	if (!draw(30))
		out[draw(9)] ^= 1;
	return 6 + bytes;
}

static void device_talks(struct connection *c)
{
	uint8_t data[64];
	struct side *d = &c->device;

	while (d->held >= 12 && c->open) {
		size_t n = reply(d->in, data), cut = draw(3) ? n : 1 + draw((unsigned)n);

		send(c, false, LAB_ACK | LAB_PSH, d->next, data, cut);
		if (cut < n)
			send(c, false, LAB_ACK | LAB_PSH, d->next + (uint32_t)cut, data + cut, n - cut);
		d->next += (uint32_t)n;
		d->held -= 12;
		memmove(d->in, d->in + 12, d->held);
	}
	send(c, false, LAB_ACK, d->next, NULL, 0);
}

static void step(void)
{
	struct connection *c = &connections[draw(CONNECTIONS)];
	unsigned what = draw(100);

	io->now += (1 + draw(40)) * MILLISECOND;
	if (what < 2)
		io->now += draw(40) * 1000 * MILLISECOND;
	if (what == 3)
		random_policy(false);
	else if (what < 14)
		tick();
	else if (!c->open || what == 14)
		begin(c);
	else if (what < 50)
		server_talks(c);
	else if (what < 85)
		device_talks(c);
	else if (what < 97)
		send(c, true, LAB_ACK, c->server.next, NULL, 0);
	else
		send(c, what == 97, what == 99 ? LAB_RST | LAB_ACK : LAB_FIN | LAB_ACK,
		     what == 97 ? c->server.next++ : c->device.next++, NULL, 0);
	io->wall = 1800000000 + (int64_t)(io->now / (1000 * MILLISECOND));
}

static int session(uint64_t seed, unsigned long steps)
{
	random_state = seed * 0x9e3779b97f4a7c15ull + 1;
	random_policy(true);
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		connections[i].conduit = i % CONDUITS + 1;
		connections[i].port = (uint16_t)(50000 + i * 100);
	}
	while (steps--)
		step();
	write_totals();
	return 0;
}

/* ---- captures ------------------------------------------------------------------------------------------------ */

#define ENIP_PORT 44818u

struct pair_program {
	struct lab_program lab;
	struct program_conduit conduits[PAIRS_MAX];
	uint32_t index[PAIRS_MAX + 1];
	uint32_t count;
};

static bool is_device(const struct endpoint *e)
{
	return e->port == LAB_PORT || e->port == ENIP_PORT;
}

/* The conduit of the packet, a new one when it is the first of its pair and port; 0: none. */
static uint32_t conduit_of(struct pair_program *p, const struct tcp_segment *s)
{
	bool from_server = is_device(&s->target);
	const struct endpoint *server = from_server ? &s->source : &s->target;
	const struct endpoint *device = from_server ? &s->target : &s->source;
	struct program_conduit *c = p->conduits;

	if (!is_device(device))
		return 0;
	for (; c < p->conduits + p->count; c++)
		if (c->family == server->family && c->port == device->port && memcmp(c->server, server->address, 16) == 0 &&
		    memcmp(c->device, device->address, 16) == 0)
			return c->number;
	if (p->count == PAIRS_MAX)
		return 0;
	*c = p->lab.conduits[0];
	c->family = server->family;
	c->port = device->port;
	c->protocol = device->port == ENIP_PORT ? PROGRAM_ETHERNET_IP : PROGRAM_MODBUS;
	c->number = ++p->count;
	memcpy(c->server, server->address, 16);
	memcpy(c->device, device->address, 16);
	p->index[c->number] = p->count;
	return c->number;
}

/* Captures may leave checksums to the network card: they are made right, so that more than headers is read. */
static size_t repaired(const struct capture_packet *from, const struct ip_part *part, uint8_t *out)
{
	size_t length = (size_t)(part->payload - from->ip) + part->length;
	size_t ip = from->ip[0] >> 4 == 4 ? 20 : 40;

	memcpy(out, from->ip, length);
	if (part->payload != from->ip + ip || length < ip + 20 || part->cut)
		return length;
	if (ip == 20) {
		lab_put16(out + 2, (unsigned)length);
		lab_put16(out + 10, 0);
		lab_put16(out + 10, lab_checksum(0, out, 20));
	}
	lab_put16(out + ip + 16, 0);
	lab_put16(out + ip + 16, lab_tcp_checksum(out, length));
	return length;
}

/* First all pairs, then their packets. */
static void read_capture(const char *path, struct pair_program *p, bool feed)
{
	char error[CAPTURE_ERROR];
	struct capture *capture = capture_open(path, error);
	struct capture_packet found;
	uint8_t bytes[CORE_PACKET_MAX];

	require(capture != NULL, error);
	while (capture_next(capture, &found) > 0) {
		struct ip_part part;
		struct tcp_segment s;
		uint32_t conduit;

		if (!found.ip || found.length > sizeof(bytes) ||
		    !headers_ip(found.ip, found.length, &part) || headers_is_fragment(&part) ||
		    !headers_tcp(&part, &s))
			continue;
		conduit = conduit_of(p, &s);
		if (!feed || !conduit)
			continue;
		io->now += MILLISECOND;
		packet(bytes, repaired(&found, &part, bytes), conduit);
		if (calls % 64 == 0)
			tick();
	}
	capture_close(capture);
}

static int replay(const char *path)
{
	static struct pair_program p;
	struct program_header *h = &p.lab.header;

	p.lab = lab_program();
	read_capture(path, &p, false);
	p.lab.entries[0].units[0] = p.lab.entries[1].units[0] = 0xffffffff;
	p.lab.ranges[0].last = 0xffff;
	p.lab.tags[0] = (struct program_tag){ .rest = 1 }; /* every tag may be read */
	h->size = sizeof(p);
	h->conduits = (struct program_table){ offsetof(struct pair_program, conduits), p.count };
	h->index = (struct program_table){ offsetof(struct pair_program, index), p.count + 1 };
	load(&p, sizeof(p));
	read_capture(path, &p, true);
	write_totals();
	return 0;
}

int main(int argc, char **argv)
{
	open_vm();
	fprintf(stderr, "%s\n", vm_kind());
	if (argc == 4 && strcmp(argv[1], "session") == 0)
		return session(strtoull(argv[2], NULL, 10), strtoul(argv[3], NULL, 10));
	if (argc == 3 && strcmp(argv[1], "replay") == 0)
		return replay(argv[2]);
	fprintf(stderr, "usage: twin session SEED STEPS | twin replay FILE\n");
	return 2;
}

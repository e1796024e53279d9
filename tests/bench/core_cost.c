/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One connection through the core (in its sandbox or native), for an instruction counter to look at: a handshake, then so many
 * exchanges of one kind, each a request and its reply as two kernels send them (timestamps, the reply
 * acknowledges the request, the next request the reply). Everything has to pass, else exit code 1.
 *
 *   core_cost KIND EXCHANGES       (without arguments: the names of the kinds, a line each)
 *
 * decide_request() and decide_reply() are the functions to count in: they call the core and little else.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "../unit/lab_enip.h"
#include "../unit/lab_packet.h"
#include "../unit/lab_policy.h"
#include "protocol/datagram.h"
#include "protocol/enip.h"
#include "run/vm.h"

#define CLIENT_PORT 50000
#define SESSION 0x11223344u
#define O_T 0xaabbccddu
#define T_O 0x01020304u
#define PARTS 30

/* A message without the number of its exchange. */
struct message {
	size_t length;
	uint8_t bytes[1024];
};

struct kind {
	const char *name;
	uint8_t protocol;
	uint8_t number_at; /* where both messages have two bytes for it */
	struct message request, reply;
	void (*make)(struct message *request, struct message *reply); /* what they are, when not written above */
	bool cyclic; /* two datagrams, of which neither answers the other */
};

static struct vm *vm;
static struct core_io *io;

/* Counts[3], once: a DINT. */
static const uint8_t read_tag[] = { 0x4c, 5, 0x91, 6, 'C', 'o', 'u', 'n', 't', 's', 0x28, 3, 1, 0 };
static const uint8_t tag_read[] = { 0xcc, 0, 0, 0, 0xc4, 0, 42, 0, 0, 0 };

static void take(struct message *to, const struct lab_bytes *from)
{
	to->length = from->n;
	memcpy(to->bytes, from->b, from->n);
}

static void make_unconnected(struct message *request, struct message *reply)
{
	struct lab_bytes send = { .n = 0 };

	lab_add(&send, "\x52\x02\x20\x06\x24\x01\x07\xf9", 8);
	lab_le(&send, sizeof(read_tag), 2);
	lab_add(&send, read_tag, sizeof(read_tag));
	lab_add(&send, "\x01\0\x01\0", 4);
	send = lab_rr(SESSION, 0, send.b, send.n);
	take(request, &send);
	send = lab_rr(SESSION, 0, tag_read, sizeof(tag_read));
	take(reply, &send);
}

static void make_connected(struct message *request, struct message *reply)
{
	struct lab_bytes m = lab_unit(SESSION, O_T, 0, read_tag, sizeof(read_tag));

	take(request, &m);
	m = lab_unit(SESSION, T_O, 0, tag_read, sizeof(tag_read));
	take(reply, &m);
}

static void add_parts(struct lab_bytes *to, const uint8_t *part, size_t size)
{
	lab_le(to, PARTS, 2);
	for (unsigned i = 0; i < PARTS; i++)
		lab_le(to, (uint32_t)(2 + 2 * PARTS + i * size), 2);
	for (unsigned i = 0; i < PARTS; i++)
		lab_add(to, part, size);
}

static void make_multiple(struct message *request, struct message *reply)
{
	struct lab_bytes m = { .b = { 0x0a, 2, 0x20, 2, 0x24, 1 }, .n = 6 };

	add_parts(&m, read_tag, sizeof(read_tag));
	m = lab_unit(SESSION, O_T, 0, m.b, m.n);
	take(request, &m);
	m = (struct lab_bytes){ .b = { 0x8a }, .n = 4 };
	add_parts(&m, tag_read, sizeof(tag_read));
	m = lab_unit(SESSION, T_O, 0, m.b, m.n);
	take(reply, &m);
}

static void make_cyclic(struct message *request, struct message *reply)
{
	struct lab_bytes m = lab_cyclic(O_T, 0, 38);

	take(request, &m);
	m = lab_cyclic(LAB_CYCLIC_T_O, 0, 34);
	take(reply, &m);
}

static const struct kind kinds[] = {
	{ "modbus read-10", PROGRAM_MODBUS, 0,
	  .request = { 12, { 0, 0, 0, 0, 0, 6, 1, 3, 0, 20, 0, 10 } },
	  .reply = { 29, { 0, 0, 0, 0, 0, 23, 1, 3, 20 } } },
	{ "modbus read-100", PROGRAM_MODBUS, 0,
	  .request = { 12, { 0, 0, 0, 0, 0, 6, 1, 3, 0, 0, 0, 100 } },
	  .reply = { 209, { 0, 0, 0, 0, 0, 203, 1, 3, 200 } } },
	{ "modbus write-1", PROGRAM_MODBUS, 0,
	  .request = { 12, { 0, 0, 0, 0, 0, 6, 1, 6, 0, 120, 2, 188 } },
	  .reply = { 12, { 0, 0, 0, 0, 0, 6, 1, 6, 0, 120, 2, 188 } } },
	/* Unconnected the number is part of the sender's context, connected the sequence count. */
	{ "enip read unconnected", PROGRAM_ETHERNET_IP, 12, .make = make_unconnected },
	{ "enip read connected", PROGRAM_ETHERNET_IP, 44, .make = make_connected },
	{ "enip 30 reads connected", PROGRAM_ETHERNET_IP, 44, .make = make_multiple },
	{ "enip cyclic data", PROGRAM_ETHERNET_IP, 10, .make = make_cyclic, .cyclic = true },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static uint32_t client_next = 1000, device_next = 5000, ticks;

/* Puts a packet in front of the core and leaves the sender's number behind it. */
static void put(bool to_device, uint8_t flags, const struct message *m)
{
	uint8_t options[12] = { 1, 1, 8, 10 };
	uint32_t *own = to_device ? &client_next : &device_next;
	uint32_t other = to_device ? device_next : client_next;
	struct lab_packet p = {
		.family = 4, .source = to_device ? lab_server : lab_device,
		.target = to_device ? lab_device : lab_server,
		.source_port = to_device ? CLIENT_PORT : LAB_PORT,
		.target_port = to_device ? LAB_PORT : CLIENT_PORT, .seq = *own, .ack = other, .flags = flags,
		.options = options, .options_length = sizeof(options), .data = m->bytes, .length = m->length,
	};

	lab_put32(options + 4, ++ticks);
	io->length = (uint32_t)lab_write(&p, io->packet);
	io->mark = MARK_INSPECTED | LAB_CONDUIT;
	*own += (uint32_t)m->length + (flags & LAB_SYN ? 1 : 0);
}

static void require_passed(const char *what)
{
	if (io->verdict == CORE_PASS)
		return;
	fprintf(stderr, "core_cost: %s was not let through\n", what);
	exit(1);
}

__attribute__((noinline)) static void decide_request(void)
{
	vm_packet(vm);
	require_passed("a request");
}

__attribute__((noinline)) static void decide_reply(void)
{
	vm_packet(vm);
	require_passed("a reply");
}

static void open_connection(void)
{
	static const struct message nothing;

	put(true, LAB_SYN, &nothing);
	vm_packet(vm);
	put(false, LAB_SYN | LAB_ACK, &nothing);
	vm_packet(vm);
	require_passed("the handshake");
}

static void say(bool to_device, const struct lab_bytes *bytes)
{
	struct message m;

	take(&m, bytes);
	put(to_device, LAB_ACK | LAB_PSH, &m);
	vm_packet(vm);
	require_passed("a message that opens a session or connection");
}

static void open_session(void)
{
	struct lab_bytes asked = lab_register(0), given = lab_register(SESSION);

	say(true, &asked);
	say(false, &given);
	asked = lab_open(SESSION);
	given = lab_opened(SESSION, O_T);
	say(true, &asked);
	say(false, &given);
}

static void open_cyclic(void)
{
	struct lab_bytes asked = lab_open_cyclic(SESSION), given = lab_opened_cyclic(SESSION, O_T);

	say(true, &asked);
	say(false, &given);
}

static void put_datagram(bool to_device, const struct message *m)
{
	const struct datagram d = {
		.family = 4, .source = to_device ? lab_server : lab_device,
		.target = to_device ? lab_device : lab_server, .source_port = ENIP_IO_PORT,
		.target_port = ENIP_IO_PORT, .data = m->bytes, .length = m->length,
	};

	io->length = (uint32_t)datagram_write(&d, io->packet, CORE_PACKET_MAX);
	io->mark = MARK_INSPECTED | LAB_CONDUIT;
}

static void send(const struct kind *kind, bool to_device, const struct message *m)
{
	if (kind->cyclic)
		put_datagram(to_device, m);
	else
		put(to_device, LAB_ACK | LAB_PSH, m);
}

static void put_number(struct message *m, unsigned at, unsigned number)
{
	m->bytes[at] = (uint8_t)number;
	m->bytes[at + 1] = (uint8_t)(number >> 8);
}

static void exchange(const struct kind *kind, struct message *request, struct message *reply, unsigned number)
{
	put_number(request, kind->number_at, number);
	put_number(reply, kind->number_at, number);
	send(kind, true, request);
	decide_request();
	send(kind, false, reply);
	decide_reply();
}

static void run(const struct kind *kind, unsigned count)
{
	struct message request = kind->request, reply = kind->reply;

	if (kind->make)
		kind->make(&request, &reply);
	open_connection();
	if (kind->protocol == PROGRAM_ETHERNET_IP)
		open_session();
	if (kind->cyclic)
		open_cyclic();
	for (unsigned i = 0; i < count; i++)
		exchange(kind, &request, &reply, i + 1);
}

static const struct kind *find(const char *name)
{
	for (size_t i = 0; i < KINDS; i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	fprintf(stderr, "core_cost: no kind %s\n", name);
	exit(2);
}

static bool start(const struct lab_program *program)
{
	int loaded = 0;

	vm = vm_open(-1, 0);
	io = vm ? vm_io(vm) : NULL;
	if (!io || vm_load(vm, program, sizeof(*program), &loaded) != VM_DONE || !loaded)
		return false;
	io->now = 1000000000;
	return true;
}

int main(int argc, char **argv)
{
	struct lab_program program = lab_program();

	for (size_t i = 0; argc < 3 && i < KINDS; i++)
		puts(kinds[i].name);
	if (argc < 3)
		return 0;

	const struct kind *kind = find(argv[1]);

	program.conduits[0].protocol = kind->protocol;
	if (kind->cyclic) {
		program.ranges[0].last = 151;
		program.cip[2] = (struct program_cip){ .kind = CIP_IO, .io = CIP_IO_EXCLUSIVE_OWNER,
						       .assemblies = { 0, 1 }, .routes = { 0, 2 } };
	}
	if (!start(&program))
		return 1;
	run(kind, (unsigned)strtoul(argv[2], NULL, 10));
	return 0;
}

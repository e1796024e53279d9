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

#include "../unit/lab_packet.h"
#include "../unit/lab_policy.h"
#include "run/vm.h"

#define CLIENT_PORT 50000
#define FRAME_MAX 260

/* Both sides of an exchange without their transaction id, which is put in front. */
struct message {
	size_t length;
	uint8_t bytes[FRAME_MAX];
};

struct kind {
	const char *name;
	uint8_t protocol;
	struct message request, reply;
};

static struct vm *vm;
static struct core_io *io;

static const struct kind kinds[] = {
	{ "modbus read-10", PROGRAM_MODBUS,
	  { 12, { 0, 0, 0, 0, 0, 6, 1, 3, 0, 20, 0, 10 } }, { 29, { 0, 0, 0, 0, 0, 23, 1, 3, 20 } } },
	{ "modbus read-100", PROGRAM_MODBUS,
	  { 12, { 0, 0, 0, 0, 0, 6, 1, 3, 0, 0, 0, 100 } }, { 209, { 0, 0, 0, 0, 0, 203, 1, 3, 200 } } },
	{ "modbus write-1", PROGRAM_MODBUS,
	  { 12, { 0, 0, 0, 0, 0, 6, 1, 6, 0, 120, 2, 188 } }, { 12, { 0, 0, 0, 0, 0, 6, 1, 6, 0, 120, 2, 188 } } },
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

static void exchange(const struct kind *kind, unsigned transaction)
{
	struct message request = kind->request, reply = kind->reply;

	lab_put16(request.bytes, transaction & 0xffff);
	lab_put16(reply.bytes, transaction & 0xffff);
	put(true, LAB_ACK | LAB_PSH, &request);
	decide_request();
	put(false, LAB_ACK | LAB_PSH, &reply);
	decide_reply();
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
	unsigned count = (unsigned)strtoul(argv[2], NULL, 10);

	program.conduits[0].protocol = kind->protocol;
	if (!start(&program))
		return 1;
	open_connection();
	for (unsigned i = 0; i < count; i++)
		exchange(kind, i);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Class 0 and 1 connections to the assemblies: 100 (32 bytes to the originator: a counter and the echo of
 * the outputs), 150 (32 bytes from it, behind a run/idle word), 151 (configuration), and the heartbeats 152
 * (input only) and 153 (listen only).
 */
#include <sys/socket.h>

#include "connections.h"
#include "device.h"
#include "objects.h"

enum { INPUT = 100, OUTPUT = 150, CONFIGURATION = 151, HEART_INPUT = 152, HEART_LISTEN = 153, SIZE = 32 };
enum { OWNED = 0x0106, INVALID_SIZE = 0x0109, NOT_CONTROLLED = 0x0119, BAD_PATH = 0x0315 };
enum { GET_ONE = 0x0e, SET_ONE = 0x10, ITEM_ADDRESS = 0x8002, ITEM_DATA = 0x00b1 };

static uint8_t outputs[SIZE];
static uint32_t produced;
static bool run_mode;

static bool kind_is_open(enum connection_kind kind)
{
	for (unsigned i = 0; i < CONNECTIONS_MOST; i++)
		if (connections[i].used && connections[i].kind == kind)
			return true;
	return false;
}

static uint16_t check_kind(uint32_t consumed, size_t header, struct connection *connection)
{
	switch (consumed) {
	case OUTPUT:
		connection->kind = KIND_OWNER;
		if (kind_is_open(KIND_OWNER))
			return OWNED;
		return connection->ot_size == header + 4 + SIZE ? 0 : INVALID_SIZE;
	case HEART_INPUT:
		connection->kind = KIND_INPUT_ONLY;
		return connection->ot_size == header ? 0 : INVALID_SIZE;
	case HEART_LISTEN:
		connection->kind = KIND_LISTEN_ONLY;
		if (!kind_is_open(KIND_OWNER) && !kind_is_open(KIND_INPUT_ONLY))
			return NOT_CONTROLLED;
		return connection->ot_size == header ? 0 : INVALID_SIZE;
	default:
		return BAD_PATH;
	}
}

/* 20 04 [24 configuration] 2C consumed 2C produced [80 configuration data] */
uint16_t io_check(const struct path *path, unsigned at, struct connection *connection)
{
	size_t header = connection->transport == 1 ? 2 : 0;

	if (path_number(path, at, SEG_CLASS) != 0x04)
		return BAD_PATH;
	at++;
	if (path_number(path, at, SEG_INSTANCE) == CONFIGURATION)
		at++;
	if (path_number(path, at + 1, SEG_POINT) != INPUT)
		return BAD_PATH;
	if (at + 2 < path->count && (path->at[at + 2].kind != SEG_DATA || at + 3 < path->count))
		return BAD_PATH;
	uint16_t extended = check_kind(path_number(path, at, SEG_POINT), header, connection);

	return extended ? extended : connection->to_size == header + SIZE ? 0 : INVALID_SIZE;
}

static void put_inputs(struct out *out)
{
	out_32(out, produced);
	out_bytes(out, outputs, SIZE - 4);
}

static void produce_one(int fd, struct connection *c)
{
	uint8_t bytes[64];
	struct out out = { .at = bytes, .room = sizeof(bytes) };

	produced++;
	out_16(&out, 2);
	out_16(&out, ITEM_ADDRESS);
	out_16(&out, 8);
	out_32(&out, c->to);
	out_32(&out, ++c->last_out);
	out_16(&out, ITEM_DATA);
	out_16(&out, (unsigned)c->to_size);
	if (c->transport == 1)
		out_16(&out, ++c->count_out);
	put_inputs(&out);
	sendto(fd, out.at, out.len, MSG_DONTWAIT, (struct sockaddr *)&c->peer, sizeof(c->peer));
}

void io_produce(int fd)
{
	uint64_t now = now_us();

	for (unsigned i = 0; i < CONNECTIONS_MOST; i++) {
		struct connection *c = &connections[i];

		if (!c->used || c->kind == KIND_MESSAGES || c->next > now)
			continue;
		produce_one(fd, c);
		c->next += c->to_interval;
		if (c->next < now)
			c->next = now + c->to_interval;
	}
}

static void take_outputs(struct in data)
{
	bool run = in_32(&data) & 1;

	if (run == run_mode && memcmp(outputs, data.p, SIZE) == 0)
		return;
	run_mode = run;
	memcpy(outputs, data.p, SIZE);
	say("did output %s data %s", run ? "run" : "idle", hex(outputs, SIZE));
}

static struct connection *find(uint32_t id, const struct sockaddr_in *from)
{
	for (unsigned i = 0; i < CONNECTIONS_MOST; i++)
		if (connections[i].used && connections[i].kind != KIND_MESSAGES && connections[i].ot == id &&
		    connections[i].peer.sin_addr.s_addr == from->sin_addr.s_addr)
			return &connections[i];
	return NULL;
}

/* The packet's data item and the number in its address item; false for what is no such packet. */
static bool parse_packet(struct in packet, uint32_t *ret_id, uint32_t *ret_number, struct in *ret_data)
{
	bool begins = in_16(&packet) == 2 && in_16(&packet) == ITEM_ADDRESS && in_16(&packet) == 8;

	*ret_id = in_32(&packet);
	*ret_number = in_32(&packet);
	bool has_data = in_16(&packet) == ITEM_DATA;

	*ret_data = in_window(&packet, in_16(&packet));
	return begins && has_data && !packet.bad && !in_left(&packet);
}

void io_consume(const uint8_t *bytes, size_t size, const struct sockaddr_in *from)
{
	uint32_t id, number;
	struct in data;

	if (!parse_packet(in_of(bytes, size), &id, &number, &data)) {
		say("io ignored: malformed");
		return;
	}
	struct connection *c = find(id, from);

	if (!c || in_left(&data) != c->ot_size) {
		say("io ignored: id %08x of %zu bytes: %s", id, in_left(&data), c ? "another size" : "no such connection");
		return;
	}
	if (c->consumed && (int32_t)(number - c->last_in) <= 0) {
		say("io ignored: id %08x number %u after %u", id, number, c->last_in);
		return;
	}
	c->consumed = true;
	c->last_in = number;
	connection_heard(c);
	if (c->transport == 1)
		in_16(&data);
	if (c->kind == KIND_OWNER)
		take_outputs(data);
}

/* Attribute 3 of an assembly is its data. */
void assembly_answer(const struct request *request, struct reply *reply)
{
	uint32_t instance = path_number(&request->path, 1, SEG_INSTANCE);
	struct in data = request->data;

	if ((instance != INPUT && instance != OUTPUT) || request->path.count > 3)
		reply_fail(reply, CIP_PATH_UNKNOWN, 0);
	else if (request->service != GET_ONE && request->service != SET_ONE)
		reply_fail(reply, CIP_SERVICE, 0);
	else if (path_number(&request->path, 2, SEG_ATTRIBUTE) != 3)
		reply_fail(reply, CIP_ATTRIBUTE, 0);
	else if (request->service == SET_ONE && (instance == INPUT || kind_is_open(KIND_OWNER)))
		reply_fail(reply, CIP_NOT_SETTABLE, 0);
	else if (request->service == SET_ONE && in_left(&data) != SIZE)
		reply_fail(reply, in_left(&data) < SIZE ? CIP_SHORT : CIP_LONG, 0);
	else if (request->service == SET_ONE) {
		memcpy(outputs, data.p, SIZE);
		say("did set-attribute 4/150/3 data %s", hex(outputs, SIZE));
	} else if (instance == INPUT)
		put_inputs(&reply->data);
	else
		out_bytes(&reply->data, outputs, SIZE);
}

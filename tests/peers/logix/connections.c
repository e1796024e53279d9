/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "connections.h"

#include <arpa/inet.h>
#include <time.h>

#include "device.h"
#include "objects.h"

enum { FORWARD_CLOSE = 0x4e, FORWARD_OPEN = 0x54, LARGE_FORWARD_OPEN = 0x5b };
enum { DUPLICATE = 0x0100, NOT_FOUND = 0x0107, INVALID_SIZE = 0x0109, NO_ROOM = 0x0113, VENDOR_MISMATCH = 0x0114,
       BAD_TRANSPORT = 0x0103, BAD_OT_TYPE = 0x0123, BAD_TO_TYPE = 0x0124, BAD_RPI = 0x0112, BAD_PATH = 0x0315 };
enum { POINT_TO_POINT = 2, RPI_LEAST = 2000, FIRST_WAIT = 10000000, SMALL_MOST = 511 };

struct connection connections[CONNECTIONS_MOST];

uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

struct connection *connection_of_session(uint32_t id, uint32_t session)
{
	for (unsigned i = 0; i < CONNECTIONS_MOST; i++)
		if (connections[i].used && connections[i].kind == KIND_MESSAGES && connections[i].ot == id &&
		    connections[i].session == session)
			return &connections[i];
	return NULL;
}

void connection_heard(struct connection *connection)
{
	connection->deadline = now_us() + connection->timeout;
}

static const char *kind_name(const struct connection *connection)
{
	static const char *const names[] = { [KIND_MESSAGES] = "messages",
					     [KIND_OWNER] = "exclusive-owner",
					     [KIND_INPUT_ONLY] = "input-only",
					     [KIND_LISTEN_ONLY] = "listen-only" };

	return names[connection->kind];
}

void connection_end(struct connection *connection, const char *why)
{
	say("connection-end %s ot %08x to %08x: %s", kind_name(connection), connection->ot, connection->to, why);
	connection->used = false;
}

void connections_session_over(uint32_t session)
{
	for (unsigned i = 0; i < CONNECTIONS_MOST; i++) {
		struct connection *c = &connections[i];

		if (!c->used || c->session != session)
			continue;
		if (c->kind == KIND_MESSAGES || device.io_ends_with_session)
			connection_end(c, "session over");
		else
			say("connection-outlives-session %s ot %08x to %08x", kind_name(c), c->ot, c->to);
	}
}

void connections_end_all(const char *why)
{
	for (unsigned i = 0; i < CONNECTIONS_MOST; i++)
		if (connections[i].used)
			connection_end(&connections[i], why);
}

uint64_t connections_tick(void)
{
	uint64_t now = now_us(), next = UINT64_MAX;

	for (unsigned i = 0; i < CONNECTIONS_MOST; i++) {
		struct connection *c = &connections[i];

		if (c->used && c->deadline <= now)
			connection_end(c, "timed out");
		if (!c->used)
			continue;
		uint64_t due = c->kind != KIND_MESSAGES && c->next < c->deadline ? c->next : c->deadline;

		if (due < next)
			next = due;
	}
	return next;
}

/* -- Forward Open ------------------------------------------------------------------------------------------ */

struct open {
	struct connection made;
	uint32_t ot_rpi, to_rpi;
	unsigned ot_type, to_type;
	uint8_t trigger;
	size_t path_words;
	struct path path;
};

static size_t in_parameters(struct in *in, bool large, unsigned *ret_type)
{
	uint32_t word = large ? in_32(in) : in_16(in);

	*ret_type = (large ? word >> 29 : word >> 13) & 3;
	return large ? word & 0xffff : word & SMALL_MOST;
}

static bool parse_open(struct in data, bool large, struct open *open)
{
	struct connection *made = &open->made;

	in_take(&data, 2);
	made->ot = in_32(&data);
	made->to = in_32(&data);
	made->serial = in_16(&data);
	made->vendor = in_16(&data);
	made->originator = in_32(&data);
	uint8_t multiplier = in_8(&data);

	in_take(&data, 3);
	open->ot_rpi = in_32(&data);
	made->ot_size = in_parameters(&data, large, &open->ot_type);
	open->to_rpi = in_32(&data);
	made->to_size = in_parameters(&data, large, &open->to_type);
	open->trigger = in_8(&data);
	made->transport = open->trigger & 15;
	open->path_words = in_8(&data);
	made->timeout = (uint64_t)open->ot_rpi * (4u << (multiplier & 7));
	made->to_interval = open->to_rpi;
	return multiplier <= 7 && in_left(&data) == 2 * open->path_words && path_parse(data, &open->path) &&
	       !data.bad;
}

static bool same_triad(const struct connection *a, const struct connection *b)
{
	return a->used && a->serial == b->serial && a->vendor == b->vendor && a->originator == b->originator;
}

/* Key of this controller, or one that asks for nothing. */
static bool key_fits(const uint8_t *key)
{
	static const uint8_t own[6] = { 1, 0, 14, 0, 166, 0 };

	for (unsigned i = 0; i < sizeof(own); i += 2)
		if ((key[i] || key[i + 1]) && memcmp(key + i, own + i, 2))
			return false;
	return true;
}

static uint16_t check_messages(const struct open *open, unsigned at, bool large)
{
	bool to_router = open->path.count == at + 2 && path_number(&open->path, at, SEG_CLASS) == 0x02 &&
			 path_number(&open->path, at + 1, SEG_INSTANCE) == 1;
	size_t most = large ? MESSAGE_MOST - 94 : SMALL_MOST;

	if (!to_router)
		return BAD_PATH;
	return open->made.ot_size > most || open->made.to_size > most || open->made.to_size < 16 ? INVALID_SIZE : 0;
}

static uint16_t check_open(struct open *open, bool large)
{
	uint16_t extended = 0;
	unsigned at = 0;

	for (unsigned i = 0; i < CONNECTIONS_MOST; i++)
		if (same_triad(&connections[i], &open->made))
			return DUPLICATE;
	if (!route_is_here(&open->path, &extended))
		return extended;
	if (open->path.count && open->path.at[0].kind == SEG_PORT)
		at++;
	if (at < open->path.count && open->path.at[at].kind == SEG_KEY && !key_fits(open->path.at[at++].text))
		return VENDOR_MISMATCH;
	if (open->ot_type != POINT_TO_POINT)
		return BAD_OT_TYPE;
	if (open->to_type != POINT_TO_POINT)
		return BAD_TO_TYPE;
	if (open->ot_rpi < RPI_LEAST || open->to_rpi < RPI_LEAST)
		return BAD_RPI;
	if (open->made.transport == 3)
		return check_messages(open, at, large);
	if (open->made.transport > 1)
		return BAD_TRANSPORT;
	return io_check(&open->path, at, &open->made);
}

static void put_triad(struct out *out, const struct connection *connection)
{
	out_16(out, connection->serial);
	out_16(out, connection->vendor);
	out_32(out, connection->originator);
}

static struct connection *place_for(void)
{
	for (unsigned i = 0; i < CONNECTIONS_MOST; i++)
		if (!connections[i].used)
			return &connections[i];
	return NULL;
}

static void start(struct connection *c, struct caller *caller)
{
	static uint32_t next_id = 0x40a10000;
	uint64_t now = now_us();

	next_id += 0x10003;
	c->used = true;
	c->ot = next_id;
	c->session = caller->session;
	c->peer = caller->peer;
	c->peer.sin_port = htons(caller->io_port);
	c->next = now;
	c->deadline = now + (c->timeout > FIRST_WAIT ? c->timeout : FIRST_WAIT);
	caller->io_opened = c->kind != KIND_MESSAGES;
}

static void forward_open(const struct request *request, bool large, struct reply *reply)
{
	struct open open = { .made = { .kind = KIND_MESSAGES } };
	struct connection *c = place_for();
	struct out *out = &reply->data;

	if (!parse_open(request->data, large, &open)) {
		reply_fail(reply, CIP_SHORT, 0);
		return;
	}
	uint16_t extended = check_open(&open, large);

	if (extended || !c) {
		reply_fail(reply, CIP_CONNECTION, extended ? extended : NO_ROOM);
		put_triad(out, &open.made);
		out_8(out, (unsigned)open.path_words);
		out_8(out, 0);
		return;
	}
	*c = open.made;
	start(c, request->caller);
	out_32(out, c->ot);
	out_32(out, c->to);
	put_triad(out, c);
	out_32(out, open.ot_rpi);
	out_32(out, open.to_rpi);
	out_16(out, 0);
	say("did forward-open%s class %u %s ot %08x %zu bytes %u us to %08x %zu bytes %u us", large ? " large" : "",
	    c->transport, kind_name(c), c->ot, c->ot_size, open.ot_rpi, c->to, c->to_size, open.to_rpi);
}

static void forward_close(const struct request *request, struct reply *reply)
{
	struct in data = request->data;
	struct connection asked = { .used = true };
	struct path path;

	in_take(&data, 2);
	asked.serial = in_16(&data);
	asked.vendor = in_16(&data);
	asked.originator = in_32(&data);
	size_t words = in_8(&data);

	in_take(&data, 1);
	if (data.bad || in_left(&data) != 2 * words || !path_parse(data, &path)) {
		reply_fail(reply, CIP_SHORT, 0);
		return;
	}
	put_triad(&reply->data, &asked);
	out_16(&reply->data, 0);
	for (unsigned i = 0; i < CONNECTIONS_MOST; i++)
		if (same_triad(&connections[i], &asked)) {
			say("did forward-close ot %08x to %08x", connections[i].ot, connections[i].to);
			connection_end(&connections[i], "closed");
			return;
		}
	reply_fail(reply, CIP_CONNECTION, NOT_FOUND);
}

void connection_answer(const struct request *request, struct reply *reply)
{
	if (request->path.count != 2 || path_number(&request->path, 1, SEG_INSTANCE) != 1)
		reply_fail(reply, CIP_PATH_UNKNOWN, 0);
	else if (request->service == FORWARD_OPEN)
		forward_open(request, false, reply);
	else if (request->service == LARGE_FORWARD_OPEN && !device.no_large_open)
		forward_open(request, true, reply);
	else if (request->service == FORWARD_CLOSE)
		forward_close(request, reply);
	else
		reply_fail(reply, CIP_SERVICE, 0);
}

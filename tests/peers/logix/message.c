/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "message.h"

#include "device.h"
#include "objects.h"
#include "tags.h"

enum { UNCONNECTED_SEND = 0x52, MULTIPLE = 0x0a };
enum { PORT_UNAVAILABLE = 0x0311, LINK_INVALID = 0x0312 };
enum { HEADER = 6 }; /* of a reply, with one extended status */

static const struct {
	uint32_t class;
	void (*answer)(const struct request *request, struct reply *reply);
} objects[] = {
	{ 0x01, identity_answer }, { 0x04, assembly_answer },  { 0x06, connection_answer },
	{ 0x67, pccc_answer },     { 0x6b, symbol_answer },    { 0x6c, template_answer },
	{ 0x8b, settings_answer }, { 0x8e, processor_answer }, { 0xf5, settings_answer },
};

/* -- paths --------------------------------------------------------------------------------------------- */

static uint32_t logical_value(struct in *in, unsigned format)
{
	if (format == 0)
		return in_8(in);
	in_take(in, 1);
	if (format == 1)
		return in_16(in);
	if (format == 2)
		return in_32(in);
	in->bad = true;
	return 0;
}

static void parse_logical(struct in *in, uint8_t type, struct segment *segment)
{
	static const enum segment_kind kinds[] = { SEG_CLASS, SEG_INSTANCE, SEG_MEMBER, SEG_POINT,
						   SEG_ATTRIBUTE };

	if (type == 0x34) {
		in->bad |= in_8(in) != 4;
		*segment = (struct segment){ SEG_KEY, 0, in_take(in, 8), 8 };
		return;
	}
	unsigned which = (unsigned)type >> 2 & 7;

	if (which >= sizeof(kinds) / sizeof(kinds[0])) {
		in->bad = true;
		return;
	}
	*segment = (struct segment){ .kind = kinds[which] };
	segment->value = logical_value(in, type & 3);
}

/* Only the forms that a controller in a rack is reached by: a short port number, a link address of a byte. */
static void parse_port(struct in *in, uint8_t type, struct segment *segment)
{
	in->bad |= type > 0x0e;
	*segment = (struct segment){ SEG_PORT, (uint32_t)type << 16 | in_8(in), NULL, 0 };
}

static void parse_text(struct in *in, uint8_t type, struct segment *segment)
{
	size_t size = in_8(in);

	if (type == 0x80) {
		*segment = (struct segment){ SEG_DATA, 0, in_take(in, 2 * size), 2 * size };
		return;
	}
	in->bad |= size == 0;
	*segment = (struct segment){ SEG_SYMBOL, 0, in_take(in, size), size };
	if (size & 1)
		in_take(in, 1);
}

bool path_parse(struct in bytes, struct path *ret_path)
{
	*ret_path = (struct path){ 0 };
	while (in_left(&bytes) && !bytes.bad && ret_path->count < PATH_MOST) {
		struct segment *segment = &ret_path->at[ret_path->count++];
		uint8_t type = in_8(&bytes);

		if (type < 0x20)
			parse_port(&bytes, type, segment);
		else if (type < 0x40)
			parse_logical(&bytes, type, segment);
		else if (type == 0x91 || type == 0x80)
			parse_text(&bytes, type, segment);
		else
			bytes.bad = true;
	}
	return !bytes.bad && !in_left(&bytes);
}

uint32_t path_number(const struct path *path, unsigned at, enum segment_kind kind)
{
	return at < path->count && path->at[at].kind == kind ? path->at[at].value : 0;
}

bool route_is_here(const struct path *path, uint16_t *ret_extended)
{
	if (path->count == 0 || path->at[0].kind != SEG_PORT)
		return true;
	uint32_t hop = path->at[0].value;

	*ret_extended = hop >> 16 != 1 ? PORT_UNAVAILABLE : LINK_INVALID;
	return hop == (1u << 16 | device.slot) && path_number(path, 1, SEG_PORT) == 0;
}

/* -- messages ------------------------------------------------------------------------------------------ */

void reply_fail(struct reply *reply, uint8_t status, uint16_t extended)
{
	reply->status = status;
	reply->extended = extended;
}

static uint8_t parse(struct in message, struct request *request)
{
	request->service = in_8(&message);
	struct in path = in_window(&message, 2 * (size_t)in_8(&message));

	request->data = message;
	if (message.bad || path.bad)
		return CIP_PATH_SIZE;
	return path_parse(path, &request->path) ? CIP_OK : CIP_PATH_SYNTAX;
}

static void ask_object(const struct request *request, struct reply *reply)
{
	uint32_t class = path_number(&request->path, 0, SEG_CLASS);

	if (request->path.count && request->path.at[0].kind == SEG_SYMBOL) {
		symbol_answer(request, reply);
		return;
	}
	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++)
		if (objects[i].class == class) {
			objects[i].answer(request, reply);
			return;
		}
	reply_fail(reply, CIP_PATH_UNKNOWN, 0);
}

static bool is_on(const struct request *request, uint8_t service, uint32_t class)
{
	return request->service == service && request->path.count == 2 &&
	       path_number(&request->path, 0, SEG_CLASS) == class &&
	       path_number(&request->path, 1, SEG_INSTANCE) == 1;
}

static void put(struct out *out, uint8_t service, const struct reply *reply)
{
	out_8(out, service | 0x80u);
	out_8(out, 0);
	out_8(out, reply->status);
	out_8(out, reply->extended ? 1 : 0);
	if (reply->extended)
		out_16(out, reply->extended);
	out_bytes(out, reply->data.at, reply->data.len);
}

/* -- Multiple Service Packet --------------------------------------------------------------------------- */

struct parts {
	struct in all; /* from the count on */
	unsigned count;
};

static struct in part_at(const struct parts *parts, unsigned index)
{
	struct in table = parts->all;

	in_take(&table, 2 + 2 * (size_t)index);
	size_t from = in_16(&table);
	size_t to = index + 1 < parts->count ? in_16(&table) : in_left(&parts->all);
	struct in from_start = parts->all;

	if (from < 2 + 2 * (size_t)parts->count || to < from)
		return (struct in){ .bad = true };
	in_take(&from_start, from);
	return in_window(&from_start, to - from);
}

static bool parts_parse(struct in data, struct parts *ret_parts)
{
	ret_parts->all = data;
	ret_parts->count = in_16(&data);
	if (ret_parts->count == 0 || in_left(&data) < 2 * (size_t)ret_parts->count)
		return false;
	for (unsigned i = 0; i < ret_parts->count; i++)
		if (part_at(ret_parts, i).bad)
			return false;
	return true;
}

static bool any_denied(const struct parts *parts)
{
	for (unsigned i = 0; i < parts->count; i++) {
		struct request part = { 0 };

		if (parse(part_at(parts, i), &part) == CIP_OK && tag_denied(&part))
			return true;
	}
	return false;
}

/* Writes the reply of one part; its status. */
static uint8_t answer_part(struct caller *caller, struct in message, uint8_t fixed, struct out *out)
{
	uint8_t bytes[MESSAGE_MOST];
	struct request request = { .caller = caller };
	struct reply reply = { .data = { .at = bytes } };

	if (out_left(out) > HEADER)
		reply.data.room = out_left(out) - HEADER;
	reply.status = parse(message, &request);
	if (fixed)
		reply.status = fixed;
	else if (is_on(&request, MULTIPLE, 0x02) || is_on(&request, UNCONNECTED_SEND, 0x06))
		reply.status = CIP_SERVICE;
	else if (!reply.status)
		ask_object(&request, &reply);
	put(out, request.service, &reply);
	return reply.status;
}

static void answer_parts(const struct request *request, struct reply *reply)
{
	struct parts parts;

	if (!parts_parse(request->data, &parts)) {
		reply_fail(reply, CIP_SHORT, 0);
		return;
	}
	bool denied = device.denied && any_denied(&parts);

	if (denied && device.deny_style == DENY_WHOLE) {
		reply_fail(reply, CIP_PRIVILEGE, 0);
		return;
	}
	uint8_t fixed = denied && device.deny_style == DENY_ALL ? CIP_PRIVILEGE : CIP_OK;

	out_16(&reply->data, parts.count);
	for (unsigned i = 0; i < parts.count; i++)
		out_16(&reply->data, 0);
	for (unsigned i = 0; i < parts.count && !reply->data.full; i++) {
		out_16_at(&reply->data, 2 + 2 * (size_t)i, (unsigned)reply->data.len);
		if (answer_part(request->caller, part_at(&parts, i), fixed, &reply->data) &&
		    device.deny_style != DENY_ZERO)
			reply->status = CIP_PARTS;
	}
	if (reply->data.full) {
		reply->data.len = 0;
		reply_fail(reply, CIP_TOO_LARGE, 0);
	}
}

/* -- Unconnected Send ------------------------------------------------------------------------------------ */

/* What it carries, if its route ends here; else the reply is the refusal. */
static bool unwrap(const struct request *request, struct in *ret_message, struct reply *reply)
{
	struct in data = request->data;
	struct path route;
	uint16_t extended = 0;

	in_take(&data, 2); /* how long the sender will wait */
	size_t size = in_16(&data);

	*ret_message = in_window(&data, size);
	if (size & 1)
		in_take(&data, 1);
	size_t words = in_8(&data);

	in_take(&data, 1);
	struct in bytes = in_window(&data, 2 * words);

	if (data.bad || in_left(&data) || !path_parse(bytes, &route)) {
		reply_fail(reply, CIP_SHORT, 0);
		return false;
	}
	if (!route_is_here(&route, &extended)) {
		reply_fail(reply, CIP_CONNECTION, extended);
		out_8(&reply->data, (unsigned)words);
		out_8(&reply->data, 0);
		return false;
	}
	return true;
}

void message_answer(struct caller *caller, struct in message, size_t room, struct out *out)
{
	uint8_t bytes[MESSAGE_MOST];
	struct request request = { .caller = caller };
	struct reply reply = { .data = { .at = bytes, .room = room - HEADER } };

	reply.status = parse(message, &request);
	if (!reply.status && is_on(&request, UNCONNECTED_SEND, 0x06) && unwrap(&request, &message, &reply)) {
		reply.status = parse(message, &request);
		if (!reply.status && is_on(&request, UNCONNECTED_SEND, 0x06))
			reply.status = CIP_SERVICE;
	}
	if (!reply.status && is_on(&request, MULTIPLE, 0x02))
		answer_parts(&request, &reply);
	else if (!reply.status)
		ask_object(&request, &reply);
	put(out, request.service, &reply);
}

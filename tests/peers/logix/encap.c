/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encap.h"

#include <arpa/inet.h>

#include "connections.h"
#include "device.h"
#include "message.h"
#include "objects.h"

enum command { NOP = 0x0000, LIST_SERVICES = 0x0004, LIST_IDENTITY = 0x0063, LIST_INTERFACES = 0x0064,
	       REGISTER = 0x0065, UNREGISTER = 0x0066, SEND_RR_DATA = 0x006f, SEND_UNIT_DATA = 0x0070 };
enum { UNSUPPORTED = 0x0001, INCORRECT = 0x0003, NO_SESSION = 0x0064, BAD_LENGTH = 0x0065, BAD_VERSION = 0x0069 };
enum { ITEM_NULL = 0x0000, ITEM_IDENTITY = 0x000c, ITEM_CONNECTED = 0x00a1, ITEM_CONNECTED_DATA = 0x00b1,
       ITEM_DATA = 0x00b2, ITEM_SERVICES = 0x0100, ITEM_ADDRESS_OT = 0x8000, ITEM_ADDRESS_TO = 0x8001 };
enum { REPLY_UNCONNECTED = 504, ITEMS_MOST = 4, ORIGINATORS_PORT = 2222 };

struct frame {
	uint16_t command;
	uint32_t session;
	const uint8_t *context;
	struct in data;
};

struct item {
	uint16_t type;
	struct in data;
};

struct items {
	struct item at[ITEMS_MOST];
	unsigned count;
};

size_t encap_size(const uint8_t *bytes, size_t size)
{
	return size < 4 ? 0 : ENCAP_HEADER + (size_t)(bytes[2] | bytes[3] << 8);
}

static bool parse_frame(struct in bytes, struct frame *ret_frame)
{
	ret_frame->command = in_16(&bytes);
	size_t size = in_16(&bytes);

	ret_frame->session = in_32(&bytes);
	uint32_t status = in_32(&bytes);

	ret_frame->context = in_take(&bytes, 8);
	uint32_t options = in_32(&bytes);

	ret_frame->data = bytes;
	return !bytes.bad && in_left(&bytes) == size && status == 0 && options == 0;
}

/* Writes the header; the length is put right by end_frame(). */
static void begin_frame(const struct frame *frame, uint32_t session, uint32_t status, struct out *out)
{
	out_16(out, frame->command);
	out_16(out, 0);
	out_32(out, session);
	out_32(out, status);
	out_bytes(out, frame->context, 8);
	out_32(out, 0);
}

static void end_frame(size_t start, struct out *out)
{
	out_16_at(out, start + 2, (unsigned)(out->len - start - ENCAP_HEADER));
}

static enum encap_next refuse(const struct frame *frame, uint32_t status, struct out *out)
{
	begin_frame(frame, frame->session, status, out);
	return ENCAP_GO_ON;
}

/* -- lists and sessions -------------------------------------------------------------------------------------- */

static void put_services(struct out *out)
{
	out_16(out, 1);
	out_16(out, ITEM_SERVICES);
	out_16(out, 20);
	out_16(out, 1);
	out_16(out, 0x0120); /* CIP over TCP, class 0 and 1 over UDP */
	out_bytes(out, "Communications\0", 16);
}

static void put_identity(struct out *out)
{
	out_16(out, 1);
	out_16(out, ITEM_IDENTITY);
	size_t at = out->len;

	out_16(out, 0);
	identity_item(out);
	out_16_at(out, at, (unsigned)(out->len - at - 2));
}

static enum encap_next list(const struct frame *frame, struct out *out)
{
	size_t start = out->len;

	if (in_left(&frame->data))
		return refuse(frame, BAD_LENGTH, out);
	begin_frame(frame, frame->session, 0, out);
	if (frame->command == LIST_SERVICES)
		put_services(out);
	else if (frame->command == LIST_IDENTITY)
		put_identity(out);
	else
		out_16(out, 0);
	end_frame(start, out);
	return ENCAP_GO_ON;
}

static enum encap_next register_session(struct link *link, const struct frame *frame, struct out *out)
{
	static uint32_t last = 0x11020000;
	struct in data = frame->data;
	uint16_t version = in_16(&data), options = in_16(&data);
	size_t start = out->len;

	if (data.bad || in_left(&data))
		return refuse(frame, BAD_LENGTH, out);
	uint32_t status = version != 1 || options ? BAD_VERSION : link->session ? UNSUPPORTED : 0;

	if (!status)
		link->session = last += 0x0101;
	begin_frame(frame, link->session, status, out);
	out_16(out, 1);
	out_16(out, 0);
	end_frame(start, out);
	return ENCAP_GO_ON;
}

/* -- items ------------------------------------------------------------------------------------------------- */

/* Interface handle 0, a time-out, and the items. */
static bool parse_items(struct in data, struct items *items)
{
	uint32_t interface = in_32(&data);

	in_16(&data);
	items->count = in_16(&data);
	if (interface || items->count < 2 || items->count > ITEMS_MOST)
		return false;
	for (unsigned i = 0; i < items->count; i++) {
		items->at[i].type = in_16(&data);
		items->at[i].data = in_window(&data, in_16(&data));
	}
	return !data.bad && !in_left(&data);
}

static uint16_t originators_port(const struct items *items)
{
	for (unsigned i = 2; i < items->count; i++)
		if (items->at[i].type == ITEM_ADDRESS_TO && in_left(&items->at[i].data) == 16)
			return (uint16_t)(items->at[i].data.p[2] << 8 | items->at[i].data.p[3]);
	return ORIGINATORS_PORT;
}

/* Where the originator is to send its data. */
static void put_address_item(struct out *out)
{
	static const uint8_t zeros[12];
	uint8_t port[2] = { (uint8_t)(device.io_port >> 8), (uint8_t)device.io_port };

	out_16(out, ITEM_ADDRESS_OT);
	out_16(out, 16);
	out_bytes(out, "\0\2", 2);
	out_bytes(out, port, 2);
	out_bytes(out, zeros, 12);
}

static enum encap_next send_rr_data(struct link *link, const struct frame *frame, struct out *out)
{
	struct caller caller = { .peer = link->peer, .session = link->session };
	struct items items;
	size_t start = out->len;

	if (!parse_items(frame->data, &items) || items.at[0].type != ITEM_NULL || in_left(&items.at[0].data) ||
	    items.at[1].type != ITEM_DATA)
		return refuse(frame, INCORRECT, out);
	caller.io_port = originators_port(&items);
	begin_frame(frame, link->session, 0, out);
	out_32(out, 0);
	out_16(out, 0);
	size_t count_at = out->len;

	out_16(out, 2);
	out_16(out, ITEM_NULL);
	out_16(out, 0);
	out_16(out, ITEM_DATA);
	size_t size_at = out->len;

	out_16(out, 0);
	message_answer(&caller, items.at[1].data, REPLY_UNCONNECTED, out);
	out_16_at(out, size_at, (unsigned)(out->len - size_at - 2));
	if (caller.io_opened) {
		out_16_at(out, count_at, 3);
		put_address_item(out);
	}
	end_frame(start, out);
	return ENCAP_GO_ON;
}

/* The answer to a sequence count, made now or kept from before. */
static void answer_connected(struct link *link, struct connection *c, struct in message, uint16_t sequence)
{
	struct caller caller = { link->peer, link->session, ORIGINATORS_PORT, false };
	struct out answer = { .at = c->answer, .room = sizeof(c->answer) };

	if (c->answered && c->last_sequence == sequence)
		return;
	c->answered = true;
	c->last_sequence = sequence;
	message_answer(&caller, message, c->to_size - 2, &answer);
	c->answer_size = answer.len;
}

static enum encap_next send_unit_data(struct link *link, const struct frame *frame, struct out *out)
{
	struct items items;
	size_t start = out->len;

	if (!parse_items(frame->data, &items) || items.at[0].type != ITEM_CONNECTED ||
	    in_left(&items.at[0].data) != 4 || items.at[1].type != ITEM_CONNECTED_DATA || items.count != 2)
		return refuse(frame, INCORRECT, out);
	struct connection *c = connection_of_session(in_32(&items.at[0].data), link->session);
	struct in message = items.at[1].data;

	if (!c || in_left(&message) > c->ot_size || in_left(&message) < 2) {
		say("connected data ignored: %s", c ? "size" : "no such connection");
		return ENCAP_GO_ON;
	}
	uint16_t sequence = in_16(&message);

	connection_heard(c);
	answer_connected(link, c, message, sequence);
	begin_frame(frame, link->session, 0, out);
	out_32(out, 0);
	out_16(out, 0);
	out_16(out, 2);
	out_16(out, ITEM_CONNECTED);
	out_16(out, 4);
	out_32(out, c->to);
	out_16(out, ITEM_CONNECTED_DATA);
	out_16(out, (unsigned)c->answer_size + 2);
	out_16(out, sequence);
	out_bytes(out, c->answer, c->answer_size);
	end_frame(start, out);
	return ENCAP_GO_ON;
}

enum encap_next encap_answer(struct link *link, struct in bytes, struct out *out)
{
	struct frame frame;

	if (!parse_frame(bytes, &frame) || frame.command == NOP)
		return ENCAP_GO_ON;
	if (frame.command == LIST_SERVICES || frame.command == LIST_IDENTITY || frame.command == LIST_INTERFACES)
		return list(&frame, out);
	if (link->datagram)
		return ENCAP_GO_ON;
	if (frame.command == REGISTER)
		return register_session(link, &frame, out);
	if (frame.command != UNREGISTER && frame.command != SEND_RR_DATA && frame.command != SEND_UNIT_DATA)
		return refuse(&frame, UNSUPPORTED, out);
	if (!link->session || frame.session != link->session)
		return refuse(&frame, NO_SESSION, out);
	if (frame.command == UNREGISTER)
		return ENCAP_CLOSE;
	return frame.command == SEND_RR_DATA ? send_rr_data(link, &frame, out) :
					       send_unit_data(link, &frame, out);
}

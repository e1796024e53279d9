/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "protocol/enip.h"

#include "base/cursor.h"
#include "protocol/bytes.h"

#define LENGTH_AT 2u
#define SESSION_AT 4u
#define STATUS_AT 8u
#define CONTEXT_AT 12u
#define OPTIONS_AT 20u

#define REGISTER_DATA 4u /* version, options */
#define PROTOCOL_VERSION 1u
#define RR_HEAD 8u       /* interface handle, time-out, item count */
#define ITEM_HEAD 4u     /* type, length */
#define SOCKET_BYTES 16u
#define IO_ADDRESS 8u    /* connection, sequence */

enum item {
	ITEM_NULL = 0x0000,
	ITEM_IDENTITY = 0x000c,
	ITEM_CONNECTED_ADDRESS = 0x00a1,
	ITEM_CONNECTED_DATA = 0x00b1,
	ITEM_UNCONNECTED_DATA = 0x00b2,
	ITEM_SERVICES = 0x0100,
	ITEM_SOCKET_O_T = 0x8000,
	ITEM_SOCKET_T_O = 0x8001,
	ITEM_SEQUENCED_ADDRESS = 0x8002
};

const struct enip_command enip_commands[] = {
	{ ENIP_NOP, ENIP_SHAPE_ANY, false, "nop" },
	{ ENIP_LIST_TARGETS, ENIP_SHAPE_LIST, false, "list-targets" },
	{ ENIP_LIST_SERVICES, ENIP_SHAPE_LIST, true, "list-services" },
	{ ENIP_LIST_IDENTITY, ENIP_SHAPE_LIST, true, "list-identity" },
	{ ENIP_LIST_INTERFACES, ENIP_SHAPE_LIST, true, "list-interfaces" },
	{ ENIP_REGISTER_SESSION, ENIP_SHAPE_REGISTER, false, "register-session" },
	{ ENIP_UNREGISTER_SESSION, ENIP_SHAPE_NONE, false, "unregister-session" },
	{ ENIP_SEND_RR_DATA, ENIP_SHAPE_RR_DATA, false, "send-rr-data" },
	{ ENIP_SEND_UNIT_DATA, ENIP_SHAPE_UNIT_DATA, false, "send-unit-data" },
};
const size_t enip_command_count = sizeof(enip_commands) / sizeof(enip_commands[0]);

const struct enip_command *enip_command(uint16_t number)
{
	for (size_t i = enip_command_count; i-- > 0;) /* the frequent ones stand last */
		if (enip_commands[i].number == number)
			return &enip_commands[i];
	return NULL;
}

/* Can a message of either direction have so much data? */
static bool length_possible(uint8_t shape, size_t length)
{
	switch ((enum enip_shape)shape) {
	case ENIP_SHAPE_NONE:
		return length == 0;
	case ENIP_SHAPE_REGISTER:
		return length == 0 || length == REGISTER_DATA;
	case ENIP_SHAPE_LIST:
		return length == 0 || length >= 2;
	case ENIP_SHAPE_RR_DATA:
	case ENIP_SHAPE_UNIT_DATA:
		return length == 0 || length >= RR_HEAD + 2 * ITEM_HEAD;
	case ENIP_SHAPE_ANY:
		return true;
	}
	return false;
}

enum reason enip_frame(const uint8_t *p, size_t len, size_t *ret_size)
{
	const struct enip_command *command;
	size_t size;

	*ret_size = 0;
	if (len < LENGTH_AT)
		return REASON_NONE;
	command = enip_command(get_le16(p));
	if (!command)
		return REASON_MALFORMED_FRAME;
	if (len < SESSION_AT)
		return REASON_NONE;
	size = ENIP_HEADER + get_le16(p + LENGTH_AT);
	if (size > ENIP_FRAME_MAX || !length_possible(command->shape, size - ENIP_HEADER))
		return REASON_MALFORMED_FRAME;
	*ret_size = size;
	return REASON_NONE;
}

/*
 * Data that may not have arrived to its end. `left` is what the message says is still to come, of which
 * the cursor holds the part that is there; of a whole message the two are the same. A reader says
 * READ_BAD to what can never become good, READ_MORE when it met the end of what is there.
 */
struct partial {
	struct cursor c;
	size_t left;
};

enum read { READ_GOOD, READ_MORE, READ_BAD };

static enum read take(struct partial *p, size_t n, const uint8_t **ret)
{
	if (p->left < n)
		return READ_BAD;
	p->left -= n;
	*ret = cursor_take(&p->c, n);
	return *ret ? READ_GOOD : READ_MORE;
}

/* The head of an item, and of its data as much as is there. */
static enum read take_item(struct partial *p, uint16_t *ret_type, struct partial *ret_data)
{
	const uint8_t *head;
	enum read read = take(p, ITEM_HEAD, &head);
	size_t there;

	if (read != READ_GOOD)
		return read;
	*ret_type = get_le16(head);
	ret_data->left = get_le16(head + 2);
	if (ret_data->left > p->left)
		return READ_BAD;
	p->left -= ret_data->left;
	there = cursor_left(&p->c) < ret_data->left ? cursor_left(&p->c) : ret_data->left;
	ret_data->c = cursor_sub(&p->c, there);
	return READ_GOOD;
}

static enum read read_socket(struct partial *item, struct enip_socket *ret)
{
	const uint8_t *b;
	enum read read;

	if (item->left != SOCKET_BYTES || ret->present)
		return READ_BAD;
	read = take(item, SOCKET_BYTES, &b);
	if (read != READ_GOOD)
		return read;
	ret->present = true;
	ret->port = get_be16(b + 2);
	ret->address = get_be32(b + 4);
	return get_be16(b) == 2 ? READ_GOOD : READ_BAD; /* AF_INET */
}

static enum read read_address(struct partial *p, struct enip_message *m)
{
	struct partial item;
	const uint8_t *b;
	uint16_t type;
	enum read read = take_item(p, &type, &item);

	if (read != READ_GOOD)
		return read;
	if (!m->connected)
		return type == ITEM_NULL && item.left == 0 ? READ_GOOD : READ_BAD;
	if (type != ITEM_CONNECTED_ADDRESS || item.left != 4)
		return READ_BAD;
	read = take(&item, 4, &b);
	if (read == READ_GOOD)
		m->connection = get_le32(b);
	return read;
}

static enum read read_data(struct partial *p, struct enip_message *m)
{
	struct partial item;
	const uint8_t *b;
	uint16_t type;
	enum read read = take_item(p, &type, &item);

	if (read != READ_GOOD)
		return read;
	if (type != (m->connected ? ITEM_CONNECTED_DATA : ITEM_UNCONNECTED_DATA))
		return READ_BAD;
	if (m->connected) {
		read = take(&item, 2, &b);
		if (read != READ_GOOD)
			return read;
		m->sequence = get_le16(b);
	}
	m->cip_length = (uint16_t)item.left;
	m->cip = item.c.p; /* of a beginning: what is there of it */
	return take(&item, item.left, &b);
}

/* SendRRData and SendUnitData: address, data, then socket addresses at will. */
static enum read read_packet(struct partial *p, struct enip_message *m)
{
	const uint8_t *head;
	enum read read = take(p, RR_HEAD, &head);
	struct partial item;
	uint16_t count, type;

	if (read != READ_GOOD)
		return read;
	m->timeout = get_le16(head + 4);
	count = get_le16(head + 6);
	if (get_le32(head) || count < 2 || count > 4)
		return READ_BAD;
	read = read_address(p, m);
	if (read == READ_GOOD)
		read = read_data(p, m);
	while (read == READ_GOOD && count-- > 2) {
		read = take_item(p, &type, &item);
		if (read == READ_GOOD && type != ITEM_SOCKET_O_T && type != ITEM_SOCKET_T_O)
			read = READ_BAD;
		if (read == READ_GOOD)
			read = read_socket(&item, &m->sockets[type == ITEM_SOCKET_T_O]);
	}
	return read;
}

static bool item_listed(uint16_t command, uint16_t type)
{
	if (command == ENIP_LIST_IDENTITY)
		return type == ITEM_IDENTITY;
	return command != ENIP_LIST_SERVICES || type == ITEM_SERVICES;
}

static enum read read_list(struct partial *p, struct enip_message *m)
{
	const uint8_t *b;
	enum read read = take(p, 2, &b);
	uint16_t count = read == READ_GOOD ? get_le16(b) : 0, type;
	struct partial item;

	while (read == READ_GOOD && count--) {
		read = take_item(p, &type, &item);
		if (read == READ_GOOD && !item_listed(m->command, type))
			read = READ_BAD;
		if (read == READ_GOOD)
			read = take(&item, item.left, &b);
	}
	return read;
}

static enum read read_register(struct partial *p)
{
	const uint8_t *b;
	enum read read = take(p, REGISTER_DATA, &b);

	if (read == READ_GOOD && (get_le16(b) != PROTOCOL_VERSION || get_le16(b + 2)))
		read = READ_BAD;
	return read;
}

static enum read read_data_of(const struct enip_command *command, bool request, struct partial *p,
			      struct enip_message *m)
{
	if (!request && m->status && p->left == 0)
		return READ_GOOD; /* an error reply need not carry its data */
	switch ((enum enip_shape)command->shape) {
	case ENIP_SHAPE_NONE:
		return READ_GOOD;
	case ENIP_SHAPE_ANY:
		p->left = 0;
		return request ? READ_GOOD : READ_BAD;
	case ENIP_SHAPE_LIST:
		return request ? READ_GOOD : read_list(p, m);
	case ENIP_SHAPE_REGISTER:
		return read_register(p);
	case ENIP_SHAPE_RR_DATA:
		return read_packet(p, m);
	case ENIP_SHAPE_UNIT_DATA:
		m->connected = true;
		return read_packet(p, m);
	}
	return READ_BAD;
}

static void read_header(const uint8_t *frame, struct enip_message *ret)
{
	ret->command = get_le16(frame);
	ret->length = get_le16(frame + LENGTH_AT);
	ret->session = get_le32(frame + SESSION_AT);
	ret->status = get_le32(frame + STATUS_AT);
	for (unsigned i = 0; i < ENIP_CONTEXT; i++)
		ret->context[i] = frame[CONTEXT_AT + i];
	ret->data = frame + ENIP_HEADER;
	ret->connected = false;
	ret->timeout = ret->sequence = ret->cip_length = 0;
	ret->connection = 0;
	ret->cip = NULL;
	ret->sockets[0].present = ret->sockets[1].present = false;
}

/* Judges what is there of a message, header and all. */
static enum reason read_message(const uint8_t *frame, size_t len, bool request,
				struct enip_message *ret, enum read *ret_read)
{
	size_t size;
	struct partial p;

	*ret_read = READ_MORE;
	if (enip_frame(frame, len, &size) != REASON_NONE)
		return REASON_MALFORMED_FRAME;
	if (len < ENIP_HEADER)
		return REASON_NONE;
	read_header(frame, ret);
	if (get_le32(frame + OPTIONS_AT) || (request && ret->status))
		return REASON_MALFORMED_FRAME;
	p.c = cursor_over(ret->data, len - ENIP_HEADER);
	p.left = ret->length;
	*ret_read = read_data_of(enip_command(ret->command), request, &p, ret);
	if (*ret_read == READ_BAD)
		return REASON_MALFORMED_FRAME;
	return *ret_read == READ_GOOD && p.left ? REASON_TRAILING_BYTES : REASON_NONE;
}

static enum reason decode(const uint8_t *frame, size_t len, bool request, struct enip_message *ret)
{
	enum read read;
	enum reason reason = read_message(frame, len, request, ret, &read);

	if (reason != REASON_NONE)
		return reason;
	if (read != READ_GOOD || len < ENIP_HEADER + (size_t)ret->length)
		return REASON_MALFORMED_FRAME;
	return len == ENIP_HEADER + (size_t)ret->length ? REASON_NONE : REASON_TRAILING_BYTES;
}

enum reason enip_request(const uint8_t *frame, size_t len, struct enip_message *ret)
{
	return decode(frame, len, true, ret);
}

enum reason enip_reply(const uint8_t *frame, size_t len, struct enip_message *ret)
{
	return decode(frame, len, false, ret);
}

static bool begins(const uint8_t *frame, size_t len, bool request)
{
	struct enip_message m;
	enum read read;

	return read_message(frame, len, request, &m, &read) == REASON_NONE;
}

bool enip_request_begins(const uint8_t *frame, size_t len)
{
	return begins(frame, len, true);
}

bool enip_reply_begins(const uint8_t *frame, size_t len)
{
	return begins(frame, len, false);
}

bool enip_request_start(const uint8_t *frame, size_t len, struct enip_message *ret, size_t *ret_there)
{
	enum read read;
	enum reason reason = read_message(frame, len, true, ret, &read);

	*ret_there = 0;
	if (reason != REASON_NONE || len < ENIP_HEADER)
		return false;
	if (ret->cip)
		*ret_there = len - (size_t)(ret->cip - frame);
	if (*ret_there > ret->cip_length)
		*ret_there = ret->cip_length;
	return true;
}

enum reason enip_datagram(const uint8_t *p, size_t len, bool request, struct enip_message *ret)
{
	enum reason reason = decode(p, len, request, ret);

	if (reason == REASON_NONE && !enip_command(ret->command)->udp)
		reason = REASON_MALFORMED_FRAME;
	return reason;
}

enum reason enip_io(const uint8_t *p, size_t len, struct enip_io *ret)
{
	struct cursor c = cursor_over(p, len);

	if (cursor_le16(&c) != 2 || cursor_le16(&c) != ITEM_SEQUENCED_ADDRESS ||
	    cursor_le16(&c) != IO_ADDRESS)
		return REASON_MALFORMED_FRAME;
	ret->connection = cursor_le32(&c);
	ret->encap_sequence = cursor_le32(&c);
	if (cursor_le16(&c) != ITEM_CONNECTED_DATA)
		return REASON_MALFORMED_FRAME;
	ret->length = cursor_le16(&c);
	ret->data = cursor_take(&c, ret->length);
	if (c.bad)
		return REASON_MALFORMED_FRAME;
	return cursor_done(&c) ? REASON_NONE : REASON_TRAILING_BYTES;
}

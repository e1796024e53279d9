/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/replay_past.h"

#include <stdlib.h>
#include <string.h>

#include "base/sink.h"
#include "protocol/enip.h"
#include "protocol/program.h"

#define FORWARD_OPEN 0x54u
#define LARGE_FORWARD_OPEN 0x5bu
#define TRANSPORT_CLASS_3 0xa3u /* and the target is its server */

/* One connection while the capture is read. */
struct reading {
	size_t position;          /* in the list */
	unsigned device;
	struct frames frames[2];  /* by sender */
};

struct reader {
	const struct ports *ports;
	struct past_list *list;
};

/* ---- what the messages tell ---- */

static struct past_connection *by_id(struct past *past, uint32_t o_t_id)
{
	for (size_t i = 0; i < past->count; i++)
		if (past->connections[i].o_t_id == o_t_id)
			return &past->connections[i];
	if (past->count == PAST_CONNECTIONS_MAX)
		return NULL;
	past->connections[past->count] = (struct past_connection){
		.o_t_id = o_t_id, .triad = { .serial = (uint16_t)(0xff00 + past->count) } };
	return &past->connections[past->count++];
}

static struct past_connection *by_triad(struct past *past, const struct cip_triad *triad)
{
	for (size_t i = 0; i < past->count; i++)
		if (past->connections[i].triad.serial == triad->serial &&
		    past->connections[i].triad.originator == triad->originator)
			return &past->connections[i];
	return NULL;
}

static void take_close(struct past_connection *c, const struct cip_close *close)
{
	c->triad = close->triad;
	c->path_length = (uint8_t)cip_path_write(&close->path, c->path, sizeof(c->path));
}

/* A connection that is closed but was never opened in the capture, nor used. */
static void note_close(struct past *past, const struct enip_message *m)
{
	struct cip_request r;
	struct cip_close close;
	struct past_connection *c;

	if (cip_request(m->cip, m->cip_length, &r) != REASON_NONE || r.shape != CIP_SHAPE_FORWARD_CLOSE ||
	    cip_close(&r, &close) != REASON_NONE || by_triad(past, &close.triad))
		return;
	for (size_t i = 0; i < past->count; i++) {
		if (past->connections[i].opened || past->connections[i].triad.originator)
			continue;
		take_close(&past->connections[i], &close);
		return;
	}
	c = by_id(past, 0xf0000000u + (uint32_t)past->count);
	if (c) {
		c->t_o_id = c->o_t_id;
		take_close(c, &close);
	}
}

static void note_request(struct past *past, const struct enip_message *m)
{
	struct past_connection *c;

	if (!m->cip)
		return;
	if (!past->session)
		past->session = m->session;
	if (!m->connected) {
		note_close(past, m);
		return;
	}
	c = by_id(past, m->connection);
	if (c)
		c->sequence = m->sequence;
}

static void note_opened(struct past *past, const struct enip_message *m)
{
	struct cip_reply reply;
	struct cip_opened opened;
	struct past_connection *c;

	if (cip_reply(m->cip, m->cip_length, &reply) != REASON_NONE || reply.status != CIP_STATUS_SUCCESS ||
	    (reply.service != FORWARD_OPEN && reply.service != LARGE_FORWARD_OPEN) ||
	    cip_opened(&reply, &opened) != REASON_NONE)
		return;
	c = by_id(past, opened.o_t_id);
	if (!c)
		return;
	c->t_o_id = opened.t_o_id;
	c->triad = opened.triad;
	c->opened = true;
}

static void note_reply(struct past *past, const struct enip_message *m)
{
	if (m->command == ENIP_REGISTER_SESSION && m->status == 0 && !past->session) {
		past->session = m->session;
		past->registered = true;
	}
	if (!m->cip)
		return;
	if (!m->connected) {
		note_opened(past, m);
		return;
	}
	for (size_t i = 0; i < past->count; i++)
		if (!past->connections[i].t_o_id && past->connections[i].sequence == m->sequence) {
			past->connections[i].t_o_id = m->connection;
			return;
		}
}

/* ---- reading ---- */

static void note_bytes(struct reader *reader, struct reading *r, const struct reorder_event *event)
{
	struct past *past = &reader->list->items[r->position];
	bool request = event->side != r->device;
	struct frames_item item;
	struct enip_message m;

	if (frames_add(&r->frames[event->side], event->bytes, event->length, event->missing > 0) < 0) {
		reader->list->out_of_memory = true;
		return;
	}
	while (frames_next(&r->frames[event->side], &item)) {
		if (item.reason != REASON_NONE)
			continue;
		if (request && enip_request(item.bytes, item.length, &m) == REASON_NONE)
			note_request(past, &m);
		else if (!request && enip_reply(item.bytes, item.length, &m) == REASON_NONE)
			note_reply(past, &m);
	}
}

static struct past *add(struct past_list *list)
{
	struct past *grown = realloc(list->items, (list->count + 1) * sizeof(*grown));

	if (!grown)
		return NULL;
	list->items = grown;
	grown[list->count] = (struct past){ 0 };
	return &grown[list->count++];
}

static void begin(struct reader *reader, struct reorder_flow *flow)
{
	unsigned device = 0;
	const struct protocol *protocol = ports_find(reader->ports, flow, &device);
	struct reading *r;

	if (!protocol)
		return;
	r = add(reader->list) ? calloc(1, sizeof(*r)) : NULL;
	reader->list->out_of_memory |= !r;
	if (!r || protocol->program != PROGRAM_ETHERNET_IP) {
		free(r);
		return;
	}
	r->position = reader->list->count - 1;
	r->device = device;
	for (unsigned side = 0; side < 2; side++)
		frames_init(&r->frames[side], &protocol->framing, side != device);
	flow->user = r;
}

static void deliver(void *context, struct reorder_flow *flow, const struct reorder_event *event)
{
	struct reader *reader = context;

	if (event->kind == REORDER_OPENED)
		begin(reader, flow);
	if (!flow->user)
		return;
	if (event->kind == REORDER_BYTES)
		note_bytes(reader, flow->user, event);
	if (event->kind != REORDER_FORGOTTEN)
		return;
	for (unsigned side = 0; side < 2; side++)
		frames_free(&((struct reading *)flow->user)->frames[side]);
	free(flow->user);
}

int past_read(const char *path, const struct ports *ports, struct past_list *ret)
{
	struct reader reader = { .ports = ports, .list = ret };
	const struct traffic_sink sink = { .context = &reader, .stream = deliver };
	struct traffic traffic;
	char error[400];

	*ret = (struct past_list){ 0 };
	return traffic_read(path, &sink, &traffic, error, sizeof(error));
}

void past_free(struct past_list *list)
{
	free(list->items);
}

/* ---- the messages ---- */

static void put_head(struct sink *s, uint16_t command, size_t length, uint32_t session)
{
	static const uint8_t context[ENIP_CONTEXT] = "replay";

	sink_le16(s, command);
	sink_le16(s, (uint16_t)length);
	sink_le32(s, session);
	sink_le32(s, 0);
	sink_bytes(s, context, sizeof(context));
	sink_le32(s, 0);
}

static void put_register(struct past_message *m, bool request, uint32_t session)
{
	struct sink s;

	*m = (struct past_message){ .request = request };
	s = sink_over(m->bytes, sizeof(m->bytes));
	put_head(&s, ENIP_REGISTER_SESSION, 4, session);
	sink_le16(&s, 1); /* version, options */
	sink_le16(&s, 0);
	m->length = s.len;
}

static void put_unconnected(struct past_message *m, bool request, uint32_t session, const struct sink *cip)
{
	struct sink s;

	*m = (struct past_message){ .request = request };
	s = sink_over(m->bytes, sizeof(m->bytes));
	put_head(&s, ENIP_SEND_RR_DATA, 16 + cip->len, session);
	sink_le32(&s, 0);  /* interface handle */
	sink_le16(&s, 0);  /* time-out */
	sink_le16(&s, 2);
	sink_le32(&s, 0);  /* null address item */
	sink_le16(&s, 0xb2);
	sink_le16(&s, (uint16_t)cip->len);
	sink_bytes(&s, cip->p, cip->len);
	m->length = s.len;
}

static void put_triad(struct sink *s, const struct cip_triad *triad)
{
	sink_le16(s, triad->serial);
	sink_le16(s, triad->vendor);
	sink_le32(s, triad->originator);
}

static void put_open(struct past_message *m, uint32_t session, const struct past_connection *c)
{
	static const uint8_t head[] = { LARGE_FORWARD_OPEN, 2, 0x20, 6, 0x24, 1, 10, 14, 0, 0, 0, 0 };
	static const uint8_t direction[] = { 0x80, 0x84, 0x1e, 0, 0xa0, 0x0f, 0, 0x42 };
	static const uint8_t usual[] = { 1, 0, 0x20, 2, 0x24, 1 };
	uint8_t bytes[PAST_MESSAGE_MAX];
	struct sink s = sink_over(bytes, sizeof(bytes));

	sink_bytes(&s, head, sizeof(head));
	sink_le32(&s, c->t_o_id);
	put_triad(&s, &c->triad);
	sink_le32(&s, 1); /* time-out multiplier, reserved */
	sink_bytes(&s, direction, sizeof(direction));
	sink_bytes(&s, direction, sizeof(direction));
	sink_u8(&s, TRANSPORT_CLASS_3);
	sink_u8(&s, (uint8_t)((c->path_length ? c->path_length : sizeof(usual)) / 2));
	sink_bytes(&s, c->path_length ? c->path : usual, c->path_length ? c->path_length : sizeof(usual));
	put_unconnected(m, true, session, &s);
}

static void put_opened(struct past_message *m, uint32_t session, const struct past_connection *c)
{
	static const uint8_t head[] = { LARGE_FORWARD_OPEN | CIP_REPLY_BIT, 0, 0, 0 };
	uint8_t bytes[PAST_MESSAGE_MAX];
	struct sink s = sink_over(bytes, sizeof(bytes));

	sink_bytes(&s, head, sizeof(head));
	sink_le32(&s, c->o_t_id);
	sink_le32(&s, c->t_o_id);
	put_triad(&s, &c->triad);
	sink_le32(&s, 2000000);
	sink_le32(&s, 2000000);
	sink_le16(&s, 0);
	put_unconnected(m, false, session, &s);
}

size_t past_messages(const struct past *past, bool all, struct past_message out[static PAST_MESSAGES_MAX])
{
	size_t count = 0;

	if (!past->session)
		return 0;
	if (all || !past->registered) {
		put_register(&out[count++], true, 0);
		put_register(&out[count++], false, past->session);
	}
	for (size_t i = 0; i < past->count; i++) {
		struct past_connection c = past->connections[i];

		if (c.opened && !all)
			continue;
		if (!c.t_o_id)
			c.t_o_id = ~c.o_t_id;
		put_open(&out[count++], past->session, &c);
		put_opened(&out[count++], past->session, &c);
	}
	return count;
}

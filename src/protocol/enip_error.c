/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The last part of enip_ask.h: what a client gets in place of an answer. */
#include "protocol/enip_ask.h"

#include "base/sink.h"

#define ITEM_NULL 0x0000u
#define ITEM_CONNECTED_ADDRESS 0x00a1u
#define ITEM_CONNECTED_DATA 0x00b1u
#define ITEM_UNCONNECTED_DATA 0x00b2u
#define BARE_REPLY 4u /* service, reserved, status, no additional status */
#define PACKET_HEAD 8u

static void write_header(struct sink *s, const struct enip_ask *ask, size_t length, uint32_t status)
{
	sink_le16(s, ask->command);
	sink_le16(s, (uint16_t)length);
	sink_le32(s, ask->session);
	sink_le32(s, status);
	sink_bytes(s, ask->context, ENIP_CONTEXT);
	sink_le32(s, 0); /* options */
}

static void write_bare(struct sink *s, uint8_t service, uint8_t status)
{
	sink_u8(s, service | CIP_REPLY_BIT);
	sink_u8(s, 0);
	sink_u8(s, status);
	sink_u8(s, 0);
}

static size_t reply_size(const struct enip_ask *ask)
{
	return ask->multiple ? BARE_REPLY + 2 + ask->part_count * (2 + BARE_REPLY) : BARE_REPLY;
}

/* One for each part of a request. */
static void write_requested(struct sink *s, const struct enip_message *m, uint8_t status)
{
	struct cip_walk w;
	enum reason reason;

	for (reason = cip_walk_first(&w, m->cip, m->cip_length); reason == REASON_NONE && !w.end;
	     reason = cip_walk_next(&w))
		write_bare(s, w.request.service, status);
}

/* One for each part of a reply. */
static void write_answered(struct sink *s, const struct enip_message *m, uint8_t status)
{
	struct cip_reply_parts parts;
	struct cip_reply whole;
	enum reason reason = cip_reply(m->cip, m->cip_length, &whole);

	for (reason = reason == REASON_NONE ? cip_parts_first(&parts, &whole) : reason;
	     reason == REASON_NONE && !parts.end; reason = cip_parts_next(&parts))
		write_bare(s, parts.reply.service, status);
}

static void write_parts(struct sink *s, const struct enip_ask *ask, const struct enip_message *m, uint8_t status)
{
	write_bare(s, CIP_MULTIPLE_SERVICE_PACKET, CIP_STATUS_EMBEDDED_ERROR);
	sink_le16(s, ask->part_count);
	for (unsigned i = 0; i < ask->part_count; i++)
		sink_le16(s, (uint16_t)(2u + 2u * ask->part_count + i * BARE_REPLY));
	if (m->cip[0] & CIP_REPLY_BIT)
		write_answered(s, m, status);
	else
		write_requested(s, m, status);
}

static void write_items(struct sink *s, const struct enip_ask *ask, size_t size)
{
	sink_le32(s, 0); /* interface handle */
	sink_le16(s, 0); /* time-out */
	sink_le16(s, 2);
	if (!ask->connected) {
		sink_le32(s, ITEM_NULL); /* and its length */
		sink_le16(s, ITEM_UNCONNECTED_DATA);
		sink_le16(s, (uint16_t)size);
		return;
	}
	sink_le16(s, ITEM_CONNECTED_ADDRESS);
	sink_le16(s, 4);
	sink_le32(s, ask->reply_connection);
	sink_le16(s, ITEM_CONNECTED_DATA);
	sink_le16(s, (uint16_t)(2 + size));
	sink_le16(s, ask->sequence);
}

uint32_t enip_error(const struct enip_ask *ask, const struct enip_message *message, uint8_t status,
		    uint8_t out[static ENIP_ERROR_MAX])
{
	struct sink s = sink_over(out, ENIP_ERROR_MAX);
	size_t size = reply_size(ask);

	if (!ask->part_count)
		return 0;
	write_header(&s, ask, PACKET_HEAD + (ask->connected ? 14 : 8) + size, 0);
	write_items(&s, ask, size);
	if (ask->multiple)
		write_parts(&s, ask, message, status);
	else
		write_bare(&s, ask->service, status);
	return (uint32_t)s.len;
}

uint32_t enip_refusal(const struct enip_ask *ask, uint32_t status, uint8_t out[static ENIP_ERROR_MAX])
{
	struct sink s = sink_over(out, ENIP_ERROR_MAX);

	if (ask->command == ENIP_NOP || ask->command == ENIP_UNREGISTER_SESSION)
		return 0; /* never answered */
	write_header(&s, ask, 0, status);
	return (uint32_t)s.len;
}

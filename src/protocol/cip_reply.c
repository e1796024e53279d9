/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "protocol/cip_reply.h"

#include "protocol/bytes.h"
#include "protocol/cip_request.h"

enum reason cip_reply(const uint8_t *p, size_t len, struct cip_reply *ret)
{
	struct cursor c = cursor_over(p, len);
	uint8_t service = cursor_u8(&c), reserved = cursor_u8(&c);
	const uint8_t *extended;

	ret->status = cursor_u8(&c);
	ret->extended_count = cursor_u8(&c);
	extended = cursor_take(&c, 2u * ret->extended_count);
	if (c.bad || reserved || service <= CIP_REPLY_BIT)
		return REASON_MALFORMED_FRAME;
	ret->service = (uint8_t)(service & ~CIP_REPLY_BIT);
	ret->extended = ret->extended_count ? get_le16(extended) : 0;
	ret->data = c.p;
	ret->length = (uint16_t)cursor_left(&c);
	return REASON_NONE;
}

enum reason cip_parts_first(struct cip_reply_parts *parts, const struct cip_reply *whole)
{
	struct cursor c = cursor_over(whole->data, whole->length);

	parts->base = whole->data;
	parts->base_length = whole->length;
	parts->part_count = cursor_le16(&c);
	parts->offsets = cursor_sub(&c, 2u * parts->part_count);
	parts->next = cursor_le16(&parts->offsets);
	parts->end = false;
	parts->part = UINT16_MAX;
	if (parts->part_count == 0 || parts->offsets.bad || parts->next != 2u + 2u * parts->part_count)
		return REASON_MALFORMED_FRAME;
	return cip_parts_next(parts);
}

enum reason cip_parts_next(struct cip_reply_parts *parts)
{
	size_t start = parts->next;

	parts->part++;
	if (parts->part >= parts->part_count) {
		parts->end = true;
		return REASON_NONE;
	}
	parts->next = cursor_left(&parts->offsets) ? cursor_le16(&parts->offsets) : parts->base_length;
	if (parts->next <= start || parts->next > parts->base_length)
		return REASON_MALFORMED_FRAME;
	return cip_reply(parts->base + start, parts->next - start, &parts->reply);
}

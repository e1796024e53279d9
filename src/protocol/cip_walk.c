/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "protocol/cip_walk.h"

static bool only_ports(const struct cip_path *route)
{
	for (unsigned i = 0; i < route->count; i++)
		if (route->segments[i].kind != CIP_SEGMENT_PORT)
			return false;
	return true;
}

static bool is_shape(const struct cip_request *r, enum cip_shape shape)
{
	return r->shape == (uint8_t)shape;
}

/* What may stand at the end of the walk: no carrier but those that are judged as a whole. */
static enum reason check_innermost(const struct cip_walk *w)
{
	const struct cip_request *r = &w->request;
	bool within = w->unconnected_send || w->multiple;

	if (!r->known || r->known->access != CIP_CARRIER)
		return REASON_NONE;
	if (is_shape(r, CIP_SHAPE_PCCC))
		return cip_path_is(&r->path, CIP_CLASS_PCCC, 1) ? REASON_NONE : REASON_NESTING_TOO_DEEP;
	if (is_shape(r, CIP_SHAPE_MULTIPLE) || is_shape(r, CIP_SHAPE_UNCONNECTED_SEND) || within ||
	    !cip_path_is(&r->path, CIP_CLASS_CONNECTION_MANAGER, 1))
		return REASON_NESTING_TOO_DEEP;
	return REASON_NONE;
}

/* The message inside; the route behind it. */
static enum reason unwrap_send(struct cip_walk *w)
{
	struct cursor c = cursor_over(w->request.data, w->request.length);
	const uint8_t *message, *route;
	size_t length, words;

	w->tick = cursor_u8(&c);
	w->ticks = cursor_u8(&c);
	length = cursor_le16(&c);
	message = cursor_take(&c, length);
	if (length % 2 && cursor_u8(&c))
		return REASON_MALFORMED_FRAME;
	words = cursor_u8(&c);
	if (cursor_u8(&c))
		return REASON_MALFORMED_FRAME;
	route = cursor_take(&c, 2 * words);
	if (c.bad || cip_path(route, 2 * words, &w->route) != REASON_NONE || !only_ports(&w->route))
		return REASON_MALFORMED_FRAME;
	if (!cursor_done(&c))
		return REASON_TRAILING_BYTES;
	w->unconnected_send = true;
	return cip_request(message, length, &w->request);
}

/* Offsets count from the field that says how many there are; the first part follows the last offset. */
static enum reason unwrap_multiple(struct cip_walk *w)
{
	struct cursor c = cursor_over(w->request.data, w->request.length);

	w->base = w->request.data;
	w->base_length = w->request.length;
	w->part_count = cursor_le16(&c);
	if (w->part_count == 0 || w->part_count > CIP_PARTS_MAX)
		return REASON_MALFORMED_FRAME;
	w->offsets = cursor_sub(&c, 2u * w->part_count);
	w->next = cursor_le16(&w->offsets);
	if (w->offsets.bad || w->next != 2u + 2u * w->part_count)
		return REASON_MALFORMED_FRAME;
	w->multiple = true;
	w->part = UINT16_MAX;
	return cip_walk_next(w);
}

enum reason cip_walk_first(struct cip_walk *w, const uint8_t *p, size_t len)
{
	enum reason reason = cip_request(p, len, &w->request);

	w->unconnected_send = w->multiple = w->end = false;
	w->part = w->part_count = 0;
	if (reason == REASON_NONE && is_shape(&w->request, CIP_SHAPE_UNCONNECTED_SEND) &&
	    cip_path_is(&w->request.path, CIP_CLASS_CONNECTION_MANAGER, 1))
		reason = unwrap_send(w);
	if (reason != REASON_NONE)
		return reason;
	if (is_shape(&w->request, CIP_SHAPE_MULTIPLE) &&
	    cip_path_is(&w->request.path, CIP_CLASS_MESSAGE_ROUTER, 1))
		return unwrap_multiple(w);
	return check_innermost(w);
}

enum reason cip_walk_next(struct cip_walk *w)
{
	size_t start = w->next;
	enum reason reason;

	w->part++;
	if (w->part >= w->part_count) {
		w->end = true;
		return REASON_NONE;
	}
	w->next = cursor_left(&w->offsets) ? cursor_le16(&w->offsets) : w->base_length;
	if (w->next <= start || w->next > w->base_length)
		return REASON_MALFORMED_FRAME;
	reason = cip_request(w->base + start, w->next - start, &w->request);
	return reason == REASON_NONE ? check_innermost(w) : reason;
}

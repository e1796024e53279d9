/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "protocol/cip_connection.h"

#include "base/cursor.h"
#include "protocol/cip.h"

#define MULTIPLIER_LAST 7u  /* codes 0-7 stand for 4, 8, .. 512 */
#define TRIGGER_LAST 2u
#define CLASS_LAST 3u
#define RESERVED_SMALL 0x1000u
#define RESERVED_LARGE 0x11ff0000u

/* The fields that both forms of the network parameters have, in the places of the 16-bit form. */
static bool set_parameters(uint16_t bits, struct cip_direction *d)
{
	d->redundant_owner = bits >> 15;
	d->type = bits >> 13 & 3;
	d->priority = bits >> 10 & 3;
	d->variable = bits >> 9 & 1;
	return !(bits & RESERVED_SMALL) && d->type <= CIP_POINT_TO_POINT;
}

static bool read_direction(struct cursor *c, bool large, struct cip_direction *d)
{
	uint32_t bits;

	d->rpi = cursor_le32(c);
	bits = large ? cursor_le32(c) : cursor_le16(c);
	d->size = (uint16_t)(large ? bits : bits & 0x1ff);
	if (large && bits & RESERVED_LARGE)
		return false;
	return set_parameters((uint16_t)(large ? bits >> 16 : bits), d);
}

static void read_triad(struct cursor *c, struct cip_triad *ret)
{
	ret->serial = cursor_le16(c);
	ret->vendor = cursor_le16(c);
	ret->originator = cursor_le32(c);
}

static bool read_transport(uint8_t byte, struct cip_open *ret)
{
	ret->server = byte >> 7;
	ret->trigger = byte >> 4 & 7;
	ret->transport_class = byte & 15;
	return ret->trigger <= TRIGGER_LAST && ret->transport_class <= CLASS_LAST;
}

/* The route comes first, and nowhere else. */
static enum reason read_path(struct cursor *c, size_t words, struct cip_path *ret, unsigned *ret_route)
{
	const uint8_t *path = cursor_take(c, 2 * words);
	enum reason reason = c->bad ? REASON_MALFORMED_FRAME : cip_path(path, 2 * words, ret);
	unsigned route = 0;

	if (reason != REASON_NONE)
		return reason;
	while (route < ret->count && ret->segments[route].kind == CIP_SEGMENT_PORT)
		route++;
	for (unsigned i = route; i < ret->count; i++)
		if (ret->segments[i].kind == CIP_SEGMENT_PORT)
			return REASON_MALFORMED_FRAME;
	*ret_route = route;
	return cursor_done(c) ? REASON_NONE : REASON_TRAILING_BYTES;
}

enum reason cip_open(const struct cip_request *r, struct cip_open *ret)
{
	struct cursor c = cursor_over(r->data, r->length);
	uint8_t multiplier;
	bool good;

	ret->large = r->shape == CIP_SHAPE_LARGE_FORWARD_OPEN;
	ret->tick = cursor_u8(&c);
	ret->ticks = cursor_u8(&c);
	ret->o_t.id = cursor_le32(&c);
	ret->t_o.id = cursor_le32(&c);
	read_triad(&c, &ret->triad);
	multiplier = cursor_u8(&c);
	cursor_take(&c, 3);
	good = read_direction(&c, ret->large, &ret->o_t);
	good &= read_direction(&c, ret->large, &ret->t_o);
	good &= read_transport(cursor_u8(&c), ret);
	if (!good || multiplier > MULTIPLIER_LAST)
		return REASON_MALFORMED_FRAME;
	ret->multiplier = (uint16_t)(4u << multiplier);
	return read_path(&c, cursor_u8(&c), &ret->path, &ret->route);
}

enum reason cip_close(const struct cip_request *r, struct cip_close *ret)
{
	struct cursor c = cursor_over(r->data, r->length);
	size_t words;

	ret->tick = cursor_u8(&c);
	ret->ticks = cursor_u8(&c);
	read_triad(&c, &ret->triad);
	words = cursor_u8(&c);
	if (cursor_u8(&c))
		return REASON_MALFORMED_FRAME;
	return read_path(&c, words, &ret->path, &ret->route);
}

static bool is_inhibit_time(const struct cip_segment *s)
{
	return s->kind == CIP_SEGMENT_NETWORK && s->number == CIP_PRODUCTION_INHIBIT;
}

/* In front may stand what device it must be, and how long it waits between two packets: they name nothing. */
static unsigned behind_conditions(const struct cip_path *path, unsigned at)
{
	bool key = false, inhibit = false;

	for (; at < path->count; at++) {
		const struct cip_segment *s = &path->segments[at];

		if (s->kind == CIP_SEGMENT_KEY && !key)
			key = true;
		else if (is_inhibit_time(s) && !inhibit)
			inhibit = true;
		else
			break;
	}
	return at;
}

static bool add_assembly(const struct cip_segment *s, struct cip_cyclic *ret)
{
	if ((s->kind != CIP_SEGMENT_INSTANCE && s->kind != CIP_SEGMENT_POINT) ||
	    ret->count == CIP_CYCLIC_ASSEMBLIES)
		return false;
	ret->assemblies[ret->count++] = s->number;
	return true;
}

bool cip_cyclic(const struct cip_open *open, struct cip_cyclic *ret)
{
	const struct cip_path *path = &open->path;
	unsigned at = behind_conditions(path, open->route);

	*ret = (struct cip_cyclic){
		.owner = open->o_t.size > cip_cyclic_head(open->transport_class),
		.rpi = open->o_t.rpi < open->t_o.rpi ? open->o_t.rpi : open->t_o.rpi,
	};
	if (at == path->count || path->segments[at].kind != CIP_SEGMENT_CLASS ||
	    path->segments[at++].number != CIP_CLASS_ASSEMBLY)
		return false;
	while (at < path->count && add_assembly(&path->segments[at], ret))
		at++;
	if (at < path->count && path->segments[at].kind == CIP_SEGMENT_DATA) {
		ret->owner = true;
		at++;
	}
	return ret->count && at == path->count;
}

size_t cip_route_write(const struct cip_path *path, unsigned count, uint8_t *out, size_t cap)
{
	struct cip_path route = { .count = (uint16_t)count };

	__builtin_memcpy(route.segments, path->segments, count * sizeof(route.segments[0]));
	return cip_path_write(&route, out, cap);
}

/* A failure repeats the triad and says how much of the path was left; some devices send nothing. */
static enum reason read_failure(struct cursor *c, struct cip_opened *ret)
{
	if (!cursor_left(c))
		return REASON_NONE;
	read_triad(c, &ret->triad);
	if (cursor_left(c)) {
		ret->remaining_path = cursor_u8(c);
		cursor_u8(c);
	}
	if (c->bad)
		return REASON_MALFORMED_FRAME;
	return cursor_done(c) ? REASON_NONE : REASON_TRAILING_BYTES;
}

static enum reason read_application(struct cursor *c, struct cip_opened *ret)
{
	ret->length = (uint16_t)(2u * cursor_u8(c));
	cursor_u8(c);
	ret->data = cursor_take(c, ret->length);
	if (c->bad)
		return REASON_MALFORMED_FRAME;
	return cursor_done(c) ? REASON_NONE : REASON_TRAILING_BYTES;
}

enum reason cip_opened(const struct cip_reply *r, struct cip_opened *ret)
{
	struct cursor c = cursor_over(r->data, r->length);

	*ret = (struct cip_opened){ 0 };
	if (r->status != CIP_STATUS_SUCCESS)
		return read_failure(&c, ret);
	ret->o_t_id = cursor_le32(&c);
	ret->t_o_id = cursor_le32(&c);
	read_triad(&c, &ret->triad);
	ret->o_t_api = cursor_le32(&c);
	ret->t_o_api = cursor_le32(&c);
	return read_application(&c, ret);
}

enum reason cip_closed(const struct cip_reply *r, struct cip_opened *ret)
{
	struct cursor c = cursor_over(r->data, r->length);

	*ret = (struct cip_opened){ 0 };
	if (r->status != CIP_STATUS_SUCCESS)
		return read_failure(&c, ret);
	read_triad(&c, &ret->triad);
	return read_application(&c, ret);
}

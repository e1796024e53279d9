/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "protocol/enip_ask.h"

#include "protocol/bytes.h"
#include "protocol/cip_connection.h"
#include "protocol/pccc.h"

/* FNV-1a, as in modbus.c: against accidents and lies of a device, not against collisions. */
#define DIGEST_START 2166136261u

static uint32_t digest_add(uint32_t h, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++, v >>= 8)
		h = (h ^ (v & 0xff)) * 16777619u;
	return h;
}

static uint32_t triad_digest(const struct cip_triad *t)
{
	return digest_add(digest_add(DIGEST_START, t->serial | (uint32_t)t->vendor << 16), t->originator);
}

static uint32_t pccc_digest(const struct pccc *p)
{
	return p->transaction | (uint32_t)p->command << 16;
}

#define SCOPE_START 14695981039346656037u
#define SCOPE_PRIME 1099511628211u

uint64_t cip_scope_digest(const struct cip_segment *symbol)
{
	uint64_t h = SCOPE_START;

	for (size_t i = 0; i < symbol->length; i++) {
		uint8_t b = symbol->bytes[i];

		if (b >= 'A' && b <= 'Z')
			b = (uint8_t)(b + ('a' - 'A'));
		h = (h ^ b) * SCOPE_PRIME;
	}
	return h ? h : 1;
}

uint64_t cip_scope_behind(uint64_t scope, const struct cip_segment *hop)
{
	uint64_t h = (scope ^ SCOPE_START ^ hop->number) * SCOPE_PRIME;

	for (size_t i = 0; i < hop->length; i++)
		h = (h ^ hop->bytes[i]) * SCOPE_PRIME;
	return h;
}

/* ---- what is remembered ------------------------------------------------------------------------------- */

void enip_ask(const struct enip_message *m, struct enip_ask *ret)
{
	ret->command = m->command;
	ret->sequence = m->sequence;
	ret->session = m->session;
	for (unsigned i = 0; i < ENIP_CONTEXT; i++)
		ret->context[i] = m->context[i];
	ret->reply_connection = 0;
	ret->connected = m->connected;
	ret->unconnected_send = ret->multiple = ret->symbols = false;
	ret->shape = CIP_SHAPE_OPAQUE;
	ret->attribute_count = 0;
	ret->part_count = ret->elements = 0;
	ret->offset = ret->instance = ret->opening = 0;
	ret->digest = DIGEST_START;
	ret->scope = 0;
	ret->bound_count = 0;
}

/* Bytes of a symbol's attribute in a listing; NAME: a counted string. 0: not known. */
#define NAME 255u
static unsigned attribute_size(uint32_t attribute)
{
	static const uint8_t sizes[] = { 0, NAME, 2, 4, 0, 4, 4, 2, 12, 0, 1 };

	return attribute < sizeof(sizes) ? sizes[attribute] : 0;
}

/* Those of the controller or of a program by its name; behind another object symbols have numbers of their own. */
static bool lists_symbols(const struct cip_request *r)
{
	unsigned at = cip_path_names_tag(&r->path);

	return r->object == CIP_CLASS_SYMBOL && r->path.count <= at + 2u && r->path.count > at &&
	       r->path.segments[at].kind == CIP_SEGMENT_CLASS;
}

static void note_listing(struct enip_ask *ask, const struct cip_request *r)
{
	ask->symbols = lists_symbols(r) && r->attribute_count &&
		       r->attribute_count <= ENIP_ASK_ATTRIBUTES;
	for (unsigned i = 0; i < r->attribute_count && ask->symbols; i++) {
		uint16_t attribute = get_le16(r->values + 2 * i);

		ask->symbols = attribute_size(attribute) > 0;
		ask->attributes[i] = (uint8_t)attribute;
	}
	ask->attribute_count = ask->symbols ? (uint8_t)r->attribute_count : 0;
	for (unsigned i = 0; i < r->path.count; i++)
		if (r->path.segments[i].kind == CIP_SEGMENT_INSTANCE)
			ask->instance = r->path.segments[i].number;
	if (cip_path_names_tag(&r->path))
		ask->scope = cip_scope_digest(&r->path.segments[0]);
}

static void note_open(struct enip_ask *ask, const struct cip_request *r)
{
	struct cip_open open;

	if (cip_open(r, &open) == REASON_NONE)
		ask->digest = triad_digest(&open.triad);
}

static void note_close(struct enip_ask *ask, const struct cip_request *r)
{
	struct cip_close close;

	if (cip_close(r, &close) == REASON_NONE)
		ask->digest = triad_digest(&close.triad);
}

static void note_pccc(struct enip_ask *ask, const struct cip_request *r)
{
	struct pccc pccc;

	if (pccc_request(r, &pccc) == REASON_NONE)
		ask->digest = pccc_digest(&pccc);
}

static bool asks_elements(uint8_t shape)
{
	return shape == CIP_SHAPE_READ_TAG || shape == CIP_SHAPE_READ_TAG_FRAGMENT ||
	       shape == CIP_SHAPE_READ_TEMPLATE;
}

/* Of the only request: what its reply repeats or follows from. */
static void note_shape(struct enip_ask *ask, const struct cip_request *r)
{
	ask->shape = r->shape;
	ask->elements = asks_elements(r->shape) ? r->elements : r->attribute_count;
	if (r->shape == CIP_SHAPE_READ_TAG_FRAGMENT)
		ask->offset = r->offset;
	else if (r->shape == CIP_SHAPE_LISTING)
		note_listing(ask, r);
	else if (r->shape == CIP_SHAPE_FORWARD_OPEN || r->shape == CIP_SHAPE_LARGE_FORWARD_OPEN)
		note_open(ask, r);
	else if (r->shape == CIP_SHAPE_FORWARD_CLOSE)
		note_close(ask, r);
	else if (r->shape == CIP_SHAPE_PCCC)
		note_pccc(ask, r);
}

/* Of the parts: their services, and what holds for every one of them. */
static void note_part(struct enip_ask *ask, const struct cip_request *r)
{
	if (ask->part_count == 0)
		ask->shape = r->shape;
	if (ask->shape != r->shape || (r->shape != CIP_SHAPE_READ_TAG && r->shape != CIP_SHAPE_WRITE_TAG &&
				       r->shape != CIP_SHAPE_MODIFY_TAG))
		ask->shape = CIP_SHAPE_OPAQUE;
	else if (r->shape == CIP_SHAPE_READ_TAG && r->elements > ask->elements)
		ask->elements = r->elements;
	ask->digest = (ask->digest ^ r->service) * 16777619u;
}

void enip_ask_add(struct enip_ask *ask, const struct cip_walk *walk)
{
	const struct cip_request *r = &walk->request;

	ask->unconnected_send = walk->unconnected_send;
	ask->multiple = walk->multiple;
	if (ask->multiple)
		note_part(ask, r);
	else
		note_shape(ask, r);
	if (ask->part_count++ == 0)
		ask->service = r->service;
}

bool enip_ask_bound(struct enip_ask *ask, const struct cip_request *r)
{
	if (ask->bound_count == ENIP_ASK_BOUNDS)
		return false;
	ask->bounds[ask->bound_count++] = (struct enip_bound){ .part = (uint16_t)(ask->part_count - 1),
							       .elements = r->elements, .offset = r->offset };
	return true;
}

/* ---- judging replies ---------------------------------------------------------------------------------- */

bool enip_pairs(const struct enip_ask *ask, const struct enip_message *reply)
{
	if (ask->command != reply->command)
		return false;
	if (ask->command == ENIP_SEND_UNIT_DATA && reply->status == 0)
		return ask->reply_connection == reply->connection && ask->sequence == reply->sequence;
	return (ask->session == reply->session || ask->command == ENIP_REGISTER_SESSION) &&
	       bytes_equal(ask->context, reply->context, ENIP_CONTEXT);
}

static bool tag_fits(const struct enip_ask *ask, const struct cip_reply *r)
{
	struct cursor c = cursor_over(r->data, r->length);
	uint16_t type = cursor_le16(&c);
	size_t size = cip_type_size(type), left;

	if (type == CIP_TYPE_STRUCT)
		cursor_le16(&c);
	left = cursor_left(&c);
	if (c.bad || (left == 0 && ask->elements))
		return false;
	return !size || left + ask->offset <= size * ask->elements;
}

static bool list_fits(const struct enip_ask *ask, const struct cip_reply *r)
{
	return r->length >= 2 && get_le16(r->data) == ask->elements;
}

static bool listing_fits(const struct enip_ask *ask, const struct cip_reply *r)
{
	struct cursor c = cursor_over(r->data, r->length);
	struct cip_symbol symbol;

	if (!ask->symbols)
		return true;
	while (cip_symbol_next(ask, &c, &symbol))
		;
	return !c.bad;
}

static bool opened_fits(const struct enip_ask *ask, const struct cip_reply *r, bool open)
{
	struct cip_opened opened;

	if ((open ? cip_opened(r, &opened) : cip_closed(r, &opened)) != REASON_NONE)
		return false;
	return r->length == 0 || triad_digest(&opened.triad) == ask->digest;
}

static bool pccc_fits(const struct enip_ask *ask, const struct cip_reply *r)
{
	struct pccc pccc;

	return pccc_reply(r->data, r->length, &pccc) == REASON_NONE && pccc_digest(&pccc) == ask->digest;
}

/* The data of one reply against the layout of what was asked. Of an error it is the device's own affair. */
static bool data_fits(const struct enip_ask *ask, const struct cip_reply *r)
{
	enum cip_shape shape = (enum cip_shape)ask->shape;

	if (shape == CIP_SHAPE_FORWARD_OPEN || shape == CIP_SHAPE_LARGE_FORWARD_OPEN)
		return opened_fits(ask, r, true);
	if (shape == CIP_SHAPE_FORWARD_CLOSE)
		return opened_fits(ask, r, false);
	if (r->status != CIP_STATUS_SUCCESS && r->status != CIP_STATUS_PARTIAL_TRANSFER)
		return true;
	if (shape == CIP_SHAPE_READ_TAG || shape == CIP_SHAPE_READ_TAG_FRAGMENT)
		return tag_fits(ask, r);
	if (shape == CIP_SHAPE_WRITE_TAG || shape == CIP_SHAPE_WRITE_TAG_FRAGMENT ||
	    shape == CIP_SHAPE_MODIFY_TAG)
		return r->length == 0;
	if (shape == CIP_SHAPE_ATTRIBUTE_LIST || shape == CIP_SHAPE_SET_ATTRIBUTE_LIST)
		return list_fits(ask, r);
	if (shape == CIP_SHAPE_LISTING)
		return listing_fits(ask, r);
	if (shape == CIP_SHAPE_READ_TEMPLATE)
		return r->length <= ask->elements;
	return shape != CIP_SHAPE_PCCC || pccc_fits(ask, r);
}

/* Every part answers the request in its place. A bare error answers them all. */
static bool parts_fit(const struct enip_ask *ask, const struct cip_reply *whole)
{
	struct cip_reply_parts parts;
	uint32_t digest = DIGEST_START;
	enum reason reason;

	if (whole->service != CIP_MULTIPLE_SERVICE_PACKET)
		return false;
	if (whole->length == 0)
		return whole->status != CIP_STATUS_SUCCESS;
	for (reason = cip_parts_first(&parts, whole); reason == REASON_NONE && !parts.end;
	     reason = cip_parts_next(&parts)) {
		if (!data_fits(ask, &parts.reply))
			return false;
		digest = (digest ^ parts.reply.service) * 16777619u;
	}
	return reason == REASON_NONE && parts.part_count == ask->part_count && digest == ask->digest;
}

static bool bound_holds(const struct enip_bound *b, const struct cip_reply *r)
{
	size_t size = r->length >= 2 ? cip_type_size(get_le16(r->data)) : 0;

	if (r->status != CIP_STATUS_SUCCESS && r->status != CIP_STATUS_PARTIAL_TRANSFER)
		return true;
	return size && r->length - 2u + b->offset <= size * b->elements;
}

/* What is told of part number `part` lies inside the elements that it asked for. */
static bool part_is_inside(const struct enip_ask *ask, unsigned part, const struct cip_reply *r)
{
	for (unsigned i = 0; i < ask->bound_count; i++)
		if (ask->bounds[i].part == part && !bound_holds(&ask->bounds[i], r))
			return false;
	return true;
}

static bool is_inside(const struct enip_ask *ask, const struct cip_reply *whole)
{
	struct cip_reply_parts parts;
	enum reason reason;

	if (!ask->multiple || !ask->bound_count)
		return part_is_inside(ask, 0, whole);
	for (reason = cip_parts_first(&parts, whole); reason == REASON_NONE && !parts.end;
	     reason = cip_parts_next(&parts))
		if (!part_is_inside(ask, parts.part, &parts.reply))
			return false;
	return true;
}

/* A router that could not deliver says so as itself, and how much of the route was left. */
static bool send_failed(const struct enip_ask *ask, const struct cip_reply *r)
{
	return ask->unconnected_send && r->service == CIP_UNCONNECTED_SEND &&
	       r->status != CIP_STATUS_SUCCESS && r->length <= 2;
}

enum reason enip_answers(const struct enip_ask *ask, const struct enip_message *reply,
			 struct cip_reply *ret)
{
	enum reason reason;
	bool fits;

	*ret = (struct cip_reply){ 0 };
	if (!reply->cip)
		return reply->status || !ask->part_count ? REASON_NONE : REASON_REPLY_MISMATCH;
	reason = cip_reply(reply->cip, reply->cip_length, ret);
	if (reason != REASON_NONE)
		return reason;
	if (!is_inside(ask, ret))
		return REASON_TAG_NOT_ALLOWED;
	if (ask->multiple)
		fits = parts_fit(ask, ret);
	else
		fits = ret->service == ask->service && data_fits(ask, ret);
	return fits || send_failed(ask, ret) ? REASON_NONE : REASON_REPLY_MISMATCH;
}

bool cip_symbol_next(const struct enip_ask *ask, struct cursor *c, struct cip_symbol *ret)
{
	*ret = (struct cip_symbol){ 0 };
	if (!cursor_left(c))
		return false;
	ret->instance = cursor_le32(c);
	for (unsigned i = 0; i < ask->attribute_count; i++) {
		unsigned size = attribute_size(ask->attributes[i]);

		if (size == NAME) {
			ret->name_length = cursor_le16(c);
			ret->name = cursor_take(c, ret->name_length);
		} else if (ask->attributes[i] == 2) {
			ret->type = cursor_le16(c);
		} else {
			cursor_take(c, size);
		}
	}
	return !c->bad;
}

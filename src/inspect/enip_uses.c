/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/enip_uses.h"

#include "protocol/pccc.h"

#define HOPS_EXACT 2u
#define HOP 0x80000000u /* a hop with a link of one byte: this, the port, the link */

struct bytes {
	const uint8_t *p;
	size_t length;
};

static uint64_t digest(uint64_t h, const uint8_t *p, size_t length)
{
	h = use_digest(h, length);
	for (size_t i = 0; i < length; i++)
		h = use_digest(h, p[i]);
	return h;
}

/* ---- the way ---- */

static bool is_short(const struct cip_path *route)
{
	return route->count < HOPS_EXACT && (route->count == 0 || route->segments[0].length == 1);
}

static uint64_t short_way(const struct cip_path *route)
{
	const struct cip_segment *hop = &route->segments[0];

	return route->count ? HOP | hop->number << 8 | hop->bytes[0] : 0;
}

static uint64_t digest_way(const struct cip_path *route, uint64_t h)
{
	for (unsigned i = 0; i < route->count; i++)
		h = digest(use_digest(h, route->segments[i].number), route->segments[i].bytes, route->segments[i].length);
	return h;
}

uint64_t enip_use_way(const struct cip_path *const routes[2])
{
	static const struct cip_path none;
	const struct cip_path *first = routes[0] ? routes[0] : &none, *second = routes[1] ? routes[1] : &none;

	if (is_short(first) && is_short(second))
		return short_way(first) | short_way(second) << 32;
	return digest_way(second, digest_way(first, 1)) & ~(uint64_t)HOP;
}

/* ---- what is asked for ---- */

/* From the service to the path's end, and a list of attributes; behind the first value no further number is found. */
static struct bytes head_of(const struct cip_request *r)
{
	const uint8_t *end = r->data;

	if (r->attribute_count)
		end = r->values + (r->shape == CIP_SHAPE_SET_ATTRIBUTE_LIST ? 2 : r->values_length);
	return (struct bytes){ r->bytes, (size_t)(end - r->bytes) };
}

/* Where in a data file, and how much of it. */
static uint64_t file_of(const struct cip_request *r, uint16_t *ret_elements)
{
	struct pccc m;

	*ret_elements = 0;
	if (pccc_request(r, &m) != REASON_NONE)
		return 0;
	if (!m.has_address)
		return m.command | (uint64_t)m.has_function << 8 | (uint64_t)m.function << 16;
	*ret_elements = m.elements;
	return m.command | (uint64_t)m.has_function << 8 | (uint64_t)m.has_address << 9 | (uint64_t)m.function << 16 |
	       (uint64_t)m.type << 24 | (uint64_t)m.file << 32 | (uint64_t)m.element << 48;
}

/* The name that a listing told stands behind the number in the path: another one makes it another request. */
static void add_name(const struct cip_segment *name, uint8_t space[static USE_BYTES_MAX], struct bytes *b, uint64_t *more)
{
	if (b->length + name->length > USE_BYTES_MAX) {
		*more = digest(*more, name->bytes, name->length);
		return;
	}
	__builtin_memcpy(space, b->p, b->length);
	__builtin_memcpy(space + b->length, name->bytes, name->length);
	*b = (struct bytes){ space, b->length + name->length };
}

void enip_use_key(const struct cip_question *q, const struct cip_request *r, uint16_t command, uint64_t way,
		  uint32_t rule, enum reason reason, uint8_t space[static USE_BYTES_MAX], struct use_key *ret)
{
	struct bytes b = head_of(r);
	uint16_t elements = q->tag ? r->elements : 0;
	uint64_t more = 0;

	if (r->shape == CIP_SHAPE_PCCC)
		more = file_of(r, &elements);
	if (b.length > USE_BYTES_MAX)
		more = digest(more, b.p + USE_BYTES_MAX, b.length - USE_BYTES_MAX);
	if (q->tag && q->tag != &r->path)
		add_name(&q->tag->segments[cip_path_names_tag(&r->path)], space, &b, &more);
	use_key_begin(q->conduit->number, rule, (uint16_t)reason, command | (uint32_t)elements << 16, b.p,
		      (uint16_t)b.length, ret);
	ret->words[2] = way;
	ret->words[3] = more;
}

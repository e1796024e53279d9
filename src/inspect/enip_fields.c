/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/enip_fields.h"

#include "protocol/pccc.h"

#define DIGITS_MAX 10u /* of a number of 32 bits */

void enip_fields(const struct enip_message *m, struct core_event *ret)
{
	*ret = (struct core_event){ .has = CORE_HAS_COMMAND, .command = m->command };
}

/* ---- a tag in writing ---- */

struct text {
	char *out;
	unsigned length, most;
	bool full;
};

/* What comes from the network is printed by other programs: nothing but printable ASCII. */
static void put(struct text *t, uint8_t c)
{
	if (t->length == t->most)
		t->full = true;
	else
		t->out[t->length++] = (char)(c > ' ' && c < 0x7f && c != '"' && c != '\\' ? c : '?');
}

static void put_number(struct text *t, uint32_t n)
{
	uint8_t digits[DIGITS_MAX];
	unsigned count = 0;

	do
		digits[count++] = (uint8_t)('0' + n % 10);
	while (n /= 10);
	while (count)
		put(t, digits[--count]);
}

static void put_segment(struct text *t, const struct cip_path *path, unsigned i)
{
	const struct cip_segment *s = &path->segments[i];
	bool inside = i && path->segments[i - 1].kind == CIP_SEGMENT_MEMBER;

	if (s->kind == CIP_SEGMENT_MEMBER) {
		if (inside)
			t->out[t->length - 1] = ',';
		else
			put(t, '[');
		put_number(t, s->number);
		put(t, ']');
		return;
	}
	if (i)
		put(t, '.');
	for (unsigned k = 0; k < s->length && !t->full; k++)
		put(t, s->bytes[k]);
}

static void put_tag_of(struct text *t, const struct cip_path *tag)
{
	for (unsigned i = 0; i < tag->count && !t->full; i++)
		put_segment(t, tag, i);
}

static void put_numbers(struct text *t, const struct cip_request *r)
{
	uint32_t number;

	for (unsigned i = 0; i < r->attribute_count && !t->full; i++) {
		if (i)
			put(t, ',');
		if (cip_request_attribute(r, i, &number))
			put_number(t, number);
		else
			put(t, '?');
	}
}

/* "N7:0"; where the address does not say a type, "?7:0". */
static void put_file(struct text *t, const struct pccc *m)
{
	const char *name = m->type ? pccc_type_name(m->type) : NULL;

	for (unsigned i = 0; name && name[i]; i++)
		put(t, (uint8_t)name[i]);
	if (!name)
		put(t, '?');
	put_number(t, m->file);
	put(t, ':');
	put_number(t, m->element);
}

static unsigned end_text(struct text *t)
{
	for (unsigned i = 0; t->full && i < 3; i++)
		t->out[t->most - 1 - i] = '.';
	return t->length;
}

static struct text tag_text(struct core_event *e)
{
	return (struct text){ .out = e->tag, .most = CORE_TAG_MAX };
}

static void end_tag(struct text *t, uint32_t has, struct core_event *ret)
{
	ret->tag_length = (uint8_t)end_text(t);
	ret->has |= has;
}

static void put_elements(uint16_t elements, struct core_event *ret)
{
	ret->elements = elements;
	ret->has |= elements ? CORE_HAS_ELEMENTS : 0;
}

/* ---- a route in writing ---- */

/* A link is a slot's number in one byte, or an address in text. */
static void put_hop(struct text *t, const struct cip_segment *hop)
{
	if (t->length)
		put(t, '/');
	put_number(t, hop->number);
	put(t, '/');
	if (hop->length == 1)
		put_number(t, hop->bytes[0]);
	for (unsigned i = 0; hop->length > 1 && i < hop->length && !t->full; i++)
		put(t, hop->bytes[i]);
}

void enip_fields_route(const struct cip_path *const routes[2], struct core_event *ret)
{
	struct text t = { .out = ret->route, .most = CORE_ROUTE_MAX };

	for (unsigned i = 0; i < 2; i++)
		for (unsigned k = 0; routes[i] && k < routes[i]->count && !t.full; k++)
			put_hop(&t, &routes[i]->segments[k]);
	ret->route_length = (uint8_t)end_text(&t);
	ret->has |= t.length ? CORE_HAS_ROUTE : 0;
}

/* ---- */

static void put_object(const struct cip_path *path, struct core_event *ret)
{
	for (unsigned i = 0; i < path->count; i++) {
		const struct cip_segment *s = &path->segments[i];

		if (s->kind == CIP_SEGMENT_CLASS) {
			ret->class = s->number;
			ret->has |= CORE_HAS_CLASS;
		} else if (s->kind == CIP_SEGMENT_INSTANCE) {
			ret->instance = s->number;
			ret->has |= CORE_HAS_INSTANCE;
		} else if (s->kind == CIP_SEGMENT_ATTRIBUTE) {
			ret->attribute = s->number;
			ret->has |= CORE_HAS_ATTRIBUTE;
		}
	}
}

static void put_attributes(const struct cip_request *r, struct core_event *ret)
{
	struct text t = tag_text(ret);

	put_numbers(&t, r);
	end_tag(&t, CORE_HAS_ATTRIBUTES, ret);
}

static void put_pccc(const struct cip_request *r, struct core_event *ret)
{
	struct text t = tag_text(ret);
	struct pccc m;

	if (pccc_request(r, &m) != REASON_NONE)
		return;
	ret->has |= CORE_HAS_PCCC;
	ret->function = m.command;
	ret->subfunction = m.has_function ? m.function : UINT16_MAX;
	if (!m.has_address)
		return;
	put_file(&t, &m);
	end_tag(&t, CORE_HAS_FILE, ret);
	put_elements(m.elements, ret);
}

static void put_tag(const struct cip_request *r, const struct cip_path *tag, struct core_event *ret)
{
	struct text t = tag_text(ret);

	put_tag_of(&t, tag);
	end_tag(&t, CORE_HAS_TAG, ret);
	put_elements(r->elements, ret);
}

void enip_fields_request(const struct cip_request *r, const struct cip_path *tag, struct core_event *ret)
{
	ret->has |= CORE_HAS_SERVICE;
	ret->service = r->service;
	if (tag) {
		put_tag(r, tag, ret);
		return;
	}
	put_object(&r->path, ret);
	if (r->shape == CIP_SHAPE_PCCC)
		put_pccc(r, ret);
	else if (r->attribute_count)
		put_attributes(r, ret);
}

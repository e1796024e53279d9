/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/enip_fields.h"

#define DIGITS_MAX 10u /* of a number of 32 bits */

void enip_fields(const struct enip_message *m, struct core_event *ret)
{
	*ret = (struct core_event){ .has = CORE_HAS_COMMAND, .command = m->command };
}

/* ---- a tag in writing ---- */

struct text {
	char *out;
	unsigned length;
	bool full;
};

/* What comes from the network is printed by other programs: nothing but printable ASCII. */
static void put(struct text *t, uint8_t c)
{
	if (t->length == CORE_TAG_MAX)
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

static void put_tag(const struct cip_path *tag, struct core_event *ret)
{
	struct text t = { .out = ret->tag };

	for (unsigned i = 0; i < tag->count && !t.full; i++)
		put_segment(&t, tag, i);
	for (unsigned i = 0; t.full && i < 3; i++)
		t.out[CORE_TAG_MAX - 1 - i] = '.';
	ret->tag_length = (uint8_t)t.length;
	ret->has |= CORE_HAS_TAG;
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

void enip_fields_request(const struct cip_request *r, const struct cip_path *tag, struct core_event *ret)
{
	ret->has |= CORE_HAS_SERVICE;
	ret->service = r->service;
	if (tag)
		put_tag(tag, ret);
	else
		put_object(&r->path, ret);
}

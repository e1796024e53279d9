/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "protocol/cip_path.h"

#include "base/cursor.h"
#include "base/sink.h"
#include "protocol/cip.h"

/* A segment's first byte: its type in the three high bits. */
#define TYPE(byte) ((byte) >> 5)
enum type { TYPE_PORT = 0, TYPE_LOGICAL = 1, TYPE_NETWORK = 2, TYPE_DATA = 4 };

#define PORT_EXTENDED_LINK 0x10u /* a size byte and that many bytes of address, not one */
#define PORT_NUMBER 0x0fu
#define PORT_EXTENDED 0x0fu      /* the number follows in 16 bits */

#define LOGICAL_KIND(byte) ((byte) >> 2 & 7u)
#define LOGICAL_FORMAT(byte) ((byte) & 3u)
#define LOGICAL_KEY 0x34u        /* special: electronic key */
enum format { FORMAT_8 = 0, FORMAT_16 = 1, FORMAT_32 = 2 };

#define KEY_FORMAT 4u            /* the only one of the specification: 8 bytes */
#define KEY_BYTES 8u
#define DATA_SIMPLE 0x80u
#define DATA_SYMBOL 0x91u        /* ANSI extended symbol */

/* By the kind bits of a logical segment: which it is, and the widest format that it has. */
static const struct {
	uint8_t kind;
	uint8_t widest;
} logical[8] = {
	{ CIP_SEGMENT_CLASS, FORMAT_16 },
	{ CIP_SEGMENT_INSTANCE, FORMAT_32 },
	{ CIP_SEGMENT_MEMBER, FORMAT_32 },
	{ CIP_SEGMENT_POINT, FORMAT_32 },
	{ CIP_SEGMENT_ATTRIBUTE, FORMAT_16 },
};

/* Network segments: one byte of value, or (from 0x50 on) a count of words and these. */
#define NETWORK_ARRAY 0x10u
static const uint8_t network_known[] = { 0x41, 0x42, 0x43, 0x50, 0x51 };

/* The next segment, or NULL when there is no room. */
static struct cip_segment *add(struct cip_path *path, uint8_t kind, uint32_t number,
			       const uint8_t *bytes, size_t length)
{
	struct cip_segment *s;

	if (path->count == CIP_SEGMENTS_MAX)
		return NULL;
	s = &path->segments[path->count++];
	s->kind = kind;
	s->length = (uint16_t)length;
	s->number = number;
	s->bytes = bytes;
	return s;
}

static enum reason added(const struct cip_segment *s)
{
	return s ? REASON_NONE : REASON_NESTING_TOO_DEEP;
}

/* A pad byte, 0, in front of numbers of 16 and 32 bits. */
static bool read_number(struct cursor *c, unsigned format, uint32_t *ret)
{
	switch (format) {
	case FORMAT_8:
		*ret = cursor_u8(c);
		return !c->bad;
	case FORMAT_16:
		if (cursor_u8(c))
			return false;
		*ret = cursor_le16(c);
		return !c->bad;
	case FORMAT_32:
		if (cursor_u8(c))
			return false;
		*ret = cursor_le32(c);
		return !c->bad;
	default:
		return false;
	}
}

static enum reason read_key(struct cursor *c, struct cip_path *ret)
{
	const uint8_t *key;

	if (cursor_u8(c) != KEY_FORMAT)
		return REASON_MALFORMED_FRAME;
	key = cursor_take(c, KEY_BYTES);
	if (!key)
		return REASON_MALFORMED_FRAME;
	return added(add(ret, CIP_SEGMENT_KEY, KEY_FORMAT, key, KEY_BYTES));
}

static enum reason read_logical(struct cursor *c, uint8_t byte, struct cip_path *ret)
{
	unsigned kind = LOGICAL_KIND(byte), format = LOGICAL_FORMAT(byte);
	uint32_t number;

	if (byte == LOGICAL_KEY)
		return read_key(c, ret);
	if (!logical[kind].kind || format > logical[kind].widest || !read_number(c, format, &number))
		return REASON_MALFORMED_FRAME;
	return added(add(ret, logical[kind].kind, number, NULL, 0));
}

/* An address of one byte is the same link however it is written; a longer one is text. */
static enum reason read_port(struct cursor *c, uint8_t byte, struct cip_path *ret)
{
	uint32_t port = byte & PORT_NUMBER;
	size_t length = byte & PORT_EXTENDED_LINK ? cursor_u8(c) : 1;
	const uint8_t *link;

	if (port == PORT_EXTENDED)
		port = cursor_le16(c);
	link = cursor_take(c, length);
	if (!link || length == 0 || port == 0)
		return REASON_MALFORMED_FRAME;
	if (byte & PORT_EXTENDED_LINK && length % 2 && cursor_u8(c))
		return REASON_MALFORMED_FRAME;
	return added(add(ret, CIP_SEGMENT_PORT, port, link, length));
}

static enum reason read_network(struct cursor *c, uint8_t byte, struct cip_path *ret)
{
	size_t length = byte & NETWORK_ARRAY ? 2u * cursor_u8(c) : 1;
	const uint8_t *value = cursor_take(c, length);

	for (size_t i = 0; i < sizeof(network_known) && value; i++)
		if (network_known[i] == byte)
			return added(add(ret, CIP_SEGMENT_NETWORK, byte, value, length));
	return REASON_MALFORMED_FRAME;
}

/* One name between dots; control characters are in none. */
static size_t name_length(const uint8_t *p, size_t len)
{
	size_t n = 0;

	while (n < len && p[n] != '.' && p[n] >= 0x20 && p[n] != 0x7f)
		n++;
	return n;
}

static enum reason read_symbol(struct cursor *c, struct cip_path *ret)
{
	size_t length = cursor_u8(c), n;
	const uint8_t *p = cursor_take(c, length);

	if (!p || (length % 2 && cursor_u8(c)))
		return REASON_MALFORMED_FRAME;
	for (;; p += n + 1, length -= n + 1) {
		n = name_length(p, length);
		if (n == 0 || (n < length && p[n] != '.'))
			return REASON_MALFORMED_FRAME;
		if (!add(ret, CIP_SEGMENT_SYMBOL, 0, p, n))
			return REASON_NESTING_TOO_DEEP;
		if (n == length)
			return REASON_NONE;
	}
}

static enum reason read_data(struct cursor *c, uint8_t byte, struct cip_path *ret)
{
	const uint8_t *data;
	size_t length;

	if (byte == DATA_SYMBOL)
		return read_symbol(c, ret);
	length = 2u * cursor_u8(c);
	data = cursor_take(c, length);
	if (byte != DATA_SIMPLE || !data)
		return REASON_MALFORMED_FRAME;
	return added(add(ret, CIP_SEGMENT_DATA, 0, data, length));
}

static enum reason read_segment(struct cursor *c, struct cip_path *ret)
{
	uint8_t byte = cursor_u8(c);

	switch (TYPE(byte)) {
	case TYPE_PORT:
		return read_port(c, byte, ret);
	case TYPE_LOGICAL:
		return read_logical(c, byte, ret);
	case TYPE_NETWORK:
		return read_network(c, byte, ret);
	case TYPE_DATA:
		return read_data(c, byte, ret);
	default:
		return REASON_MALFORMED_FRAME;
	}
}

enum reason cip_path(const uint8_t *p, size_t len, struct cip_path *ret)
{
	struct cursor c = cursor_over(p, len);
	enum reason reason = REASON_NONE;

	ret->count = 0;
	if (len % 2)
		return REASON_MALFORMED_FRAME;
	while (reason == REASON_NONE && cursor_left(&c))
		reason = read_segment(&c, ret);
	if (reason == REASON_NONE && c.bad)
		reason = REASON_MALFORMED_FRAME;
	return reason;
}

uint32_t cip_path_object(const struct cip_path *path)
{
	uint32_t object = CIP_NO_OBJECT;

	for (unsigned i = 0; i < path->count; i++) {
		const struct cip_segment *s = &path->segments[i];

		if (s->kind == CIP_SEGMENT_CLASS)
			object = s->number;
		else if (s->kind == CIP_SEGMENT_SYMBOL && (i == 0 || object == CIP_CLASS_SYMBOL))
			object = CIP_CLASS_SYMBOL;
		else if (s->kind > CIP_SEGMENT_ATTRIBUTE)
			return CIP_NO_OBJECT;
	}
	return object;
}

bool cip_path_is(const struct cip_path *path, uint32_t class, uint32_t instance)
{
	return path->count == 2 && path->segments[0].kind == CIP_SEGMENT_CLASS &&
	       path->segments[0].number == class && path->segments[1].kind == CIP_SEGMENT_INSTANCE &&
	       path->segments[1].number == instance;
}

bool cip_name_equals(const struct cip_segment *symbol, const char *lower, size_t len)
{
	if (symbol->length != len)
		return false;
	for (size_t i = 0; i < len; i++) {
		uint8_t b = symbol->bytes[i];

		if (b >= 'A' && b <= 'Z')
			b = (uint8_t)(b + ('a' - 'A'));
		if (b != (uint8_t)lower[i])
			return false;
	}
	return true;
}

/* ---- writing ------------------------------------------------------------------------------------------ */

static void write_logical(struct sink *s, const struct cip_segment *segment)
{
	uint8_t byte = 0x20;

	for (uint8_t kind = 0; kind < 8; kind++)
		if (logical[kind].kind == segment->kind)
			byte = (uint8_t)(0x20 | kind << 2);
	if (segment->number <= UINT8_MAX) {
		sink_u8(s, byte);
		sink_u8(s, (uint8_t)segment->number);
	} else if (segment->number <= UINT16_MAX) {
		sink_u8(s, byte | FORMAT_16);
		sink_u8(s, 0);
		sink_le16(s, (uint16_t)segment->number);
	} else {
		sink_u8(s, byte | FORMAT_32);
		sink_u8(s, 0);
		sink_le32(s, segment->number);
	}
}

static void write_port(struct sink *s, const struct cip_segment *segment)
{
	uint8_t byte = segment->number < PORT_EXTENDED ? (uint8_t)segment->number : PORT_EXTENDED;

	if (segment->length > 1) {
		sink_u8(s, byte | PORT_EXTENDED_LINK);
		sink_u8(s, (uint8_t)segment->length);
	} else {
		sink_u8(s, byte);
	}
	if (byte == PORT_EXTENDED)
		sink_le16(s, (uint16_t)segment->number);
	sink_bytes(s, segment->bytes, segment->length);
	if (segment->length > 1 && segment->length % 2)
		sink_u8(s, 0);
}

static void write_symbol(struct sink *s, const struct cip_segment *segment)
{
	sink_u8(s, DATA_SYMBOL);
	sink_u8(s, (uint8_t)segment->length);
	sink_bytes(s, segment->bytes, segment->length);
	if (segment->length % 2)
		sink_u8(s, 0);
}

static void write_counted(struct sink *s, uint8_t byte, const struct cip_segment *segment)
{
	sink_u8(s, byte);
	sink_u8(s, (uint8_t)(segment->length / 2));
	sink_bytes(s, segment->bytes, segment->length);
}

static void write_segment(struct sink *s, const struct cip_segment *segment)
{
	switch ((enum cip_segment_kind)segment->kind) {
	case CIP_SEGMENT_CLASS:
	case CIP_SEGMENT_INSTANCE:
	case CIP_SEGMENT_MEMBER:
	case CIP_SEGMENT_POINT:
	case CIP_SEGMENT_ATTRIBUTE:
		write_logical(s, segment);
		break;
	case CIP_SEGMENT_SYMBOL:
		write_symbol(s, segment);
		break;
	case CIP_SEGMENT_KEY:
		sink_u8(s, LOGICAL_KEY);
		sink_u8(s, KEY_FORMAT);
		sink_bytes(s, segment->bytes, segment->length);
		break;
	case CIP_SEGMENT_PORT:
		write_port(s, segment);
		break;
	case CIP_SEGMENT_NETWORK:
		if (segment->number & NETWORK_ARRAY) {
			write_counted(s, (uint8_t)segment->number, segment);
		} else {
			sink_u8(s, (uint8_t)segment->number);
			sink_u8(s, segment->bytes[0]);
		}
		break;
	case CIP_SEGMENT_DATA:
		write_counted(s, DATA_SIMPLE, segment);
		break;
	}
}

size_t cip_path_write(const struct cip_path *path, uint8_t *out, size_t cap)
{
	struct sink s = sink_over(out, cap);

	for (unsigned i = 0; i < path->count; i++)
		write_segment(&s, &path->segments[i]);
	return s.full ? 0 : s.len;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "json/plain.h"

#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

#define DEPTH_MAX 32u
#define DIGITS_MAX 15u /* certain to fit an integer and a double */

/* Readers return the byte behind what they read; NULL: not certain. The NUL behind the text is in no form. */
struct plain {
	const char *end;
	unsigned depth;
	uint64_t maps; /* a bit for each open container, the innermost lowest: it is a map */
	struct json_size size;
};

static const char *skip_blanks(const char *p)
{
	while (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r')
		p++;
	return p;
}

static const char *read_escape(const char *p)
{
	return p[1] && strchr("\"\\/bfnrt", p[1]) ? p + 2 : NULL;
}

static const char *read_wide(const struct plain *s, const char *p)
{
	uint32_t code;
	size_t size = utf8_next(p, (size_t)(s->end - p), &code);

	return size ? p + size : NULL;
}

static const char *read_text(const struct plain *s, const char *p)
{
	for (p++; p && *p != '"';) {
		unsigned char c = (unsigned char)*p;

		if (c < ' ')
			return NULL;
		if (c == '\\')
			p = read_escape(p);
		else
			p = c < 0x80 ? p + 1 : read_wide(s, p);
	}
	return p ? p + 1 : NULL;
}

static const char *read_digits(const char *p)
{
	size_t count = strspn(p, "0123456789");

	return count && count <= DIGITS_MAX ? p + count : NULL;
}

static const char *read_number(const char *p)
{
	p += *p == '-';
	p = *p == '0' ? p + 1 : read_digits(p);
	return p && *p == '.' ? read_digits(p + 1) : p;
}

static const char *read_word(const char *p, const char *word)
{
	size_t len = strlen(word);

	return strncmp(p, word, len) ? NULL : p + len;
}

static const char *read_scalar(const struct plain *s, const char *p)
{
	switch (*p) {
	case '"':
		return read_text(s, p);
	case 't':
		return read_word(p, "true");
	case 'f':
		return read_word(p, "false");
	case 'n':
		return read_word(p, "null");
	default:
		return read_number(p);
	}
}

/* A name and its colon. */
static const char *read_name(const struct plain *s, const char *p)
{
	p = skip_blanks(p);
	p = *p == '"' ? read_text(s, p) : NULL;
	p = p ? skip_blanks(p) : NULL;
	return p && *p == ':' ? p + 1 : NULL;
}

static bool closes_here(const struct plain *s, const char *p)
{
	return s->depth && *p == (s->maps & 1 ? '}' : ']');
}

static const char *leave(struct plain *s, const char *p)
{
	s->maps >>= 1;
	s->depth--;
	return p + 1;
}

static const char *enter(struct plain *s, const char *p)
{
	if (s->depth == DEPTH_MAX)
		return NULL;
	s->depth++;
	s->size.values++;
	s->size.containers++;
	s->maps = s->maps << 1 | (*p == '{');
	return p + 1;
}

/* Opens containers until a value was read, an empty container among them. */
static const char *read_value(struct plain *s, const char *p)
{
	for (p = skip_blanks(p); p && (*p == '{' || *p == '['); p = p ? skip_blanks(p) : NULL) {
		p = enter(s, p);
		if (p && closes_here(s, skip_blanks(p)))
			return leave(s, skip_blanks(p));
		if (p && s->maps & 1)
			p = read_name(s, p);
	}
	return p ? read_scalar(s, p) : NULL;
}

/* What follows a value: closings, then the way to the next value; the end of the text when there is none. */
static const char *read_after(struct plain *s, const char *p)
{
	for (p = skip_blanks(p); closes_here(s, p); p = skip_blanks(p))
		p = leave(s, p);
	if (!s->depth)
		return p == s->end ? p : NULL;
	if (*p != ',')
		return NULL;
	s->size.values++;
	return s->maps & 1 ? read_name(s, p + 1) : p + 1;
}

bool plain_json(const char *text, size_t len, struct json_size *ret)
{
	struct plain s = { .end = text + len, .size = { .values = 1 } };
	const char *p = text;

	do {
		p = read_value(&s, p);
		p = p ? read_after(&s, p) : NULL;
	} while (p && s.depth);
	*ret = s.size;
	return p != NULL;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "json/writer.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define DEPTH_MAX 63u

static bool in_map(const struct writer *w)
{
	return w->maps >> w->depth & 1;
}

static void new_line(struct writer *w)
{
	if (!w->pretty)
		return;
	fputc('\n', w->out);
	for (unsigned i = 0; i < w->depth; i++)
		fputs("  ", w->out);
}

/* Before an element or a member's name. */
static void separate(struct writer *w)
{
	if (!w->depth)
		return;
	if (!w->first)
		fputs(w->pretty ? "," : ", ", w->out);
	new_line(w);
	w->first = false;
}

static void before_value(struct writer *w)
{
	if (in_map(w) != w->named)
		abort();
	if (!w->named)
		separate(w);
	w->named = false;
}

static void open_container(struct writer *w, char c, bool map)
{
	before_value(w);
	if (w->depth == DEPTH_MAX)
		abort();
	fputc(c, w->out);
	w->depth++;
	w->maps &= ~(UINT64_C(1) << w->depth);
	w->maps |= (uint64_t)map << w->depth;
	w->first = true;
}

static void close_container(struct writer *w, char c, bool map)
{
	bool empty = w->first;

	if (!w->depth || w->named || in_map(w) != map)
		abort();
	w->depth--;
	if (!empty)
		new_line(w);
	fputc(c, w->out);
	w->first = false;
}

void writer_init(struct writer *w, FILE *out, bool pretty)
{
	*w = (struct writer){ .out = out, .pretty = pretty, .first = true };
}

void writer_open_map(struct writer *w)
{
	open_container(w, '{', true);
}

void writer_close_map(struct writer *w)
{
	close_container(w, '}', true);
}

void writer_open_list(struct writer *w)
{
	open_container(w, '[', false);
}

void writer_close_list(struct writer *w)
{
	close_container(w, ']', false);
}

/* What stands behind the backslash; 0: the character has no such form. */
static char short_escape(char c)
{
	switch (c) {
	case '"':
	case '\\':
		return c;
	case '\n':
		return 'n';
	case '\t':
		return 't';
	default:
		return 0;
	}
}

static void put_character(FILE *out, const char *p, size_t size, uint32_t code)
{
	if (!size)
		fputs("\xef\xbf\xbd", out);
	else if (utf8_is_control(code))
		fprintf(out, "\\u%04" PRIx32, code);
	else
		fwrite(p, 1, size, out);
}

/* Bytes that stand for themselves, whole characters of one byte. */
static size_t plain_run(const char *text)
{
	size_t size = 0;

	while (text[size] >= ' ' && text[size] < 0x7f && text[size] != '"' && text[size] != '\\')
		size++;
	return size;
}

static void put_quoted(FILE *out, const char *text)
{
	size_t left = strlen(text), size;
	uint32_t code = 0;

	fputc('"', out);
	while (left) {
		size = plain_run(text);
		if (size) {
			fwrite_unlocked(text, 1, size, out);
		} else if (short_escape(*text)) {
			putc_unlocked('\\', out);
			putc_unlocked(short_escape(*text), out);
			size = 1;
		} else {
			size = utf8_next(text, left, &code);
			put_character(out, text, size, code);
			size = size ? size : 1;
		}
		text += size;
		left -= size;
	}
	fputc('"', out);
}

void writer_name(struct writer *w, const char *name)
{
	if (!in_map(w) || w->named)
		abort();
	separate(w);
	put_quoted(w->out, name);
	fputs(": ", w->out);
	w->named = true;
}

void writer_text(struct writer *w, const char *text)
{
	before_value(w);
	if (text)
		put_quoted(w->out, text);
	else
		fputs("null", w->out);
}

void writer_int(struct writer *w, int64_t value)
{
	before_value(w);
	fprintf(w->out, "%" PRId64, value);
}

void writer_uint(struct writer *w, uint64_t value)
{
	before_value(w);
	fprintf(w->out, "%" PRIu64, value);
}

void writer_real(struct writer *w, double value)
{
	char text[32];

	before_value(w);
	if (!isfinite(value)) {
		fputs("null", w->out);
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) >= value && strtod(text, NULL) <= value)
			break;
	}
	fputs(text, w->out);
}

void writer_bool(struct writer *w, bool value)
{
	before_value(w);
	fputs(value ? "true" : "false", w->out);
}

void writer_put_text(struct writer *w, const char *name, const char *text)
{
	writer_name(w, name);
	writer_text(w, text);
}

void writer_put_int(struct writer *w, const char *name, int64_t value)
{
	writer_name(w, name);
	writer_int(w, value);
}

void writer_put_uint(struct writer *w, const char *name, uint64_t value)
{
	writer_name(w, name);
	writer_uint(w, value);
}

void writer_put_bool(struct writer *w, const char *name, bool value)
{
	writer_name(w, name);
	writer_bool(w, value);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "json/source.h"

#include <string.h>

#include "base/utf8.h"

#define CHUNK 512u       /* bytes of text a mark */
#define LINE_SHOWN 512u  /* longer lines are not copied into findings */
#define POINTER_MAX 512u /* bytes of a pointer; what is longer is cut */

/* What is known at the first byte of a chunk. */
struct source_mark {
	uint32_t line;       /* newlines before */
	uint32_t characters; /* characters before */
	uint32_t line_start; /* offset of the line's first byte */
	uint32_t line_characters; /* characters before line_start */
};

static void mark_step(struct source_mark *mark, const char *text, size_t from, size_t until)
{
	const char *newline;

	for (; (newline = memchr(text + from, '\n', until - from)); from = mark->line_start) {
		mark->line++;
		mark->line_start = (uint32_t)(newline - text) + 1;
		mark->characters += (uint32_t)utf8_count(text + from, mark->line_start - from);
		mark->line_characters = mark->characters;
	}
	mark->characters += (uint32_t)utf8_count(text + from, until - from);
}

const struct source_mark *source_index(const char *text, size_t len, struct arena *arena)
{
	struct source_mark *marks = arena_array(arena, len / CHUNK + 1, sizeof(*marks));

	for (size_t i = 0; i < len / CHUNK; i++) {
		marks[i + 1] = marks[i];
		mark_step(&marks[i + 1], text, i * CHUNK, (i + 1) * CHUNK);
	}
	return marks;
}

static const char *line_copy(const struct value_source *source, size_t start, struct arena *arena)
{
	size_t left = source->len - start;
	const char *line = source->text + start;
	const char *end = memchr(line, '\n', left < LINE_SHOWN ? left : LINE_SHOWN);

	if (!end && left >= LINE_SHOWN)
		return NULL;
	if (!end)
		end = line + left;
	if (end > line && end[-1] == '\r')
		end--;
	return arena_strndup(arena, line, (size_t)(end - line));
}

/* Characters from .. until - 1 on the first line; bounded, since nothing longer is shown. */
static unsigned width_of(const struct value_source *source, size_t from, size_t until)
{
	const char *end;

	if (until > from + LINE_SHOWN)
		until = from + LINE_SHOWN;
	end = memchr(source->text + from, '\n', until - from);
	if (end)
		until = (size_t)(end - source->text);
	return until > from ? (unsigned)utf8_count(source->text + from, until - from) : 1;
}

/* What is known at an offset. */
static struct source_mark mark_at(const struct value_source *source, size_t at)
{
	struct source_mark mark = source->marks ? source->marks[at / CHUNK] : (struct source_mark){ 0 };

	mark_step(&mark, source->text, source->marks ? at / CHUNK * CHUNK : 0, at);
	return mark;
}

struct diag_place source_place(const struct value_source *source, size_t from, size_t until,
			       struct arena *arena)
{
	struct source_mark mark = mark_at(source, from);

	return (struct diag_place){
		.file = source->file,
		.line = mark.line + 1,
		.column = mark.characters - mark.line_characters + 1,
		.width = width_of(source, from, until),
		.text = line_copy(source, mark.line_start, arena),
	};
}

/* Puts bytes in front of those at *at, as long as there is room. */
static bool put_before(char *buffer, size_t *at, const char *bytes, size_t len)
{
	if (*at < len)
		return false;
	*at -= len;
	memcpy(buffer + *at, bytes, len);
	return true;
}

static bool put_name(char *buffer, size_t *at, const char *name)
{
	for (size_t i = strlen(name); i--;) {
		bool fits = name[i] == '~' ? put_before(buffer, at, "~0", 2) :
			    name[i] == '/' ? put_before(buffer, at, "~1", 2) :
					     put_before(buffer, at, &name[i], 1);

		if (!fits)
			return false;
	}
	return put_before(buffer, at, "/", 1);
}

static bool put_position(char *buffer, size_t *at, size_t position)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "/%zu", position);

	return put_before(buffer, at, text, (size_t)len);
}

/* Written from its end: a value knows its parent. */
static const char *pointer_of(const struct value *value, struct arena *arena)
{
	char buffer[POINTER_MAX];
	size_t at = sizeof(buffer);
	bool fits = true;

	for (; fits && value->below; value -= value->below)
		fits = value->name ? put_name(buffer, &at, value->name) :
				     put_position(buffer, &at, (size_t)(value - (value - value->below)->items));
	return fits ? arena_strndup(arena, buffer + at, sizeof(buffer) - at) :
		      arena_printf(arena, "...%.*s", (int)(sizeof(buffer) - at), buffer + at);
}

/* The byte behind the value or name that begins at `from`, or as much of it as is ever shown. */
static size_t end_of(const struct value_source *source, size_t from)
{
	size_t most = source->len - from < LINE_SHOWN ? source->len : from + LINE_SHOWN;
	bool inside = false;
	size_t depth = 0;

	for (size_t at = from; at < most; at++) {
		char c = source->text[at];

		if (inside) {
			at += c == '\\';
			inside = c != '"';
		} else if (c == '"') {
			inside = true;
		} else if (c == '[' || c == '{') {
			depth++;
		} else if (!depth && strchr(", \t\r\n]}", c)) {
			return at;
		} else if (c == ']' || c == '}') {
			depth--;
		}
		if (!inside && !depth && strchr("\"]}", c))
			return at + 1;
	}
	return most;
}

static struct diag_place place_of(const struct value *value, size_t from, struct arena *arena)
{
	const struct value_source *source = value_source(value);

	return source_place(source, from, end_of(source, from), arena);
}

unsigned value_line(const struct value *value)
{
	return mark_at(value_source(value), value->from).line + 1;
}

struct diag_place value_place(const struct value *value, struct arena *arena)
{
	struct diag_place place = place_of(value, value->from, arena);

	place.pointer = pointer_of(value, arena);
	return place;
}

struct diag_place value_name_place(const struct value *value, struct arena *arena)
{
	struct diag_place place;

	if (!value->name)
		return value_place(value, arena);
	place = place_of(value, value->name_from, arena);
	place.pointer = pointer_of(value, arena);
	return place;
}

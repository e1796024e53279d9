/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "json/value.h"

#include <jansson.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "json/plain.h"
#include "json/source.h"

#define TEXTS_KEPT 1024u
#define COMMON_LENGTH 255u /* bytes of a text that may stand in a document again and again */
#define VALUES_BITS 0xffffffu /* of the count of a container */
#define INTEGER_CERTAIN 18u /* characters that make an int64_t, whatever they are */

/* Only the root, which is the first of the row, knows its document. */
struct document_value {
	struct value_source source;
	struct value row[];
};

/* Reads text that was found to be JSON: none of those checks is repeated here. */
struct scan {
	const struct value_source *source;
	struct arena *arena;
	const char *p;
	const uint32_t *counts; /* children of each container, in the order they open */
	size_t opened;
	struct value *free;     /* the rest of the document's row */
	const char *texts[TEXTS_KEPT]; /* met before, by hash: names of members, owners, dates */
};

static const char *skip_blanks(const char *p)
{
	while (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r')
		p++;
	return p;
}

/* p at the opening quote; returns the byte behind the closing one. */
static const char *skip_text(const char *p)
{
	const char *quote = strchr(p + 1, '"');

	if (quote[-1] != '\\')
		return quote + 1;
	for (p++; *p != '"'; p++)
		p += *p == '\\';
	return p + 1;
}

static bool opens(char c)
{
	return c == '{' || c == '[';
}

static bool closes(char c)
{
	return c == '}' || c == ']';
}

/* Judged before jansson builds them, so on text that may be anything. */
static struct json_size measure(const struct value_source *source)
{
	const char *end = source->text + source->len;
	struct json_size size = { .values = 1 };
	bool inside = false;

	for (const char *p = source->text; p < end; p++) {
		if (*p == '"') {
			inside = !inside;
		} else if (inside) {
			p += *p == '\\';
		} else {
			size.values += *p == ',' || opens(*p);
			size.containers += opens(*p);
		}
	}
	return size;
}

/* Counted before they are read, so that all values are allocated at once and none ever moves. */
static const uint32_t *count_children(const char *p, size_t containers, struct arena *arena)
{
	uint32_t *counts = arena_array(arena, containers, sizeof(*counts));
	size_t stack[JSON_PARSER_MAX_DEPTH + 1];
	size_t depth = 0, opened = 0;

	for (; *p; p++) {
		if (*p == '"') {
			p = skip_text(p) - 1;
		} else if (*p == ',') {
			counts[stack[depth - 1]]++;
		} else if (closes(*p)) {
			depth--;
		} else if (opens(*p)) {
			stack[depth++] = opened;
			counts[opened++] = !closes(*skip_blanks(p + 1));
		}
	}
	return counts;
}

static const char *decode_escapes(struct scan *s, const char *from, const char *until)
{
	json_t *text = json_loadb(from, (size_t)(until - from), JSON_DECODE_ANY, NULL);
	char *copy;

	/* jansson has read the same bytes before: only memory can be missing */
	if (!text)
		return "";
	copy = arena_strndup(s->arena, json_string_value(text), json_string_length(text));
	json_decref(text);
	return copy;
}

static const char *copy_text(struct scan *s, const char *from, size_t len)
{
	if (memchr(from, '\\', len))
		return decode_escapes(s, from - 1, from + len + 1);
	return arena_strndup(s->arena, from, len);
}

/* Reads the text at s->p; of what stands there often there is one copy. */
static const char *scan_text(struct scan *s)
{
	const char *from = s->p + 1, **kept;
	size_t len = (size_t)(skip_text(s->p) - from) - 1;
	uint32_t hash = 0;

	s->p = from + len + 1;
	if (len > COMMON_LENGTH)
		return copy_text(s, from, len);
	for (size_t i = 0; i < len; i++)
		hash = hash * 31 + (uint8_t)from[i];
	kept = &s->texts[hash % TEXTS_KEPT];
	if (!*kept || strncmp(*kept, from, len) || (*kept)[len] || memchr(from, '\\', len))
		*kept = copy_text(s, from, len);
	return *kept;
}

static void scan_any_number(const char *p, size_t len, struct value *ret)
{
	json_t *number = json_loadb(p, len, JSON_DECODE_ANY, NULL);

	ret->type = VALUE_REAL;
	if (json_is_integer(number)) {
		ret->type = VALUE_INT;
		ret->integer = json_integer_value(number);
	} else if (number) {
		ret->real = json_real_value(number);
	} else { /* an integer that does not fit */
		ret->real = strtod(p, NULL);
	}
	json_decref(number);
}

static void scan_number(struct scan *s, struct value *ret)
{
	size_t len = strspn(s->p, "+-.0123456789eE");

	if (len <= INTEGER_CERTAIN && strspn(s->p, "-0123456789") == len) {
		ret->type = VALUE_INT;
		ret->integer = strtoll(s->p, NULL, 10);
	} else {
		scan_any_number(s->p, len, ret);
	}
	s->p += len;
}

static void scan_value(struct scan *s, struct value *ret);

static void scan_name(struct scan *s, struct value *ret)
{
	ret->name_from = (uint32_t)(s->p - s->source->text);
	ret->name = scan_text(s);
	s->p = skip_blanks(skip_blanks(s->p) + 1);
}

static void scan_container(struct scan *s, struct value *ret)
{
	bool map = *s->p == '{';

	ret->type = map ? VALUE_MAP : VALUE_LIST;
	ret->count = s->counts[s->opened++] & VALUES_BITS;
	ret->items = s->free;
	s->free += ret->count;
	s->p = skip_blanks(s->p + 1);
	for (size_t i = 0; i < ret->count; i++) {
		struct value *item = &ret->items[i];

		item->below = (uint32_t)(item - ret);
		if (map)
			scan_name(s, item);
		scan_value(s, item);
		s->p = skip_blanks(s->p);
		if (i + 1 < ret->count)
			s->p = skip_blanks(s->p + 1);
	}
	s->p++;
}

static void scan_word(struct scan *s, struct value *ret)
{
	ret->type = *s->p == 'n' ? VALUE_NULL : VALUE_BOOL;
	ret->boolean = *s->p == 't';
	s->p += *s->p == 'f' ? 5 : 4;
}

/* Recursion ends at jansson's JSON_PARSER_MAX_DEPTH. */
static void scan_value(struct scan *s, struct value *ret)
{
	ret->from = (uint32_t)(s->p - s->source->text);
	if (*s->p == '"') {
		ret->type = VALUE_TEXT;
		ret->text = scan_text(s);
	} else if (opens(*s->p)) {
		scan_container(s, ret);
	} else if (*s->p == 't' || *s->p == 'f' || *s->p == 'n') {
		scan_word(s, ret);
	} else {
		scan_number(s, ret);
	}
}

/* The root, and what the containers hold. */
static size_t count_values(const uint32_t *counts, size_t containers)
{
	size_t values = 1;

	for (size_t i = 0; i < containers; i++)
		values += counts[i];
	return values;
}

static struct value *build(const struct value_source *source, size_t containers, struct arena *arena)
{
	struct arena scratch = { 0 };
	const uint32_t *counts = count_children(source->text, containers, &scratch);
	size_t values = count_values(counts, containers);
	struct document_value *document = arena_alloc(arena, sizeof(*document) + values * sizeof(struct value));
	struct scan s = { .source = &document->source, .arena = arena, .counts = counts,
			  .free = document->row + 1 };

	document->source = *source;
	document->source.marks = source_index(source->text, source->len, arena);
	s.p = skip_blanks(source->text);
	scan_value(&s, document->row);
	arena_free(&scratch);
	return document->row;
}

static void report_whole(const struct value_source *source, struct arena *arena,
			 struct diag_list *diags, const char *code, const char *message,
			 const char *help)
{
	struct diag_place place = source_place(source, 0, source->len ? 1 : 0, arena);

	place.text = NULL;
	diag_add(diags, DIAG_ERROR, code, &place, help, "%s", message);
}

/* Of what is not plain. */
static bool judge(const struct value_source *source, struct arena *arena, struct diag_list *diags)
{
	json_error_t error;
	json_t *judged = json_loadb(source->text, source->len, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, &error);

	if (!judged)
		syntax_report(source, &error, arena, diags);
	json_decref(judged);
	return judged;
}

struct value *value_parse(const struct value_source *source, struct arena *arena,
			  struct diag_list *diags)
{
	struct json_size size;
	bool plain;

	if (source->len >= 3 && !memcmp(source->text, "\xef\xbb\xbf", 3)) {
		report_whole(source, arena, diags, "syntax", "the document begins with a byte order mark",
			     "save the file as UTF-8 without a byte order mark (BOM)");
		return NULL;
	}
	plain = plain_json(source->text, source->len, &size);
	if (!plain)
		size = measure(source);
	if (source->len > UINT32_MAX || size.values > VALUES_MAX) {
		report_whole(source, arena, diags, "document-too-large",
			     "the document holds more than 1000000 values",
			     "spread its content over several documents");
		return NULL;
	}
	return plain || judge(source, arena, diags) ? build(source, size.containers, arena) : NULL;
}

const struct value_source *value_source(const struct value *value)
{
	while (value->below)
		value -= value->below;
	return &((const struct document_value *)(const void *)((const char *)value -
							       offsetof(struct document_value, row)))->source;
}

const struct value *value_member(const struct value *map, const char *name)
{
	if (!map || map->type != VALUE_MAP)
		return NULL;
	for (size_t i = 0; i < map->count; i++)
		if (!strcmp(map->items[i].name, name))
			return &map->items[i];
	return NULL;
}

const char *value_member_text(const struct value *map, const char *name)
{
	const struct value *member = value_member(map, name);

	return member && member->type == VALUE_TEXT ? member->text : NULL;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/diag.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"

#define MESSAGE_MAX 1000 /* bytes of a message; names in it come from the documents */

void diag_init(struct diag_list *list, struct arena *arena)
{
	*list = (struct diag_list){ .arena = arena };
}

bool diag_wants(const struct diag_list *list, enum diag_severity severity)
{
	if (list->count < DIAG_MAX)
		return true;
	return severity == DIAG_ERROR && list->kept_errors < list->count;
}

static void grow(struct diag_list *list)
{
	size_t capacity = list->capacity ? list->capacity * 2 : 16;
	struct diag *items = arena_array(list->arena, capacity, sizeof(*items));

	if (list->count)
		memcpy(items, list->items, list->count * sizeof(*items));
	list->items = items;
	list->capacity = capacity;
}

/* Where a finding that is wanted goes: behind the others, or over the last warning. */
static struct diag *slot(struct diag_list *list)
{
	size_t at = list->count;

	if (at < DIAG_MAX) {
		if (at == list->capacity)
			grow(list);
		list->count++;
		return &list->items[at];
	}
	while (list->items[at - 1].severity != DIAG_WARNING)
		at--;
	memmove(&list->items[at - 1], &list->items[at], (list->count - at) * sizeof(*list->items));
	return &list->items[list->count - 1];
}

__attribute__((format(printf, 2, 0)))
static const char *format_message(struct arena *arena, const char *format, va_list args)
{
	char text[MESSAGE_MAX + 1];
	int len = vsnprintf(text, sizeof(text), format, args);

	if (len < 0)
		len = 0;
	if (len > MESSAGE_MAX) {
		len = MESSAGE_MAX;
		while (len && ((unsigned char)text[len] & 0xc0) == 0x80)
			len--;
	}
	return arena_strndup(arena, text, (size_t)len);
}

void diag_add(struct diag_list *list, enum diag_severity severity, const char *code,
	      const struct diag_place *place, const char *help, const char *format, ...)
{
	struct diag item = { .code = code, .severity = severity, .help = help };
	va_list args;

	if (severity == DIAG_ERROR)
		list->errors++;
	else
		list->warnings++;
	if (!diag_wants(list, severity))
		return;
	if (place)
		item.place = *place;
	va_start(args, format);
	item.message = format_message(list->arena, format, args);
	va_end(args);
	*slot(list) = item;
	if (severity == DIAG_ERROR)
		list->kept_errors++;
}

struct ranked {
	struct diag item;
	size_t found;
};

static int order(size_t a, size_t b)
{
	return (a > b) - (a < b);
}

static int compare_ranked(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	const struct diag_place *p = &x->item.place, *q = &y->item.place;
	int by = strcmp(p->file ? p->file : "", q->file ? q->file : "");

	if (!by)
		by = order(p->line, q->line);
	if (!by)
		by = order(p->column, q->column);
	return by ? by : order(x->found, y->found);
}

void diag_sort(struct diag_list *list)
{
	struct ranked *ranked = arena_array(list->arena, list->count, sizeof(*ranked));

	for (size_t i = 0; i < list->count; i++)
		ranked[i] = (struct ranked){ .item = list->items[i], .found = i };
	qsort(ranked, list->count, sizeof(*ranked), compare_ranked);
	for (size_t i = 0; i < list->count; i++)
		list->items[i] = ranked[i].item;
}

/* Text of the documents on a terminal: nothing in it may act there. */
static void print_plain(FILE *out, const char *text, bool keep_tabs)
{
	size_t left = strlen(text), size;
	uint32_t code;

	for (; left; text += size, left -= size) {
		size = utf8_next(text, left, &code);
		if (size && (!utf8_is_control(code) || (code == '\t' && keep_tabs))) {
			fwrite(text, 1, size, out);
			continue;
		}
		fputc('?', out);
		size = size ? size : 1;
	}
}

/* The blanks under the first `count` characters of the line; a tab stays a tab. */
static const char *print_indent(FILE *out, const char *text, unsigned count)
{
	size_t left = strlen(text);
	uint32_t code;

	for (; count && left; count--) {
		size_t size = utf8_next(text, left, &code);

		size = size ? size : 1;
		fputc(*text == '\t' ? '\t' : ' ', out);
		text += size;
		left -= size;
	}
	return text;
}

static void print_source(FILE *out, const struct diag_place *place, bool colour)
{
	unsigned width = place->width ? place->width : 1;
	const char *rest;
	size_t left;

	fprintf(out, "%6u | ", place->line);
	print_plain(out, place->text, true);
	fputs("\n       | ", out);
	rest = print_indent(out, place->text, place->column ? place->column - 1 : 0);
	left = utf8_count(rest, strlen(rest));
	if (width > left)
		width = left ? (unsigned)left : 1;
	fputs(colour ? "\033[32m^" : "^", out);
	while (--width)
		fputc('~', out);
	fputs(colour ? "\033[0m\n" : "\n", out);
}

static void print_heading(FILE *out, const struct diag *item, bool colour)
{
	bool error = item->severity == DIAG_ERROR;
	const struct diag_place *place = &item->place;

	if (place->file) {
		print_plain(out, place->file, false);
		if (place->line)
			fprintf(out, ":%u:%u", place->line, place->column);
		fputs(": ", out);
	}
	if (colour)
		fputs(error ? "\033[1;31m" : "\033[1;33m", out);
	fprintf(out, "%s[%s]", error ? "error" : "warning", item->code);
	fputs(colour ? "\033[0m: " : ": ", out);
	print_plain(out, item->message, false);
	if (place->pointer && place->pointer[0]) {
		fputs(" (", out);
		print_plain(out, place->pointer, false);
		fputc(')', out);
	}
	fputc('\n', out);
}

static void print_all(const struct diag_list *list, FILE *out, bool colour)
{
	size_t all = list->errors + list->warnings;

	for (size_t i = 0; i < list->count; i++) {
		const struct diag *item = &list->items[i];

		print_heading(out, item, colour);
		if (item->place.line && item->place.text)
			print_source(out, &item->place, colour);
		if (item->help) {
			fputs("    ", out);
			print_plain(out, item->help, false);
			fputc('\n', out);
		}
	}
	if (all > list->count)
		fprintf(out, "and %zu more findings that are not shown\n", all - list->count);
}

/* Standard error has no buffer: every character would be a call into the kernel. */
void diag_print(const struct diag_list *list, FILE *out, bool colour)
{
	char *text = NULL;
	size_t size = 0;
	FILE *whole = open_memstream(&text, &size);

	if (!whole) {
		print_all(list, out, colour);
		return;
	}
	print_all(list, whole, colour);
	if (fclose(whole) == 0)
		fwrite(text, 1, size, out);
	free(text);
}

void diag_show(struct diag_list *list)
{
	diag_sort(list);
	diag_print(list, stderr, isatty(STDERR_FILENO) == 1);
}

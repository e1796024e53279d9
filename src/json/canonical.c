/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "json/canonical.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* RFC 8785, 3.2.2.2. */
static void put_text(FILE *out, const char *text)
{
	static const char shorts[32] = { ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r' };

	fputc('"', out);
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p == '"' || *p == '\\')
			fprintf(out, "\\%c", *p);
		else if (*p < ' ' && shorts[*p])
			fprintf(out, "\\%c", shorts[*p]);
		else if (*p < ' ')
			fprintf(out, "\\u%04x", *p);
		else
			fputc(*p, out);
	}
	fputc('"', out);
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct value *const *)a)->name, (*(const struct value *const *)b)->name);
}

static bool put_members(FILE *out, const struct value **members, size_t count)
{
	qsort(members, count, sizeof(*members), by_name);
	for (size_t i = 0; i < count; i++) {
		if (i && !strcmp(members[i - 1]->name, members[i]->name))
			return false;
		fputs(i ? "," : "", out);
		put_text(out, members[i]->name);
		fputc(':', out);
		if (!canonical_write(out, members[i]))
			return false;
	}
	return true;
}

static bool put_map(FILE *out, const struct value *map)
{
	const struct value **members = calloc(map->count + 1, sizeof(*members));
	bool good = members;

	for (size_t i = 0; good && i < map->count; i++)
		members[i] = &map->items[i];
	fputc('{', out);
	good = good && put_members(out, members, map->count);
	fputc('}', out);
	free(members);
	return good;
}

static bool put_list(FILE *out, const struct value *list)
{
	bool good = true;

	fputc('[', out);
	for (size_t i = 0; good && i < list->count; i++) {
		fputs(i ? "," : "", out);
		good = canonical_write(out, &list->items[i]);
	}
	fputc(']', out);
	return good;
}

bool canonical_write(FILE *out, const struct value *value)
{
	switch (value->type) {
	case VALUE_NULL:
		fputs("null", out);
		return true;
	case VALUE_BOOL:
		fputs(value->boolean ? "true" : "false", out);
		return true;
	case VALUE_INT:
		fprintf(out, "%" PRId64, value->integer);
		return true;
	case VALUE_REAL:
		return false;
	case VALUE_TEXT:
		put_text(out, value->text);
		return true;
	case VALUE_LIST:
		return put_list(out, value);
	case VALUE_MAP:
		return put_map(out, value);
	}
	return false;
}

char *canonical_text(const struct value *value, struct arena *arena, size_t *ret_len)
{
	char *text = NULL, *copy = NULL;
	FILE *out = open_memstream(&text, ret_len);
	bool good = out && canonical_write(out, value);

	if (out && fclose(out) == 0 && good)
		copy = arena_strndup(arena, text, *ret_len);
	free(text);
	return copy;
}

const struct value *canonical_parse(const char *file, const char *text, size_t len, struct arena *arena,
				    struct diag_list *diags)
{
	const struct value_source source = { .file = file, .text = text, .len = len };
	const struct diag_place place = { .file = file };
	const struct value *value = value_parse(&source, arena, diags);
	size_t own_len;
	const char *own = value ? canonical_text(value, arena, &own_len) : NULL;

	if (own && own_len == len && !memcmp(own, text, len))
		return value;
	if (value)
		diag_add(diags, DIAG_ERROR, "not-canonical", &place,
			 "it was changed by hand, or made by another program; take the original file",
			 "the same content has another form than the one that is signed");
	return NULL;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/granted.h"

#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "json/bind.h"
#include "json/text.h"

#define FILE_NAME "grants.json"
#define FILE_MOST (64u << 20)

/* ---- reading ---- */

struct row_members {
	const struct value *digest, *user, *envelope, *begun, *ends, *begin_by, *over, *untold;
};

static bool read_row(const struct binder *b, const struct value *at, struct granted *ret)
{
#define ROW(name, types) { #name, types, offsetof(struct row_members, name), true }
	static const struct bind_row rows[] = {
		ROW(digest, BIND_TEXT), ROW(user, BIND_TEXT), ROW(envelope, BIND_TEXT), ROW(begun, BIND_INT),
		ROW(ends, BIND_INT), ROW(begin_by, BIND_INT), ROW(over, BIND_BOOL), ROW(untold, BIND_BOOL),
	};
#undef ROW
	static const struct bind_table table = { "a grant", BIND_ROWS(rows) };
	struct row_members m = { 0 };

	if (!bind_type(b, at, BIND_MAP) || !bind_map(b, at, &table, &m) || !digest_is_one(m.digest->text))
		return false;
	*ret = (struct granted){ .user = m.user->text, .envelope = m.envelope->text, .begun = m.begun->integer,
				 .ends = m.ends->integer, .begin_by = m.begin_by->integer, .over = m.over->boolean,
				 .untold = m.untold->boolean };
	memcpy(ret->digest, m.digest->text, DIGEST_SIZE);
	return true;
}

static int read_list(const struct value_source *source, struct arena *arena, struct granted_list *ret)
{
	struct diag_list diags;
	const struct binder b = { arena, &diags };
	const struct value *list;
	struct granted granted;

	diag_init(&diags, arena);
	list = value_member(value_parse(source, arena, &diags), "grants");
	if (!list || list->type != VALUE_LIST || list->count > GRANTED_MAX)
		return -EBADMSG;
	for (size_t i = 0; i < list->count; i++) {
		if (!read_row(&b, &list->items[i], &granted))
			return -EBADMSG;
		granted_add(ret, &granted);
	}
	return 0;
}

int granted_load(const char *state, struct granted_list *ret)
{
	struct arena arena = { 0 };
	struct value_source source = { .file = arena_printf(&arena, "%s/" FILE_NAME, state) };
	char *text;
	int r = file_read(source.file, FILE_MOST, &arena, &text, &source.len);

	ret->count = 0;
	if (r == 0) {
		source.text = text;
		r = read_list(&source, &arena, ret);
	}
	if (r == -EBADMSG)
		granted_free(ret);
	arena_free(&arena);
	return r == -ENOENT ? 0 : r;
}

/* ---- writing ---- */

static void put_row(struct writer *w, const struct granted *g)
{
	writer_open_map(w);
	writer_put_text(w, "digest", g->digest);
	writer_put_text(w, "user", g->user);
	writer_put_int(w, "begun", g->begun);
	writer_put_int(w, "ends", g->ends);
	writer_put_int(w, "begin_by", g->begin_by);
	writer_put_bool(w, "over", g->over);
	writer_put_bool(w, "untold", g->untold);
	writer_put_text(w, "envelope", g->envelope);
	writer_close_map(w);
}

int granted_store(const char *state, const struct granted_list *list)
{
	struct arena arena = { 0 };
	struct json_text text;
	struct writer *w = json_text_begin(&text, true);
	int r;

	if (!w)
		return -ENOMEM;
	writer_open_map(w);
	writer_name(w, "grants");
	writer_open_list(w);
	for (size_t i = 0; i < list->count; i++)
		put_row(w, &list->items[i]);
	writer_close_list(w);
	writer_close_map(w);
	r = json_text_store(&text, arena_printf(&arena, "%s/" FILE_NAME, state), 0600);
	arena_free(&arena);
	return r;
}

/* ---- the list ---- */

void granted_free(struct granted_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		arena_free(&list->items[i].arena);
	list->count = 0;
}

struct granted *granted_add(struct granted_list *list, const struct granted *granted)
{
	struct granted *g = list->count < GRANTED_MAX ? &list->items[list->count++] : NULL;

	if (!g)
		return NULL;
	*g = *granted;
	g->arena = (struct arena){ 0 };
	g->user = arena_printf(&g->arena, "%s", granted->user);
	g->envelope = arena_strndup(&g->arena, granted->envelope, strlen(granted->envelope));
	return g;
}

bool granted_forget(struct granted_list *list, int64_t now)
{
	size_t kept = 0, before = list->count;

	for (size_t i = 0; i < before; i++) {
		struct granted *g = &list->items[i];

		if (g->over && !g->untold && now > g->begin_by)
			arena_free(&g->arena);
		else
			list->items[kept++] = *g;
	}
	list->count = kept;
	return kept != before;
}

struct granted *granted_find(struct granted_list *list, const char *digest)
{
	for (size_t i = 0; i < list->count; i++)
		if (!strncmp(list->items[i].digest, digest, strlen(digest)))
			return &list->items[i];
	return NULL;
}

size_t granted_running(const struct granted_list *list)
{
	size_t running = 0;

	for (size_t i = 0; i < list->count; i++)
		running += !list->items[i].over;
	return running;
}

/* ---- what they say ---- */

bool granted_read(const struct granted *granted, struct arena *arena, struct envelope *ret_envelope, struct grant *ret)
{
	size_t len = strlen(granted->envelope);
	struct diag_list diags;

	diag_init(&diags, arena);
	return envelope_parse("a grant", arena_strndup(arena, granted->envelope, len), len, PAYLOAD_GRANT, arena, &diags,
			      ret_envelope) &&
	       grant_from(ret_envelope, arena, &diags, ret) && !strcmp(ret->digest, granted->digest);
}

void granted_append(const struct grant *grant, int64_t until, struct arena *arena, struct documents *documents)
{
	size_t count = documents->count + grant->document_count;
	struct document *items = arena_array(arena, count, sizeof(*items));

	if (documents->count)
		memcpy(items, documents->items, documents->count * sizeof(*items));
	for (size_t i = 0; i < grant->document_count; i++) {
		const struct bundle_document *d = &grant->documents[i];

		items[documents->count + i] = (struct document){
			.path = arena_printf(arena, "grant %.12s/%s", grant->digest, d->path),
			.text = d->text, .len = d->len, .until = until,
		};
	}
	*documents = (struct documents){ items, count };
}

size_t granted_documents(const struct granted_list *list, struct arena *arena, struct documents *documents)
{
	size_t unread = 0;

	for (size_t i = 0; i < list->count; i++) {
		struct envelope *envelope = arena_alloc(arena, sizeof(*envelope));
		struct grant grant;

		if (list->items[i].over)
			continue;
		if (granted_read(&list->items[i], arena, envelope, &grant))
			granted_append(&grant, list->items[i].ends, arena, documents);
		else
			unread++;
	}
	return unread;
}

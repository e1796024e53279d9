/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bundle/document_list.h"

#include <string.h>

#include "bundle/digest.h"
#include "bundle/payload.h"

void document_list_put(struct writer *w, const struct bundle_document *documents, size_t count)
{
	char digest[DIGEST_SIZE];

	writer_name(w, "documents");
	writer_open_list(w);
	for (size_t i = 0; i < count; i++) {
		const struct bundle_document *d = &documents[i];

		digest_of(d->text, d->len, digest);
		writer_open_map(w);
		writer_put_text(w, "path", d->path);
		writer_put_text(w, "sha256", digest);
		writer_put_text(w, "text", d->text);
		writer_close_map(w);
	}
	writer_close_list(w);
}

struct document_members {
	const struct value *path, *sha256, *text;
};

/* Names for findings, never opened: but nobody should wonder what they would be. */
static bool is_path(const char *path)
{
	if (*path == '/' || !*path)
		return false;
	for (const char *part = path; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL) {
		size_t len = strcspn(part, "/");

		if (!len || (len == 1 && *part == '.') || (len == 2 && !strncmp(part, "..", 2)))
			return false;
	}
	return true;
}

static bool check_document(const struct binder *b, const struct document_members *m, const char *before)
{
	char digest[DIGEST_SIZE];

	digest_of(m->text->text, strlen(m->text->text), digest);
	if (strcmp(digest, m->sha256->text) != 0)
		return payload_refuse(b, m->sha256, "make it again",
				      "the document %s is not the one with this digest", m->path->text);
	if (!is_path(m->path->text))
		return payload_refuse(b, m->path, "make it again",
				      "this is no name of a document of a site folder");
	return !before || strcmp(before, m->path->text) < 0 ||
	       payload_refuse(b, m->path, "make it again",
			      "documents are not sorted by path, or one is there twice");
}

/* before: the path of the one before it, or NULL. */
static bool read_document(const struct binder *b, const struct value *at, const char *before,
			  struct bundle_document *ret)
{
#define ROW(name) { #name, BIND_TEXT, offsetof(struct document_members, name), true }
	static const struct bind_row rows[] = { ROW(path), ROW(sha256), ROW(text) };
#undef ROW
	static const struct bind_table table = { "a document", BIND_ROWS(rows) };
	struct document_members m = { 0 };

	if (!bind_type(b, at, BIND_MAP) || !bind_map(b, at, &table, &m) ||
	    !check_document(b, &m, before))
		return false;
	*ret = (struct bundle_document){ m.path->text, m.text->text, strlen(m.text->text) };
	return true;
}

bool document_list_read(const struct binder *b, const struct value *list, struct bundle_document **ret,
			size_t *ret_count)
{
	*ret_count = 0;
	*ret = arena_array(b->arena, list->count, sizeof(**ret));
	for (size_t i = 0; i < list->count; i++)
		if (!read_document(b, &list->items[i], i ? (*ret)[i - 1].path : NULL, &(*ret)[(*ret_count)++]))
			return false;
	return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/documents.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "json/text.h"
#include "json/value.h"

#define FOLDER_DEPTH 16u     /* folders in folders */
#define DOCUMENT_COUNT 20000u

struct walk {
	struct arena *arena;
	struct diag_list *diags;
	struct documents *documents;
	size_t capacity;
	size_t bytes;
	bool full;
};

__attribute__((format(printf, 5, 6)))
static void report(struct walk *w, const char *code, const char *path, const char *help,
		   const char *format, ...)
{
	struct diag_place place = { .file = path, .line = 1, .column = 1, .width = 1 };
	char message[256];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	diag_add(w->diags, DIAG_ERROR, code, &place, help, "%s", message);
}

static void append(struct walk *w, const struct document *document)
{
	struct documents *d = w->documents;

	if (d->count == w->capacity) {
		size_t capacity = w->capacity ? w->capacity * 2 : 32;
		struct document *items = arena_array(w->arena, capacity, sizeof(*items));

		if (d->count)
			memcpy(items, d->items, d->count * sizeof(*items));
		d->items = items;
		w->capacity = capacity;
	}
	d->items[d->count++] = *document;
	w->bytes += document->len;
}

static void report_unreadable(struct walk *w, const char *path, int error)
{
	if (error == -EFBIG)
		report(w, "document-too-large", path, "spread its content over several documents",
		       "the document is larger than %u MiB", DOCUMENT_MAX >> 20);
	else
		report(w, "unreadable-document", path,
		       "every *.json file in a site folder is part of the site and must be readable",
		       "the document cannot be read: %s", strerror(-error));
}

static void read_document(struct walk *w, const char *disk, const char *path)
{
	struct document document = { .path = path };
	char *text;
	int r;

	if (w->documents->count == DOCUMENT_COUNT || w->bytes >= DOCUMENTS_MAX) {
		if (!w->full)
			report(w, "document-too-large", path, "split it into several sites",
			       "the site is larger than %u documents or %u MiB", DOCUMENT_COUNT,
			       DOCUMENTS_MAX >> 20);
		w->full = true;
		return;
	}
	r = file_read(disk, DOCUMENT_MAX, w->arena, &text, &document.len);
	if (r < 0) {
		report_unreadable(w, path, r);
		return;
	}
	document.text = text;
	append(w, &document);
}

static bool is_json(const char *name)
{
	size_t len = strlen(name);

	return len > 5 && !strcmp(name + len - 5, ".json");
}

static int read_folder(struct walk *w, const char *disk, const char *path, unsigned depth);

static void read_entry(struct walk *w, const char *disk, const char *path, unsigned depth)
{
	struct stat st;
	int r;

	if (lstat(disk, &st) < 0) {
		report_unreadable(w, path, -errno);
	} else if (S_ISLNK(st.st_mode)) {
		if (is_json(path) || (stat(disk, &st) == 0 && S_ISDIR(st.st_mode)))
			report(w, "unreadable-document", path,
			       "put the documents themselves into the site folder",
			       "symbolic links are not followed");
	} else if (S_ISDIR(st.st_mode)) {
		r = read_folder(w, disk, path, depth + 1);
		if (r < 0)
			report_unreadable(w, path, r);
	} else if (is_json(path)) {
		read_document(w, disk, path);
	}
}

/* Names that begin with a dot belong to editors and version control. */
static int read_folder(struct walk *w, const char *disk, const char *path, unsigned depth)
{
	const struct dirent *entry;
	DIR *folder;

	if (depth > FOLDER_DEPTH)
		return -ELOOP;
	folder = opendir(disk);
	if (!folder)
		return -errno;
	while ((entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		read_entry(w, arena_printf(w->arena, "%s/%s", disk, entry->d_name),
			   arena_printf(w->arena, "%s/%s", path, entry->d_name), depth);
	}
	closedir(folder);
	return 0;
}

static int compare_documents(const void *a, const void *b)
{
	return strcmp(((const struct document *)a)->path, ((const struct document *)b)->path);
}

int documents_read(const char *folder, struct arena *arena, struct diag_list *diags,
		   struct documents *ret)
{
	struct walk w = { .arena = arena, .diags = diags, .documents = ret };
	char *disk = realpath(folder, NULL);
	int r;

	*ret = (struct documents){ 0 };
	if (!disk)
		return -errno;
	char *copy = arena_strndup(arena, disk, strlen(disk));
	r = read_folder(&w, disk, basename(copy), 0);
	free(disk);
	if (r < 0)
		return r;
	if (ret->count)
		qsort(ret->items, ret->count, sizeof(*ret->items), compare_documents);
	return 0;
}

void documents_digest(const struct documents *documents, char out[static DOCUMENTS_DIGEST_SIZE])
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < documents->count; i++)
		for (size_t j = 0; j <= documents->items[i].len; j++)
			hash = (hash ^ (uint8_t)documents->items[i].text[j]) * 0x100000001b3u;
	snprintf(out, DOCUMENTS_DIGEST_SIZE, "fnv1a:%016" PRIx64, hash);
}

void documents_copy(const struct documents *from, struct arena *arena, struct documents *ret)
{
	*ret = (struct documents){ .items = arena_array(arena, from->count, sizeof(*ret->items)), .count = from->count };
	for (size_t i = 0; i < from->count; i++)
		ret->items[i] = (struct document){
			.path = arena_strndup(arena, from->items[i].path, strlen(from->items[i].path)),
			.text = arena_strndup(arena, from->items[i].text, from->items[i].len),
			.len = from->items[i].len,
		};
}

static void write_documents(const struct documents *documents, struct writer *w)
{
	writer_open_map(w);
	writer_name(w, "documents");
	writer_open_list(w);
	for (size_t i = 0; i < documents->count; i++) {
		writer_open_map(w);
		writer_put_text(w, "path", documents->items[i].path);
		writer_put_text(w, "text", documents->items[i].text);
		writer_close_map(w);
	}
	writer_close_list(w);
	writer_close_map(w);
	fputc('\n', w->out);
}

int documents_store(const struct documents *documents, const char *path)
{
	struct json_text text;
	struct writer *w = json_text_begin(&text, true);

	if (!w)
		return -ENOMEM;
	write_documents(documents, w);
	return json_text_store(&text, path, 0600);
}

static int take_document(const struct value *item, struct document *ret)
{
	ret->path = value_member_text(item, "path");
	ret->text = value_member_text(item, "text");
	if (!ret->path || !ret->text)
		return -EBADMSG;
	ret->len = strlen(ret->text);
	return 0;
}

int documents_load(const char *path, struct arena *arena, struct documents *ret)
{
	struct value_source source = { .file = path };
	struct arena stored = { 0 };
	const struct value *list = NULL;
	struct diag_list diags;
	char *text;
	int r = file_read(path, 2 * (size_t)DOCUMENTS_MAX, &stored, &text, &source.len);

	*ret = (struct documents){ 0 };
	diag_init(&diags, &stored);
	if (r == 0) {
		source.text = text;
		list = value_member(value_parse(&source, arena, &diags), "documents");
	}
	arena_free(&stored); /* what the values say are copies */
	if (r < 0)
		return r;
	if (!list || list->type != VALUE_LIST)
		return -EBADMSG;
	ret->items = arena_array(arena, list->count, sizeof(*ret->items));
	for (size_t i = 0; i < list->count && r == 0; i++)
		r = take_document(&list->items[i], &ret->items[ret->count++]);
	return r;
}

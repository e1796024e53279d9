/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The texts of a site: read once from a site folder (every *.json in it and below, sorted by path) or
 * from a stored copy, and from then on independent of where they came from.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"

#define DOCUMENT_MAX (32u << 20)   /* bytes of one document */
#define DOCUMENTS_MAX (256u << 20) /* bytes of a site */

struct document {
	const char *path; /* "rules/press.json": the folder's own name, then the path in it */
	const char *text; /* len bytes and a NUL */
	size_t len;
	int64_t until;    /* seconds UTC: its rules are a grant's, and end then; 0: they are the site's own */
};

struct documents {
	struct document *items; /* sorted by path */
	size_t count;
};

/*
 * Reads a site folder. Names that begin with a dot are passed over, symbolic links are not
 * followed. What cannot be read is a finding ("unreadable-document", "document-too-large"). Returns 0, or
 * negative errno when the folder itself cannot be read.
 */
__attribute__((warn_unused_result))
int documents_read(const char *folder, struct arena *arena, struct diag_list *diags,
		   struct documents *ret);

/* Tells one set of documents from another ("fnv1a:" and 16 digits); it is no signature. */
#define DOCUMENTS_DIGEST_SIZE 23
void documents_digest(const struct documents *documents, char out[static DOCUMENTS_DIGEST_SIZE]);

/* The same texts in another arena. */
void documents_copy(const struct documents *from, struct arena *arena, struct documents *ret);

/* One JSON text that holds all documents (for the state folder), and back. -EBADMSG: not such a text. */
__attribute__((warn_unused_result))
int documents_store(const struct documents *documents, const char *path);
__attribute__((warn_unused_result))
int documents_load(const char *path, struct arena *arena, struct documents *ret);

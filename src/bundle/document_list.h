/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Documents inside a payload: sorted by path, each with its digest. Paths are names, which nothing here opens. */
#include "json/bind.h"
#include "json/writer.h"

struct bundle_document {
	const char *path;
	const char *text;
	size_t len;
};

/* The member "documents". */
void document_list_put(struct writer *w, const struct bundle_document *documents, size_t count);

/* Its value, a list. False with findings. */
bool document_list_read(const struct binder *b, const struct value *list, struct bundle_document **ret,
			size_t *ret_count);

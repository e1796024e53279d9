/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Places in a document's text: from byte offsets to lines and columns, in bounded time whatever the
 * lengths of lines. Inside json/ only.
 */
#include "json/value.h"

/* Builds the index of lines. */
const struct source_mark *source_index(const char *text, size_t len, struct arena *arena);

/* The place of the bytes from .. until - 1, without a pointer. source->marks may be NULL. */
struct diag_place source_place(const struct value_source *source, size_t from, size_t until,
			       struct arena *arena);

/* Adds the finding that the text is not JSON, for jansson's complaint. */
struct json_error_t;
void syntax_report(const struct value_source *source, const struct json_error_t *error,
		   struct arena *arena, struct diag_list *diags);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * JSON that is written whole in memory first, and then kept or put into a file. Each begin is ended by one keep or
 * store.
 */
#include "base/arena.h"
#include "json/writer.h"

struct json_text {
	struct writer writer;
	FILE *out;
	char *bytes;
	size_t len;
};

/* What to write it with, or NULL without memory; then there is nothing to end. `pretty` as for writer_init(). */
struct writer *json_text_begin(struct json_text *t, bool pretty);

/* A copy in the arena; NULL without memory. */
char *json_text_keep(struct json_text *t, struct arena *arena);

/* Puts it in the place of a file, as file_replace() does. 0 or -errno. */
__attribute__((warn_unused_result))
int json_text_store(struct json_text *t, const char *path, unsigned mode);

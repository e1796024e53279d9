/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "json/text.h"

#include <errno.h>
#include <stdlib.h>

#include "base/file.h"

struct writer *json_text_begin(struct json_text *t, bool pretty)
{
	*t = (struct json_text){ 0 };
	t->out = open_memstream(&t->bytes, &t->len);
	if (!t->out)
		return NULL;
	writer_init(&t->writer, t->out, pretty);
	return &t->writer;
}

char *json_text_keep(struct json_text *t, struct arena *arena)
{
	char *copy = fclose(t->out) == 0 ? arena_strndup(arena, t->bytes, t->len) : NULL;

	free(t->bytes);
	return copy;
}

int json_text_store(struct json_text *t, const char *path, unsigned mode)
{
	int r = fclose(t->out) == 0 ? file_replace(path, t->bytes, t->len, mode) : -ENOMEM;

	free(t->bytes);
	return r;
}

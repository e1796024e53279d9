/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "record/change_log.h"

/* The lines first: a crash before the head leaves a log that is imported again. */
int change_log_import(const char *state, const char *text, size_t len, const struct change_head *end)
{
	struct arena arena = { 0 };
	const char *path = arena_printf(&arena, "%s/" CHANGE_LOG, state);
	size_t have = 0;
	char *own = NULL;
	int r = file_read(path, CHANGE_LOG_MAX, &arena, &own, &have);

	if (r == 0 && (have > len || memcmp(own, text, have) != 0))
		r = -EEXIST;
	if (r == 0 || r == -ENOENT)
		r = file_replace(path, text, len, 0600);
	if (r == 0)
		r = change_head_write(state, end, &arena);
	arena_free(&arena);
	return r;
}

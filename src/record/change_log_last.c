/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "json/value.h"
#include "record/change_log.h"

/* The event of a line when it begins with the prefix. */
static bool is_such(const char *line, const char *prefix, const char *detail, struct arena *arena,
		    const char **ret_event, const char **ret_detail)
{
	const struct value_source source = { .file = CHANGE_LOG, .text = line, .len = strlen(line) };
	const struct value *value;
	struct diag_list diags;

	diag_init(&diags, arena);
	value = value_parse(&source, arena, &diags);
	*ret_event = value_member_text(value, "event");
	*ret_detail = value_member_text(value, detail);
	return *ret_event && *ret_detail && !strncmp(*ret_event, prefix, strlen(prefix));
}

int change_log_last(const char *state, const char *prefix, const char *detail, struct arena *arena,
		    const char **ret_event, const char **ret_detail)
{
	char *text, *newline;
	size_t len;
	int r = file_read(arena_printf(arena, "%s/" CHANGE_LOG, state), CHANGE_LOG_MAX, arena, &text, &len);

	if (r < 0)
		return r;
	while ((newline = strrchr(text, '\n'))) {
		const char *line;

		*newline = '\0';
		line = strrchr(text, '\n');
		if (is_such(line ? line + 1 : text, prefix, detail, arena, ret_event, ret_detail))
			return 0;
	}
	return -ENOENT;
}

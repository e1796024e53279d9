/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/drift_json.h"

static void write_one(struct writer *w, const struct drift *drift)
{
	writer_open_map(w);
	writer_put_text(w, "code", drift_word(drift->code));
	writer_put_text(w, "severity", drift->warning ? "warning" : "finding");
	writer_put_text(w, "where", drift->where);
	writer_put_text(w, "text", drift->text);
	writer_put_text(w, "rules", drift->rules);
	writer_put_text(w, "file", drift->file);
	writer_put_uint(w, "line", drift->line);
	writer_put_text(w, "help", drift_help(drift->code));
	writer_close_map(w);
}

void drift_json_write(struct writer *w, const struct drift_list *list, const struct ruleset *ruleset,
		      const char *compared_with)
{
	writer_open_map(w);
	writer_put_bool(w, "clean", !list->findings);
	writer_put_text(w, "site", ruleset->site);
	writer_put_text(w, "compared_with", compared_with);
	writer_put_uint(w, "conduits", ruleset->conduit_count);
	writer_put_uint(w, "windows", ruleset->window_count);
	writer_name(w, "findings");
	writer_open_list(w);
	for (size_t i = 0; i < list->count; i++)
		write_one(w, &list->items[i]);
	writer_close_list(w);
	writer_put_uint(w, "left_out", list->findings + list->warnings - list->count);
	writer_close_map(w);
}

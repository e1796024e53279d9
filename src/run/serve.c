/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/supervisor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/failure.h"
#include "json/writer.h"
#include "netfilter/verify.h"
#include "run/control.h"
#include "run/drift_json.h"
#include "run/status.h"

static void write_finding(struct writer *w, const struct diag *d)
{
	writer_open_map(w);
	writer_put_text(w, "code", d->code);
	writer_put_text(w, "severity", d->severity == DIAG_WARNING ? "warning" : "error");
	writer_put_text(w, "file", d->place.file);
	writer_put_uint(w, "line", d->place.line);
	writer_put_uint(w, "column", d->place.column);
	writer_put_uint(w, "width", d->place.width);
	writer_put_text(w, "pointer", d->place.pointer);
	writer_put_text(w, "source", d->place.text);
	writer_put_text(w, "message", d->message);
	writer_put_text(w, "help", d->help);
	writer_close_map(w);
}

static void write_refusal(struct writer *w, const char *text)
{
	writer_open_map(w);
	writer_put_bool(w, "ok", false);
	writer_put_text(w, "text", text);
	writer_close_map(w);
}

static void serve_status(struct supervisor *s, const struct value *request, struct writer *w)
{
	status_write(s, w);
}

static void write_result(struct writer *w, int result, const char *text, const struct diag_list *diags)
{
	writer_open_map(w);
	writer_put_bool(w, "ok", result == 0);
	writer_put_int(w, "error", result < 0 ? -result : 0);
	writer_put_text(w, "text", text);
	writer_name(w, "findings");
	writer_open_list(w);
	for (size_t i = 0; i < diags->count; i++)
		write_finding(w, &diags->items[i]);
	writer_close_list(w);
	writer_close_map(w);
}

static void serve_apply(struct supervisor *s, const struct value *request, struct writer *w)
{
	struct arena arena = { 0 };
	struct diag_list diags;
	const char *text;
	int r;

	diag_init(&diags, &arena);
	r = supervisor_apply(s, SOURCE_PROPOSED, NULL, &arena, &diags, &text);
	write_result(w, r, text, &diags);
	arena_free(&arena);
}

static const char *user_of(const struct value *request)
{
	const char *user = value_member_text(request, "user");

	return user ? user : "-";
}

static void serve_apply_bundle(struct supervisor *s, const struct value *request, struct writer *w)
{
	const struct value *seconds = value_member(request, "seconds");
	struct arena arena = { 0 };
	struct diag_list diags;
	const char *text;
	int r;

	if (!seconds || seconds->type != VALUE_INT || seconds->integer < 1 || seconds->integer > TRIAL_MOST) {
		write_refusal(w, "a trial lasts a day at most");
		return;
	}
	diag_init(&diags, &arena);
	s->trial.seconds = seconds->integer;
	r = supervisor_apply(s, SOURCE_BUNDLE, NULL, &arena, &diags, &text);
	if (r == 0)
		trial_begun(s, s->policy, user_of(request), text);
	write_result(w, r, text, &diags);
	arena_free(&arena);
}

static void serve_confirm(struct supervisor *s, const struct value *request, struct writer *w)
{
	struct arena arena = { 0 };
	struct diag_list none;
	const char *text;
	int r;

	diag_init(&none, &arena);
	r = trial_confirm(s, user_of(request), &arena, &text);
	write_result(w, r, text, &none);
	arena_free(&arena);
}

static void serve_rollback(struct supervisor *s, const struct value *request, struct writer *w)
{
	struct arena arena = { 0 };
	struct diag_list none;
	const char *text;
	int r;

	diag_init(&none, &arena);
	r = trial_roll_back(s, user_of(request), "somebody at the box undid it", &arena, &text);
	write_result(w, r, text, &none);
	arena_free(&arena);
}

static void serve_grant(struct supervisor *s, const struct value *request, struct writer *w)
{
	struct arena arena = { 0 };
	struct diag_list diags;
	const char *text;
	int r;

	diag_init(&diags, &arena);
	r = grants_begin(s, user_of(request), &arena, &diags, &text);
	write_result(w, r, text, &diags);
	arena_free(&arena);
}

static const char *text_of(const struct value *request)
{
	const char *text = value_member_text(request, "text");

	return text ? text : "";
}

static void serve_grant_end(struct supervisor *s, const struct value *request, struct writer *w)
{
	struct arena arena = { 0 };
	struct diag_list none;
	const char *text;
	int r;

	diag_init(&none, &arena);
	r = grants_end(s, text_of(request), user_of(request), &arena, &text);
	write_result(w, r, text, &none);
	arena_free(&arena);
}

static void serve_island(struct supervisor *s, const struct value *request, struct writer *w)
{
	struct arena arena = { 0 };
	struct diag_list none;
	const char *text;
	int r;

	diag_init(&none, &arena);
	r = island_begin(s, user_of(request), text_of(request), &arena, &text);
	write_result(w, r, text, &none);
	arena_free(&arena);
}

static void serve_island_end(struct supervisor *s, const struct value *request, struct writer *w)
{
	struct arena arena = { 0 };
	struct diag_list none;
	const char *text;
	int r;

	diag_init(&none, &arena);
	r = island_end(s, user_of(request), &arena, &text);
	write_result(w, r, text, &none);
	arena_free(&arena);
}

static void serve_verify(struct supervisor *s, const struct value *request, struct writer *w)
{
	const struct ruleset *ruleset = s->policy ? &s->policy->compiled.ruleset : &supervisor_nothing;
	struct arena arena = { 0 };
	struct drift_list list;
	int r = netfilter_verify(ruleset, &arena, &list);

	if (r < 0)
		write_refusal(w, arena_printf(&arena, "the kernel's ruleset cannot be read: %s", failure_text(r)));
	else
		drift_json_write(w, &list, ruleset, "supervisor");
	arena_free(&arena);
}

static void serve_maintenance(struct supervisor *s, const struct value *request, struct writer *w)
{
	const struct value *seconds = value_member(request, "seconds");

	if (!seconds || seconds->type != VALUE_INT || seconds->integer < 0 ||
	    seconds->integer > MAINTENANCE_MAX) {
		write_refusal(w, "maintenance lasts 12 hours at most");
		return;
	}
	drift_watch_maintenance(s, seconds->integer);
	writer_open_map(w);
	writer_put_bool(w, "ok", true);
	writer_put_int(w, "until", seconds->integer ? time(NULL) + seconds->integer : 0);
	writer_close_map(w);
}

static void serve_clock(struct supervisor *s, const struct value *request, struct writer *w)
{
	const struct value *confirm = value_member(request, "confirm");

	if (confirm && confirm->type == VALUE_BOOL && confirm->boolean)
		clock_watch_confirm(s);
	writer_open_map(w);
	writer_put_bool(w, "ok", true);
	status_write_clock(s, w);
	writer_close_map(w);
}

static const struct {
	const char *name;
	void (*serve)(struct supervisor *s, const struct value *request, struct writer *w);
} commands[] = {
	{ "status", serve_status },
	{ "apply", serve_apply },
	{ "apply-bundle", serve_apply_bundle },
	{ "confirm", serve_confirm },
	{ "rollback", serve_rollback },
	{ "grant", serve_grant },
	{ "grant-end", serve_grant_end },
	{ "island", serve_island },
	{ "island-end", serve_island_end },
	{ "verify", serve_verify },
	{ "maintenance", serve_maintenance },
	{ "clock", serve_clock },
};

static void serve(struct supervisor *s, const struct value *request, FILE *out)
{
	const char *name = value_member_text(request, "command");
	struct writer w;

	writer_init(&w, out, false);
	for (size_t i = 0; name && i < sizeof(commands) / sizeof(*commands); i++)
		if (strcmp(commands[i].name, name) == 0) {
			commands[i].serve(s, request, &w);
			return;
		}
	write_refusal(&w, "the supervisor does not know this command");
}

void supervisor_serve_client(struct supervisor *s)
{
	const struct value *request;
	struct arena arena = { 0 };
	char *text = NULL;
	size_t size = 0;
	int client = control_accept(s->listener, &arena, &request);
	FILE *out = client >= 0 ? open_memstream(&text, &size) : NULL;

	if (out) {
		serve(s, request, out);
		if (fclose(out) != 0)
			size = 0;
	}
	if (client >= 0)
		control_answer(client, text ? text : "", size);
	free(text);
	arena_free(&arena);
}

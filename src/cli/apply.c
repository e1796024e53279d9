/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/duration.h"
#include "base/failure.h"
#include "base/file.h"
#include "bundle/trust_store.h"
#include "cli/actor.h"
#include "cli/command.h"
#include "cli/options.h"
#include "json/writer.h"
#include "netfilter/commit.h"
#include "policy/compile.h"
#include "policy/documents.h"
#include "policy/model.h"
#include "protocol/program.h"
#include "run/clock_watch.h"
#include "run/control.h"
#include "run/in_force.h"
#include "run/numbers.h"
#include "run/supervisor.h"

struct apply {
	const struct context *context;
	const char *path;  /* of the folder or bundle */
	int64_t seconds;   /* of the trial; 0: not said */
	struct arena arena;
	struct diag_list diags;
	struct documents documents;
	struct compiled compiled;
};

static int system_error(const char *what, const char *name, int error)
{
	fprintf(stderr, "gatehouse apply: %s%s: %s\n", what, name, failure_text(error));
	return EXIT_SYSTEM;
}

static void print_findings(struct apply *a)
{
	diag_show(&a->diags);
}

static void tell(const struct apply *a, bool applied, const char *text, bool inspecting)
{
	struct writer w;

	if (!a->context->json) {
		fprintf(applied ? stdout : stderr, "%s\n", text);
		return;
	}
	writer_init(&w, stdout, true);
	writer_open_map(&w);
	writer_put_bool(&w, "applied", applied);
	writer_put_bool(&w, "inspecting", inspecting);
	writer_put_text(&w, "text", text);
	writer_close_map(&w);
	putchar('\n');
}

/* ---- with a supervisor: it knows the inspector, so it does it ---- */

static bool nobody_listens(int error)
{
	return error == -ENOENT || error == -ECONNREFUSED;
}

/* Returns an exit code, or -1 when no supervisor is running. */
static int ask_supervisor(struct apply *a)
{
	const char *text = "";
	bool applied = false;
	int r = control_apply(a->context->runtime, a->context->state, &a->documents, &a->arena, &a->diags,
			      &applied, &text);

	if (nobody_listens(r))
		return -1;
	if (r < 0)
		return system_error(text, "", r);
	print_findings(a);
	tell(a, applied, text, applied);
	if (applied)
		return EXIT_CLEAN;
	return a->diags.errors ? EXIT_FINDINGS : EXIT_SYSTEM;
}

/* ---- without one: straight to the kernel ---- */

static const char *state_path(struct apply *a, const char *name)
{
	return arena_printf(&a->arena, "%s/%s", a->context->state, name);
}

static int compile_documents(struct apply *a, struct numbers *ret_next)
{
	struct compile_time time;
	struct numbers before;
	bool good;
	int r;

	r = numbers_load(state_path(a, "conduits.json"), &a->arena, &before);
	if (r < 0)
		return system_error("cannot read ", state_path(a, "conduits.json"), r);
	clock_watch_stored(a->context->state, &time);
	good = compile_for_box(&a->documents, &time, before.items, before.count, &a->arena, &a->diags,
			       &a->compiled) && !a->diags.errors;
	if (!good)
		return EXIT_FINDINGS;
	numbers_next(&before, &a->compiled.ruleset, &time, &a->arena, ret_next);
	return EXIT_CLEAN;
}

/* The numbers first: a mark that is in the kernel must never be forgotten. */
static int store(struct apply *a, const struct numbers *numbers)
{
	int r = numbers_store(numbers, state_path(a, "conduits.json"));

	if (!r)
		r = in_force_store_folder(a->context->state, &a->documents);
	return r;
}

static const char *success_text(struct apply *a)
{
	size_t inspected = 0;

	for (size_t i = 0; i < a->compiled.ruleset.conduit_count; i++)
		inspected += !!(a->compiled.ruleset.conduits[i].mark & MARK_INSPECTED);
	return arena_printf(&a->arena, "The policy of %s is in force: rules %zu, conduits %zu.%s",
			    a->compiled.ruleset.site, a->compiled.site->rule_count,
			    a->compiled.ruleset.conduit_count, !inspected ? "" :
			    "\nNo supervisor is running, so nothing is inspected and inspected conduits are "
			    "closed. Start it: systemctl start gatehouse, or gatehouse run.");
}

static int commit_directly(struct apply *a)
{
	struct numbers numbers = { 0 };
	int r, code = compile_documents(a, &numbers);

	if (code == EXIT_FINDINGS)
		print_findings(a);
	if (code != EXIT_CLEAN)
		return code;
	if (mkdir(a->context->state, 0700) < 0 && errno != EEXIST)
		return system_error("cannot make the folder ", a->context->state, -errno);
	r = netfilter_commit(&a->compiled.ruleset, &a->diags);
	print_findings(a);
	if (r < 0)
		return a->diags.errors ? EXIT_FINDINGS :
					 system_error("the kernel does not take the ruleset", "", r);
	r = store(a, &numbers);
	if (r < 0)
		return system_error("the ruleset is in force, but will not be after a restart: cannot write to ",
				    a->context->state, r);
	tell(a, true, success_text(a), false);
	return EXIT_CLEAN;
}

/* Once there is a trust document, whoever is root here has no say in what the boundary is. */
static int apply_folder(struct apply *a)
{
	int code, r;

	if (trust_store_exists(a->context->state)) {
		tell(a, false, SUPERVISOR_FOLDER_REFUSED, false);
		return EXIT_FINDINGS;
	}
	r = documents_read(a->path, &a->arena, &a->diags, &a->documents);
	code = r < 0 ? system_error("cannot read ", a->path, r) : ask_supervisor(a);
	return code < 0 ? commit_directly(a) : code;
}

/* Only a supervisor can end a trial, so without one none begins. */
static int apply_bundle(struct apply *a)
{
	const char *text = "";
	bool applied = false;
	char *bytes;
	size_t len;
	int r = file_read(a->path, ENVELOPE_MAX, &a->arena, &bytes, &len);

	if (r < 0)
		return system_error("cannot read ", a->path, r);
	r = control_propose(a->context->runtime, a->context->state, "apply-bundle", bytes, len, a->seconds,
			    actor_user(&a->arena), &a->arena, &a->diags, &applied, &text);
	if (nobody_listens(r)) {
		fprintf(stderr, "gatehouse apply: no supervisor is running (%s), and only it can undo a bundle that nobody "
			"confirms: systemctl start gatehouse\n", a->context->runtime);
		return EXIT_SYSTEM;
	}
	if (r < 0)
		return system_error(text, "", r);
	print_findings(a);
	tell(a, applied, text, applied);
	return applied ? EXIT_CLEAN : a->diags.errors ? EXIT_FINDINGS : EXIT_SYSTEM;
}

static const char *read_line(struct apply *a, int argc, char **argv)
{
	const char *text;

	for (int i = 1; i < argc; i++) {
		if (option_value(argc, argv, &i, "--confirm-within", &text)) {
			if (!text || !duration_parse(text, &a->seconds) || a->seconds > TRIAL_MOST)
				return "--confirm-within wants a time like 5m, a day at most";
		} else if (argv[i][0] == '-') {
			return "an option that it does not have";
		} else if (a->path) {
			return "one site folder or bundle";
		} else {
			a->path = argv[i];
		}
	}
	return a->path ? NULL : "which site folder or bundle?";
}

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int apply_run(const struct context *context, int argc, char **argv)
{
	struct apply a = { .context = context };
	const char *wrong = read_line(&a, argc, argv);
	int code;

	if (wrong)
		return usage_error(&command_apply, "%s", wrong);
	if (is_folder(a.path) && a.seconds)
		return usage_error(&command_apply, "a folder has no trial; a bundle has");
	a.seconds = a.seconds ? a.seconds : TRIAL_DEFAULT;
	diag_init(&a.diags, &a.arena);
	code = is_folder(a.path) ? apply_folder(&a) : apply_bundle(&a);
	arena_free(&a.arena);
	return code;
}

const struct command command_apply = {
	.name = "apply",
	.arguments = "DIR | BUNDLE [--confirm-within 5m]",
	.summary = "puts a site folder or a bundle in force, all of it or nothing",
	.help = "A running supervisor is asked to do it: then the inspector has the new rules before the kernel.\n"
		"Rules that were taken away stop their connections at once.\n\n"
		"A bundle is on trial: unless `gatehouse confirm` comes in time, what was before comes back by itself,\n"
		"as it does when the box is started again meanwhile. A folder is taken only as long as the box has no\n"
		"trust document; without a supervisor it goes straight to the kernel, and inspected conduits stay closed\n"
		"until `gatehouse run` is started.\n\n"
		"options\n"
		"  --confirm-within 5m  how long the trial of a bundle is (default 10m, a day at most)\n\n"
		"exit codes: 0 in force, 1 it was refused, the documents have errors or the kernel refused one of them\n"
		"(what was in force still is), 2 wrong usage, 3 the system refused\n",
	.run = apply_run,
};

/* ---- the end of a trial ---- */

static int decide(const struct context *context, const struct command *command, int argc)
{
	struct apply a = { .context = context };
	const char *text = "";
	bool done = false;
	int r;

	if (argc != 1)
		return usage_error(command, "it wants nothing more");
	r = control_decide(context->runtime, command->name, actor_user(&a.arena), NULL, &a.arena, &done, &text);
	if (nobody_listens(r))
		fprintf(stderr, "gatehouse %s: no supervisor is running (%s), so no bundle is on trial\n", command->name,
			context->runtime);
	else if (r < 0)
		fprintf(stderr, "gatehouse %s: %s: %s\n", command->name, text, failure_text(r));
	else
		fprintf(done ? stdout : stderr, "%s\n", text);
	arena_free(&a.arena);
	return r < 0 ? EXIT_SYSTEM : done ? EXIT_CLEAN : EXIT_FINDINGS;
}

static int confirm_run(const struct context *context, int argc, char **argv)
{
	return decide(context, &command_confirm, argc);
}

static int rollback_run(const struct context *context, int argc, char **argv)
{
	return decide(context, &command_rollback, argc);
}

const struct command command_confirm = {
	.name = "confirm",
	.arguments = "",
	.summary = "keeps the bundle that is on trial",
	.help = "exit codes: 0 it is kept, 1 none is on trial, or it cannot be kept, 2 wrong usage,\n"
		"3 no supervisor is running\n",
	.run = confirm_run,
};

const struct command command_rollback = {
	.name = "rollback",
	.arguments = "",
	.summary = "undoes the bundle that is on trial: what was before is in force again",
	.help = "A bundle that was confirmed stays: to go back, sign the old content as a bundle with a new serial.\n\n"
		"exit codes: 0 it is undone, 1 none is on trial, or it cannot be undone, 2 wrong usage,\n"
		"3 no supervisor is running\n",
	.run = rollback_run,
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/failure.h"
#include "cli/command.h"
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

struct apply {
	const struct context *context;
	const char *folder;
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
	diag_sort(&a->diags);
	diag_print(&a->diags, stderr, isatty(STDERR_FILENO));
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

static int apply_run(const struct context *context, int argc, char **argv)
{
	struct apply a = { .context = context };
	int code, r;

	if (argc != 2 || argv[1][0] == '-')
		return usage_error(&command_apply, "%s", argc < 2 ? "which site folder?" :
				   "it wants one site folder, and has no options of its own");
	a.folder = argv[1];
	diag_init(&a.diags, &a.arena);
	r = documents_read(a.folder, &a.arena, &a.diags, &a.documents);
	code = r < 0 ? system_error("cannot read ", a.folder, r) : ask_supervisor(&a);
	if (code < 0)
		code = commit_directly(&a);
	arena_free(&a.arena);
	return code;
}

const struct command command_apply = {
	.name = "apply",
	.arguments = "DIR",
	.summary = "puts a site folder in force, all of it or nothing",
	.help = "A running supervisor is asked to do it: then the inspector has the new rules before the kernel.\n"
		"Without one the ruleset goes to the kernel, and inspected conduits stay closed until\n"
		"`gatehouse run` is started. Rules that were taken away stop their connections at once.\n\n"
		"exit codes: 0 in force, 1 the documents have errors or the kernel refused one of them\n"
		"(what was in force still is), 2 wrong usage, 3 the system refused\n",
	.run = apply_run,
};

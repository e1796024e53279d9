/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/plan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/options.h"
#include "policy/documents.h"

struct plan {
	const struct context *context;
	const char *folder;
	const char *against; /* NULL: what is in force */
	int64_t at;
	struct arena arena;
};

/* One of the two sites. */
struct version {
	struct documents documents;
	struct diag_list diags;
	struct compiled compiled;
	bool present;
};

static const char *read_line(struct plan *p, int argc, char **argv)
{
	const char *text;

	for (int i = 1; i < argc; i++) {
		if (option_value(argc, argv, &i, "--against", &p->against)) {
			if (!p->against)
				return "--against wants a site folder";
		} else if (option_value(argc, argv, &i, "--at", &text)) {
			if (!text || !parse_instant(text, &p->at))
				return "--at wants a time like 2026-11-22T14:00:00Z";
		} else if (argv[i][0] == '-') {
			return "an option that it does not have";
		} else if (p->folder) {
			return "one site folder, and the other one after --against";
		} else {
			p->folder = argv[i];
		}
	}
	return p->folder ? NULL : "which site folder?";
}

static int system_error(const char *name, int error)
{
	fprintf(stderr, "gatehouse plan: cannot read %s: %s\n", name, strerror(-error));
	return EXIT_SYSTEM;
}

static int compile_version(struct plan *p, struct version *v, const char *name)
{
	if (compile_site(&v->documents, p->at, NULL, 0, &p->arena, &v->diags, &v->compiled) &&
	    !v->diags.errors) {
		v->present = true;
		return EXIT_CLEAN;
	}
	diag_sort(&v->diags);
	diag_print(&v->diags, stderr, isatty(STDERR_FILENO) == 1);
	fprintf(stderr, "gatehouse plan: %s has errors, so it cannot be compared\n", name);
	return EXIT_FINDINGS;
}

static int read_folder(struct plan *p, const char *folder, struct version *ret)
{
	int r;

	diag_init(&ret->diags, &p->arena);
	r = documents_read(folder, &p->arena, &ret->diags, &ret->documents);
	return r < 0 ? system_error(folder, r) : compile_version(p, ret, folder);
}

/* What is in force on this box; none is not an error. */
static int read_in_force(struct plan *p, struct version *ret)
{
	const char *path = arena_printf(&p->arena, "%s/in-force.json", p->context->state);
	int r;

	diag_init(&ret->diags, &p->arena);
	r = documents_load(path, &p->arena, &ret->documents);
	if (r == -ENOENT)
		return EXIT_CLEAN;
	return r < 0 ? system_error(path, r) : compile_version(p, ret, "what is in force");
}

static int compare(struct plan *p)
{
	struct version before = { 0 }, after = { 0 };
	struct diff diff;
	int code = read_folder(p, p->folder, &after);

	if (code == EXIT_CLEAN)
		code = p->against ? read_folder(p, p->against, &before) : read_in_force(p, &before);
	if (code != EXIT_CLEAN)
		return code;
	diff_sites(before.present ? &before.compiled : NULL, &after.compiled, p->at, &p->arena, &diff);
	if (p->context->json) {
		plan_write(&diff, after.compiled.site->id, p->against ? p->against :
			   before.present ? "in-force" : NULL);
		return EXIT_CLEAN;
	}
	printf("%s, compared with %s\n", p->folder, p->against ? p->against :
	       before.present ? "what is in force" : "nothing: no policy is in force");
	plan_print(&diff, &p->arena);
	return EXIT_CLEAN;
}

static int run(const struct context *context, int argc, char **argv)
{
	struct plan p = { .context = context, .at = time(NULL) };
	const char *wrong = read_line(&p, argc, argv);
	int code;

	if (wrong)
		return usage_error(&command_plan, "%s", wrong);
	code = compare(&p);
	arena_free(&p.arena);
	return code;
}

const struct command command_plan = {
	.name = "plan",
	.arguments = "DIR [--against DIR]",
	.summary = "what a site folder would change: permissions, and live connections",
	.help = "Compares DIR with what is in force (in the --state folder), or with another site folder: rule by\n"
		"rule and service by service, as sets (units, addresses, quantities, values; tags, elements, objects,\n"
		"data files, routes), so that writing the same in another way changes nothing. Nothing is put in force.\n\n"
		"  --against DIR  the site to compare with, instead of what is in force\n"
		"  --at TIME      as of then, like 2026-11-22T14:00:00Z (default: now)\n"
		"  --json         one object; docs/explain-and-plan.md names its members\n\n"
		"exit codes: 0 compared, whatever differs, 1 a document has errors, 2 wrong usage,\n"
		"3 a folder cannot be read\n",
	.run = run,
};

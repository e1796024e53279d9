/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/plan.h"

#include <stdio.h>
#include <time.h>

#include "cli/options.h"

struct plan {
	const struct context *context;
	const char *folder;
	const char *against; /* NULL: what is in force */
	int64_t at;
	struct arena arena;
};

static const char *read_line(struct plan *p, int argc, char **argv)
{
	const char *text;

	for (int i = 1; i < argc; i++) {
		if (option_value(argc, argv, &i, "--against", &p->against)) {
			if (!p->against)
				return "--against wants a site folder or a bundle";
		} else if (option_value(argc, argv, &i, "--at", &text)) {
			if (!text || !parse_instant(text, &p->at))
				return "--at wants a time like 2026-11-22T14:00:00Z";
		} else if (argv[i][0] == '-') {
			return "an option that it does not have";
		} else if (p->folder) {
			return "one site, and the other one after --against";
		} else {
			p->folder = argv[i];
		}
	}
	return p->folder ? NULL : "which site folder or bundle?";
}

/* Both are compiled. */
static void tell(const struct context *context, const struct site_input *before, const struct site_input *after,
		 int64_t at)
{
	struct diff diff;

	diff_sites(before->present ? &before->compiled : NULL, &after->compiled, at, after->arena, &diff);
	if (context->json) {
		plan_write(&diff, after->compiled.site->id, !before->present ? NULL : before->in_force ? "in-force" :
			   before->name);
		return;
	}
	printf("%s, compared with %s\n", after->name, before->present ? before->name :
	       "nothing: no policy is in force");
	plan_print(&diff, after->arena);
}

int plan_compare(const struct context *context, struct site_input *before, struct site_input *after, int64_t at)
{
	int code = site_input_compile(after, at);

	if (code == EXIT_CLEAN)
		code = site_input_compile(before, at);
	if (code == EXIT_CLEAN)
		tell(context, before, after, at);
	return code;
}

int plan_read_before(const struct context *context, const char *command, const char *against, struct arena *arena,
		     struct site_input *ret)
{
	return against ? site_input_read(ret, command, against, arena) :
			 site_input_in_force(ret, context, command, arena);
}

/* Compiles one of the two, which was read with `code`, and frees its texts: only one site's are held at a time. */
static int take(struct plan *p, int code, struct arena *texts, struct site_input *input)
{
	input->arena = &p->arena;
	if (code == EXIT_CLEAN)
		code = site_input_compile(input, p->at);
	input->documents = (struct documents){ 0 };
	input->envelope = NULL;
	input->bundle = NULL;
	arena_free(texts);
	return code;
}

static int compare(struct plan *p)
{
	struct arena texts = { 0 };
	struct site_input before, after;
	int code = take(p, site_input_read(&after, "plan", p->folder, &texts), &texts, &after);

	if (code == EXIT_CLEAN)
		code = take(p, plan_read_before(p->context, "plan", p->against, &texts, &before), &texts, &before);
	if (code == EXIT_CLEAN)
		tell(p->context, &before, &after, p->at);
	return code;
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
	.arguments = "DIR|BUNDLE [--against DIR|BUNDLE]",
	.summary = "what a site folder would change: permissions, and live connections",
	.help = "Compares it with what is in force (in the --state folder), or with another folder or bundle: rule by\n"
		"rule and service by service, as sets (units, addresses, quantities, values; tags, elements, objects,\n"
		"data files, routes), so that writing the same in another way changes nothing. Nothing is put in force.\n\n"
		"  --against SITE  the folder or bundle to compare with, instead of what is in force\n"
		"  --at TIME       as of then, like 2026-11-22T14:00:00Z (default: now)\n"
		"  --json          one object; docs/explain-and-plan.md names its members\n\n"
		"exit codes: 0 compared, whatever differs, 1 a document has errors, 2 wrong usage,\n"
		"3 a site cannot be read\n",
	.run = run,
};

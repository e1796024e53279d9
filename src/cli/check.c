/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/failure.h"
#include "cli/command.h"
#include "json/writer.h"
#include "policy/compile.h"
#include "policy/documents.h"
#include "policy/model.h"

struct check {
	struct arena arena;
	struct diag_list diags;
	struct documents documents;
	struct compiled compiled;
};

static void write_finding(struct writer *w, const struct diag *item)
{
	const struct diag_place *place = &item->place;

	writer_open_map(w);
	writer_put_text(w, "code", item->code);
	writer_put_text(w, "severity", item->severity == DIAG_ERROR ? "error" : "warning");
	writer_put_text(w, "file", place->file);
	writer_put_uint(w, "line", place->line);
	writer_put_uint(w, "column", place->column);
	writer_put_text(w, "pointer", place->pointer);
	writer_put_text(w, "message", item->message);
	writer_put_text(w, "help", item->help);
	writer_close_map(w);
}

static void print_json(const struct check *check)
{
	const struct diag_list *diags = &check->diags;
	struct writer w;

	writer_init(&w, stdout, true);
	writer_open_map(&w);
	writer_name(&w, "findings");
	writer_open_list(&w);
	for (size_t i = 0; i < diags->count; i++)
		write_finding(&w, &diags->items[i]);
	writer_close_list(&w);
	writer_put_uint(&w, "errors", diags->errors);
	writer_put_uint(&w, "warnings", diags->warnings);
	writer_close_map(&w);
	putchar('\n');
}

/* "3 rules", "1 rule", "no rules" */
static void print_count(size_t count, const char *one)
{
	if (count)
		printf("%zu %s%s", count, one, count == 1 ? "" : "s");
	else
		printf("no %ss", one);
}

static void print_text(const struct check *check, const char *folder)
{
	const struct diag_list *diags = &check->diags;

	diag_print(diags, stderr, isatty(STDERR_FILENO) == 1);
	fflush(stderr);
	printf("%s: ", folder);
	print_count(check->documents.count, "document");
	printf(", ");
	print_count(check->compiled.site->rule_count, "rule");
	printf(", ");
	print_count(diags->errors, "error");
	printf(", ");
	print_count(diags->warnings, "warning");
	putchar('\n');
}

static int check_folder(const struct context *context, const char *folder, bool strict)
{
	struct check check = { 0 };
	bool clean;
	int r;

	diag_init(&check.diags, &check.arena);
	r = documents_read(folder, &check.arena, &check.diags, &check.documents);
	if (r < 0) {
		fprintf(stderr, "gatehouse check: cannot read the folder %s: %s\n", folder, failure_text(r));
		arena_free(&check.arena);
		return EXIT_SYSTEM;
	}
	compile_site(&check.documents, time(NULL), NULL, 0, &check.arena, &check.diags, &check.compiled);
	diag_sort(&check.diags);
	if (context->json)
		print_json(&check);
	else
		print_text(&check, folder);
	clean = !check.diags.errors && !(strict && check.diags.warnings);
	arena_free(&check.arena);
	return clean ? EXIT_CLEAN : EXIT_FINDINGS;
}

static int run(const struct context *context, int argc, char **argv)
{
	const char *folder = NULL;
	bool strict = false;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--strict"))
			strict = true;
		else if (argv[i][0] == '-')
			return usage_error(&command_check, "there is no option %s", argv[i]);
		else if (folder)
			return usage_error(&command_check, "one site folder at a time; %s is too much",
					   argv[i]);
		else
			folder = argv[i];
	}
	if (!folder)
		return usage_error(&command_check, "which site folder?");
	return check_folder(context, folder, strict);
}

const struct command command_check = {
	.name = "check",
	.arguments = "DIR [--strict]",
	.summary = "validates a site folder",
	.help = "Reads every *.json document in DIR and below and prints all that is wrong or worth a\n"
		"second look, each with its place and what to do about it.\n\n"
		"  --strict  warnings count like errors\n"
		"  --json    {\"findings\": [{code, severity, file, line, column, pointer, message, help}],\n"
		"            \"errors\": N, \"warnings\": N}\n\n"
		"exit codes: 0 no errors, 1 errors (with --strict: or warnings), 2 wrong usage,\n"
		"3 the folder cannot be read\n",
	.run = run,
};

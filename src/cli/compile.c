/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/command.h"
#include "json/writer.h"
#include "netfilter/nft_text.h"
#include "policy/compile.h"
#include "policy/documents.h"

struct compile_line {
	const char *folder;
	const char *out;
	int64_t at; /* seconds UTC */
};

/* NULL, or what is wrong. */
static const char *read_line(int argc, char **argv, struct compile_line *ret)
{
	char *end;

	*ret = (struct compile_line){ .at = time(NULL) };
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-o") && i + 1 < argc) {
			ret->out = argv[++i];
		} else if (!strcmp(argv[i], "--at") && i + 1 < argc) {
			ret->at = strtoll(argv[++i], &end, 10);
			if (*end || end == argv[i])
				return "--at wants seconds since 1970, UTC";
		} else if (argv[i][0] == '-' || ret->folder) {
			return argv[i][0] == '-' ? "an option that it does not have, or without its value" :
						   "one site folder at a time";
		} else {
			ret->folder = argv[i];
		}
	}
	if (!ret->folder)
		return "which site folder?";
	return ret->out ? NULL : "-o OUT says where to write";
}

static void write_ruleset(const struct compiled *compiled, FILE *out)
{
	nft_text_write(&compiled->ruleset, NULL, out);
}

static int write_file(const char *folder, const char *name, const struct compiled *compiled,
		      void (*write)(const struct compiled *, FILE *), struct arena *arena)
{
	char *bytes = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&bytes, &length);
	int r;

	if (!out)
		return -errno;
	write(compiled, out);
	r = ferror(out) ? -EIO : 0;
	if (fclose(out) && !r)
		r = -errno;
	if (!r)
		r = file_replace(arena_printf(arena, "%s/%s", folder, name), bytes, length, 0644);
	free(bytes);
	return r;
}

static int write_both(const struct compile_line *line, const struct compiled *compiled,
		      struct arena *arena)
{
	int r = mkdir(line->out, 0755) < 0 && errno != EEXIST ? -errno : 0;

	if (!r)
		r = write_file(line->out, "ruleset.nft", compiled, write_ruleset, arena);
	if (!r)
		r = write_file(line->out, "policy.json", compiled, compile_write_policy, arena);
	return r;
}

static void tell(const struct context *context, const struct compile_line *line,
		 const struct compiled *compiled)
{
	struct writer w;

	if (!context->json) {
		printf("%zu rules over %zu conduits: %s/ruleset.nft, %s/policy.json\n",
		       compiled->rule_count, compiled->ruleset.conduit_count, line->out, line->out);
		return;
	}
	writer_init(&w, stdout, true);
	writer_open_map(&w);
	writer_put_text(&w, "site", compiled->ruleset.site);
	writer_put_uint(&w, "rules", compiled->rule_count);
	writer_put_uint(&w, "conduits", compiled->ruleset.conduit_count);
	writer_close_map(&w);
	putchar('\n');
}

static int compile_over(const struct context *context, const struct compile_line *line,
			struct arena *arena)
{
	struct documents documents;
	struct compiled compiled;
	struct diag_list diags;
	bool good;
	int r;

	diag_init(&diags, arena);
	r = documents_read(line->folder, arena, &diags, &documents);
	if (r < 0) {
		fprintf(stderr, "gatehouse compile: cannot read %s: %s\n", line->folder, strerror(-r));
		return EXIT_SYSTEM;
	}
	good = compile_site(&documents, line->at, NULL, 0, arena, &diags, &compiled) && !diags.errors;
	diag_sort(&diags);
	diag_print(&diags, stderr, isatty(STDERR_FILENO));
	if (!good)
		return EXIT_FINDINGS;
	r = write_both(line, &compiled, arena);
	if (r < 0) {
		fprintf(stderr, "gatehouse compile: cannot write to %s: %s\n", line->out, strerror(-r));
		return EXIT_SYSTEM;
	}
	tell(context, line, &compiled);
	return EXIT_CLEAN;
}

static int compile_run(const struct context *context, int argc, char **argv)
{
	struct compile_line line;
	struct arena arena = { 0 };
	const char *wrong = read_line(argc, argv, &line);
	int code;

	if (wrong)
		return usage_error(&command_compile, "%s", wrong);
	code = compile_over(context, &line, &arena);
	arena_free(&arena);
	return code;
}

const struct command command_compile = {
	.name = "compile",
	.arguments = "DIR -o OUT",
	.summary = "write what a site folder means: the nftables ruleset and the inspection policy",
	.help = "Writes OUT/ruleset.nft (loadable by `nft -f`) and OUT/policy.json. The same documents and\n"
		"the same time give the same bytes. Nothing is put in force; conduits are numbered afresh.\n\n"
		"options\n"
		"  -o OUT     the folder to write to; it is made when it is missing\n"
		"  --at TIME  as of then, in seconds since 1970 UTC (default: now): what is expired, and which\n"
		"             days schedules are written out for\n\n"
		"exit codes: 0 written, 1 the documents have errors, 2 wrong usage, 3 cannot read or write\n",
	.run = compile_run,
};

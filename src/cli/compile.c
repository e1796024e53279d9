/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/failure.h"
#include "base/file.h"
#include "cli/command.h"
#include "cli/options.h"
#include "json/writer.h"
#include "netfilter/nft_text.h"
#include "policy/compile.h"
#include "policy/documents.h"
#include "policy/model.h"

struct compile_line {
	const char *folder;
	const char *out;
	int64_t at; /* seconds UTC */
};

/* Seconds since 1970, or a date and time. */
static bool read_time(const char *text, int64_t *ret)
{
	char *end;

	*ret = strtoll(text, &end, 10);
	return (!*end && end != text) || parse_instant(text, ret);
}

static int read_line(int argc, char **argv, struct compile_line *ret)
{
	const char *at;

	*ret = (struct compile_line){ .at = time(NULL) };
	for (int i = 1; i < argc; i++) {
		if (option_value(argc, argv, &i, "-o", &ret->out)) {
			if (!ret->out)
				return usage_error(&command_compile, "-o wants the folder to write to");
		} else if (option_value(argc, argv, &i, "--at", &at)) {
			if (!at || !read_time(at, &ret->at))
				return usage_error(&command_compile,
						   "--at wants a time like 2026-11-22T14:00:00Z");
		} else if (argv[i][0] == '-') {
			return usage_error(&command_compile, "there is no option %s", argv[i]);
		} else if (ret->folder) {
			return usage_error(&command_compile, "one site folder at a time; %s is too much",
					   argv[i]);
		} else {
			ret->folder = argv[i];
		}
	}
	if (!ret->folder)
		return usage_error(&command_compile, "which site folder?");
	return ret->out ? EXIT_CLEAN :
			  usage_error(&command_compile, "-o OUT is missing: the folder to write to");
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

static int write_all(const struct compile_line *line, const struct compiled *compiled,
		      struct arena *arena)
{
	int r = mkdir(line->out, 0755) < 0 && errno != EEXIST ? -errno : 0;

	if (!r)
		r = write_file(line->out, "ruleset.nft", compiled, write_ruleset, arena);
	if (!r)
		r = write_file(line->out, "policy.json", compiled, compile_write_policy, arena);
	if (!r)
		r = write_file(line->out, "permits.jsonl", compiled, compile_write_permits, arena);
	if (!r)
		r = write_file(line->out, "rsyslog.conf", compiled, compile_write_rsyslog, arena);
	return r;
}

static void tell(const struct context *context, const struct compile_line *line,
		 const struct compiled *compiled)
{
	struct writer w;

	if (!context->json) {
		printf("%s: %zu rules, %zu conduits; ruleset.nft, policy.json, permits.jsonl and rsyslog.conf written to "
		       "%s\n",
		       compiled->ruleset.site, compiled->site->rule_count,
		       compiled->ruleset.conduit_count, line->out);
		return;
	}
	writer_init(&w, stdout, true);
	writer_open_map(&w);
	writer_put_text(&w, "site", compiled->ruleset.site);
	writer_put_uint(&w, "rules", compiled->site->rule_count);
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
		fprintf(stderr, "gatehouse compile: cannot read the folder %s: %s\n", line->folder,
			failure_text(r));
		return EXIT_SYSTEM;
	}
	good = compile_site(&documents, line->at, NULL, 0, arena, &diags, &compiled) && !diags.errors;
	diag_show(&diags);
	if (!good)
		return EXIT_FINDINGS;
	r = write_all(line, &compiled, arena);
	if (r < 0) {
		fprintf(stderr, "gatehouse compile: cannot write to %s: %s\n", line->out, failure_text(r));
		return EXIT_SYSTEM;
	}
	tell(context, line, &compiled);
	return EXIT_CLEAN;
}

static int compile_run(const struct context *context, int argc, char **argv)
{
	struct compile_line line;
	struct arena arena = { 0 };
	int code = read_line(argc, argv, &line);

	if (code != EXIT_CLEAN)
		return code;
	code = compile_over(context, &line, &arena);
	arena_free(&arena);
	return code;
}

const struct command command_compile = {
	.name = "compile",
	.arguments = "DIR -o OUT [--at TIME]",
	.summary = "writes what a site folder means: the nftables ruleset and the inspection policy",
	.help = "Writes OUT/ruleset.nft (loadable by `nft -f`), OUT/policy.json, OUT/permits.jsonl (whose SHA-256 a\n"
		"bundle carries) and OUT/rsyslog.conf (forwards the event log to the site's log_collectors). The same\n"
		"documents and the same time give the same bytes. Nothing is put in force; conduits are numbered afresh.\n\n"
		"options\n"
		"  -o OUT     the folder to write to; it is made when it is missing\n"
		"  --at TIME  as of then (2026-11-22T14:00:00Z, or seconds since 1970; default: now): what is\n"
		"             expired, and which days schedules are written out for\n\n"
		"exit codes: 0 written, 1 the documents have errors, 2 wrong usage, 3 cannot read or write\n",
	.run = compile_run,
};

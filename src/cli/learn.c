/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/failure.h"
#include "base/file.h"
#include "cli/command.h"
#include "cli/learn_capture.h"
#include "cli/learn_ledger.h"
#include "cli/learn_names.h"
#include "cli/traffic.h"
#include "policy/learn.h"

#define SQLITE_MAGIC "SQLite format 3"

struct wanted {
	const char *source;
	const char *site;  /* whose names the addresses get; NULL */
	const char *rule;
	const char *out;
};

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "gatehouse learn: %s: %s\n", what, why);
	return EXIT_SYSTEM;
}

static bool is_ledger(const char *path)
{
	char start[sizeof(SQLITE_MAGIC)] = "";
	FILE *in = fopen(path, "rb");
	bool is = in && fread(start, sizeof(start), 1, in) == 1 && memcmp(start, SQLITE_MAGIC, sizeof(start)) == 0;

	if (in)
		fclose(in);
	return is;
}

/* ---- what is told beside the document ---- */

static void tell_rules(const struct learn_rules *rules)
{
	for (size_t i = 0; i < rules->count; i++) {
		const struct learn_rule *r = &rules->items[i];

		fprintf(stderr, "%s: %s to %s, %s: %llu requests\n", r->id, *r->from ? r->from : "?", *r->to ? r->to : "?",
			r->protocol->name, (unsigned long long)r->seen);
		if (!r->learn.count)
			fprintf(stderr, "    nothing that a rule could allow was asked for: no rule\n");
		if (learn_controls(&r->learn))
			fprintf(stderr, "    CONTROLS THE DEVICE: read the notes that say so\n");
		if (r->cannot)
			fprintf(stderr, "    %llu of them cannot be said in a rule\n", (unsigned long long)r->cannot);
	}
}

static void tell_denied(const struct learn_denied *denied)
{
	if (!denied->denied)
		return;
	fprintf(stderr, "%llu of %llu messages would still be denied:\n", (unsigned long long)denied->denied,
		(unsigned long long)denied->messages);
	for (enum reason reason = REASON_NONE + 1; reason < REASON_COUNT; reason++)
		if (denied->by_reason[reason])
			fprintf(stderr, "  %8llu  %s: %s\n", (unsigned long long)denied->by_reason[reason],
				reason_code(reason), reason_text(reason));
}

/* ---- the command ---- */

static int from_capture(const struct wanted *wanted, struct play *play, struct learn_rules *rules)
{
	struct learn_denied denied;
	const char *why;

	if (wanted->rule)
		return usage_error(&command_learn, "--rule is for a ledger; %s is none", wanted->source);
	why = learn_capture(wanted->source, play, rules, &denied);
	if (why)
		return fail(wanted->source, why);
	tell_rules(rules);
	tell_denied(&denied);
	return denied.denied ? EXIT_FINDINGS : EXIT_CLEAN;
}

static int from_ledger(const struct wanted *wanted, struct learn_rules *rules)
{
	int r = learn_ledger(wanted->source, wanted->rule, rules);

	if (r < 0)
		return fail(wanted->source, failure_text(r));
	tell_rules(rules);
	for (size_t i = 0; i < rules->count; i++)
		if (rules->items[i].cannot)
			return EXIT_FINDINGS;
	return EXIT_CLEAN;
}

static int write_document(const struct wanted *wanted, struct learn_rules *rules)
{
	char *bytes = NULL;
	size_t len = 0, count;
	FILE *out = open_memstream(&bytes, &len);
	const char *name = strrchr(wanted->source, '/');
	int r = -ENOMEM;

	if (!out)
		return fail("the rules", failure_text(r));
	count = learn_rules_write(rules, name ? name + 1 : wanted->source, out);
	if (fclose(out) == 0)
		r = wanted->out ? file_replace(wanted->out, bytes, len, 0644) :
		    fwrite(bytes, 1, len, stdout) == len ? 0 : -EIO;
	free(bytes);
	if (r < 0)
		return fail(wanted->out ? wanted->out : "output", failure_text(r));
	if (!count)
		fprintf(stderr, "there is nothing to learn from it: no rule\n");
	return count ? EXIT_CLEAN : EXIT_FINDINGS;
}

static const char *take_option(struct wanted *wanted, struct ports *ports, int argc, char **argv, int *i,
			       bool *ret_taken)
{
	const char *value = NULL;

	*ret_taken = true;
	if (option_value(argc, argv, i, "--port", &value))
		return value ? ports_add(ports, value) : "--port wants PROTOCOL=NUMBER";
	if (option_value(argc, argv, i, "--site", &wanted->site))
		return wanted->site ? NULL : "--site wants a site folder";
	if (option_value(argc, argv, i, "--rule", &wanted->rule))
		return wanted->rule ? NULL : "--rule wants the id of a rule";
	if (option_value(argc, argv, i, "-o", &wanted->out))
		return wanted->out ? NULL : "-o wants a file";
	*ret_taken = false;
	return NULL;
}

static int name_ends(const char *folder, struct learn_rules *rules)
{
	struct diag_list diags;
	int r;

	diag_init(&diags, rules->arena);
	r = learn_names(folder, &diags, rules);
	if (r < 0)
		return fail(folder, failure_text(r));
	if (r == 0)
		return EXIT_CLEAN;
	diag_show(&diags);
	return EXIT_FINDINGS;
}

static int learn(const struct wanted *wanted, struct play *play)
{
	struct arena arena = { 0 };
	struct learn_rules rules = { .arena = &arena };
	int code = is_ledger(wanted->source) ? from_ledger(wanted, &rules) : from_capture(wanted, play, &rules);
	int named = EXIT_CLEAN, written = EXIT_CLEAN;

	if (code <= EXIT_FINDINGS && wanted->site)
		named = name_ends(wanted->site, &rules);
	if (code <= EXIT_FINDINGS && named == EXIT_CLEAN)
		written = write_document(wanted, &rules);
	play_free(play);
	arena_free(&arena);
	return code > EXIT_FINDINGS ? code : named ? named : written ? written : code;
}

static int run(const struct context *context, int argc, char **argv)
{
	struct play play = { 0 };
	struct wanted wanted = { 0 };

	ports_init(&play.ports);
	for (int i = 1; i < argc; i++) {
		bool taken;
		const char *wrong = take_option(&wanted, &play.ports, argc, argv, &i, &taken);

		if (wrong)
			return usage_error(&command_learn, "%s", wrong);
		if (taken)
			continue;
		if (argv[i][0] == '-')
			return usage_error(&command_learn, "there is no option %s", argv[i]);
		if (wanted.source)
			return usage_error(&command_learn, "one capture or ledger; %s is too much", argv[i]);
		wanted.source = argv[i];
	}
	if (!wanted.source)
		return usage_error(&command_learn, "from which capture or ledger?");
	return learn(&wanted, &play);
}

const struct command command_learn = {
	.name = "learn",
	.arguments = "FILE [--site DIR] [--rule RULE] [--port PROTOCOL=NUMBER ...] [-o OUT]",
	.summary = "proposes the narrowest rules for what a capture or the usage ledger shows",
	.help = "FILE is a capture (pcap, pcapng) or a usage ledger (usage.db). Writes a rules document: for\n"
		"each server and device of the capture, or for each rule of the ledger, the narrowest rule\n"
		"that allows what was let through. Each entry's note says how often it was seen and when, and\n"
		"whether it controls the device. Purpose, owner, approval and review are left empty, and\n"
		"`check` refuses the rule until somebody has filled them in (docs/learning.md).\n\n"
		"  --site DIR           hosts get the names that they have in this site folder\n"
		"  --rule RULE          only this rule of a ledger\n"
		"  --port modbus=1502   this port speaks Modbus, too (repeatable)\n"
		"  -o OUT               to this file\n\n"
		"exit codes: 0 done, 1 something was seen that the rules do not allow, or nothing at all,\n"
		"2 wrong usage, 3 a file cannot be read or written\n",
	.run = run,
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/failure.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/play.h"

#define ANY_TIME 0 /* nothing has expired yet */

struct rule_total {
	uint64_t allowed;
	uint64_t denied;
};

struct replay {
	struct play play;
	struct replay_site site;
	bool json;
	struct rule_total *by_rule; /* as the program's rules */
	uint64_t by_reason[REASON_COUNT];
	uint64_t allowed;
	uint64_t denied;
	uint64_t malformed;
};

/* ---- lines ---- */

/* The rule to name: the one that decided, else the only one there is. */
static const char *rule_of(const struct replay *r, const struct replay_conduit *conduit,
			   const struct stage_verdict *verdict, uint32_t *ret_index)
{
	*ret_index = verdict->rule;
	if (!conduit)
		return NULL;
	if (!conduit->inspected)
		return conduit->rules;
	if (*ret_index == CORE_NO_RULE)
		*ret_index = conduit->only_rule;
	return replay_site_rule(&r->site, *ret_index);
}

static enum reason write_line(const struct message *message, const char *rule,
			      const struct stage_verdict *verdict)
{
	struct writer w;
	enum reason malformed;

	writer_init(&w, stdout, false);
	writer_open_map(&w);
	message_write_head(&w, message);
	malformed = message->protocol->write(&w, message);
	writer_put_text(&w, "rule", rule);
	writer_put_text(&w, "verdict", verdict->allowed ? "allow" : "deny");
	if (!verdict->allowed)
		writer_put_text(&w, "reason", reason_code(verdict->reason));
	if (verdict->observed)
		writer_put_bool(&w, "observed", true);
	writer_close_map(&w);
	putchar('\n');
	return malformed;
}

static enum reason print_line(const struct message *message, const char *rule,
			      const struct stage_verdict *verdict)
{
	enum reason malformed;

	message_print_head(stdout, message);
	malformed = message->protocol->print(stdout, message);
	printf("\n        %s", verdict->allowed ? "allow" : "DENY");
	if (!verdict->allowed)
		printf(" (%s)", reason_code(verdict->reason));
	if (rule)
		printf(", rule %s", rule);
	puts(verdict->observed ? ", let through in mode observe" : "");
	return malformed;
}

static void report(void *context, const struct replay_conduit *conduit, const struct message *message,
		   const struct stage_verdict *verdict)
{
	struct replay *r = context;
	uint32_t index;
	const char *rule = rule_of(r, conduit, verdict, &index);

	if ((r->json ? write_line : print_line)(message, rule, verdict) != REASON_NONE)
		r->malformed++;
	if (verdict->allowed)
		r->allowed++;
	else
		r->denied++;
	if (!verdict->allowed && verdict->reason < REASON_COUNT)
		r->by_reason[verdict->reason]++;
	if (rule && index < r->site.compiled.rule_count) {
		r->by_rule[index].allowed += verdict->allowed;
		r->by_rule[index].denied += !verdict->allowed;
	}
}

/* ---- summary ---- */

static void write_summary(const struct replay *r, const struct traffic *traffic)
{
	struct writer w;

	writer_init(&w, stdout, false);
	writer_open_map(&w);
	writer_name(&w, "summary");
	writer_open_map(&w);
	writer_put_uint(&w, "frames", traffic->frames);
	writer_put_uint(&w, "messages", r->allowed + r->denied);
	writer_put_uint(&w, "malformed", r->malformed);
	writer_name(&w, "verdicts");
	writer_open_map(&w);
	writer_put_uint(&w, "allow", r->allowed);
	writer_put_uint(&w, "deny", r->denied);
	writer_close_map(&w);
	writer_name(&w, "reasons");
	writer_open_map(&w);
	for (enum reason reason = REASON_NONE + 1; reason < REASON_COUNT; reason++)
		if (r->by_reason[reason])
			writer_put_uint(&w, reason_code(reason), r->by_reason[reason]);
	writer_close_map(&w);
	writer_name(&w, "rules");
	writer_open_map(&w);
	for (uint32_t i = 0; i < r->site.compiled.rule_count; i++) {
		if (!r->by_rule[i].allowed && !r->by_rule[i].denied)
			continue;
		writer_name(&w, replay_site_rule(&r->site, i));
		writer_open_map(&w);
		writer_put_uint(&w, "allow", r->by_rule[i].allowed);
		writer_put_uint(&w, "deny", r->by_rule[i].denied);
		writer_close_map(&w);
	}
	writer_close_map(&w);
	writer_close_map(&w);
	writer_close_map(&w);
	putchar('\n');
}

static void print_summary(const struct replay *r, const struct traffic *traffic)
{
	printf("%llu frames: %llu messages allowed, %llu denied\n",
	       (unsigned long long)traffic->frames, (unsigned long long)r->allowed,
	       (unsigned long long)r->denied);
	for (enum reason reason = REASON_NONE + 1; reason < REASON_COUNT; reason++)
		if (r->by_reason[reason])
			printf("  %8llu  %s: %s\n", (unsigned long long)r->by_reason[reason],
			       reason_code(reason), reason_text(reason));
	for (uint32_t i = 0; i < r->site.compiled.rule_count; i++)
		if (r->by_rule[i].allowed || r->by_rule[i].denied)
			printf("  rule %s: %llu allowed, %llu denied\n",
			       replay_site_rule(&r->site, i),
			       (unsigned long long)r->by_rule[i].allowed,
			       (unsigned long long)r->by_rule[i].denied);
}

/* ---- the command ---- */

struct wanted {
	const char *folder;
	const char *capture;
	const char *as;
};

static int fail(const char *what, const char *why)
{
	fflush(stdout);
	fprintf(stderr, "gatehouse replay: %s: %s\n", what, why);
	return EXIT_SYSTEM;
}

static int fail_capture(const char *path, const char *why)
{
	fprintf(stderr, "gatehouse replay: %s cannot be read as a capture: %s\n", path, why);
	return EXIT_SYSTEM;
}

/* A rule's device may listen on a port of its own. */
static bool add_rule_ports(struct replay *r)
{
	for (size_t i = 0; i < r->site.conduit_count; i++)
		if (r->site.conduits[i].inspected &&
		    !ports_add_rule(&r->play.ports, r->site.conduits[i].program,
				    r->site.conduits[i].device.port))
			return false;
	return true;
}

static int load_core(struct replay *r)
{
	if (play_load(&r->play) < 0)
		return fail("the decision core", "it does not take the compiled rules");
	return EXIT_CLEAN;
}

static int replay_capture(struct replay *r, const char *path)
{
	char error[400] = "";
	struct traffic traffic;
	int err = play_capture(&r->play, path, &traffic, error, sizeof(error));

	if (err && !traffic.frames)
		return fail_capture(path, error);
	if (r->play.stage.trapped)
		return fail(path, "the decision core failed on this capture");
	if (r->json)
		write_summary(r, &traffic);
	else
		print_summary(r, &traffic);
	if (err || r->play.out_of_memory)
		return fail(path, r->play.out_of_memory ? "out of memory" : error);
	return r->denied ? EXIT_FINDINGS : EXIT_CLEAN;
}

/* With --as, the capture is read once before, to know its connections. */
static int narrow(struct replay *r, const struct wanted *wanted)
{
	char error[400] = "";
	const char *why;

	if (play_pairs(&r->play, wanted->capture, error, sizeof(error)) < 0)
		return fail_capture(wanted->capture, error);
	why = replay_site_narrow(&r->site, wanted->as, r->play.pairs, r->play.pair_count);
	if (why)
		return usage_error(&command_replay, "--as %s: %s", wanted->as, why);
	return EXIT_CLEAN;
}

static int prepare(struct replay *r, const struct wanted *wanted, struct arena *arena)
{
	struct diag_list diags;
	int err;

	diag_init(&diags, arena);
	err = replay_site_load(wanted->folder, r->play.dated, r->play.dated ? r->play.at : ANY_TIME, arena, &diags,
			       &r->site);
	if (err < 0)
		return fail(wanted->folder, failure_text(err));
	if (err) {
		diag_show(&diags);
		return EXIT_FINDINGS;
	}
	if (!add_rule_ports(r))
		return fail(wanted->folder, "the rules use too many different ports");
	r->by_rule = arena_array(arena, r->site.compiled.rule_count + 1, sizeof(*r->by_rule));
	err = wanted->as ? narrow(r, wanted) : EXIT_CLEAN;
	return err ? err : load_core(r);
}

static const char *take_option(struct replay *r, struct wanted *wanted, int argc, char **argv,
			       int *i, bool *ret_taken)
{
	const char *value = NULL;

	*ret_taken = true;
	if (option_value(argc, argv, i, "--port", &value))
		return value ? ports_add(&r->play.ports, value) : "--port wants PROTOCOL=NUMBER";
	if (option_value(argc, argv, i, "--as", &wanted->as))
		return wanted->as ? NULL : "--as wants the id of a rule";
	if (option_value(argc, argv, i, "--at", &value)) {
		r->play.dated = value && parse_instant(value, &r->play.at);
		return r->play.dated ? NULL : "--at wants a time like 2026-11-22T14:00:00Z";
	}
	*ret_taken = false;
	return NULL;
}

static int run(const struct context *context, int argc, char **argv)
{
	struct replay r = { .json = context->json, .play = { .judged = report } };
	struct wanted wanted = { 0 };
	struct arena arena = { 0 };
	int code;

	r.play.context = &r;
	r.play.site = &r.site;
	ports_init(&r.play.ports);
	for (int i = 1; i < argc; i++) {
		bool taken;
		const char *wrong = take_option(&r, &wanted, argc, argv, &i, &taken);

		if (wrong)
			return usage_error(&command_replay, "%s", wrong);
		if (taken)
			continue;
		if (argv[i][0] == '-')
			return usage_error(&command_replay, "there is no option %s", argv[i]);
		if (wanted.capture)
			return usage_error(&command_replay, "one site folder and one capture; %s is too much",
					   argv[i]);
		*(wanted.folder ? &wanted.capture : &wanted.folder) = argv[i];
	}
	if (!wanted.capture)
		return usage_error(&command_replay, "it wants a site folder and a capture file");
	code = prepare(&r, &wanted, &arena);
	if (code == EXIT_CLEAN)
		code = replay_capture(&r, wanted.capture);
	play_free(&r.play);
	arena_free(&arena);
	return code;
}

const struct command command_replay = {
	.name = "replay",
	.arguments = "DIR FILE [--as RULE] [--at TIME] [--port PROTOCOL=NUMBER ...] [--json]",
	.summary = "shows what the rules would have said to a capture",
	.help = "Runs every message of the capture through the decision core that inspects live\n"
		"traffic, with the rules of the site folder DIR. A line a message, then a summary\n"
		"(docs/decode.md).\n\n"
		"  --as RULE            applies this rule alone, to every connection whatever its\n"
		"                       addresses\n"
		"  --at TIME            judges dates and schedules as of this time\n"
		"                       (2026-11-22T14:00:00Z); without it they are ignored\n"
		"  --port modbus=1502   this port speaks Modbus, too (repeatable; 502 and the\n"
		"                       rules' own ports do)\n\n"
		"exit codes: 0 all allowed, 1 something denied or errors in the documents,\n"
		"2 wrong usage, 3 a file cannot be read\n",
	.run = run,
};

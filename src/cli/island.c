/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/island.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/failure.h"
#include "cli/actor.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/options.h"
#include "netfilter/commit.h"
#include "run/control.h"
#include "run/supervisor.h"

struct island_line {
	const struct context *context;
	const char *because;
	bool end, yes;
	struct arena arena;
};

static const char *read_line(struct island_line *l, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (option_value(argc, argv, &i, "--because", &l->because)) {
			if (!l->because)
				return "--because wants a text";
		} else if (!strcmp(argv[i], "--end")) {
			l->end = true;
		} else if (!strcmp(argv[i], "--yes")) {
			l->yes = true;
		} else {
			return "it takes --because TEXT, or --end";
		}
	}
	return NULL;
}

/* ---- without a supervisor ---- */

static void record(struct island_line *l, const struct island *island)
{
	int r = island_record(l->context->state, island, actor_user(&l->arena));

	if (r < 0)
		fprintf(stderr, "gatehouse island: this is not in the change log: %s\n", failure_text(r));
}

static int close_kernel(struct island_line *l)
{
	struct diag_list diags;
	int r;

	diag_init(&diags, &l->arena);
	r = netfilter_commit(&supervisor_nothing, &diags);
	diag_print(&diags, stderr, isatty(STDERR_FILENO) == 1);
	return r;
}

/* The kernel first: what the disk says matters at the next start only. */
static int begin_alone(struct island_line *l)
{
	struct island island;
	int r, stored;

	island_make(actor_user(&l->arena), l->because, &island);
	r = close_kernel(l);
	stored = mkdir(l->context->state, 0750) < 0 && errno != EEXIST ? -errno : island_store(l->context->state, &island);
	if (stored < 0)
		fprintf(stderr, "gatehouse island: it cannot be written to %s (%s): the next start opens what is in force\n",
			l->context->state, failure_text(stored));
	record(l, &island);
	if (r < 0) {
		fprintf(stderr, "gatehouse island: the kernel does not close the conduits: %s. PULL THE CABLE\n",
			failure_text(r));
		return EXIT_SYSTEM;
	}
	puts("Everything is closed. No supervisor is running; when one does, every conduit stays closed until\n"
	     "`gatehouse island --end`.");
	return stored < 0 ? EXIT_SYSTEM : EXIT_CLEAN;
}

static int end_alone(struct island_line *l)
{
	struct island island;
	int r;

	island_load(l->context->state, &island);
	if (!island.on) {
		fputs("this box is no island: nothing was changed\n", stderr);
		return EXIT_FINDINGS;
	}
	island = (struct island){ 0 };
	r = island_store(l->context->state, &island);
	if (r < 0) {
		fprintf(stderr, "gatehouse island: it stays one: cannot write to %s: %s\n", l->context->state,
			failure_text(r));
		return EXIT_SYSTEM;
	}
	record(l, &island);
	puts("This box is no island any more. What is in force serves again when the supervisor is started.");
	return EXIT_CLEAN;
}

/* ---- */

static int ask_supervisor(struct island_line *l)
{
	const char *text = "";
	bool done = false;
	int r = control_decide(l->context->runtime, l->end ? "island-end" : "island", actor_user(&l->arena), l->because,
			       &l->arena, &done, &text);

	if (r == -ENOENT || r == -ECONNREFUSED)
		return l->end ? end_alone(l) : begin_alone(l);
	if (r < 0) {
		fprintf(stderr, "gatehouse island: %s: %s\n", text, failure_text(r));
		return l->end ? EXIT_SYSTEM : begin_alone(l); /* it does not answer: past it, then */
	}
	fprintf(done ? stdout : stderr, "%s\n", text);
	return done ? EXIT_CLEAN : EXIT_FINDINGS;
}

static int island_run(const struct context *context, int argc, char **argv)
{
	struct island_line l = { .context = context };
	const char *wrong = read_line(&l, argc, argv);
	int code;

	if (wrong)
		return usage_error(&command_island, "%s", wrong);
	if (l.end && !l.yes && !ask_for("island", "reopen"))
		return EXIT_FINDINGS;
	code = ask_supervisor(&l);
	arena_free(&l.arena);
	return code;
}

const struct command command_island = {
	.name = "island",
	.arguments = "[--because TEXT] | --end",
	.summary = "closes every conduit at once, until somebody reopens",
	.help = "Needs no key and asks nothing. It outlives restarts and reboots, whatever is applied meanwhile; both steps\n"
		"are recorded. What the gate itself needs (time servers, log collectors) goes on.\n\n"
		"options\n"
		"  --because TEXT  why; for the record and for who looks at `status`\n"
		"  --end           what is in force serves again; asks for a word to be typed\n"
		"  --yes           of --end: do not ask\n\n"
		"exit codes: 0 done, 1 it was no island, or it was not confirmed, 2 wrong usage, 3 the system refused\n",
	.run = island_run,
};

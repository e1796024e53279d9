/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/command.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "cli/options.h"
#include "run/supervisor.h"

static void say(const char *line)
{
	puts(line);
	fflush(stdout);
}

static void warn(const char *line)
{
	fprintf(stderr, "gatehouse run: %s\n", line);
}

static void print_findings(const struct diag_list *diags)
{
	diag_print(diags, stderr, isatty(STDERR_FILENO));
}

/* One a processor core that this process may use. */
static unsigned default_queues(void)
{
	long cores = get_nprocs();
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		cores = CPU_COUNT(&set);
	return cores < 1 ? 1 : cores > (long)RULESET_QUEUES_MAX ? RULESET_QUEUES_MAX : (unsigned)cores;
}

static bool read_queues(const char *text, unsigned *ret)
{
	char *end;
	long queues = text ? strtol(text, &end, 10) : 0;

	if (!text || *end || queues < 1 || queues > (long)RULESET_QUEUES_MAX)
		return false;
	*ret = (unsigned)queues;
	return true;
}

static int run(const struct context *context, int argc, char **argv)
{
	static const struct supervisor_voice voice = { say, warn, print_findings };
	const char *folder = NULL, *text;
	unsigned queues = default_queues();
	int r;

	for (int i = 1; i < argc; i++) {
		if (option_value(argc, argv, &i, "--queues", &text)) {
			if (!read_queues(text, &queues))
				return usage_error(&command_run, "--queues wants a number from 1 to %u",
						   RULESET_QUEUES_MAX);
		} else if (argv[i][0] == '-') {
			return usage_error(&command_run, "there is no option %s", argv[i]);
		} else if (folder) {
			return usage_error(&command_run, "one site folder at most; %s is too much", argv[i]);
		} else {
			folder = argv[i];
		}
	}
	r = supervisor_run(context->state, context->runtime, folder, queues, &voice);
	if (r == -EINVAL)
		return EXIT_FINDINGS;
	return r < 0 ? EXIT_SYSTEM : EXIT_CLEAN;
}

const struct command command_run = {
	.name = "run",
	.arguments = "[DIR] [--queues N]",
	.summary = "guards: supervisor and inspectors, in the foreground",
	.help = "With DIR that site folder is applied first; otherwise what is in force on this box.\n"
		"Says \"ready\" when packets are being inspected. SIGHUP reloads, SIGTERM ends; the ruleset\n"
		"stays loaded then, so that inspected traffic is closed.\n\n"
		"options\n"
		"  --queues N    packet queues, 1 to 16, each with an inspector of its own (default: one a\n"
		"                processor core); a conduit's packets always go to the same one\n\n"
		"exit codes: 0 stopped, 1 the documents have errors, 2 wrong usage, 3 the system refused\n",
	.run = run,
};

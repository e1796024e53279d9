/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/command.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

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

static int run(const struct context *context, int argc, char **argv)
{
	static const struct supervisor_voice voice = { say, warn, print_findings };
	int r;

	if (argc > 1 && argv[1][0] == '-')
		return usage_error(&command_run, "there is no option %s", argv[1]);
	if (argc > 2)
		return usage_error(&command_run, "one site folder at most; %s is too much", argv[2]);
	r = supervisor_run(context->state, context->runtime, argc > 1 ? argv[1] : NULL, &voice);
	if (r == -EINVAL)
		return EXIT_FINDINGS;
	return r < 0 ? EXIT_SYSTEM : EXIT_CLEAN;
}

const struct command command_run = {
	.name = "run",
	.arguments = "[DIR]",
	.summary = "guards: supervisor and inspector, in the foreground",
	.help = "With DIR that site folder is applied first; otherwise what is in force on this box.\n"
		"Says \"ready\" when packets are being inspected. SIGHUP reloads, SIGTERM ends; the ruleset\n"
		"stays loaded then, so that inspected traffic is closed.\n"
		"exit codes: 0 stopped, 1 the documents have errors, 2 wrong usage, 3 the system refused\n",
	.run = run,
};

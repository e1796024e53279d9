/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "cli/command.h"

static const struct command *const commands[] = {
	&command_check,
	&command_compile,
	&command_explain,
	&command_plan,
	&command_apply,
	&command_confirm,
	&command_rollback,
	&command_run,
	&command_status,
	&command_verify,
	&command_grant,
	&command_island,
	&command_maintenance,
	&command_clock,
	&command_decode,
	&command_replay,
	&command_learn,
	&command_profiles,
	&command_services,
	&command_new,
	&command_key,
	&command_trust,
	&command_bundle,
	&command_log,
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

int usage_error(const struct command *command, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "gatehouse %s: ", command->name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\nusage: gatehouse %s %s\n`gatehouse %s --help` says more\n", command->name,
		command->arguments, command->name);
	return EXIT_USAGE;
}

static void print_overview(FILE *out)
{
	fputs("gatehouse: a firewall for a plant's network boundary that knows its protocols\n\n"
	      "usage: gatehouse [--state DIR] [--runtime DIR] [--json] COMMAND ...\n\ncommands\n", out);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(out, "  %-12s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\noptions\n"
	      "  --state DIR    what outlives a reboot (default /var/lib/gatehouse)\n"
	      "  --runtime DIR  control socket and process ids (default /run/gatehouse)\n"
	      "  --json         machine-readable output\n"
	      "  --help         help, also on each command\n"
	      "  --version      the version of this program\n\n"
	      "exit codes: 0 done and clean, 1 findings, 2 wrong usage, 3 the system refused\n", out);
}

static void print_help(const struct command *command)
{
	printf("gatehouse %s: %s\n\nusage: gatehouse %s %s\n\n%s", command->name, command->summary,
	       command->name, command->arguments, command->help);
}

static int unknown_command(const char *name)
{
	struct nearest near = nearest_to(name);

	for (size_t i = 0; i < COMMAND_COUNT; i++)
		nearest_offer(&near, commands[i]->name, NULL);
	fprintf(stderr, "gatehouse: there is no %s \"%s\"\n", *name == '-' ? "option" : "command", name);
	if (near.best)
		fprintf(stderr, "did you mean \"%s\"?\n", near.best);
	fputs("`gatehouse --help` lists the commands\n", stderr);
	return EXIT_USAGE;
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

/* What the global options say, taken out of the line wherever they stand. */
struct line {
	struct context context;
	bool help;
	bool version;
	const char *incomplete; /* an option without its value */
	int argc;
	char **argv;
};

/* "--state DIR" or "--state=DIR" at argv[*at]; moves *at to the last argument it used. */
static bool take_folder(struct line *line, const char *option, int argc, char **argv, int *at,
			const char **ret)
{
	size_t len = strlen(option);

	if (strncmp(argv[*at], option, len))
		return false;
	if (argv[*at][len] == '=') {
		*ret = argv[*at] + len + 1;
		return true;
	}
	if (argv[*at][len])
		return false;
	if (*at + 1 == argc)
		line->incomplete = option;
	else
		*ret = argv[++*at];
	return true;
}

static bool take_flag(const char *argument, const char *option, bool *ret)
{
	if (strcmp(argument, option))
		return false;
	*ret = true;
	return true;
}

static void read_line(struct line *line, int argc, char **argv)
{
	int i = 1;

	for (; i < argc && strcmp(argv[i], "--"); i++) {
		if (take_folder(line, "--state", argc, argv, &i, &line->context.state) ||
		    take_folder(line, "--runtime", argc, argv, &i, &line->context.runtime) ||
		    take_flag(argv[i], "--json", &line->context.json) ||
		    take_flag(argv[i], "--help", &line->help) ||
		    take_flag(argv[i], "-h", &line->help) ||
		    (!line->argc && take_flag(argv[i], "--version", &line->version)))
			continue;
		line->argv[line->argc++] = argv[i];
	}
	for (; i < argc; i++)
		line->argv[line->argc++] = argv[i];
}

static int run_line(const struct line *line)
{
	const struct command *command;

	if (line->version) {
		puts("gatehouse " GATEHOUSE_VERSION);
		return EXIT_CLEAN;
	}
	if (line->incomplete) {
		fprintf(stderr, "gatehouse: %s wants a folder behind it\n`gatehouse --help` says more\n",
			line->incomplete);
		return EXIT_USAGE;
	}
	if (!line->argc) {
		print_overview(line->help ? stdout : stderr);
		return line->help ? EXIT_CLEAN : EXIT_USAGE;
	}
	command = find_command(line->argv[0]);
	if (!command)
		return unknown_command(line->argv[0]);
	if (line->help) {
		print_help(command);
		return EXIT_CLEAN;
	}
	return command->run(&line->context, line->argc, line->argv);
}

int main(int argc, char **argv)
{
	struct line line = {
		.context = { .state = "/var/lib/gatehouse", .runtime = "/run/gatehouse" },
		.argv = calloc((size_t)argc + 1, sizeof(char *)),
	};
	int code;

	if (!line.argv)
		return EXIT_SYSTEM;
	read_line(&line, argc, argv);
	code = run_line(&line);
	/* output that did not arrive is not done (a full disk) */
	if (fflush(stdout) && code == EXIT_CLEAN) {
		perror("gatehouse: output");
		code = EXIT_SYSTEM;
	}
	free(line.argv);
	return code;
}

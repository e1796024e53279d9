/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The commands: one table row each (main.c), one file a verb group. cli/ is the only place that prints
 * and that picks exit codes.
 */
#include <stdbool.h>

enum exit_code {
	EXIT_CLEAN = 0,    /* done and clean */
	EXIT_FINDINGS = 1, /* document errors, drift, a denied replay, a bad signature */
	EXIT_USAGE = 2,    /* wrong usage */
	EXIT_SYSTEM = 3    /* the system refused: permission, kernel, disk */
};

/* What every command is given: the global options. */
struct context {
	const char *state;   /* --state, default /var/lib/gatehouse */
	const char *runtime; /* --runtime, default /run/gatehouse */
	bool json;           /* --json, anywhere on the line */
};

struct command {
	const char *name;
	const char *arguments; /* "DIR -o OUT", for usage */
	const char *summary;   /* half a line */
	const char *help;      /* the rest of --help: options, one a line, and exit codes */
	/* argv[0] is the command's name; returns an exit code */
	int (*run)(const struct context *context, int argc, char **argv);
};

/* Prints "gatehouse NAME: MESSAGE" and how to get help to stderr; returns EXIT_USAGE. */
__attribute__((format(printf, 2, 3)))
int usage_error(const struct command *command, const char *format, ...);

extern const struct command command_check, command_compile, command_apply, command_run, command_status,
	command_explain, command_plan, command_verify, command_maintenance, command_clock, command_decode, command_replay,
	command_learn, command_profiles, command_services, command_new, command_key,
	command_trust, command_bundle, command_log, command_confirm, command_rollback,
	command_grant, command_island;

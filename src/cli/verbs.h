/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Commands with a second word, as in "key new": a table row each. */
#include <stddef.h>

#include "cli/command.h"

struct verb {
	const char *name;
	/* argv[0] is the verb; returns an exit code */
	int (*run)(const struct context *context, int argc, char **argv);
};

int verbs_run(const struct command *command, const struct verb *verbs, size_t count,
	      const struct context *context, int argc, char **argv);

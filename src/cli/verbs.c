/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/verbs.h"

#include <string.h>

#include "base/nearest.h"

int verbs_run(const struct command *command, const struct verb *verbs, size_t count,
	      const struct context *context, int argc, char **argv)
{
	struct nearest near = nearest_to(argc > 1 ? argv[1] : "");

	if (argc < 2)
		return usage_error(command, "%s what?", command->name);
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(verbs[i].name, argv[1]))
			return verbs[i].run(context, argc - 1, argv + 1);
		nearest_offer(&near, verbs[i].name, NULL);
	}
	return near.best ? usage_error(command, "it cannot \"%s\"; did you mean \"%s\"?", argv[1], near.best) :
			   usage_error(command, "it cannot \"%s\"", argv[1]);
}

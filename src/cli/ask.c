/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/ask.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool ask_for(const char *command, const char *word)
{
	char typed[32] = "";

	if (!isatty(STDIN_FILENO)) {
		fprintf(stderr, "gatehouse %s: nobody is at a terminal to say so; a script says --yes\n", command);
		return false;
	}
	printf("\nType \"%s\" to do it: ", word);
	fflush(stdout);
	if (!fgets(typed, sizeof(typed), stdin))
		typed[0] = '\0';
	typed[strcspn(typed, "\n")] = '\0';
	if (!strcmp(typed, word))
		return true;
	fprintf(stderr, "gatehouse %s: nothing was changed\n", command);
	return false;
}

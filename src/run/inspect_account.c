/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/inspect_account.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A whole number above 0 that ends with `end`; 0 when it is none. */
static unsigned number(const char **text, char end)
{
	char *behind;
	unsigned long n = **text >= '0' && **text <= '9' ? strtoul(*text, &behind, 10) : 0;

	if (!n || n >= ACCOUNT_NOBODY || *behind != end)
		return 0;
	*text = behind + 1;
	return (unsigned)n;
}

/* "gatehouse-inspect:x:998:998:..." */
static bool read_line(const char *line, uid_t *user, gid_t *group)
{
	const char *p = line;

	if (strncmp(p, ACCOUNT_NAME ":", sizeof(ACCOUNT_NAME)) != 0)
		return false;
	p = strchr(p + sizeof(ACCOUNT_NAME), ':');
	if (!p)
		return false;
	p++;
	*user = number(&p, ':');
	*group = *user ? number(&p, ':') : 0;
	return *user && *group;
}

void inspect_account(const char *path, uid_t *ret_user, gid_t *ret_group)
{
	FILE *in = fopen(path, "re");
	char line[1024];
	bool found = false;

	while (in && !found && fgets(line, sizeof(line), in))
		found = read_line(line, ret_user, ret_group);
	if (in)
		fclose(in);
	if (!found)
		*ret_user = *ret_group = ACCOUNT_NOBODY;
}

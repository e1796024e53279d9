/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/options.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

bool option_value(int argc, char **argv, int *i, const char *name, const char **ret)
{
	size_t len = strlen(name);

	if (strncmp(argv[*i], name, len) != 0)
		return false;
	if (argv[*i][len] == '=') {
		*ret = argv[*i] + len + 1;
		return true;
	}
	if (argv[*i][len])
		return false;
	*ret = *i + 1 < argc ? argv[++*i] : NULL;
	return true;
}

/* "", "Z" or "+hh:mm": seconds east of Greenwich. */
static bool parse_zone(const char *text, int64_t *ret)
{
	int hours, minutes, used = 0;

	*ret = 0;
	if (!*text || (text[0] == 'Z' && !text[1]))
		return true;
	if ((*text != '+' && *text != '-') ||
	    sscanf(text + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 || text[1 + used] ||
	    hours > 23 || minutes > 59)
		return false;
	*ret = (*text == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
	return true;
}

bool parse_instant(const char *text, int64_t *ret)
{
	static const char *const formats[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d" };

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct tm tm = { 0 };
		const char *rest = strptime(text, formats[i], &tm);
		int64_t zone;

		if (!rest || !parse_zone(rest, &zone))
			continue;
		*ret = timegm(&tm) - zone;
		return true;
	}
	return false;
}

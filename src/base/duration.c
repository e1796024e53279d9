/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/duration.h"

#include <stddef.h>

#define DAY 86400
#define MOST (3650LL * DAY)

static const struct {
	char unit;
	int64_t seconds;
} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', DAY } };

bool duration_parse(const char *text, int64_t *ret_seconds)
{
	int64_t number = 0;

	if (*text < '0' || *text > '9')
		return false;
	for (; *text >= '0' && *text <= '9'; text++) {
		number = number * 10 + (*text - '0');
		if (number > MOST)
			return false;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (*text != units[i].unit || text[1])
			continue;
		*ret_seconds = number * units[i].seconds;
		return *ret_seconds > 0 && *ret_seconds <= MOST;
	}
	return false;
}

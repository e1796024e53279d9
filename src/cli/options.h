/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* What several commands read from their lines in the same way. */
#include <stdbool.h>
#include <stdint.h>

/*
 * Is argv[*i] the option `name` ("--port") with a value, as "--port V" or "--port=V"? Then *ret is
 * the value (NULL: missing) and *i the last word used.
 */
bool option_value(int argc, char **argv, int *i, const char *name, const char **ret);

/*
 * Seconds since the epoch of an ISO 8601 date, or date and time with or without seconds; without a
 * zone ("Z", "+01:00") it is UTC.
 */
bool parse_instant(const char *text, int64_t *ret);

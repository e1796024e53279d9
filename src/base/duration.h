/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* "90s", "30m", "12h", "30d": a whole number and its unit, at least 1 and at most 3650 days. In seconds. */
bool duration_parse(const char *text, int64_t *ret_seconds);

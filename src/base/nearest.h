/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The nearest known name to a mistyped one ("did you mean"). Candidates are offered one by one; of
 * equally near ones the first wins. Names longer than NEAREST_MAX bytes are never near.
 */
#include <stddef.h>

#define NEAREST_MAX 64u

struct nearest {
	const char *word;
	const char *best; /* the nearest candidate so far; NULL = none is near enough */
	const void *what; /* what was offered with it */
	size_t distance;
};

struct nearest nearest_to(const char *word);
void nearest_offer(struct nearest *n, const char *candidate, const void *what);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/nearest.h"

#include <string.h>

struct nearest nearest_to(const char *word)
{
	size_t len = strnlen(word, NEAREST_MAX + 1);

	/* a third of the letters may be wrong, one always */
	return (struct nearest){ .word = word, .distance = len > NEAREST_MAX ? 0 : len / 3 + 2 };
}

static size_t least(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Edit distance: insertions, deletions, substitutions and swaps of neighbours. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t rows[3][NEAREST_MAX + 1];
	size_t *older = rows[0], *old = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b_len; j++)
		old[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			row[j] = least(old[j] + 1, row[j - 1] + 1, old[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    older[j - 2] + 1 < row[j])
				row[j] = older[j - 2] + 1;
		}
		size_t *free_row = older;

		older = old;
		old = row;
		row = free_row;
	}
	return old[b_len];
}

void nearest_offer(struct nearest *n, const char *candidate, const void *what)
{
	size_t a = strnlen(n->word, NEAREST_MAX + 1), b = strnlen(candidate, NEAREST_MAX + 1);
	size_t apart = a > b ? a - b : b - a, d;

	if (b > NEAREST_MAX || apart >= n->distance)
		return;
	d = distance(n->word, a, candidate, b);
	/* a name with nothing of the other one in it is not near, however short both are */
	if (d >= n->distance || d >= (a > b ? a : b))
		return;
	n->distance = d;
	n->best = candidate;
	n->what = what;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* EtherNet/IP: entry by entry in canonical words. Sets that only overlap count as both gained and lost. */
#include <stdlib.h>
#include <string.h>

#include "policy/describe.h"
#include "policy/diff_rule.h"

struct lines {
	const char **items;
	size_t count;
};

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static struct lines lines_of(const struct rule *rule, struct arena *arena)
{
	struct lines lines = { .count = rule ? rule_cip_count(rule) : 0 };

	lines.items = arena_array(arena, lines.count, sizeof(char *));
	for (size_t i = 0; i < lines.count; i++)
		lines.items[i] = describe_cip(rule_cip(rule, i), arena);
	if (lines.count)
		qsort(lines.items, lines.count, sizeof(char *), by_text);
	return lines;
}

/* "read-tags" of "read-tags Line3.Rate" */
static const char *name_of(const char *text, struct arena *arena)
{
	return arena_strndup(arena, text, strcspn(text, " ,"));
}

/* Those of `all` that `other` lacks; both are sorted. */
static unsigned tell_missing(const struct lines *all, const struct lines *other, bool added,
			     struct arena *arena, struct diff_rule *ret)
{
	unsigned effect = 0;

	for (size_t i = 0; i < all->count; i++) {
		struct diff_service *s = &ret->services[ret->service_count];
		const char **text = &all->items[i];

		if (other->count && bsearch(text, other->items, other->count, sizeof(char *), by_text))
			continue;
		*s = (struct diff_service){ .function = name_of(*text, arena),
					    .change = added ? DIFF_ADDED : DIFF_REMOVED };
		*(added ? &s->after : &s->before) = text;
		*(added ? &s->after_count : &s->before_count) = 1;
		ret->service_count++;
		effect = added ? DIFF_GAINS : DIFF_LOSES;
	}
	return effect;
}

unsigned diff_cip(const struct rule *before, const struct rule *after, struct arena *arena,
		  struct diff_rule *ret)
{
	struct lines old = lines_of(before, arena), new = lines_of(after, arena);

	if (!old.count && !new.count)
		return 0;
	ret->services = arena_array(arena, old.count + new.count, sizeof(*ret->services));
	return tell_missing(&old, &new, false, arena, ret) | tell_missing(&new, &old, true, arena, ret);
}

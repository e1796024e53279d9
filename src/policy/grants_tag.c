/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/grants_tag.h"

#include <string.h>

#define MARK "["            /* of an index in a name */
#define BELOW "\001"        /* between the parts of a name; sorts before what stands in names */

const char *tag_key(const struct tag *tag, struct arena *arena)
{
	static const char *const marks[] = { "", MARK, MARK MARK, MARK MARK MARK };
	const char *key = "";

	for (size_t i = 0; i < tag->part_count; i++)
		key = arena_printf(arena, "%s%s%s%s", key, tag->parts[i].name, marks[tag->parts[i].dimension_count],
				   i + 1 < tag->part_count || tag->rest ? BELOW : "");
	return key;
}

/* ---- which names a tag holds ---- */

/* The first that is not below the text, which need be none of them. */
static size_t first_from(const struct texts *t, const char *text)
{
	size_t low = 0, high = t->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(t->items[middle], text) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Does the tag hold what is named so? Where it gives no index, whatever index is given. */
static bool tag_holds(const struct tag *tag, const char *key)
{
	for (size_t i = 0; i < tag->part_count; i++) {
		const struct tag_part *part = &tag->parts[i];
		size_t len = strlen(part->name), marks;

		if (i && *key++ != *BELOW)
			return false;
		if (strncmp(key, part->name, len))
			return false;
		marks = strspn(key + len, MARK);
		if (part->dimension_count && marks != part->dimension_count)
			return false;
		key += len + marks;
	}
	return !*key || (tag->rest && (!tag->part_count || *key == *BELOW));
}

/* The next range of numbers from *at on that the tag holds; false when there is none. */
static bool next_range(const struct texts *names, const struct tag *tag, size_t *at, struct program_range *ret)
{
	const char *first = tag->part_count ? tag->parts[0].name : "";
	size_t len = strlen(first);

	while (*at < names->count && !strncmp(names->items[*at], first, len) && !tag_holds(tag, names->items[*at]))
		++*at;
	if (*at == names->count || !tag_holds(tag, names->items[*at]))
		return false;
	ret->first = (uint32_t)*at;
	while (*at < names->count && tag_holds(tag, names->items[*at]))
		++*at;
	ret->last = (uint32_t)*at - 1;
	return true;
}

static struct box_part name_part(const struct texts *names, const struct tag *tag, struct arena *arena)
{
	size_t start = first_from(names, tag->part_count ? tag->parts[0].name : ""), at = start;
	struct box_part part = { .most = 1 };
	struct program_range *ranges, range;

	while (next_range(names, tag, &at, &range))
		part.count++;
	ranges = arena_array(arena, part.count, sizeof(*ranges));
	at = start;
	for (size_t i = 0; i < part.count; i++)
		next_range(names, tag, &at, &ranges[i]);
	part.ranges = ranges;
	return part;
}

void tag_parts(const struct texts *names, const struct tag *tag, struct arena *arena, struct box *box,
	       struct box_part *parts)
{
	static const struct program_range all = { 0, BOX_LAST };
	const struct tag_part *last = tag->part_count ? &tag->parts[tag->part_count - 1] : NULL;

	parts[box->count++] = name_part(names, tag, arena);
	for (size_t i = 0; i < tag->part_count; i++)
		for (size_t k = 0; k < PROGRAM_DIMENSIONS; k++) {
			bool given = k < tag->parts[i].dimension_count;

			parts[box->count++] = (struct box_part){
				.ranges = given ? &tag->parts[i].dimensions[k] : &all, .count = 1,
				.most = given ? 1 : BOX_MANY, .whole = given ? 0 : BOX_ANY };
		}
	if (!last || !last->dimension_count)
		return;
	parts[box->count - 1 - PROGRAM_DIMENSIONS + last->dimension_count].most = BOX_MANY;
	if (parts[1].count && !tag->rest)
		parts[1].together = last->dimensions[last->dimension_count - 1].last -
				    last->dimensions[last->dimension_count - 1].first + 1;
}

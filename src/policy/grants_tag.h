/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Tags as parts of boxes. Names become numbers: all that are compared, with a mark for each index that is given, are
 * sorted, and a tag stands for every one that it holds. The number of "a.b.*" stands for every name below that nobody
 * wrote, that of "a" for a with indexes that nobody gave. Only grants_cip.c uses it.
 */
#include "base/arena.h"
#include "policy/boxes.h"
#include "policy/cip_entry.h"

/* What is numbered, sorted and each once. */
struct texts {
	const char **items;
	size_t count;
};

/* "recipe\1step[": a name with a mark for each dimension that is given */
const char *tag_key(const struct tag *tag, struct arena *arena);

/*
 * Appends to the box: the name, then for each part of it every index that it may have, any where none is given. The
 * elements of a request lie in a row in the last dimension of the last part. `names`: the keys of all tags that are
 * compared; `parts`: those of the box, with room for 1 + PROGRAM_DIMENSIONS * tag->part_count more.
 */
void tag_parts(const struct texts *names, const struct tag *tag, struct arena *arena, struct box *box,
	       struct box_part *parts);

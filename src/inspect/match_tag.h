/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Does a tag of a request lie inside one that a rule names, and are the values written to it allowed?
 * Names compare without case. A pattern without index holds every element of the tag, one with a final
 * "*" everything below as well, and the tag itself. A request for several elements begins at its index
 * and must end inside the named range of the last dimension. Where it ends cannot be told of what has no known
 * size (structures): then a pattern that names elements holds nothing.
 */
#include "inspect/program.h"
#include "protocol/cip_walk.h"

/*
 * Do the elements of the request, at this path of symbols and members, lie inside one of the tags? `endless`: where
 * it ends is not known.
 */
bool match_tag(const struct program *p, struct program_span tags, const struct cip_path *path,
	       uint32_t elements, bool endless);

/* Is every value that the request writes inside one of the intervals? An empty span: any value. */
bool match_tag_values(const struct program *p, struct program_span values, const struct cip_request *r);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What allowed EtherNet/IP services permit, as boxes (boxes.h): one for each tag or data file, which a request must
 * fit as a whole, else one for the entry. Exact for services, paths, instances, attributes, names, elements, values,
 * files, routes, assemblies and intervals. "A" is A with all its elements, "A.*" is A and all below
 * it; an array has one number of dimensions. The same thing allowed in two ways (a tag, and the service on a symbol) is
 * not recognised. Inside policy/ only.
 */
#include "policy/boxes.h"
#include "policy/model.h"

struct cip_grant {
	struct box box;
	const struct cip_entry *entry;
	const struct value *at; /* the tag or file, else the entry; NULL: of a built-in profile */
	const char *text;       /* the tag or file in words; NULL: the entry as a whole */
};

struct cip_grants {
	struct cip_grant *items; /* by entry, the rule's own first */
	size_t count;
	size_t own;              /* those of its own entries; the others are its profile's */
};

/* Of several rules, so that their boxes can be compared. NULL is a rule without any. Fills ret[0 .. count - 1]. */
void cip_grants_make(const struct rule *const *rules, size_t count, struct arena *arena,
		     struct cip_grants *ret);

/* The parts by which services of one family are told apart, from the first on. */
#define CIP_SWEPT_PART 2u

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What an allowed Modbus service permits, as sets that can be compared: is all of it allowed by others
 * together, do two have a request in common. Exact for units, addresses and quantities (a request must lie
 * inside one range), sub-functions, objects, files and values of one type; where values of different types or more than
 * GRANTS_MAX others would have to be put together, the answer is "not covered". Inside policy/ only.
 */
#include "base/arena.h"
#include "policy/model.h"

#define GRANTS_MAX 64u /* others that are put together */

enum grant_part {
	GRANT_UNITS,
	GRANT_ADDRESSES,
	GRANT_WRITES,
	GRANT_SUBFUNCTIONS,
	GRANT_OBJECTS,
	GRANT_READ_CODES,
	GRANT_FILES,
	GRANT_RECORDS,
	GRANT_VALUES, /* raw registers, or pairs of them */
	GRANT_PARTS
};

/* Everything of 1 .. most numbers in a row that lies inside one range. No range: the service has no such part. */
struct grant_set {
	const struct program_range *ranges;
	size_t count;
	uint32_t most;
};

struct grant {
	const struct entry *entry;
	struct grant_set parts[GRANT_PARTS];
	uint8_t width;     /* of a value: 16 or 32 bits */
	uint8_t order;     /* of words: 1 = low word first */
	bool any_value;
	uint32_t together; /* most values of one request, or parts of a file request */
	bool nothing;      /* no request fits it */
};

void grant_make(const struct entry *entry, struct arena *arena, struct grant *ret);

/* The same function (and MEI type): only then can they be compared. */
bool grant_alike(const struct grant *a, const struct grant *b);

/* Is there a request that both allow? */
bool grant_meets(const struct grant *a, const struct grant *b);

/* Is every request that `a` allows allowed by one of the others? Those of other functions are passed over. */
bool grant_covered(const struct grant *a, const struct grant *const *others, size_t count);

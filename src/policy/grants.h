/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What an allowed Modbus service permits, as a box (boxes.h). Exact for units, addresses and quantities (a request
 * must lie inside one range), sub-functions, objects, files and values of one type. Inside policy/ only.
 */
#include "policy/boxes.h"
#include "policy/model.h"

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

/* Boxes of one function (and MEI type) are one family. */
void grant_make(const struct entry *entry, struct arena *arena, struct box *ret);

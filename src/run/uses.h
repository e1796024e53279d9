/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Takes over what an inspector's table of uses has counted since the last time, row by row, into the ledger; then
 * tells the inspector, which may give rows to something else only after that. Believes nothing in the table.
 */
#include "policy/compile.h"
#include "record/ledger.h"
#include "run/child.h"

/* Where each row of one inspector's table stood. */
struct uses_taken {
	struct {
		uint64_t born, count;
	} rows[CORE_USES_MAX];
};

/* What a row counted since it was last asked about, by its place. */
uint64_t uses_growth(struct uses_taken *taken, uint32_t row, const struct core_use *use);

void uses_take(struct child *child, struct uses_taken *taken, const struct compiled *compiled,
	       struct ledger *ledger);

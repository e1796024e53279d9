/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/uses.h"

#include <string.h>
#include <time.h>

#include "protocol/reason.h"
#include "run/usage.h"

static void clean_text(char *text, size_t size)
{
	text[size - 1] = '\0';
	for (char *p = text; *p; p++)
		if (*p <= ' ' || *p > '~')
			*p = '?';
}

/* The core wrote it, so it can be anything. */
static bool clean(struct core_use *use)
{
	clean_text(use->what.tag, sizeof(use->what.tag));
	clean_text(use->what.route, sizeof(use->what.route));
	return use->what.reason < REASON_COUNT && use->count != 0 &&
	       (use->what.kind == CORE_EVENT_ALLOWED || use->what.kind == CORE_EVENT_DENIED);
}

uint64_t uses_growth(struct uses_taken *taken, uint32_t row, const struct core_use *use)
{
	uint64_t before = taken->rows[row].born == use->born ? taken->rows[row].count : 0;

	taken->rows[row].born = use->born;
	taken->rows[row].count = use->count;
	return use->count >= before ? use->count - before : use->count;
}

static void take_row(struct uses_taken *taken, uint32_t row, struct core_use *use,
		     const struct compiled *compiled, struct ledger *ledger)
{
	int64_t now = time(NULL);
	struct usage usage;
	uint64_t count;

	if (!clean(use))
		return;
	count = uses_growth(taken, row, use);
	if (!count)
		return;
	usage_of_request(compiled, &use->what, &usage);
	ledger_add(ledger, &usage.subject, count, 0, use->last > 0 && use->last < now ? use->last : now);
}

void uses_take(struct child *child, struct uses_taken *taken, const struct compiled *compiled,
	       struct ledger *ledger)
{
	const struct core_totals *totals = child_totals(child);
	const struct core_uses *uses = child_uses(child);
	uint64_t packets = totals ? *(volatile const uint64_t *)&totals->packets : 0;
	uint32_t used = uses ? *(volatile const uint32_t *)&uses->used : 0;
	bool all = true;

	atomic_thread_fence(memory_order_seq_cst);
	for (uint32_t i = 0; i < used && i < CORE_USES_MAX; i++) {
		struct core_use use;

		if (child_copy(child, &uses->rows[i], sizeof(use), &use))
			take_row(taken, i, &use, compiled, ledger);
		else
			all = false;
	}
	if (uses && all)
		child->board->taken = packets;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What `status` tells of the processes:
 *   supervisor {pid, since}; inspector {state, since, restarts}: the least state, the newest start, the sum;
 *   queues: list of {queue, fails_open, state, pid, since, restarts, counters}; counters: the sums;
 *   fail_open {passing, openings, packets} or null when no conduit fails open.
 */
#include <stdbool.h>

#include "json/writer.h"
#include "run/supervisor.h"

/* Of one queue or of several. */
struct status_counts {
	uint64_t received, overruns, truncated, unknown, quarantined, unsent;
	bool seen; /* those of the core too */
	uint64_t passed, dropped, requests_allowed, requests_denied, flows_opened, flows_now, cyclics_now;
};

/* Adds those of one inspector. */
void status_count(struct status_counts *counts, struct child *child);

void status_write_inspectors(struct supervisor *s, struct writer *w);

/* Is this conduit cut off because its packets broke their inspector? */
bool status_quarantined(const struct supervisor *s, uint32_t mark);

/* Do packets of conduits that fail open pass uninspected now? */
bool status_passing(const struct supervisor *s);

/* Packets of this conduit that passed uninspected since the supervisor started. */
uint64_t status_uninspected(const struct supervisor *s, uint32_t mark);

void status_put_time(struct writer *w, const char *name, int64_t seconds);

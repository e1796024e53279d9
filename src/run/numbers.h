/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Which conduit has which number, and over how many queues they are spread, kept on the box
 * (STATE/conduits.json) so that a conduit keeps its number across reloads and restarts; and the number of
 * its timetable, so that its mark stays as it is. The number of a conduit that was taken away rests for an
 * hour before it can be given to another: packets with its mark may still be queued.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "policy/compile.h"

struct numbers {
	struct conduit_number *items; /* sorted as in struct ruleset; in the arena */
	int64_t *gone;                /* since when each is no longer in the policy, 0 = it is */
	size_t count;
	uint16_t queues;              /* packet queues that the kernel spreads them over, 1 when unknown */
	struct compile_time time;     /* that the policy was compiled for; now 0 = unknown */
};

/* Reads the file; no file is no numbers. -EBADMSG when it is not one of ours. */
__attribute__((warn_unused_result))
int numbers_load(const char *path, struct arena *arena, struct numbers *ret);

/* The numbers of a compiled policy and those of `before` that still rest. */
void numbers_next(const struct numbers *before, const struct ruleset *ruleset,
		  const struct compile_time *time, struct arena *arena, struct numbers *ret);

__attribute__((warn_unused_result))
int numbers_store(const struct numbers *numbers, const char *path);

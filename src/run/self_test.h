/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Does the gate still deny? Once a minute, and when a policy was applied, the supervisor sends itself a forbidden write
 * to each closed queue: through the kernel's queue, the inspector and the core in its sandbox, to the verdict. It is of no
 * conduit, opens nothing, and meets no rule: what it shows and what not is in docs/design/inspector.md.
 */
#include <stdbool.h>
#include <stdint.h>

#include "netfilter/guard.h"
#include "policy/ruleset.h"

#define SELF_TEST_MISSES 2u /* in a row: that is a failure */

struct supervisor;

struct self_test {
	struct guard table;
	bool open, possible;
	int fd;                               /* raw, -1 = none */
	bool under_way;
	uint64_t before[RULESET_QUEUES_MAX];  /* what each inspector had denied when it was sent */
	unsigned restarts;                    /* of the inspectors, then */
	unsigned misses;
	uint64_t times;
	int64_t denied_at;                    /* seconds UTC, by all; 0 = not yet */
	int64_t due, patience;                /* ms, CLOCK_BOOTTIME */
};

/* Where it is not possible that is said, and it is no failure. */
void self_test_open(struct supervisor *s);
void self_test_close(struct self_test *test);

/* Call in every turn of the loop. */
void self_test_tick(struct supervisor *s);

/* A policy is in force: try at once. */
void self_test_soon(struct self_test *test);

bool self_test_fails(const struct self_test *test);

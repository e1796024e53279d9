/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The guard: a small table of its own that forwards nothing which the gate's table has not marked. It belongs to
 * the socket that made it: no other program can change or flush it, and it goes with the process. Where the gate's
 * table is flushed or deleted, nothing passes until it is back.
 */
#include "netfilter/link.h"

struct guard {
	struct link link; /* the owner; kept open */
};

/* Negative errno; -EOPNOTSUPP or -EINVAL: this kernel knows no owned tables (before 5.12). */
__attribute__((warn_unused_result)) int guard_open(struct guard *ret);

/*
 * The self-test's table: what the supervisor marks with RULESET_SELF_TEST() leaves for a queue and not for the wire. Kept open
 * as long as self-tests are made: the kernel drops all that is queued when such a table goes.
 */
__attribute__((warn_unused_result)) int guard_open_self_test(struct guard *ret);

/* Takes the guard, or the self-test's table, away. */
void guard_close(struct guard *guard);

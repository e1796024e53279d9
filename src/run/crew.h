/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * All inspectors of the gate: one a packet queue, and one more with its stand-in once a policy has conduits that
 * fail open. They share nothing, and what befalls one touches only its own conduits; but a program is in
 * force in all of them or in none.
 */
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/ruleset.h"
#include "run/child.h"
#include "run/stand_in.h"

#define CREW_MAX (RULESET_QUEUES_MAX + 1)
#define CREW_FDS (2 * CREW_MAX + 2)

struct crew {
	struct child members[CREW_MAX]; /* one a queue in their order; behind them the one that fails open */
	size_t count;
	size_t queues;                  /* that the conduits are spread over */
	int program_fd;
	struct stand_in stand_in;
};

struct supervisor;

/* Starts one inspector for each of so many queues. Negative errno when one cannot be started (said). */
__attribute__((warn_unused_result)) int crew_start(struct supervisor *s, unsigned queues);

/* Makes sure that the conduits of the ruleset that fail open, if any, have their inspector. Negative errno. */
__attribute__((warn_unused_result))
int crew_reinforce(struct supervisor *s, const struct ruleset *ruleset);

/*
 * Hands a program to all and waits for their answers. -ENOEXEC: one refused; -ETIMEDOUT: one did not answer.
 * It is then for the caller to hand out the former program again.
 */
__attribute__((warn_unused_result))
int crew_load(struct supervisor *s, const void *program, size_t length);

/* What to wait for, into fds[CREW_FDS], and how many ms at most; then crew_tend() with what poll() said. */
size_t crew_wait(struct supervisor *s, struct pollfd *fds, int *ret_timeout);
void crew_tend(struct supervisor *s, const struct pollfd *fds);

/* The one whose queue this conduit's packets go to, or NULL. */
const struct child *crew_member(const struct crew *crew, const struct ruleset *ruleset, uint32_t mark);

bool crew_serves(const struct crew *crew);
void crew_stop(struct crew *crew);

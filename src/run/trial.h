/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The trial of a bundle: from its apply until it is confirmed, or undone because it was not in time, because the
 * inspectors do not serve, or because the box was started again. Every step is one replacement of the slots' state
 * (docs/design/bundles.md); the time is that of CLOCK_BOOTTIME and outlives the supervisor.
 */
#include "bundle/slots.h"

struct supervisor;
struct policy;

struct trial {
	struct slots slots;
	bool damaged;              /* the state cannot be read: nothing of it is in force */
	char boot_id[BOOT_ID_SIZE];
	int64_t seconds;           /* of the next one */
	int64_t not_serving_since; /* ms, CLOCK_BOOTTIME; 0: the inspectors serve */
	int64_t record_at;         /* ms: the change log could not be written and is tried again; 0 */
	int64_t again_at;          /* ms: going back failed and is tried again; 0 */
	unsigned tries;
};

#define TRIAL_DEFAULT 600  /* seconds */
#define TRIAL_MOST 86400

/* At the start: reads the state, undoes a trial whose time is over or that another boot began. */
void trial_open(struct supervisor *s);

/* Does one run? */
bool trial_runs(const struct supervisor *s);

/*
 * Reads the bundle that was proposed into the policy and judges it. 0; 1: refused, with findings; negative errno.
 * *ret_text: what could not be done.
 */
__attribute__((warn_unused_result))
int trial_read(struct supervisor *s, struct policy *policy, struct diag_list *diags, const char **ret_text);

/* Before the kernel has it: from here on a restart of the supervisor finds it. Negative errno: nothing changed. */
__attribute__((warn_unused_result)) int trial_begin(struct supervisor *s, const struct policy *policy);

/* The kernel or an inspector did not take it. */
void trial_cancel(struct supervisor *s, const struct policy *policy);

/* It is in force. `user`: who is at the box. */
void trial_begun(struct supervisor *s, const struct policy *policy, const char *user, const char *text);

/* 0; 1: none runs; negative errno: it could not be written, and the trial goes on. */
__attribute__((warn_unused_result))
int trial_confirm(struct supervisor *s, const char *user, struct arena *arena, const char **ret_text);

/* What was in force before comes back. 0; 1: none runs; negative errno: it does not come back yet, and is tried again. */
__attribute__((warn_unused_result))
int trial_roll_back(struct supervisor *s, const char *user, const char *why, struct arena *arena,
		    const char **ret_text);

/* Call in every turn of the loop. */
void trial_tick(struct supervisor *s);
int trial_timeout(const struct supervisor *s);

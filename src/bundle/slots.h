/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What a box knows of bundles: which one is confirmed, which one is on trial, and the highest serial that ever was
 * tried, in one file (STATE/bundles.json) that is replaced in one step. Bundles themselves are in STATE/bundles/,
 * named by the digest of their payload: there before the state names them, removed after no state does.
 */
#include "bundle/bundle.h"

#define BOOT_ID_SIZE 40u

struct slots {
	int64_t highest;                /* serial; 0: none yet */
	char highest_digest[DIGEST_SIZE];
	char confirmed[DIGEST_SIZE];    /* "": none */
	char trial[DIGEST_SIZE];        /* "": none */
	char trial_boot[BOOT_ID_SIZE];  /* the boot that it began in */
	int64_t trial_ends;             /* ms, CLOCK_BOOTTIME */
};

/* 0, also when there is none yet (all of it empty); -EBADMSG: damaged; else negative errno. */
__attribute__((warn_unused_result))
int slots_load(const char *state, struct arena *arena, struct slots *ret);
__attribute__((warn_unused_result)) int slots_store(const char *state, const struct slots *slots);

/*
 * What is in force: the trial, unless its time is over or it is of another boot; else the confirmed one; or "".
 * now: ms, CLOCK_BOOTTIME.
 */
const char *slots_current(const struct slots *slots, const char *boot_id, int64_t now);

/* May this one follow? False with findings: "old-serial", "other-content", "serial-jump", "reset-from". */
bool slots_judge(const struct slots *slots, const struct bundle *bundle, struct diag_list *diags);

/* Writes a bundle; negative errno. */
__attribute__((warn_unused_result))
int slots_put(const char *state, const struct envelope *envelope);

/* Reads one back, which must have this digest. False with findings. */
bool slots_get(const char *state, const char *digest, struct arena *arena, struct diag_list *diags,
	       struct envelope *ret_envelope, struct bundle *ret);

/* Removes those that the state does not name; what cannot be removed stays. */
void slots_clean(const char *state, const struct slots *slots);

/* At the start: removes what a crash left half written. */
void slots_sweep(const char *state);

/* This boot's id. Negative errno. */
__attribute__((warn_unused_result)) int slots_boot_id(char ret[static BOOT_ID_SIZE]);

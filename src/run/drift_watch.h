/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Keeps the kernel equal to the policy in force: verifies after every change by somebody else and about once a
 * minute, records what differs, loads the policy again. A fight with another program is bounded, and said.
 * While maintenance is on nothing is put back, but all is recorded.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netfilter/guard.h"
#include "netfilter/watch.h"

#define MAINTENANCE_MAX (12 * 3600) /* seconds */

struct supervisor;

struct drift_watch {
	struct watch watch;
	bool open;
	struct guard guard;
	bool guarded;
	int64_t due;        /* ms, CLOCK_BOOTTIME: the next verification */
	int64_t checked_at; /* seconds UTC, of the last one that came to its end; 0 = none yet */
	size_t findings, warnings; /* of that one */
	uint64_t recorded;  /* digest of the findings told last; 0 = none */
	bool deaf;          /* the kernel could not be asked; said once */
	struct watch_change by; /* who changed something since it last was clean */
	uint64_t restored;  /* how often the policy was put back */
	unsigned burst;     /* restorations shortly after one another */
	int64_t restored_at, restore_from; /* ms: the last one; not before this the next one */
	int64_t maintenance_until; /* ms; 0 = off */
};

/* Without the kernel's news (said by the supervisor's voice) it verifies once a minute all the same. */
void drift_watch_open(struct supervisor *s);
void drift_watch_close(struct supervisor *s);

/* To poll for reading; -1 = none. */
int drift_watch_fd(const struct supervisor *s);

/* The descriptor is readable. */
void drift_watch_read(struct supervisor *s);

/* Does what is due. Call in every turn of the loop. */
void drift_watch_tick(struct supervisor *s);

/* Milliseconds until something is due. */
int drift_watch_timeout(const struct supervisor *s);

/* A policy was put in force: it is verified next. */
void drift_watch_applied(struct supervisor *s);

/* seconds: 1 .. MAINTENANCE_MAX, from now on; 0 ends it. */
void drift_watch_maintenance(struct supervisor *s, int64_t seconds);

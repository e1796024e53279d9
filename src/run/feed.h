/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Reads the counters of the inspectors and of the kernel every FEED_EVERY, for the usage ledger and the metrics
 * file; hands denials and refusals on as they come. The ledger's trouble is told and costs nothing else.
 */
#include <stdbool.h>
#include <stdint.h>

#include "netfilter/nflog.h"
#include "netfilter/read.h"
#include "record/ledger.h"
#include "run/channel.h"
#include "run/crew.h"
#include "run/uses.h"

#define FEED_EVERY 10000 /* ms; more when it takes long: a hundredth of the time at most */
#define FEED_SHARE 100

struct supervisor;
struct child;

struct feed {
	struct ledger *ledger; /* NULL: there was no memory for one */
	int64_t due;           /* ms, CLOCK_BOOTTIME */
	bool open;
	bool paused;
	char path[4096];       /* of the ledger */
	struct uses_taken *taken[CREW_MAX]; /* of each inspector; NULL: not looked at yet */
};

/* Before a policy is loaded: where the kernel's counters stand is what the ledger counts from. */
void feed_open(struct supervisor *s);

/* Does what is due. Call in every turn of the loop. */
void feed_tick(struct supervisor *s);
int feed_timeout(const struct supervisor *s);

/* Before an inspector that ended is collected: its counters may go with it. */
void feed_read_inspectors(struct supervisor *s);

/*
 * Before another policy is handed out: what is counted of rules and conduits that go with it is read. Until
 * feed_resume() the numbers in the inspectors may be of either policy, and are left alone.
 */
void feed_pause(struct supervisor *s);
void feed_resume(struct supervisor *s);

/* A policy is in force. */
void feed_applied(struct supervisor *s, const char *text);

void feed_event(struct supervisor *s, const struct core_event *event);
void feed_refused(struct supervisor *s, const struct nflog_message *message);

/* Writes what is left. Before the inspectors are stopped. */
void feed_close(struct supervisor *s);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The stand-in beside the inspector of the conduits that fail open, as the supervisor sees it: started,
 * watched, started again. What it does stands in inspect_stand_in.h. It shares that inspector's queue and board.
 */
#include <stdbool.h>
#include <stdint.h>

#include "run/child.h"

struct stand_in {
	const struct child *child; /* whose place it takes; NULL: there is none */
	pid_t pid;                 /* 0 = none */
	int pid_fd;                /* -1 = none */
	int channel;               /* -1 = none */
	int64_t restart_at;        /* ms, while there is no process */
	uint64_t looks;            /* the watchdog's last look */
	int64_t looked_at;
};

/* None, for a gate without conduits that fail open. */
void stand_in_init(struct stand_in *stand_in);

/* Starts it beside a child with a queue_fd. Negative errno; it is then tried again by stand_in_mind(). */
__attribute__((warn_unused_result))
int stand_in_start(struct stand_in *stand_in, const struct child *child);

/* The next message, without waiting: 1, or 0 when there is none. */
__attribute__((warn_unused_result))
int stand_in_receive(struct stand_in *stand_in, struct inspect_message *ret);

/* Collects it when it ended, kills it when it does not get on, starts it when there is none. True when it ended. */
bool stand_in_mind(struct stand_in *stand_in);

/* Ends the process and waits for it. */
void stand_in_stop(struct stand_in *stand_in);

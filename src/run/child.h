/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * One inspector process as the supervisor sees it: started with its descriptors, told to load programs,
 * listened to, watched, started again when it died. The core's memory outlives the process and is
 * handed to the next one unless the death fell into a decision.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "run/channel.h"

enum child_state {
	CHILD_DOWN = 0, /* waits for restart_at */
	CHILD_STARTING, /* exec'd, not confined yet */
	CHILD_WAITING,  /* confined, has no program in force */
	CHILD_SERVING   /* takes packets */
};

struct child {
	enum child_state state;
	uint16_t queue;
	int queue_fd;          /* a socket on it that outlives the process, or -1: each has its own */
	int program_fd;        /* as of spawn_program() */
	int memory_fd, board_fd, mailbox_fd;
	struct board *board;
	uint8_t *mailbox;
	const uint8_t *memory; /* of the running process, or NULL */
	size_t memory_size;
	pid_t pid;             /* 0 = none */
	int pid_fd;            /* -1 = none */
	int channel;           /* -1 = none */
	int64_t since;         /* seconds UTC */
	int64_t started_at;    /* ms, CLOCK_BOOTTIME */
	int64_t restart_at;    /* ms, in CHILD_DOWN */
	int64_t backoff;       /* ms until the next restart but one */
	uint64_t watched_turn; /* the watchdog's last look */
	int64_t watched_at;
	uint32_t program_length; /* in the mailbox; 0 = none */
	uint32_t answer;         /* to the last program: INSPECT_LOADED, INSPECT_REFUSED, 0 = none yet */
	unsigned restarts;
};

/* How an inspector ended. */
struct child_end {
	int status;        /* as from waitid: exit status or signal */
	bool killed;       /* by a signal */
	bool in_decision;  /* its state was thrown away */
	uint32_t conduit;  /* of the packet it was deciding on, 0 = none */
	bool quarantined;  /* that conduit is quarantined now */
};

/* Makes the memory; nothing runs yet. The descriptors stay the caller's. Negative errno. */
__attribute__((warn_unused_result))
int child_init(struct child *child, int program_fd, uint16_t queue, int queue_fd);

/* Frees what child_init() made; no process may run. */
void child_discard(struct child *child);

/* Binds the queue, starts the process. Negative errno; the child is then down, with restart_at set. */
__attribute__((warn_unused_result)) int child_start(struct child *child);

/* Puts a program into the mailbox; sent at once when the inspector can take it, else once it can. */
__attribute__((warn_unused_result))
int child_load(struct child *child, const void *program, size_t length);

/* The next message, without waiting: 1, 0 when there is none, -EPIPE when the process has gone. */
__attribute__((warn_unused_result))
int child_receive(struct child *child, struct inspect_message *ret);

/* Collects a process that ended (pid_fd is readable), plans the restart. */
void child_collect(struct child *child, struct child_end *ret);

/* Kills a process that does not get on. True when it did. */
bool child_watch(struct child *child);

/* Starts it again when it is time. Negative errno as child_start(). */
__attribute__((warn_unused_result)) int child_revive(struct child *child);

/* Milliseconds until child_watch() or child_revive() has something to do. */
int child_timeout(const struct child *child);

/* Ends the process and waits for it. */
void child_stop(struct child *child);

/* The core's counters, or NULL while they cannot be seen. */
const struct core_totals *child_totals(struct child *child);

/* Its table of uses, likewise. */
const struct core_uses *child_uses(struct child *child);

/*
 * Copies a part of these blocks as it was between two decisions of the core; of a process that ended as it is. False: the
 * core was always at work.
 */
bool child_copy(const struct child *child, const void *from, size_t size, void *ret);

/* CLOCK_BOOTTIME in milliseconds. */
int64_t child_now(void);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The host's side of the sandbox: hands packets and time to the core and believes nothing that comes out.
 * A trap and a lying record are the same to it: the packet is dropped, the core starts afresh with the
 * program in force, and a conduit that does it QUARANTINE_AFTER times is cut off.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "run/channel.h"
#include "run/inspect_queue.h"
#include "run/vm.h"

struct judge {
	struct vm *vm;
	struct board *board;
};

/* What became of a packet. The packets that the gate makes are in io->made[0 .. made - 1], addressed. */
struct judgement {
	enum queue_verdict verdict;
	const uint8_t *bytes; /* QUEUE_REPLACE: valid until the next call */
	size_t length;
	uint32_t made;
	bool more;            /* call judge_tick() until it says otherwise */
};

struct judgement judge_packet(struct judge *judge, const struct queued *packet);

/* After a load: resets what it ends. Only `made` and `more` of the result mean anything. */
struct judgement judge_sweep(struct judge *judge);

/* Timers. Only `made` and `more` of the result mean anything. */
struct judgement judge_tick(struct judge *judge);

/* Throws away what the core knows; the program stays in force. Connections are reset with their next packet. */
void judge_forget(struct judge *judge);

/* Loads a program into host and core. False: refused, the old one stays in force. */
bool judge_load(struct judge *judge, const void *program, size_t length);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What the supervisor and an inspector have between them: the descriptors that the inspector is exec'd
 * with, a page that both see (the board), and messages over a SOCK_SEQPACKET pair. Both ends are built
 * from this file and run from one installation. The match program itself is in the mailbox, a memfd of
 * PROGRAM_MAX bytes that only the supervisor writes.
 */
#include <stdatomic.h>
#include <stdint.h>

#include "inspect/core.h"

/* Descriptor numbers in the inspector; the memory and the last two are closed once they are mapped. */
enum inspect_descriptor {
	INSPECT_CHANNEL = 3,
	INSPECT_QUEUE,   /* netlink, bound to the queue */
	INSPECT_RAW4,    /* raw, header included, SO_MARK = MARK_MADE */
	INSPECT_RAW6,
	INSPECT_MEMORY,  /* memfd: the core's linear memory, sized by the inspector */
	INSPECT_BOARD,   /* memfd: struct board */
	INSPECT_MAILBOX, /* memfd: match program */
	INSPECT_END
};

/* Arguments: program, its role, the supervisor's process id. The stand-in gets channel, queue and board only. */
#define INSPECT_KEEP "keep"         /* an inspector that goes on with the core's memory as it is */
#define INSPECT_FRESH "fresh"       /* an inspector that starts from nothing */
#define INSPECT_STAND_IN "stand-in" /* lets packets of conduits that fail open pass while their core stands still */

/* Exit statuses of the inspector. */
enum inspect_exit {
	INSPECT_EXIT_STOPPED = 0, /* the supervisor closed the channel */
	INSPECT_EXIT_SETUP = 71,  /* said why in INSPECT_FAILED, if it could */
	INSPECT_EXIT_QUEUE = 72,  /* verdicts could not be sent */
	INSPECT_EXIT_CORE = 73    /* the core could not be started afresh */
};

/* A conduit whose packets trapped this often is quarantined. */
#define QUARANTINE_AFTER 3u

/* Written by the inspector (the trap counts by the supervisor too, between two inspectors), the end by the stand-in. */
struct board {
	_Atomic uint64_t turn;         /* odd while the core decides; counts on with every call */
	_Atomic uint32_t conduit;      /* of the packet that the core decides on, 0 = none */
	uint32_t reserved;
	uint64_t memory_size;          /* of the core's linear memory */
	uint64_t totals_offset;        /* struct core_totals in it; UINT64_MAX: not to be seen */
	uint64_t uses_offset;          /* struct core_uses, likewise */
	_Atomic uint64_t taken;        /* see struct core_io; the supervisor writes it, an inspector only clears it */
	_Atomic uint64_t received;     /* packets */
	_Atomic uint64_t overruns;     /* times that the kernel had no room for more packets */
	_Atomic uint64_t truncated;    /* packets dropped because part of them was missing */
	_Atomic uint64_t unknown;      /* packets dropped because their mark names no conduit */
	_Atomic uint64_t quarantined;  /* packets dropped because of their conduit */
	_Atomic uint64_t tried;        /* packets of the supervisor's that were denied, as they must be */
	_Atomic uint64_t unsent;       /* packets of the gate's own that could not be sent */
	uint64_t openings_known;       /* `openings` that the core's state was begun after */
	_Atomic uint8_t traps[MARK_CONDUIT + 1u]; /* by conduit number; cleared when a policy is applied */
	_Atomic uint64_t openings;     /* odd while the stand-in has the queue; what the core knew before is void */
	_Atomic uint64_t looks;        /* of the stand-in at `turn` */
	_Atomic uint64_t uninspected;  /* packets that it let pass */
	_Atomic uint32_t uninspected_by[MARK_CONDUIT + 1u]; /* the same by conduit number */
};

enum inspect_command_kind { INSPECT_LOAD = 1 };

struct inspect_command {
	uint32_t kind;   /* enum inspect_command_kind */
	uint32_t length; /* bytes of the match program in the mailbox */
};

enum inspect_message_kind {
	INSPECT_READY = 1,   /* confined and waiting for a program */
	INSPECT_LOADED,      /* the program is in force */
	INSPECT_REFUSED,     /* the core does not take the program; the old one stays */
	INSPECT_EVENT,       /* `event` */
	INSPECT_TRAPPED,     /* the core trapped or lied; `conduit`, 0 = in a timer */
	INSPECT_QUARANTINED, /* `conduit`'s packets are dropped from now on */
	INSPECT_LOST,        /* `number` messages did not fit the channel */
	INSPECT_OPENED,      /* of the stand-in: it has begun to let packets pass */
	INSPECT_CLOSED,      /* of the stand-in: it has ended; `number` packets passed */
	INSPECT_FAILED       /* set-up: `number` is the errno, `what` the step */
};

struct inspect_message {
	uint32_t kind;    /* enum inspect_message_kind */
	uint32_t conduit;
	uint64_t number;
	struct core_event event;
	char what[28];
};

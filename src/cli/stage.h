/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Plays both ends of recorded connections against the decision core, and recorded datagrams: handshakes,
 * acknowledgements and ends are made here, the data comes from the capture. When the gate resets a connection, the
 * next bytes open it again and the requests that were still to be answered are asked again, so that
 * one denial does not spoil the verdicts on what follows it in the capture.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "capture/headers.h"
#include "cli/replay_past.h"
#include "protocol/reason.h"
#include "run/vm.h"

#define STAGE_WAITING 16u       /* requests remembered of a connection */
#define STAGE_REQUEST_MAX 512u  /* bytes of one that is remembered */

struct stage {
	struct vm *vm;
	uint64_t now;     /* the core's clock, which never goes back */
	uint64_t lag;     /* nanoseconds added to the capture's time by waiting */
	uint64_t ticked;  /* when the core's timers ran last */
	bool trapped;
};

struct stage_verdict {
	bool decided;
	bool allowed;
	bool observed;    /* denied, but mode observe lets it pass */
	enum reason reason;
	uint32_t rule;    /* index in the program, or CORE_NO_RULE */
};

struct stage_end {
	uint32_t next;    /* sequence number of its next byte */
	uint32_t heard;   /* of the next byte that it expects of the other end */
	bool owes;        /* an acknowledgement */
};

struct stage_flow {
	uint32_t conduit;
	struct endpoint ends[2];
	unsigned device;  /* index in ends */
	bool open;
	unsigned openings; /* how often it was opened so far */
	struct stage_end sides[2];
	const struct past *past; /* of an EtherNet/IP connection, or NULL */
	size_t waiting_count;
	struct {
		size_t length;
		uint8_t bytes[STAGE_REQUEST_MAX];
	} waiting[STAGE_WAITING]; /* requests allowed and not answered, oldest first */
};

/*
 * Bytes of one end, at the capture's time. *verdict becomes decided when the core judged a message.
 * wall is the time of day for rule windows.
 */
void stage_send(struct stage *stage, struct stage_flow *flow, unsigned side, const uint8_t *bytes,
		size_t length, struct timespec time, int64_t wall, struct stage_verdict *verdict);

/* One datagram of the conduit of that number, as it is in the capture. *verdict becomes decided. */
void stage_datagram(struct stage *stage, uint32_t conduit, const struct udp_datagram *datagram,
		    struct timespec time, int64_t wall, struct stage_verdict *verdict);

/*
 * Remembers an allowed request, or forgets the one with the transaction id of this allowed reply.
 */
void stage_note(struct stage_flow *flow, bool request, const uint8_t *bytes, size_t length);

/* Ends the connection if it is open; the next stage_send() opens it again. */
void stage_close(struct stage *stage, struct stage_flow *flow, struct timespec time, int64_t wall);

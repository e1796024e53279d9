/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The packet queue's netlink socket: packets in, in batches; verdicts out, gathered into one message
 * block and sent in the order given. Static buffers only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUEUE_BATCH 32u /* packets of one receive */

struct queued {
	uint32_t id;
	uint16_t queue;        /* number */
	uint32_t mark;
	const uint8_t *bytes;  /* valid until the next receive; NULL when the kernel sent none */
	size_t length;
};

/* How long a QUEUE_WAIT waits for a first packet. Negative errno. */
__attribute__((warn_unused_result))
int queue_set_patience(int fd, unsigned ms);

enum queue_mode { QUEUE_LOOK, QUEUE_WAIT };

/*
 * Receives what is there into list[QUEUE_BATCH]; with QUEUE_WAIT it waits for a first packet. Returns the
 * number of packets. *ret_overrun: the kernel had no room for some packets (it dropped them). Negative errno when
 * the socket is of no more use.
 */
__attribute__((warn_unused_result))
int queue_receive(int fd, enum queue_mode mode, struct queued *list, bool *ret_overrun);

enum queue_verdict { QUEUE_DROP = 0, QUEUE_PASS, QUEUE_REPLACE };

/*
 * Adds a verdict; for QUEUE_REPLACE the packet becomes bytes[length] (at most 65535). Sends by itself
 * when the block is full. Negative errno when sending failed: packets then hang in the kernel.
 */
__attribute__((warn_unused_result))
int queue_answer(int fd, const struct queued *packet, enum queue_verdict verdict,
		 const uint8_t *bytes, size_t length);

/* One verdict, sent at once, on every packet of the queue up to this id that has none yet. */
__attribute__((warn_unused_result))
int queue_answer_up_to(int fd, uint16_t queue, uint32_t id, enum queue_verdict verdict);

/* Sends the gathered verdicts. */
__attribute__((warn_unused_result))
int queue_flush(int fd);

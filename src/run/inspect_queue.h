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

/*
 * Receives what is there, without waiting, into list[QUEUE_BATCH]. Returns the number of packets;
 * *ret_more says that the batch was full. *ret_overrun: the kernel had no room for some packets (it
 * dropped them). Negative errno when the socket is of no more use.
 */
__attribute__((warn_unused_result))
int queue_receive(int fd, struct queued *list, bool *ret_more, bool *ret_overrun);

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

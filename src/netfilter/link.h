/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The netlink conversation with nf_tables: a batch of messages that the kernel takes as one transaction or
 * not at all, and dumps. A batch remembers for every message what it stands for, so that a refusal can be
 * told in the operator's words.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct mnl_socket;
struct nlmsghdr;
struct row;

struct link {
	struct mnl_socket *socket;
	uint32_t port;
};

/* What a message stands for; words are made of it for a refusal alone. All NULL: the batch itself. */
struct origin {
	const char *kind;      /* a part of the table's own shape ("chain") and its name */
	const char *name;
	const struct row *row; /* a row that a document asks for, of the set of that number */
	unsigned set;
};

struct batch {
	struct arena *arena;
	char *bytes;
	size_t length;
	size_t capacity;
	struct origin *origins; /* by sequence number */
	size_t origin_capacity;
	uint32_t next;          /* sequence number of the next message */
};

/* One refusal: error is a positive errno; text is the kernel's own words or NULL. */
struct refusal {
	const struct origin *origin;
	int error;
	const char *text;
};

/* Negative errno on failure. */
__attribute__((warn_unused_result)) int link_open(struct link *link);
void link_close(struct link *link);

/* The number of the ruleset in force, which every change by anybody counts up. */
__attribute__((warn_unused_result)) int link_generation(struct link *link, uint32_t *ret);

/*
 * Asks and gives every answer to `each` (which returns MNL_CB_OK or an error). -EINTR when the ruleset
 * changed meanwhile; -ENOENT when there is no such thing.
 */
__attribute__((warn_unused_result))
int link_ask(struct link *link, const struct nlmsghdr *request,
	     int (*each)(const struct nlmsghdr *, void *), void *data);

/* Starts a batch. generation: the kernel refuses it with ERESTART when the ruleset has changed since. */
void batch_begin(struct batch *batch, struct arena *arena, uint32_t generation);

/*
 * The head of a new message, with room for BATCH_MESSAGE_MAX bytes; valid until the next call. type is
 * one of NFT_MSG_*.
 */
#define BATCH_MESSAGE_MAX 8192u
struct nlmsghdr *batch_message(struct batch *batch, uint16_t type, uint16_t flags,
			       const struct origin *origin);

/* With commit = false the kernel checks everything and forgets it. */
void batch_end(struct batch *batch, bool commit);

/*
 * Sends the batch. Returns 0 when the kernel took it all; otherwise the first error, negative. Calls
 * `refused` for every message that the kernel refused (at most a few hundred; it gives up on its own).
 */
__attribute__((warn_unused_result))
int link_send(struct link *link, const struct batch *batch,
	      void (*refused)(const struct refusal *, void *), void *data);

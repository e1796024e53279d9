/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The nft-neutral ruleset: what netfilter/ turns into nft text and into netlink messages. Conduits are
 * rows (map elements in the kernel), zones are rows (set elements); the chains are always the same and
 * are netfilter/'s own. Everything is sorted, so that the same documents give the same bytes.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/program.h"

struct address {
	uint8_t family; /* 4 or 6 */
	uint8_t b[16];  /* network order; IPv4 in the first four bytes */
};

#define RULESET_UDP_MESSAGES 1u /* UDP to the same port, and from it */
#define RULESET_UDP_CYCLIC 2u   /* UDP to ENIP_IO_PORT of either host, from any port of the other */

struct ruleset_conduit {
	struct address server;
	struct address device;
	uint8_t transport;   /* IPPROTO_TCP or IPPROTO_UDP */
	uint16_t port;       /* the device's, host order */
	uint32_t mark;       /* MARK_* bits, the conduit's number and its timetable's */
	uint8_t datagrams;   /* RULESET_UDP_*: what the inspector takes beside that, with the same mark */
	const char *rules;   /* ids of its rules joined by ", ": the element's comment (at most 128 bytes) */
	const char *file;    /* where the first of them is written, for a refusal by the kernel */
	unsigned line;
};

/* Elements of the kernel's map that a conduit takes, and what the map has room for. */
#define RULESET_ELEMENTS_MAX (MARK_CONDUIT + 1u)

static inline size_t ruleset_elements(const struct ruleset_conduit *c)
{
	return 1u + (c->datagrams & RULESET_UDP_MESSAGES ? 1u : 0u) + (c->datagrams & RULESET_UDP_CYCLIC ? 2u : 0u);
}

/*
 * A conduit with MARK_TIMED is open only inside the windows of its timetable: while the clock is at
 * from .. until (seconds UTC) and the second of its day (UTC, 0 .. 86399) at first .. last.
 */
struct ruleset_window {
	uint32_t timetable; /* its number, not shifted */
	uint32_t first, last;
	int64_t from;
	int64_t until;
};
#define WINDOW_HORIZON 400 /* days that schedules are unrolled ahead */

/* A source address is believed only on the interface of its zone. */
struct ruleset_home {
	char interface[16];
	struct address network;
	uint8_t prefix;
};

/*
 * From then on conduits serve no new connection; those that are open go on. Of conduits that are not inspected (the
 * inspector knows the others' reviews by itself), in runs of those that are side by side and have the same day.
 */
struct ruleset_overdue {
	uint32_t first, last; /* marks as in the conduits */
	int64_t from;         /* seconds UTC; 0: it is so already, whatever the clock says */
};
#define RULESET_FOREVER (INT64_C(1) << 33) /* seconds; a round number makes the kernel's ranges short */

/*
 * What the gate itself may send: a permit of its own output to this address and port (and the answers to
 * it as input), nothing else. Whatever leaves the box besides is dropped.
 */
struct ruleset_own {
	struct address to;
	uint8_t transport; /* IPPROTO_TCP or IPPROTO_UDP */
	uint16_t port;     /* of the other side, host order */
	const char *what;  /* "time server", "log collector": the element's comment */
	const char *file;  /* where it is written, for a refusal by the kernel */
	unsigned line;
};

struct ruleset {
	const char *site;
	struct ruleset_conduit *conduits; /* sorted by family, server, device, transport, port */
	size_t conduit_count;
	struct ruleset_window *windows;   /* sorted by timetable, from, first; no two of a timetable meet */
	size_t window_count;
	struct ruleset_overdue *overdue;  /* sorted by mark; they do not overlap */
	size_t overdue_count;
	struct ruleset_home *homes;       /* sorted by interface, family, network, prefix */
	size_t home_count;
	struct ruleset_own *own;          /* sorted by family, to, transport, port; each once */
	size_t own_count;
	uint16_t queue_first;             /* number of the first NFQUEUE; see ruleset_queue() */
	uint16_t queue_count;             /* 1 .. RULESET_QUEUES_MAX */
	uint16_t log_group;               /* NFLOG group of drops */
};

#define RULESET_QUEUE 4410u
#define RULESET_QUEUES_MAX 16u /* and one for the conduits that fail open */

/*
 * Which queue a conduit's packets go to, both directions and every transport of it: picked by the last bits of its
 * number, so that what the inspector knows of a conduit is in one place, however many queues there are.
 */
#define RULESET_BUCKETS 16u /* values of those bits; a power of two */
#define RULESET_BUCKET_OPEN RULESET_BUCKETS

static inline uint16_t ruleset_queue(const struct ruleset *ruleset, uint32_t bucket)
{
	uint32_t offset = bucket == RULESET_BUCKET_OPEN ? RULESET_QUEUES_MAX : bucket % ruleset->queue_count;

	return (uint16_t)(ruleset->queue_first + offset);
}

/* The mark of a packet by which the supervisor tries a bucket's queue: no packet of anybody else has these bits together. */
#define RULESET_SELF_TEST(bucket) (MARK_MADE | MARK_INSPECTED | (uint32_t)(bucket) << MARK_TIMETABLE_SHIFT)

static inline bool ruleset_is_self_test(uint32_t mark)
{
	return (mark & RULESET_SELF_TEST(0)) == RULESET_SELF_TEST(0);
}

#define RULESET_LOG_GROUP 4410u

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The shape of the gate's table: its sets, chains and the steps of every rule, as constant tables. It is
 * the same for every site; what differs are the rows of the sets. Text (nft_text.c) and netlink messages
 * (messages.c) are both made from these tables and from nothing else, so they cannot disagree.
 * docs/design/ruleset.md draws it and says why.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/ruleset.h"

#define SHAPE_TABLE "gatehouse"
#define SHAPE_GUARD "gatehouse-guard" /* the supervisor's own table; see shape_guard */
#define SHAPE_SELF_TEST "gatehouse-self-test" /* likewise; see shape_self_test */
#define SHAPE_KEY_MAX 40u    /* bytes of the longest key */
#define SHAPE_STEPS_MAX 4u
#define SHAPE_COMMENT_MAX 128u /* bytes that nft takes as an element's comment */
#define SHAPE_TYPE_MARK 19u    /* nft's number of the type of a map's data */
#define SHAPE_CONDUITS_MOST RULESET_ELEMENTS_MAX
#define SHAPE_LOG_RATE 10u   /* packets a second that one drop place logs */
#define SHAPE_LOG_BURST 20u
#define SHAPE_ERROR_RATE 100u /* ICMP errors a second that the inspector is asked about */
#define SHAPE_ERROR_BURST 100u
#define SHAPE_LOG_BYTES 128u /* of a dropped packet that the log gets */

/* What this machine's kernel can do. */
struct netfilter_kernel {
	bool queue; /* has the nftables queue expression; otherwise the xtables NFQUEUE target */
};

enum shape_set_id {
	SHAPE_CONDUITS4 = 0,
	SHAPE_CONDUITS6,
	SHAPE_HOMES4,
	SHAPE_HOMES6,
	SHAPE_WINDOWS,
	SHAPE_OVERDUE,
	SHAPE_OWN4,
	SHAPE_OWN6,
	SHAPE_SETS
};

struct shape_set {
	const char *name;
	const char *comment;    /* for readers of the text */
	const char *keyword;    /* "map" or "set" */
	const char *type;       /* the line that declares it */
	uint32_t key_type;      /* nft's numbers of the parts, six bits each */
	uint32_t key_length;    /* bytes, every part padded to four */
	bool exact;             /* exact keys, counted per element; otherwise a set of intervals */
	bool map;               /* exact, and gives a mark */
	uint32_t most;          /* rows that it is laid out for; 0: it grows */
	uint8_t parts[3];       /* bytes of the parts of an interval set's key; 0 = no more */
	const uint8_t *hints;   /* what nft keeps beside the set to print it again */
	uint32_t hints_length;
};

enum step_kind {
	STEP_NONE = 0,      /* no more steps */
	STEP_MARK_BITS,     /* mark & a == b */
	STEP_MARK_IS,       /* mark == a */
	STEP_MARK_IS_NOT,   /* mark != a */
	STEP_MARK_SET,      /* mark = a */
	STEP_MARK_ADD,      /* mark |= a */
	STEP_FAMILY,        /* a: 4 or 6 */
	STEP_TO_MANY,       /* broadcast or multicast on the wire */
	STEP_FROM_LOOPBACK,
	STEP_TO_LOOPBACK,
	STEP_LINK,          /* a: ICMPv6 type of a link's own business, b: the hop limit that it must have */
	STEP_ICMP,          /* family a, b: type */
	STEP_STRANGER,      /* family a: the source does not belong to the interface */
	STEP_FIND,          /* family a, b = 1 reversed: mark = the conduit's; ends the rule when there is none */
	STEP_FIND_RELATED,  /* family a: mark = that of the connection an ICMP error is about; else as STEP_FIND */
	STEP_FIND_QUOTED,   /* the same of the packet that an ICMP error quotes, by its bytes */
	STEP_OWN,           /* family a, b = 1 reversed: the gate itself may talk to this address and port */
	STEP_CLOSED_NOW,    /* in none of the windows of the mark's timetable */
	STEP_OVERDUE_NOW,   /* the review of the mark's conduit is overdue */
	STEP_FRESH,         /* the first packet of a connection: none of it was let through yet */
	STEP_DIRECTION,     /* a: 0 as the connection was opened, 1 the answers */
	STEP_STATE,         /* a: bits of conntrack's state */
	STEP_NOTRACK,
	STEP_COUNT,         /* name: of the counter */
	STEP_LIMIT,         /* a: packets a second, b: burst */
	STEP_LOG,           /* name: the reason, in the prefix; rate limited */
	STEP_ACCEPT,
	STEP_DROP,
	STEP_JUMP,          /* name: of the chain */
	STEP_GOTO,
	STEP_QUEUE,         /* a: bucket of ruleset_queue() */
	STEP_KINDS
};

struct step {
	enum step_kind kind;
	uint32_t a;
	uint32_t b;
	const char *name;
};

struct shape_rule {
	const char *comment; /* NULL: the one before says it */
	struct step steps[SHAPE_STEPS_MAX + 1];
};

struct shape_chain {
	const char *name;
	const char *comment;
	const char *hook;    /* NULL: jumped to from others */
	uint32_t hook_number;
	int32_t priority;
	bool drop;           /* the policy */
	const struct shape_rule *rules;
	size_t rule_count;
};

/* Where packets are dropped: a chain and a counter of that name, and its own words in the log. */
struct shape_drop {
	const char *name;   /* in the kernel: "no_rule" */
	const char *reason; /* everywhere else: "no-rule" */
	const char *comment;
};

#define SHAPE_DROPS 9u
#define SHAPE_DROP_RULES 3u
#define SHAPE_LOG_PREFIX "gatehouse " /* the reason follows */

/* Bits of conntrack's state as nftables numbers them. */
#define SHAPE_STATE_ESTABLISHED 2u
#define SHAPE_STATE_RELATED 4u
#define SHAPE_STATE_NEW 8u
#define SHAPE_STATUS_CONFIRMED 8u /* of its status: a packet of the connection has left */

extern const struct shape_set shape_sets[SHAPE_SETS];
extern const struct shape_drop shape_drops[SHAPE_DROPS];
extern const struct shape_chain shape_chains[];
extern const size_t shape_chain_count;

/* The only chain of the guard's table: a second bolt on what is forwarded. */
extern const struct shape_chain shape_guard;

/* The only chain of the self-test's table: what the supervisor sends itself to be denied goes to the queues. */
extern const struct shape_chain shape_self_test;

/* The rules of a drop place: count, log within the limit, drop. */
void shape_drop_rules(const struct shape_drop *drop, struct shape_rule ret[SHAPE_DROP_RULES]);

/* The drop place whose name in the kernel this is, or NULL. */
const struct shape_drop *shape_drop_named(const char *name);

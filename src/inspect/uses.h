/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Counts what was asked for, in the table of inspect/core.h: exactly, in memory of fixed size, and never at the
 * cost of a count that nobody has read yet. What finds no place is counted for its rule all the same. A request
 * that may go on is noted while it is decoded, by a key of numbers and bytes; what it is in words is only written for a
 * new row. Once its message goes on, what was noted counts. Everything else is counted as its event tells it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "inspect/core.h"
#include "protocol/cip_walk.h"

#define USE_CHAINS 2048u   /* a power of two */
#define USE_BYTES_MAX 80u  /* of a key; behind them only their digest tells it from others */
#define USE_WORDS 4u

/*
 * What makes two requests one row. The first two words say what became of it, see use_key_begin(); how many bytes
 * there are stands in them, too.
 */
struct use_key {
	uint64_t words[USE_WORDS];
	const uint8_t *bytes;
};

/* What the core knows of a row beside what all see. */
struct use_slot {
	uint64_t words[USE_WORDS];    /* of its key; 0 = it was counted by an event */
	uint8_t bytes[USE_BYTES_MAX];
	uint16_t chain;
	uint16_t next;                /* row + 1 */
	uint16_t follower;            /* the row that was noted after it */
};

/* Finds rows by what they count. */
struct use_index {
	uint16_t chains[USE_CHAINS]; /* row + 1, 0 = none */
	uint32_t hand;               /* where a row that may give way was last looked for */
	uint16_t last;               /* the row that was noted last */
	struct use_slot slots[CORE_USES_MAX];
};

struct use_note {
	uint32_t rule;
	uint32_t row; /* CORE_USES_MAX: there is no place */
};

/* The requests of the message that is being decided on, one or several. */
struct use_notes {
	uint32_t count;
	bool denied;                 /* one of them would be */
	struct use_note items[CIP_PARTS_MAX];
};

struct core_state;

/* `what` it asks for, as the protocol numbers it, and so many bytes. */
static inline void use_key_begin(uint32_t conduit, uint32_t rule, uint16_t reason, uint32_t what,
				 const uint8_t *bytes, uint16_t length, struct use_key *ret)
{
	ret->words[0] = conduit | (uint64_t)rule << 32;
	ret->words[1] = reason | (uint64_t)length << 16 | (uint64_t)what << 32;
	ret->bytes = bytes;
}

/* One more word, of what may be larger than the key holds. */
static inline uint64_t use_digest(uint64_t h, uint64_t word)
{
	h = (h ^ word) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 32;
}

/* Writes what the request is, as an event tells it; conduit, rule, reason and direction come from the key. */
typedef void use_teller(const void *context, struct core_event *ret);

/* Notes a request of the message. */
void uses_note(struct core_state *core, const struct use_key *key, use_teller *tell, const void *context);

/* Nothing is noted. */
void uses_forget(struct core_state *core);

/* What was noted goes on: it counts. */
void uses_count_noted(struct core_state *core);

/*
 * Counts `what`, with its conduit, rule, reason (REASON_NONE: allowed) and direction, for the packet that is being decided
 * on. Observed: it went on in spite of the reason. What makes every request another one is taken out of `what`.
 */
void uses_count(struct core_state *core, struct core_event *what, bool observed);

/* Another program: `stays` gives a row's rule its new position; without it what the row counts is gone. */
void uses_carry(struct core_state *core, bool (*stays)(struct core_use *use));

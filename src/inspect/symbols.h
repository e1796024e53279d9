/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What listings taught about symbol instances: which tag a number stands for, in one session and one
 * scope (a program, or the controller). One table of fixed size for all flows, with a bound for each; what
 * does not fit is not known, and who asks for it by number is refused.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SYMBOLS_MAX 32768u
#define SYMBOLS_FLOW_MAX 8192u  /* of one flow */
#define SYMBOLS_BUCKETS 16384u
#define SYMBOL_NAME_MAX 48u     /* bytes; longer names are not kept */

struct symbol_key {
	uint64_t owner;    /* the flow */
	uint64_t scope;    /* of enip_ask.h; 0 = the controller */
	uint32_t instance;
};

struct symbol {
	struct symbol_key key;
	uint16_t next;     /* position + 1 in its bucket or the free list, 0 = none */
	uint16_t sibling;  /* the next of its flow */
	uint8_t length;
	bool stale;        /* not told again since its scope began to be listed anew */
	uint8_t name[SYMBOL_NAME_MAX];
};

struct symbols {
	uint16_t free;
	uint16_t fresh;    /* rows from here on were never used */
	uint16_t buckets[SYMBOLS_BUCKETS];
	struct symbol rows[SYMBOLS_MAX];
};

/* Those of one flow. Zeroed = none. */
struct symbol_list {
	uint16_t first;
	uint16_t count;
};

/* The symbol, or NULL. */
const struct symbol *symbols_find(const struct symbols *t, const struct symbol_key *key);

/* A listing of the scope begins anew: what it does not tell again is gone in the end (symbols_drop_stale). */
void symbols_relist(struct symbols *t, const struct symbol_list *list, uint64_t scope);

/* Learns what the number stands for. True: it stood for something else, so the controller was loaded anew. */
bool symbols_learn(struct symbols *t, struct symbol_list *list, const struct symbol_key *key,
		   const uint8_t *name, size_t length);

/* Forgets those of the scope that were not told again. */
void symbols_drop_stale(struct symbols *t, struct symbol_list *list, uint64_t scope);

/* Forgets all of a flow. */
void symbols_forget(struct symbols *t, struct symbol_list *list);

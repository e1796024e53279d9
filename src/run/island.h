/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * An island: every conduit is closed, whatever is in force (STATE/island.json). It outlives restarts, and only a person
 * ends it. Closing needs nothing but root at the box, and is never refused; what cannot be read counts as an island.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

struct supervisor;

struct island {
	bool on;
	int64_t since;     /* seconds UTC; 0: not known */
	char user[64];
	char because[200]; /* or "" */
};

void island_load(const char *state, struct island *ret);

/* On: written; off: the file is removed. Negative errno: it is not on the disk, or still there. */
__attribute__((warn_unused_result)) int island_store(const char *state, const struct island *island);

/* As of now. */
void island_make(const char *user, const char *because, struct island *ret);

/* Into the change log. Negative errno: it is not there. */
__attribute__((warn_unused_result))
int island_record(const char *state, const struct island *island, const char *user);

/* Closes everything, whatever fails on the way. Negative errno: the kernel does not take it. */
__attribute__((warn_unused_result))
int island_begin(struct supervisor *s, const char *user, const char *because, struct arena *arena,
		 const char **ret_text);

/* Somebody made it one past this supervisor, which did not answer: it follows. Call before the ruleset is put back. */
void island_follow(struct supervisor *s);

/* What is in force serves again. 0; 1: it is none; negative errno: it stays one. */
__attribute__((warn_unused_result))
int island_end(struct supervisor *s, const char *user, struct arena *arena, const char **ret_text);

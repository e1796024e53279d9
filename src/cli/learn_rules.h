/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The rules that learn proposes: one a pair of server and device (of a capture) or a rule (of a ledger), and the
 * documents made of them: for people, with what only they know left empty, and whole, to try the rules on a capture.
 */
#include "base/arena.h"
#include "policy/documents.h"
#include "policy/learn.h"

struct protocol; /* cli/traffic.h */

struct learn_rule {
	const char *id;
	const char *from, *to;    /* assets, or addresses */
	const struct protocol *protocol;
	uint16_t port;
	struct learn learn;
	uint64_t seen;            /* requests */
	uint64_t cannot;          /* of these, that no entry can say */
};

struct learn_rules {
	struct arena *arena;
	struct learn_rule *items;
	size_t count;
};

/* A rules document to be finished by hand; rules without an entry are left out. Returns the rules in it. */
size_t learn_rules_write(struct learn_rules *rules, const char *origin, FILE *out);

/* What the trial is of. */
enum learn_trial { LEARN_OBSERVING, LEARN_ENFORCING };

/* A whole site with these rules, between hosts of its own. Rules without an entry get one when only observing. */
void learn_rules_site(struct learn_rules *rules, enum learn_trial trial, struct documents *ret);
#define LEARN_NOW 1767225600 /* as of when that site is compiled */

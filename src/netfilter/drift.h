/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What the kernel holds other than the policy in force says: a list of findings with stable codes. Whoever
 * finds one adds it; cli/ prints them and run/ records them. Words and advice stand in one table (drift.c).
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

enum drift_code {
	DRIFT_TABLE_REMOVED = 0,
	DRIFT_TABLE_FLUSHED,  /* its chains are there, none of their rules is */
	DRIFT_TABLE_ASLEEP,   /* the flag "dormant": the chains are not called */
	DRIFT_TABLE_CHANGED,
	DRIFT_TABLE_TWICE,    /* a table of our name in another family */
	DRIFT_CHAIN_ADDED,
	DRIFT_CHAIN_REMOVED,
	DRIFT_CHAIN_CHANGED,  /* hook, priority, type */
	DRIFT_CHAIN_POLICY,
	DRIFT_RULE_ADDED,
	DRIFT_RULE_REMOVED,
	DRIFT_RULE_CHANGED,
	DRIFT_SET_ADDED,
	DRIFT_SET_REMOVED,
	DRIFT_SET_CHANGED,
	DRIFT_SET_FLUSHED,
	DRIFT_ELEMENT_ADDED,
	DRIFT_ELEMENT_REMOVED,
	DRIFT_ELEMENT_CHANGED,
	DRIFT_WINDOW_CHANGED,
	DRIFT_HOME_ADDED,
	DRIFT_HOME_REMOVED,
	DRIFT_OBJECT_ADDED,
	DRIFT_OBJECT_REMOVED,
	DRIFT_FOREIGN_HOOK,
	DRIFT_FOREIGN_FLOWTABLE,
	DRIFT_LEGACY_TABLE,
	DRIFT_CODES
};

struct drift {
	enum drift_code code;
	bool warning;      /* it cannot open anything; otherwise a finding */
	const char *where; /* "map conduits4", "chain forward", "table ip nat" */
	const char *text;  /* a sentence */
	const char *rules; /* ids of the rules it concerns, joined by ", "; NULL: none in particular */
	const char *file;  /* where the first of them is written; NULL: unknown */
	unsigned line;
};

#define DRIFT_MAX 200u /* kept; further ones are counted */

struct drift_list {
	struct arena *arena; /* owns the strings */
	struct drift items[DRIFT_MAX];
	size_t count;    /* kept */
	size_t findings; /* all of them, kept or not */
	size_t warnings;
	bool ours;       /* some lie in the gate's own table: loading the policy again mends them */
};

void drift_init(struct drift_list *list, struct arena *arena);

/*
 * Adds one; `from` gives code, warning, rules, file and line (strings that outlive the list), the texts are made
 * here. list = NULL: nobody wants to know.
 */
__attribute__((format(printf, 4, 5)))
void drift_add(struct drift_list *list, const struct drift *from, const char *where, const char *format,
	       ...);

/* "rule-added"; literals. */
const char *drift_word(enum drift_code code);

/* What to do, a sentence. */
const char *drift_help(enum drift_code code);

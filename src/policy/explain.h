/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Answers about a compiled site for people: when a rule is open, what it costs in breadth, whom to call,
 * and which rule comes nearest to a path that none opens. Whether a message is allowed is never decided here: that is
 * asked of the inspector's matcher (cli/). Results are in the arena.
 */
#include "base/arena.h"
#include "policy/model.h"

/* What was asked and what a rule has instead. */
struct explain_difference {
	const char *what;    /* "to", "unit", "addresses", ... */
	const char *asked;
	const char *allowed;
};

#define EXPLAIN_DIFFERENCES_MAX 8u
struct explain_differences {
	struct explain_difference items[EXPLAIN_DIFFERENCES_MAX];
	size_t count;
};

/* Further ones than fit are dropped. */
void explain_differ(struct explain_differences *list, const char *what, const char *asked,
		    const char *allowed);

/* When a rule lets anything through. */
struct explain_opening {
	bool open;          /* at the time asked for */
	int64_t changes;    /* when that ends, seconds UTC; 0: not within the 400 days looked at */
	const char *text;   /* "open until Mon 2026-11-23 18:00", in the site's time zone */
};

void explain_opening(const struct site *site, const struct rule *rule, int64_t at,
		     struct arena *arena, struct explain_opening *ret);

/* An instant in the site's time zone: "Mon 2026-11-23 06:00". */
const char *explain_time(const struct site *site, int64_t at, struct arena *arena);

/* What a rule lets in, sentence by sentence, the broadest things named; returns how many. */
#define EXPLAIN_BREADTH_MAX 10u
size_t explain_breadth(const struct rule *rule, struct arena *arena,
		       const char *out[static EXPLAIN_BREADTH_MAX]);

struct explain_person {
	const char *id;
	const char *name;
	const char *contact; /* NULL: not written */
};

/* Who is responsible: of a rule (may be NULL), else of an asset (may be NULL). At most 2. */
size_t explain_people(const struct site *site, const struct rule *rule, const struct asset *asset,
		      struct explain_person out[static 2]);

/* The person of an id, with the id as name when the site does not know it. id = NULL: all NULL. */
struct explain_person explain_person(const struct site *site, const char *id);

/* The asset of a name or address; NULL, and *ret_near is the nearest name or NULL. */
const struct asset *explain_asset(const struct site *site, const char *text, const char **ret_near);

/* A path that was asked for: ends may be NULL (no asset has the address), protocol NULL, port 0: any. */
struct explain_path {
	const struct asset *from;
	const struct asset *to;
	const char *from_text;
	const char *to_text;
	const struct protocol *protocol;
	uint16_t port;
};

/* Is it a rule of this path? Says nothing about its dates. */
bool explain_on_path(const struct explain_path *path, const struct rule *rule);

/* The rule that comes nearest to a path on which none is in force, or NULL; and in what it differs. */
const struct rule *explain_nearest(const struct site *site, const struct explain_path *path,
				   struct arena *arena, struct explain_differences *ret);

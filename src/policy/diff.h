/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What changes when one compiled site takes the place of another: permissions by rule and service, compared as
 * sets and not as text, and what becomes of live connections. Results are in the arena, sorted.
 */
#include "base/arena.h"
#include "policy/compile.h"
#include "policy/model.h"

enum diff_change {
	DIFF_UNCHANGED = 0,
	DIFF_ADDED,
	DIFF_REMOVED,
	DIFF_WIDENED,  /* everything that was allowed still is, and more */
	DIFF_NARROWED, /* nothing new is allowed, and less */
	DIFF_CHANGED,  /* some is new and some is gone, or the same is handled in another way */
	DIFF_CHANGES
};

/* "added", ... */
const char *diff_word(enum diff_change change);

/* A member of a rule or site as it was and as it becomes; NULL: not there. */
struct diff_member {
	const char *what;
	enum diff_change change;
	const char *before;
	const char *after;
};

/* What is gained or lost: addresses of some units, whatever the quantity and values; or of a tag or data file at least
 * a part, some values, or a route. */
struct diff_cells {
	const char *units;
	const char *addresses;
	const char *name; /* of the tag or file, as written; then the other two are NULL */
};

struct diff_service {
	const char *function;
	uint8_t code;
	enum diff_change change;
	const char **before; /* the rule's entries of this function, in words */
	size_t before_count;
	const char **after;
	size_t after_count;
	struct diff_cells *gained;
	size_t gained_count;
	struct diff_cells *lost;
	size_t lost_count;
};

#define DIFF_MEMBERS_MAX 16u
struct diff_rule {
	const char *id;
	enum diff_change change;
	const struct rule *before; /* NULL: no such rule, or it has ended */
	const struct rule *after;
	struct diff_service *services; /* those that differ */
	size_t service_count;
	struct diff_member *members;   /* path, times, limits, handling; DIFF_MEMBERS_MAX at most */
	size_t member_count;
	struct diff_member *papers;    /* purpose, people, dates: nothing is let through by them; likewise */
	size_t paper_count;
};

/* What becomes of the connections of a conduit. */
enum diff_connections {
	DIFF_CONNECTIONS_STAY = 0,
	DIFF_CONNECTIONS_RESET,
	DIFF_CONNECTIONS_NEW   /* there can be none yet */
};

struct diff_conduit {
	enum diff_change change; /* UNCHANGED: it stays, but see `why` */
	enum diff_connections connections;
	struct ruleset_conduit conduit;
	const char *why;
};

struct diff {
	struct diff_rule *rules; /* by id: all of both sites */
	size_t rule_count;
	size_t counts[DIFF_CHANGES]; /* of rules */
	size_t papers_only;          /* rules unchanged but for their papers */
	struct diff_conduit *conduits; /* opened, closed, or not as before */
	size_t conduit_count;
	size_t conduits_stay;        /* all whose connections stay */
	struct diff_member *site;    /* time zone, networks */
	size_t site_count;
};

/* before = NULL: nothing is in force. `now`: when it would happen, seconds UTC. */
void diff_sites(const struct compiled *before, const struct compiled *after, int64_t now,
		struct arena *arena, struct diff *ret);

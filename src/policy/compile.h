/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * From documents to what is enforced: the one entry to the policy compiler. Nothing here prints, touches
 * the kernel or keeps state between calls; findings go to the diagnostics list, memory to the arena.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/diag.h"
#include "policy/ruleset.h"

struct documents; /* policy/documents.h: the texts of a site folder */
struct site;      /* policy/model.h */

/* Which numbers a conduit and its timetable had before, so that they keep them: rows sorted as in struct ruleset. */
struct conduit_number {
	struct address server;
	struct address device;
	uint8_t transport;
	uint16_t port;
	uint32_t number;
	uint32_t timetable; /* 0: had none */
};

/* A rule as the program's rule table has it: position i belongs to rule index i of core events. */
struct compiled_rule {
	const char *id;
	uint32_t conduit; /* number */
};

struct compiled {
	struct site *site;
	struct ruleset ruleset;
	const void *program; /* struct program_header and what follows */
	size_t program_size;
	struct compiled_rule *rules;
	size_t rule_count;
};

/* What the box knows that is in no document. */
struct compile_time {
	int64_t now;   /* seconds UTC: what is expired, overdue */
	int64_t floor; /* seconds UTC: no window begins before it; 0 = none before the day of `now` */
	bool doubted;  /* the box's clock may be wrong: what depends on it soon is closed */
	bool island;   /* no rule opens anything: all conduits are closed, whatever the documents say */
};

/*
 * Compiles the documents. `now` (seconds UTC) decides what is expired; `before` are the numbers in use
 * (may be NULL). Returns true when no finding is an error; otherwise *ret is not to be used.
 */
bool compile_site(const struct documents *documents, int64_t now, const struct conduit_number *before,
		  size_t before_count, struct arena *arena, struct diag_list *diags,
		  struct compiled *ret);

/* The same for a box whose clock may be wrong. */
bool compile_for_box(const struct documents *documents, const struct compile_time *time,
		     const struct conduit_number *before, size_t before_count, struct arena *arena,
		     struct diag_list *diags, struct compiled *ret);

/* Writes what the inspector enforces as readable JSON (policy.json); deterministic. */
void compile_write_policy(const struct compiled *compiled, FILE *out);

/*
 * Writes the permit list: all that is permitted, without marks and without unrolled times, so that the same documents
 * give the same bytes on any day and any gate; what grants add is not in it. JSON Lines, the site and then a line a
 * rule. Its SHA-256 is in a bundle: what a program once wrote as a format it goes on writing as that one.
 */
#define PERMITS_FORMAT 1
void compile_write_permits(const struct compiled *compiled, FILE *out);

/*
 * Writes what makes rsyslog forward the event log to the site's log_collectors, as RFC 5424; deterministic.
 * The two paths are those of an installation.
 */
#define COMPILE_EVENT_LOG "/var/lib/gatehouse/events.jsonl"
#define COMPILE_COLLECTOR_CA "/etc/gatehouse/collector-ca.pem"
void compile_write_rsyslog(const struct compiled *compiled, FILE *out);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * When conduits are open, each of these times once: rules and conduits with the same windows share one timetable,
 * however many they are. The site's time zone must have been entered (base/calendar.h). Inside policy/ only.
 */
#include "base/arena.h"
#include "policy/conduits.h"
#include "policy/windows.h"

struct timetable {
	struct window_list windows;
	uint32_t hash;
	bool used;                /* by a conduit: it needs a number */
	uint32_t number;          /* in marks: TIMETABLES_MAX at most; 0 = none (yet) */
	struct program_span span; /* where the match program has the windows; count 0: nowhere yet */
};

struct timetable_of; /* a schedule and an expiry, and the timetable that they come to */

struct timetables {
	const struct site *site;
	struct arena *arena;
	struct timetable **items; /* in the order of first use */
	size_t count;
	struct timetable **slots; /* hashed by windows; a power of two, never full */
	size_t slot_count;
	struct timetable_of *rules; /* hashed by what rules say; likewise */
	size_t rule_count, rule_slots;
	bool *taken;              /* by number */
};

void timetables_init(struct timetables *t, const struct site *site, struct arena *arena);

/* The rule's, or NULL: it is always open. */
struct timetable *timetable_of_rule(struct timetables *t, const struct rule *rule);

/* That of the conduit: open while one of its rules is. NULL: always. */
struct timetable *timetable_of_conduit(struct timetables *t, const struct conduit *conduit);

/* Gives it the number, unless it has one, or another one has this. */
void timetable_keep_number(struct timetables *t, struct timetable *timetable, uint32_t number);

/* Gives all others that conduits use the lowest free numbers. Returns how many are used: more than
 * TIMETABLES_MAX is the caller's to refuse. */
size_t timetables_number(struct timetables *t);

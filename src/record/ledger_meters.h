/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Where absolute counters stood when they were last read, so that what they grew by is counted once. A
 * counter that went back has begun anew, and so have all of a source whose witness went back. At most
 * METERS_MAX are remembered; the growth of others cannot be known.
 */
#include "record/ledger.h"

#define METERS_MAX (1u << 18)
#define METER_SOURCES 128u

struct meter {
	uint64_t hash;     /* 0 = free */
	char *key;         /* ledger_key.h; owned */
	uint32_t round;    /* of the reading that last named it */
	uint16_t source;
	bool first;        /* from ledger_reading_first(), not yet compared with the file */
	uint64_t count, bytes;
	uint64_t first_count, first_bytes;
};

struct meters {
	struct meter *slots; /* grows; a power of two */
	size_t slot_count, used;
	uint64_t witness[METER_SOURCES];
	unsigned source;   /* of the reading that is under way */
	uint32_t round;
};

void meters_free(struct meters *meters);

/* source: below METER_SOURCES. */
void meters_begin(struct meters *meters, unsigned source, uint64_t witness);
void meters_end(struct meters *meters);

/* What it grew by. False when it cannot be remembered: nothing is known then. */
bool meters_read(struct meters *meters, const struct ledger_subject *subject, uint64_t *count, uint64_t *bytes);

/* Sets one of source LEDGER_KERNEL without a reading. */
void meters_set_first(struct meters *meters, const struct ledger_subject *subject, uint64_t count, uint64_t bytes);

/* The meter of a subject of LEDGER_KERNEL, or NULL. */
struct meter *meters_find(struct meters *meters, const struct ledger_subject *subject);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What waits to be written: counts, added up by subject and hour in memory of fixed bounds. When half of it is
 * taken, new rows are by day; attempts have at most half, so that a scan does not push out what the rules
 * count. What does not fit at all is counted.
 */
#include "record/ledger.h"

#define LEDGER_MOMENTS 128u

struct batch_entry {
	uint64_t hash;    /* 0 = free */
	char *key;        /* ledger_key.h; owned, as is note */
	char *note;       /* may be NULL */
	int64_t start;    /* of the hour or day */
	uint32_t seconds; /* LEDGER_HOUR or LEDGER_DAY */
	int64_t first, last;
	uint64_t count, bytes;
};

struct batch {
	struct batch_entry *slots; /* a power of two, at least twice `most` */
	size_t slot_count, most;
	size_t used, attempts;
	struct ledger_moment *moments; /* their texts are owned */
	size_t moment_count;
	uint64_t lost;             /* counts and moments that did not fit, since it was emptied */
};

/* Negative errno. */
__attribute__((warn_unused_result)) int batch_init(struct batch *batch, size_t most);
void batch_free(struct batch *batch);

void batch_add(struct batch *batch, const struct ledger_subject *subject, uint64_t count, uint64_t bytes,
	       int64_t now);
void batch_add_moment(struct batch *batch, const struct ledger_moment *moment);

/* After it was written. */
void batch_clear(struct batch *batch);

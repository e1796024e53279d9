/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Traffic now: what rules and conduits had in the last round of the feed, a second. Two looks at counters that only
 * go up; where one went down (an inspector began afresh, another policy) that round says nothing.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netfilter/read.h"

struct supervisor;

struct rate_look {
	uint64_t *first;  /* of rules: allowed; of conduits, by number: packets */
	uint64_t *second; /* of rules: denied; of conduits: bytes */
	size_t count;
};

struct rates {
	struct rate_look rules[2], conduits[2]; /* the last look and the one before */
	int64_t at[2];                          /* ms, CLOCK_BOOTTIME; 0 = none */
};

/* A second, of what stands in `first` and `second` of a look. */
struct rate {
	double first, second;
};

/* Looks at all counters. */
void rates_look(struct supervisor *s, const struct netfilter_counts *counts);

/* Another policy: what was counted is of rules and conduits that may be gone. */
void rates_forget(struct rates *rates);

/* False while there have not been two looks. */
bool rates_of_rule(const struct rates *rates, size_t rule, struct rate *ret);
bool rates_of_conduit(const struct rates *rates, uint32_t mark, struct rate *ret);

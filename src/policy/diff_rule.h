/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* The parts of a comparison of two rules. Inside policy/ only. */
#include "policy/diff.h"

/* What a difference does: bits. */
#define DIFF_GAINS 1u
#define DIFF_LOSES 2u

/* The change that gains and losses make. */
enum diff_change diff_of(unsigned effect);

/* Compares the services of two rules (either may be NULL); fills ret->services and returns the effect. */
unsigned diff_services(const struct rule *before, const struct rule *after, struct arena *arena,
		       struct diff_rule *ret);

/* The same for services of EtherNet/IP; a rule has the one or the other. */
unsigned diff_cip(const struct rule *before, const struct rule *after, struct arena *arena,
		  struct diff_rule *ret);

/* Path, times, limits and handling of two rules: ret->members, and the effect. */
unsigned diff_members(const struct rule *before, const struct rule *after, struct arena *arena,
		      struct diff_rule *ret);

/* What only people read: ret->papers. */
void diff_papers(const struct rule *before, const struct rule *after, struct diff_rule *ret);

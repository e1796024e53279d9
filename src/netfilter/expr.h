/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The steps of a rule as libnftnl expressions: the same that `nft` makes of the same text, so that a
 * ruleset loaded either way lists alike. Like the arena, a failed allocation ends the program.
 */
#include "netfilter/shape.h"
#include "policy/ruleset.h"

struct nftnl_rule;

void expr_add_steps(struct nftnl_rule *rule, const struct step *steps, const struct ruleset *ruleset,
		    const struct netfilter_kernel *kernel);

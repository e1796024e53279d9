/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Whether a rule that the kernel dumped is the one that was wanted, by the netlink attributes themselves and not
 * by a library's reading of them: what libnftnl does not know would otherwise not be seen.
 */
#include <stdbool.h>

struct nlattr;

/* Both: NFTA_RULE_EXPRESSIONS; NULL is a rule without expressions. */
bool match_expressions(const struct nlattr *wanted, const struct nlattr *had);

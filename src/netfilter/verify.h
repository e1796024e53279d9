/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The proof that the kernel permits exactly what a ruleset says: the ruleset is read back over netlink and
 * held against it, row by row and expression by expression. It changes nothing and prints nothing; needs
 * CAP_NET_ADMIN. docs/design/verify.md says what is and what is not covered.
 */
#include "netfilter/drift.h"
#include "policy/ruleset.h"

/*
 * Fills the list (initialised here; strings are in the arena or the ruleset's). Negative errno when the kernel
 * cannot be asked; -EINTR: others change the ruleset faster than it can be read.
 */
__attribute__((warn_unused_result))
int netfilter_verify(const struct ruleset *ruleset, struct arena *arena, struct drift_list *ret);

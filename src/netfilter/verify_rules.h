/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* The rules of the gate's chains, expression by expression and in order, against those of shape.h. */
#include "netfilter/drift.h"
#include "netfilter/link.h"
#include "netfilter/shape.h"
#include "policy/ruleset.h"

/* Only for a table that is there. -EINTR: the ruleset changed while it was read. */
__attribute__((warn_unused_result))
int verify_rules(struct link *link, const struct ruleset *ruleset, const struct netfilter_kernel *kernel,
		 struct drift_list *drifts);

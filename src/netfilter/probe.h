/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
#include "netfilter/link.h"
#include "netfilter/shape.h"

/*
 * Asks the kernel, by a transaction that is checked and never committed, what it can do. Leaves nothing
 * behind. Negative errno when it cannot be asked (-EPERM: not allowed to).
 */
__attribute__((warn_unused_result))
int netfilter_probe(struct link *link, struct netfilter_kernel *ret);

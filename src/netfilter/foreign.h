/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What else on this machine sees packets: tables of others with a chain at a hook, their flow tables, the old
 * iptables, and tables of our own name elsewhere. Reported, never touched.
 */
#include "netfilter/drift.h"
#include "netfilter/link.h"

/* A table that can only drop is a warning: the gate's own chains are asked all the same. */
__attribute__((warn_unused_result))
int foreign_report(struct link *link, struct drift_list *drifts);

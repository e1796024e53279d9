/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Puts a ruleset in force: one netlink transaction, so the old one or the new one holds and never
 * neither. Conduits that stay keep their counters. The kernel is read back afterwards. Beside the gate's own
 * table only the setting fwmark_reflect is touched (a warning, when it cannot be). Acts on the network
 * namespace of the caller and needs CAP_NET_ADMIN.
 */
#include "base/diag.h"
#include "policy/ruleset.h"

/*
 * Returns 0 when the ruleset is in force and was found so. Otherwise a negative errno, and nothing has
 * changed; what the kernel refused by name is added to diags ("kernel-refused", with the document's
 * line), other failures (-EPERM, -ENOBUFS, ...) are the caller's to report. -EBADE: it was committed but
 * reads back differently ("kernel-differs").
 */
__attribute__((warn_unused_result))
int netfilter_commit(const struct ruleset *ruleset, struct diag_list *diags);

enum netfilter_removal {
	NETFILTER_REMOVE_CLOSED = 1, /* no conduit is left, everything is denied and counted */
	NETFILTER_REMOVE_OPEN        /* the table goes: a box that forwards is then a plain router */
};

/* 0 also when there was no table. With REMOVE_CLOSED the interfaces' spoofing check is gone too: all is denied. */
__attribute__((warn_unused_result)) int netfilter_remove(enum netfilter_removal removal);

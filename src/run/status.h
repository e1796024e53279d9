/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What `status` tells, as one JSON object:
 *   healthy; problems: list of sentences; supervisor {pid, since}; what run/status_inspectors.h writes;
 *   policy {site, version, applied, schedules_until (with windows), rules, conduits, expired, overdue} or null;
 *   trial {serial, seconds_left} or null; grants: list of {digest, note, user, begun, ends, rules};
 *   island {since, user, because} or null;
 *   conduits: list of {number, server, device, transport, port, inspected, quarantined,
 *     fails_open, uninspected, packets, bytes, now {packets, bytes}, rules};
 *   rules: list of {rule, allowed, denied, now {allowed, denied}, call}; drops: list of {reason, packets, bytes};
 *   events: path of the log;
 *   drift {checked, findings, warnings, restored, guarded}; maintenance {until} or null;
 *   self_test {possible, fails, denied (when), times};
 *   clock {trusted, doubt, why, synchronised, now, latest, closed: list of rule ids};
 *   ledger {path, writable, why, flushed, waiting, lost, bytes} or null.
 */
#include "json/writer.h"
#include "netfilter/read.h"
#include "run/supervisor.h"

#define STATUS_PROBLEMS_MAX 16

/* What needs attention, as sentences; how many. read_result: of netfilter_read() that filled in `counts`. */
size_t status_problems(const struct supervisor *s, const struct netfilter_counts *counts, int read_result,
		       const char *ret[static STATUS_PROBLEMS_MAX]);

/* Requests of one rule, by its index, over all inspectors. False: none of them can be asked. */
bool status_count_rule(struct supervisor *s, size_t rule, struct core_rule_count *ret);

/* The member `clock`. */
void status_write_clock(struct supervisor *s, struct writer *w);

void status_write(struct supervisor *s, struct writer *w);

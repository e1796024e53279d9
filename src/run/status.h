/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What `status` tells, as one JSON object:
 *   healthy; problems: list of sentences; supervisor {pid, since}; what run/status_inspectors.h writes;
 *   policy {site, applied, rules, conduits} or null;
 *   conduits: list of {number, server, device, transport, port, inspected, quarantined,
 *     fails_open, uninspected, packets, bytes, rules};
 *   rules: list of {rule, allowed, denied, call}; drops: list of {reason, packets, bytes}; events: path of the log;
 *   drift {checked, findings, warnings, restored, guarded}; maintenance {until} or null.
 */
#include "json/writer.h"
#include "run/supervisor.h"

void status_write(struct supervisor *s, struct writer *w);

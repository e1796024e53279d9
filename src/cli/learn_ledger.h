/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Learns from a usage ledger: for each of its rules (or only the one with this id) what was let through, be it allowed
 * or only observed. Denied requests are not learned.
 */
#include "cli/learn_rules.h"

/* Negative errno as of ledger_reader_open(). */
__attribute__((warn_unused_result))
int learn_ledger(const char *path, const char *only, struct learn_rules *rules);

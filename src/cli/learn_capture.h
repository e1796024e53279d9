/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Learns from a capture: plays it through the decision core, which observes and says what was asked for, until the
 * rules that come of it leave nothing more to learn; then once more, enforcing, for what they would deny.
 */
#include "cli/learn_rules.h"
#include "cli/play.h"

struct learn_denied {
	uint64_t by_reason[REASON_COUNT];
	uint64_t messages;  /* all */
	uint64_t denied;
};

/* NULL, or why it does not work (in the arena). `play` has its ports; rules go by the pairs that it then has. */
const char *learn_capture(const char *path, struct play *play, struct learn_rules *rules, struct learn_denied *ret);

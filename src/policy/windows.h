/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * When a rule is open: its schedule and expiry as absolute times, unrolled WINDOW_HORIZON days ahead.
 * The site's time zone must have been entered (base/calendar.h). Inside policy/ only.
 */
#include "policy/model.h"

struct window_list {
	struct program_window *items; /* sorted, neither overlapping nor touching */
	size_t count;
};

/*
 * The windows of a rule; false when it is always open. None begins before the midnight that began
 * site->today, so that a clock set back opens nothing that has been.
 */
bool rule_windows(const struct site *site, const struct rule *rule, struct arena *arena,
		  struct window_list *ret);

/* Sorts and joins what overlaps or touches. */
void windows_join(struct window_list *list);

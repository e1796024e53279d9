/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * When a rule is open: its schedule and expiry as absolute times, unrolled WINDOW_HORIZON days ahead.
 * The site's time zone must have been entered (base/calendar.h). Inside policy/ only,
 * but for rule_waits_for_clock().
 */
#include "policy/model.h"

struct window_list {
	struct program_window *items; /* sorted, neither overlapping nor touching */
	size_t count;
};

/*
 * The windows of a rule; false when it is always open. None begins before the midnight that began site->today, nor
 * before site->floor, so that a clock set back opens nothing that has been. While the clock is doubted there are none
 * where rule_waits_for_clock(), and the others begin with time itself: whatever the clock says, they are open.
 */
bool rule_windows(const struct site *site, const struct rule *rule, struct arena *arena,
		  struct window_list *ret);

/* Has it an end or hours at all? */
bool rule_has_windows(const struct rule *rule);

/* Closed while the clock is doubted: it has a schedule, is a grant's, or expires within CLOCK_SOON days. */
#define CLOCK_SOON 30
bool rule_waits_for_clock(const struct site *site, const struct rule *rule);

/* Sorts and joins what overlaps or touches. */
void windows_join(struct window_list *list);

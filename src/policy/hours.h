/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Windows as the kernel can hold many of them: seconds of the day (UTC) between two instants. A schedule that
 * opens at the same hours day after day is one row for as long as the days follow each other, not one a day. Exact:
 * an instant is inside a row if and only if it is inside a window, and no two rows meet. Inside policy/ only.
 */
#include <stddef.h>

#include "policy/ruleset.h"
#include "policy/windows.h"

/* Most rows that a list of `count` windows makes. */
#define HOURS_ROWS(count) (2 * (count))

/* Writes the rows, sorted; returns how many. */
size_t hours_of(const struct window_list *list, uint32_t timetable, struct ruleset_window *ret);

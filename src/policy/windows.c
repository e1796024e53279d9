/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/windows.h"

#include <stdlib.h>

#include "base/calendar.h"

static int compare_windows(const void *a, const void *b)
{
	const struct program_window *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return (x->until > y->until) - (x->until < y->until);
}

void windows_join(struct window_list *list)
{
	size_t kept = 0;

	if (list->count)
		qsort(list->items, list->count, sizeof(*list->items), compare_windows);
	for (size_t i = 0; i < list->count; i++) {
		struct program_window *last = kept ? &list->items[kept - 1] : NULL;

		if (!last || list->items[i].from > last->until)
			list->items[kept++] = list->items[i];
		else if (list->items[i].until > last->until)
			last->until = list->items[i].until;
	}
	list->count = kept;
}

/* The part of from .. until that lies inside `limits`, if any. */
static void append_inside(struct window_list *list, int64_t from, int64_t until,
			  const struct program_window *limits)
{
	if (from < limits->from)
		from = limits->from;
	if (until > limits->until)
		until = limits->until;
	if (from < until)
		list->items[list->count++] = (struct program_window){ .from = from, .until = until };
}

static void unroll(const struct schedule *s, int64_t today, const struct program_window *limits,
		   struct window_list *list)
{
	bool overnight = s->until <= s->from;

	/* yesterday's may reach over midnight */
	for (int64_t day = today - 1; day <= today + WINDOW_HORIZON; day++) {
		int64_t from = calendar_instant(day, s->from);

		if (from >= limits->until)
			break;
		if (s->days & 1u << calendar_weekday(day))
			append_inside(list, from, calendar_instant(day + overnight, s->until), limits);
	}
}

bool rule_has_windows(const struct rule *rule)
{
	return rule->expires != NO_DAY || rule->schedule_count || rule->until;
}

bool rule_waits_for_clock(const struct site *site, const struct rule *rule)
{
	return site->clock_doubted &&
	       (rule->schedule_count || rule->until || (rule->expires != NO_DAY && rule->expires <= site->today + CLOCK_SOON));
}

static int64_t earliest(const struct site *site)
{
	int64_t midnight = calendar_instant(site->today, 0);

	if (site->clock_doubted)
		return 0;
	return site->floor > midnight ? site->floor : midnight;
}

bool rule_windows(const struct site *site, const struct rule *rule, struct arena *arena,
		  struct window_list *ret)
{
	struct program_window limits = {
		.from = earliest(site),
		.until = rule->expires == NO_DAY ? INT64_MAX : calendar_instant(rule->expires + 1, 0),
	};

	*ret = (struct window_list){ 0 };
	if (!rule_has_windows(rule))
		return false;
	if (rule->until && rule->until < limits.until)
		limits.until = rule->until;
	if (rule_waits_for_clock(site, rule))
		return true;
	ret->items = arena_array(arena, rule->schedule_count * (WINDOW_HORIZON + 2) + 1,
				 sizeof(*ret->items));
	if (!rule->schedule_count)
		append_inside(ret, limits.from, limits.until, &limits);
	for (size_t i = 0; i < rule->schedule_count; i++)
		unroll(&rule->schedules[i], site->today, &limits, ret);
	windows_join(ret);
	return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/hours.h"

#include <stdlib.h>

#include "base/calendar.h"

#define DAY CALENDAR_DAY_SECONDS

/*
 * What of a window lies in one day. While it is a row's first (last), the row may begin (end) anywhere from
 * `earliest` to its own begin (from its own end to `latest`): its hours are not reached there.
 */
struct piece {
	int64_t day;
	int64_t from, until; /* seconds of the day; until - 1 is the last */
	int64_t earliest, latest;
};

static bool is_long(const struct program_window *w)
{
	return w->until - w->from > DAY;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The long windows next to a window, however many short ones lie between; NULL: none. */
struct neighbours {
	const struct program_window *before, *after;
};

/* Long windows are open at every hour, so no row of others may reach into one. */
static void put_piece(const struct neighbours *near, int64_t from, int64_t until, struct piece *ret)
{
	int64_t day = from / DAY, midnight = day * DAY;

	*ret = (struct piece){ .day = day, .from = from - midnight, .until = until - midnight,
			       .earliest = from, .latest = until };
	if (ret->from)
		ret->earliest = near->before && near->before->until > midnight ? near->before->until + 1 :
										 midnight + 1;
	if (ret->until < DAY)
		ret->latest = near->after ? least(near->after->from - 1, midnight + DAY - 1) :
					    midnight + DAY - 1;
}

static size_t cut(const struct program_window *w, const struct neighbours *near, struct piece *out)
{
	int64_t midnight = (w->from / DAY + 1) * DAY;

	put_piece(near, w->from, least(midnight, w->until), out);
	if (w->until <= midnight)
		return 1;
	put_piece(near, midnight, w->until, out + 1);
	return 2;
}

static int compare_pieces(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;
	int by = (x->from > y->from) - (x->from < y->from);

	if (!by)
		by = (x->until > y->until) - (x->until < y->until);
	return by ? by : (x->day > y->day) - (x->day < y->day);
}

/* The number in a .. b with the most zeros at its end: fewer masks make up a range of the kernel. */
static int64_t roundest(int64_t a, int64_t b)
{
	unsigned bits = 0;

	while (bits < 62 && b >> (bits + 1) << (bits + 1) >= a)
		bits++;
	return b >> bits << bits;
}

/* The same hours of the day behind. */
static bool goes_on(const struct piece *last, const struct piece *next)
{
	return next->from == last->from && next->until == last->until && next->day == last->day + 1;
}

static size_t put_runs(const struct piece *pieces, size_t count, uint32_t timetable,
		       struct ruleset_window *out)
{
	size_t rows = 0;

	for (size_t i = 0, next; i < count; i = next) {
		const struct piece *first = &pieces[i], *last = first;

		for (next = i + 1; next < count && goes_on(last, &pieces[next]); next++)
			last = &pieces[next];
		out[rows++] = (struct ruleset_window){
			.timetable = timetable,
			.first = (uint32_t)first->from,
			.last = (uint32_t)first->until - 1,
			.from = roundest(first->earliest, first->day * DAY + first->from),
			.until = roundest(last->day * DAY + last->until, last->latest),
		};
	}
	return rows;
}

static int compare_rows(const void *a, const void *b)
{
	const struct ruleset_window *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return (x->first > y->first) - (x->first < y->first);
}

/* The first long window behind `near->after`, or the first of all. */
static const struct program_window *next_long(const struct window_list *list, const struct neighbours *near)
{
	const struct program_window *w = near->after ? near->after + 1 : list->items;

	while (w < list->items + list->count && !is_long(w))
		w++;
	return w < list->items + list->count ? w : NULL;
}

size_t hours_of(const struct window_list *list, uint32_t timetable, struct ruleset_window *ret)
{
	struct piece *pieces = calloc(2 * list->count + 1, sizeof(*pieces));
	struct neighbours near = { 0 };
	size_t count = 0, rows = 0;

	if (!pieces)
		abort();
	near.after = next_long(list, &near);
	for (size_t i = 0; i < list->count; i++) {
		const struct program_window *w = &list->items[i];

		if (w == near.after) {
			ret[rows++] = (struct ruleset_window){ .timetable = timetable, .last = DAY - 1,
							       .from = w->from, .until = w->until };
			near = (struct neighbours){ .before = w, .after = next_long(list, &near) };
		} else {
			count += cut(w, &near, pieces + count);
		}
	}
	qsort(pieces, count, sizeof(*pieces), compare_pieces);
	rows += put_runs(pieces, count, timetable, ret + rows);
	free(pieces);
	qsort(ret, rows, sizeof(*ret), compare_rows);
	return rows;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/watchdog.h"

#include <stdlib.h>

#include "run/supervisor.h"

void watchdog_open(struct supervisor *s)
{
	const char *usec = getenv("WATCHDOG_USEC");
	long long limit = usec ? strtoll(usec, NULL, 10) : 0;

	s->watchdog = (struct watchdog){ .limit = limit / 1000, .served_at = child_now() };
}

static bool does_its_work(struct supervisor *s, int64_t now)
{
	if (!s->policy || (crew_serves(&s->crew) && !self_test_fails(&s->self_test)))
		s->watchdog.served_at = now;
	return now - s->watchdog.served_at < 2 * s->watchdog.limit;
}

void watchdog_tick(struct supervisor *s)
{
	struct watchdog *w = &s->watchdog;
	int64_t now = child_now();

	if (!w->limit || !does_its_work(s, now) || now < w->due)
		return;
	supervisor_notify("WATCHDOG=1");
	w->due = now + w->limit / 4;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In place of src/run/feed.c, for tests/bench/record: reads nothing and keeps no ledger. */
#include "run/feed.h"

#define NEVER 1000000 /* ms */

void feed_open(struct supervisor *s)
{
}

void feed_tick(struct supervisor *s)
{
}

int feed_timeout(const struct supervisor *s)
{
	return NEVER;
}

void feed_read_inspectors(struct supervisor *s)
{
}

void feed_pause(struct supervisor *s)
{
}

void feed_resume(struct supervisor *s)
{
}

void feed_applied(struct supervisor *s, const char *text)
{
}

void feed_event(struct supervisor *s, const struct core_event *event)
{
}

void feed_refused(struct supervisor *s, const struct nflog_message *message)
{
}

void feed_close(struct supervisor *s)
{
}

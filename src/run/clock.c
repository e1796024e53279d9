/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/clock.h"

#include <stddef.h>

#define CONFIRM "or, if the time is right, `gatehouse clock --confirm`."

static const struct {
	const char *word, *text;
} doubts[] = {
	[CLOCK_BEHIND] = { "behind", "The clock shows a time that is over already. Set it, " CONFIRM },
	[CLOCK_JUMPED] = { "jumped", "The clock was set ahead, and no time server confirms it. Set it, " CONFIRM },
	[CLOCK_AHEAD] = { "ahead", "The clock is more than 30 days after the last time that this gate was at work. "
			  "Set it, " CONFIRM },
	[CLOCK_UNCONFIRMED] = { "unconfirmed", "No time server has confirmed the clock since the box started. Can it "
				"be reached? It does so by itself, " CONFIRM },
	[CLOCK_CHIP] = { "chip", "The box's clock chip shows another time: is its battery empty? Set the clock, then "
			 "`hwclock --systohc`, " CONFIRM },
};

const char *clock_doubt_text(enum clock_doubt doubt)
{
	return doubts[doubt].text;
}

const char *clock_doubt_word(enum clock_doubt doubt)
{
	return doubts[doubt].word;
}

int64_t clock_latest(const struct clock *clock, int64_t boot)
{
	return clock->latest + (boot - clock->latest_at);
}

void clock_confirm(struct clock *clock, const struct clock_reading *r)
{
	*clock = (struct clock){ .latest = r->wall, .latest_at = r->boot, .known = true, .recorded = true };
}

static bool chip_differs(const struct clock_reading *r)
{
	int64_t by = r->chip - r->wall;

	return r->chip && (by > CLOCK_SLACK || by < -CLOCK_SLACK);
}

/* Since the start nothing has been seen that it could be held against. `ahead`: of the latest time known. */
static enum clock_doubt judge_first(const struct clock *clock, const struct clock_reading *r, int64_t ahead)
{
	if (ahead < -CLOCK_SLACK)
		return CLOCK_BEHIND;
	if (r->synchronised)
		return CLOCK_TRUSTED;
	if (r->has_servers)
		return CLOCK_UNCONFIRMED;
	if (clock->recorded && ahead > CLOCK_MOST_AHEAD)
		return CLOCK_AHEAD;
	return chip_differs(r) ? CLOCK_CHIP : CLOCK_TRUSTED;
}

/* A time server may put it ahead, but not by months: the clock was right a moment ago. */
static enum clock_doubt judge_known(const struct clock_reading *r, int64_t ahead)
{
	if (ahead < -CLOCK_SLACK)
		return CLOCK_BEHIND;
	return ahead <= (r->synchronised ? CLOCK_MOST_AHEAD : CLOCK_SLACK) ? CLOCK_TRUSTED : CLOCK_JUMPED;
}

void clock_judge(struct clock *clock, const struct clock_reading *r)
{
	int64_t ahead = r->wall - clock_latest(clock, r->boot);
	bool known = clock->known;

	clock->doubt = known ? judge_known(r, ahead) : judge_first(clock, r, ahead);
	/* Without a time server it is only held to what is known: small steps must not add up. */
	if (clock->doubt == CLOCK_TRUSTED && (r->synchronised || !known))
		clock_confirm(clock, r);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Whether the box's clock can be relied on. Pure: readings come in, the judgement goes out. What is known of the true
 * time is a moment on CLOCK_BOOTTIME, which nobody can set: from there it goes on by itself. It is `known` while that
 * moment was seen in this boot; after a boot it is only the latest time known to be true, and the true one is later.
 */
#include <stdbool.h>
#include <stdint.h>

#define CLOCK_SLACK 120              /* seconds: what a time server or a quartz may put right at once */
#define CLOCK_MOST_AHEAD (30 * 86400) /* seconds: further than this nobody but a person is believed */

enum clock_doubt {
	CLOCK_TRUSTED = 0,
	CLOCK_BEHIND,      /* it shows a time that is over */
	CLOCK_JUMPED,      /* it was set ahead while the gate was watching */
	CLOCK_AHEAD,       /* after the start it is far from where the gate was last */
	CLOCK_UNCONFIRMED, /* the site has time servers, and none of them has been heard since the start */
	CLOCK_CHIP         /* the box's clock chip says something else */
};

struct clock_reading {
	int64_t wall;      /* seconds UTC: CLOCK_REALTIME */
	int64_t boot;      /* seconds: CLOCK_BOOTTIME */
	int64_t chip;      /* seconds UTC of the clock chip, 0 = there is none */
	bool synchronised; /* the kernel says that a time server disciplines the clock */
	bool has_servers;  /* the site names time servers */
};

struct clock {
	enum clock_doubt doubt;
	int64_t latest;    /* seconds UTC: the latest time known to be true */
	int64_t latest_at; /* seconds, CLOCK_BOOTTIME: when that was */
	bool known;
	bool recorded;     /* `latest` is what this gate saw, not a guess from the dates of files */
};

/* The time on which everything that closes is judged: never later than the true one. It goes back only by
 * CLOCK_SLACK, where a time server says so, or a person. */
int64_t clock_latest(const struct clock *clock, int64_t boot);

/* Judges the clock anew. */
void clock_judge(struct clock *clock, const struct clock_reading *reading);

/* A person says that it is right. */
void clock_confirm(struct clock *clock, const struct clock_reading *reading);

/* Why it is not trusted and what to do, as a sentence; NULL when it is trusted. */
const char *clock_doubt_text(enum clock_doubt doubt);
/* For programs: "behind", ...; NULL when it is trusted. */
const char *clock_doubt_word(enum clock_doubt doubt);

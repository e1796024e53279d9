/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Dates, times of day and time zones. A day is counted from 1970-01-01 (day 0, a Thursday) in the
 * Gregorian calendar; an instant is in seconds UTC since the epoch, without leap seconds. Zones are
 * those of the IANA data base in /usr/share/zoneinfo, whatever TZ and TZDIR say. The C library keeps one
 * zone a process: between calendar_enter() and calendar_leave() no other thread may ask for local time.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CALENDAR_DATE_SIZE 11 /* "2026-11-22" and a NUL */
#define CALENDAR_DAY_SECONDS 86400

/* "YYYY-MM-DD", a day that exists from 1970 to 9999, and nothing else. */
bool calendar_parse_date(const char *text, int64_t *ret_day);

/* "HH:MM" from 00:00 to 24:00, as minutes since midnight. */
bool calendar_parse_time(const char *text, int *ret_minutes);

/* day: 0 to 2932896 (9999-12-31). */
void calendar_format_date(int64_t day, char out[static CALENDAR_DATE_SIZE]);

/* 0 = Monday ... 6 = Sunday. */
int calendar_weekday(int64_t day);

/* A zone in use and what it took the place of. */
struct calendar_zone {
	char *saved; /* TZ before; NULL when it was not set */
};

/* Makes the named zone the process's own until calendar_leave(). -ENOENT: no such zone; -ENOMEM. */
__attribute__((warn_unused_result))
int calendar_enter(struct calendar_zone *zone, const char *name);
void calendar_leave(struct calendar_zone *zone);

/*
 * The instant at which a clock on the wall of the zone entered shows `minutes` (0-1440) of `day`. A time
 * that is skipped when clocks go forward is the instant they do; of one that comes twice, the first.
 */
int64_t calendar_instant(int64_t day, int minutes);

#define CALENDAR_INSTANT_SIZE 32 /* "Mon 2026-11-23 06:00" and a NUL */

/* What calendar and clock on that wall show at an instant. */
void calendar_format_instant(int64_t instant, char out[static CALENDAR_INSTANT_SIZE]);

/* The day that the calendar on that wall shows at an instant. */
int64_t calendar_local_day(int64_t instant);

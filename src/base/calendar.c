/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/calendar.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ZONE_FOLDER "/usr/share/zoneinfo/"
#define ZONE_NAME_MAX 64

static bool parse_digits(const char *text, size_t count, int *ret)
{
	int value = 0;

	for (size_t i = 0; i < count; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = value * 10 + (text[i] - '0');
	}
	*ret = value;
	return true;
}

static bool leap_year(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int month_length(int year, int month)
{
	static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return lengths[month - 1] + (month == 2 && leap_year(year));
}

/* Days from 1970-01-01 to the first of January of a year from 1970 on. */
static int64_t year_start(int year)
{
	int64_t y = year - 1;

	return y * 365 + y / 4 - y / 100 + y / 400 - 719162;
}

bool calendar_parse_date(const char *text, int64_t *ret_day)
{
	int year, month, day;
	int64_t days;

	if (strlen(text) != CALENDAR_DATE_SIZE - 1 || text[4] != '-' || text[7] != '-')
		return false;
	if (!parse_digits(text, 4, &year) || !parse_digits(text + 5, 2, &month) ||
	    !parse_digits(text + 8, 2, &day))
		return false;
	if (year < 1970 || month < 1 || month > 12 || day < 1 || day > month_length(year, month))
		return false;
	days = year_start(year) + day - 1;
	for (int m = 1; m < month; m++)
		days += month_length(year, m);
	*ret_day = days;
	return true;
}

bool calendar_parse_time(const char *text, int *ret_minutes)
{
	int hour, minute;

	if (strlen(text) != 5 || text[2] != ':' || !parse_digits(text, 2, &hour) ||
	    !parse_digits(text + 3, 2, &minute))
		return false;
	if (minute > 59 || hour * 60 + minute > 24 * 60)
		return false;
	*ret_minutes = hour * 60 + minute;
	return true;
}

void calendar_format_date(int64_t day, char out[static CALENDAR_DATE_SIZE])
{
	int year = 1970 + (int)(day / 366), month = 1;

	while (year_start(year + 1) <= day)
		year++;
	day -= year_start(year);
	while (day >= month_length(year, month))
		day -= month_length(year, month++);
	/* the modulo tells the compiler what the header's range promises */
	snprintf(out, CALENDAR_DATE_SIZE, "%04u-%02u-%02u", (unsigned)year % 10000u,
		 (unsigned)month % 100u, (unsigned)(day + 1) % 100u);
}

int calendar_weekday(int64_t day)
{
	return (int)((day % 7 + 10) % 7);
}

static bool name_plain(const char *name)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
	size_t len = strlen(name);

	return len && len <= ZONE_NAME_MAX && name[0] != '/' && strspn(name, letters) == len;
}

/* A compiled zone file, not a folder or a list that also lies there. */
static bool is_zone_file(const char *path)
{
	char magic[4];
	FILE *file = fopen(path, "re");
	bool is;

	if (!file)
		return false;
	is = fread(magic, 1, sizeof(magic), file) == sizeof(magic) && !memcmp(magic, "TZif", 4);
	fclose(file);
	return is;
}

int calendar_enter(struct calendar_zone *zone, const char *name)
{
	char path[sizeof(ZONE_FOLDER) + ZONE_NAME_MAX + 2];
	const char *old = getenv("TZ");

	*zone = (struct calendar_zone){ 0 };
	if (!name_plain(name))
		return -ENOENT;
	snprintf(path, sizeof(path), ":%s%s", ZONE_FOLDER, name);
	if (!is_zone_file(path + 1))
		return -ENOENT;
	if (old && !(zone->saved = strdup(old)))
		return -ENOMEM;
	if (setenv("TZ", path, 1) < 0) {
		free(zone->saved);
		return -ENOMEM;
	}
	tzset();
	return 0;
}

void calendar_leave(struct calendar_zone *zone)
{
	if (zone->saved)
		setenv("TZ", zone->saved, 1);
	else
		unsetenv("TZ");
	free(zone->saved);
	zone->saved = NULL;
	tzset();
}

static int64_t offset_at(int64_t instant)
{
	time_t t = (time_t)instant;
	struct tm tm;

	return localtime_r(&t, &tm) ? tm.tm_gmtoff : 0;
}

/* The first instant after `from`, at most `until`, whose offset is not that of `from`. */
static int64_t offset_change(int64_t from, int64_t until)
{
	int64_t offset = offset_at(from);

	while (until - from > 1) {
		int64_t middle = from + (until - from) / 2;

		if (offset_at(middle) == offset)
			from = middle;
		else
			until = middle;
	}
	return until;
}

int64_t calendar_instant(int64_t day, int minutes)
{
	int64_t local = day * CALENDAR_DAY_SECONDS + (int64_t)minutes * 60;
	int64_t before = offset_at(local - CALENDAR_DAY_SECONDS);
	int64_t after = offset_at(local + CALENDAR_DAY_SECONDS);
	int64_t first = local - (before > after ? before : after);
	int64_t second = local - (before > after ? after : before);

	if (first + offset_at(first) == local)
		return first;
	if (second + offset_at(second) == local)
		return second;
	return offset_change(first, second);
}

int64_t calendar_local_day(int64_t instant)
{
	int64_t local = instant + offset_at(instant);
	int64_t day = local / CALENDAR_DAY_SECONDS;

	return local % CALENDAR_DAY_SECONDS < 0 ? day - 1 : day;
}

void calendar_format_instant(int64_t instant, char out[static CALENDAR_INSTANT_SIZE])
{
	static const char days[][4] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };
	int64_t local = instant + offset_at(instant);
	int64_t day = calendar_local_day(instant);
	int64_t minutes = (local - day * CALENDAR_DAY_SECONDS) / 60;
	char date[CALENDAR_DATE_SIZE];

	calendar_format_date(day, date);
	snprintf(out, CALENDAR_INSTANT_SIZE, "%s %s %02u:%02u", days[calendar_weekday(day)], date,
		 (unsigned)(minutes / 60) % 24u, (unsigned)(minutes % 60));
}

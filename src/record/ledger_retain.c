/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/ledger_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define STEPS_FOLD 31u     /* days folded in one pass, at most */
#define STEPS_SHORTEN 64u  /* days folded or dropped in one pass for want of room */
#define MOMENTS_KEPT 10000

__attribute__((format(printf, 2, 3)))
static int exec_with(struct ledger_file *file, const char *format, ...)
{
	char sql[640];
	va_list list;

	va_start(list, format);
	vsnprintf(sql, sizeof(sql), format, list);
	va_end(list);
	return ledger_exec(file->db, sql);
}

/* The start of the oldest span of that length, 0 = there is none. */
static int oldest_span(struct ledger_file *file, int64_t seconds, int64_t *ret)
{
	int r = 0;

	*ret = 0;
	for (int kind = 0; r == 0 && kind < LEDGER_KINDS; kind++) {
		char sql[128];
		int64_t start;

		snprintf(sql, sizeof(sql), "SELECT min(start) FROM %s_span WHERE seconds = ?1", ledger_tables[kind].name);
		r = ledger_ask(file->db, sql, seconds, &start);
		if (r == 0 && start && (!*ret || start < *ret))
			*ret = start;
	}
	return r;
}

/* The hours of the day that `start` lies in become one row each. */
static int fold_day(struct ledger_file *file, int64_t start)
{
	long long day = start - start % LEDGER_DAY;
	int r = 0;

	for (int kind = 0; r == 0 && kind < LEDGER_KINDS; kind++) {
		const char *name = ledger_tables[kind].name;

		r = exec_with(file, "INSERT INTO %s_span (seconds, start, id, count, bytes) SELECT %d, %lld, id, "
			      "sum(count), sum(bytes) FROM %s_span WHERE seconds = %d AND start < %lld GROUP BY id "
			      "ON CONFLICT DO UPDATE SET count = count + excluded.count, bytes = bytes + excluded.bytes;"
			      "DELETE FROM %s_span WHERE seconds = %d AND start < %lld", name, LEDGER_DAY, day, name,
			      LEDGER_HOUR, day + LEDGER_DAY, name, LEDGER_HOUR, day + LEDGER_DAY);
	}
	return r;
}

/* Everything that was over before `end`; what was seen later loses only its spans of that time. */
static int drop_before(struct ledger_file *file, int64_t end)
{
	int r = exec_with(file, "DELETE FROM moment WHERE time < %lld", (long long)end);

	for (int kind = 0; r == 0 && kind < LEDGER_KINDS; kind++) {
		const char *name = ledger_tables[kind].name;

		r = exec_with(file, "DELETE FROM %s_span WHERE start < %lld; DELETE FROM %s WHERE last_seen < %lld",
			      name, (long long)end, name, (long long)end);
	}
	return r;
}

static int fold_old(struct ledger_file *file, int64_t now)
{
	int64_t end = now - now % LEDGER_DAY - (int64_t)file->limits->hours_kept * LEDGER_DAY, start;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < STEPS_FOLD; i++) {
		r = oldest_span(file, LEDGER_HOUR, &start);
		if (r < 0 || !start || start >= end)
			break;
		r = fold_day(file, start);
	}
	return r;
}

/* One day a pass: a clock that is wrong for an hour must not take the evidence of a year with it. */
static int drop_old(struct ledger_file *file, int64_t now)
{
	int64_t end = now - now % LEDGER_DAY - (int64_t)file->limits->days_kept * LEDGER_DAY, start;
	int r = oldest_span(file, LEDGER_DAY, &start);

	return r < 0 || !start || start >= end ? r : drop_before(file, start - start % LEDGER_DAY + LEDGER_DAY);
}

/* Above nine tenths: hours are folded early, oldest first, then days dropped, until it is below eight. */
static int shorten(struct ledger_file *file, int64_t now, bool *ret_shortened)
{
	uint64_t most = file->limits->file_bytes;
	int64_t today = now - now % LEDGER_DAY, start;
	int r = 0;

	if (ledger_file_size(file) < most / 10 * 9)
		return 0;
	for (unsigned i = 0; r == 0 && i < STEPS_SHORTEN && ledger_file_size(file) > most / 10 * 8; i++) {
		r = oldest_span(file, LEDGER_HOUR, &start);
		if (r == 0 && start && start < today) {
			r = fold_day(file, start);
		} else if (r == 0) {
			r = oldest_span(file, LEDGER_DAY, &start);
			if (r < 0 || !start || start >= today)
				break;
			r = drop_before(file, start - start % LEDGER_DAY + LEDGER_DAY);
		}
		*ret_shortened = true;
	}
	return r;
}

/* Of a table at most so many rows, the ones not seen for longest go first; `which` says which may go. */
static int limit_rows(struct ledger_file *file, const char *name, const char *which, size_t most)
{
	char sql[128];
	int64_t rows;
	int r;

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s WHERE %s", name, which);
	r = ledger_ask(file->db, sql, 0, &rows);
	if (r < 0 || rows <= (int64_t)most)
		return r;
	return exec_with(file, "DELETE FROM %s WHERE id IN (SELECT id FROM %s WHERE %s ORDER BY last_seen LIMIT %lld);"
			 "DELETE FROM %s_span WHERE id NOT IN (SELECT id FROM %s)", name, name, which,
			 (long long)(rows - (int64_t)most), name, name);
}

static int retain(struct ledger_file *file, int64_t now, bool *ret_shortened)
{
	int r = fold_old(file, now);

	if (r == 0)
		r = drop_old(file, now);
	if (r == 0)
		r = limit_rows(file, "attempt", "true", file->limits->attempts);
	if (r == 0)
		r = limit_rows(file, "usage", "detail <> ''", file->limits->details);
	if (r == 0)
		r = exec_with(file, "DELETE FROM moment WHERE id <= (SELECT max(id) FROM moment) - %d", MOMENTS_KEPT);
	return r == 0 ? shorten(file, now, ret_shortened) : r;
}

int ledger_file_retain(struct ledger_file *file, int64_t now, bool *ret_shortened)
{
	int r = ledger_exec(file->db, "BEGIN IMMEDIATE");

	*ret_shortened = false;
	if (r < 0)
		return r;
	r = retain(file, now, ret_shortened);
	if (r == 0)
		r = ledger_exec(file->db, "COMMIT");
	if (r < 0)
		(void)!ledger_exec(file->db, "ROLLBACK");
	return r;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/ledger_reader.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "record/ledger_file.h"

#define BUSY_MS 2000

struct ledger_reader {
	sqlite3 *db;
};

/* ---- open ---- */

static int begin(sqlite3 *db)
{
	int64_t application, version;
	int r;

	sqlite3_busy_timeout(db, BUSY_MS);
	r = ledger_exec(db, "BEGIN");
	if (r == 0)
		r = ledger_ask(db, "PRAGMA application_id", 0, &application);
	if (r == 0)
		r = ledger_ask(db, "PRAGMA user_version", 0, &version);
	if (r == 0 && (application != LEDGER_APPLICATION || version != LEDGER_VERSION))
		r = -EBADMSG;
	return r == 0 ? ledger_ask(db, "SELECT count(*) FROM meta", 0, &version) : r;
}

static int open_as(const char *path, const char *options, sqlite3 **ret)
{
	char *uri = sqlite3_mprintf("file:%s?%s", path, options);
	int code = uri ? sqlite3_open_v2(uri, ret, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) : SQLITE_NOMEM;
	int r = code == SQLITE_OK ? begin(*ret) : ledger_errno(*ret, code);

	sqlite3_free(uri);
	if (r == 0)
		return 0;
	sqlite3_close(*ret);
	*ret = NULL;
	return r;
}

int ledger_reader_open(const char *path, struct ledger_reader **ret)
{
	struct ledger_reader *reader;
	sqlite3 *db = NULL;
	int r;

	if (access(path, R_OK) < 0)
		return -errno;
	r = open_as(path, "mode=ro", &db);
	/* A copy in a folder that cannot be written has nobody who writes it. */
	if (r < 0 && r != -EBADMSG && access(path, W_OK) < 0)
		r = open_as(path, "mode=ro&immutable=1", &db);
	if (r < 0)
		return r;
	reader = malloc(sizeof(*reader));
	if (!reader) {
		sqlite3_close(db);
		return -ENOMEM;
	}
	reader->db = db;
	*ret = reader;
	return 0;
}

void ledger_reader_close(struct ledger_reader *reader)
{
	if (reader)
		sqlite3_close(reader->db);
	free(reader);
}

/* ---- read ---- */

static const char *text_of(sqlite3_stmt *stmt, int column)
{
	const char *text = (const char *)sqlite3_column_text(stmt, column);

	return text ? text : "";
}

/* Columns: the five fields, note, first, last, start, seconds, count, bytes. */
static void give_row(sqlite3_stmt *stmt, enum ledger_kind kind, ledger_each_row *each, void *data)
{
	struct ledger_row row = { .subject = { .kind = kind, .note = text_of(stmt, 5) } };

	for (int i = 0; i < (int)LEDGER_FIELDS; i++)
		row.subject.field[i] = text_of(stmt, i);
	row.first_seen = sqlite3_column_int64(stmt, 6);
	row.last_seen = sqlite3_column_int64(stmt, 7);
	row.start = sqlite3_column_int64(stmt, 8);
	row.seconds = (unsigned)sqlite3_column_int64(stmt, 9);
	row.count = (uint64_t)sqlite3_column_int64(stmt, 10);
	row.bytes = (uint64_t)sqlite3_column_int64(stmt, 11);
	each(&row, data);
}

static int read_rows(struct ledger_reader *reader, enum ledger_kind kind, const char *counts, const char *order,
		     int64_t from, int64_t until, ledger_each_row *each, void *data)
{
	const struct ledger_table *t = &ledger_tables[kind];
	sqlite3_stmt *stmt = NULL;
	char sql[768];
	int code, r;

	snprintf(sql, sizeof(sql), "SELECT %s, %s, %s, %s, %s, %s, first_seen, last_seen, %s FROM %s AS s "
		 "JOIN %s_span AS p USING (id) WHERE p.seconds IN (%d, %d) AND p.start >= ?1 AND p.start < ?2 %s",
		 t->fields[0], t->fields[1], t->fields[2], t->fields[3], t->fields[4] ? t->fields[4] : "''",
		 t->note, counts, t->name, t->name, LEDGER_HOUR, LEDGER_DAY, order);
	code = sqlite3_prepare_v2(reader->db, sql, -1, &stmt, NULL);
	if (code == SQLITE_OK) {
		sqlite3_bind_int64(stmt, 1, from);
		sqlite3_bind_int64(stmt, 2, until);
		while ((code = sqlite3_step(stmt)) == SQLITE_ROW)
			give_row(stmt, kind, each, data);
	}
	r = ledger_errno(reader->db, code);
	sqlite3_finalize(stmt);
	return r;
}

int ledger_read_sums(struct ledger_reader *reader, enum ledger_kind kind, int64_t from, int64_t until,
		     ledger_each_row *each, void *data)
{
	return read_rows(reader, kind, "0, 0, sum(p.count), sum(p.bytes)", "GROUP BY s.id ORDER BY 1, 2, 3, 4, 5",
			 from, until, each, data);
}

int ledger_read_spans(struct ledger_reader *reader, enum ledger_kind kind, int64_t from, int64_t until,
		      ledger_each_row *each, void *data)
{
	return read_rows(reader, kind, "p.start, p.seconds, p.count, p.bytes", "ORDER BY 1, 2, 3, 4, 5, p.start, "
			 "p.seconds", from, until, each, data);
}

int ledger_read_moments(struct ledger_reader *reader, int64_t from, int64_t until,
			void (*each)(const struct ledger_moment *moment, void *data), void *data)
{
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(reader->db, "SELECT time, kind, part, text, digest FROM moment WHERE "
				      "time >= ?1 AND time < ?2 ORDER BY id", -1, &stmt, NULL);
	int r;

	if (code == SQLITE_OK) {
		sqlite3_bind_int64(stmt, 1, from);
		sqlite3_bind_int64(stmt, 2, until);
		while ((code = sqlite3_step(stmt)) == SQLITE_ROW)
			each(&(struct ledger_moment){ .time = sqlite3_column_int64(stmt, 0), .kind = text_of(stmt, 1),
						      .part = text_of(stmt, 2), .text = text_of(stmt, 3),
						      .digest = text_of(stmt, 4) }, data);
	}
	r = ledger_errno(reader->db, code);
	sqlite3_finalize(stmt);
	return r;
}

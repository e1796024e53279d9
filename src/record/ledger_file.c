/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/ledger_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "record/ledger_key.h"

#define BUSY_MS 200 /* a reader is never in the way of a writer; a backup tool may be */

const struct ledger_table ledger_tables[LEDGER_KINDS] = {
	[LEDGER_USAGE] = { "usage", { "rule", "protocol", "service", "detail", "verdict", NULL }, "parts" },
	[LEDGER_CONDUIT] = { "conduit", { "server", "device", "transport", "port", NULL }, "rules" },
	[LEDGER_ATTEMPT] = { "attempt", { "source", "destination", "transport", "port", "reason", NULL }, "note" },
};

/* ---- SQLite's results ---- */

int ledger_errno(sqlite3 *db, int code)
{
	static const struct {
		int code;
		int error;
	} errors[] = {
		{ SQLITE_OK, 0 }, { SQLITE_DONE, 0 }, { SQLITE_ROW, 0 },
		{ SQLITE_FULL, ENOSPC }, { SQLITE_READONLY, EROFS }, { SQLITE_IOERR, EIO },
		{ SQLITE_CORRUPT, EBADMSG }, { SQLITE_NOTADB, EBADMSG }, { SQLITE_SCHEMA, EBADMSG },
		{ SQLITE_ERROR, EBADMSG }, /* our own SQL: the tables are not ours */
		{ SQLITE_CONSTRAINT, EBADMSG },
		{ SQLITE_BUSY, EBUSY }, { SQLITE_LOCKED, EBUSY }, { SQLITE_NOMEM, ENOMEM },
	};
	int system = db ? sqlite3_system_errno(db) : 0;

	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
		if (errors[i].code == (code & 0xff) && (code & 0xff) != SQLITE_IOERR)
			return -errors[i].error;
	return system ? -system : -EIO;
}

int ledger_exec(sqlite3 *db, const char *sql)
{
	return ledger_errno(db, sqlite3_exec(db, sql, NULL, NULL, NULL));
}

int ledger_ask(sqlite3 *db, const char *sql, int64_t parameter, int64_t *ret)
{
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), r;

	*ret = 0;
	if (code == SQLITE_OK && sqlite3_bind_parameter_count(stmt))
		code = sqlite3_bind_int64(stmt, 1, parameter);
	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	if (code == SQLITE_ROW)
		*ret = sqlite3_column_int64(stmt, 0);
	r = ledger_errno(db, code);
	sqlite3_finalize(stmt);
	return r;
}

/* ---- schema ---- */

/* docs/design/ledger.md tells what is in it. A span is an hour (3600 seconds) or a day (86400). */
static const char schema[] =
	"CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE usage (id INTEGER PRIMARY KEY, rule TEXT NOT NULL, protocol TEXT NOT NULL,"
	" service TEXT NOT NULL, detail TEXT NOT NULL, verdict TEXT NOT NULL, parts TEXT NOT NULL,"
	" first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, count INTEGER NOT NULL,"
	" bytes INTEGER NOT NULL, UNIQUE (rule, protocol, service, detail, verdict));"
	"CREATE TABLE conduit (id INTEGER PRIMARY KEY, server TEXT NOT NULL, device TEXT NOT NULL,"
	" transport TEXT NOT NULL, port INTEGER NOT NULL, rules TEXT NOT NULL,"
	" first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, count INTEGER NOT NULL,"
	" bytes INTEGER NOT NULL, meter_count INTEGER, meter_bytes INTEGER,"
	" UNIQUE (server, device, transport, port));"
	"CREATE TABLE attempt (id INTEGER PRIMARY KEY, source TEXT NOT NULL, destination TEXT NOT NULL,"
	" transport TEXT NOT NULL, port INTEGER NOT NULL, reason TEXT NOT NULL, note TEXT NOT NULL,"
	" first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, count INTEGER NOT NULL,"
	" bytes INTEGER NOT NULL, UNIQUE (source, destination, transport, port, reason));"
	"CREATE TABLE usage_span (seconds INTEGER, start INTEGER, id INTEGER, count INTEGER NOT NULL,"
	" bytes INTEGER NOT NULL, PRIMARY KEY (seconds, start, id)) WITHOUT ROWID;"
	"CREATE TABLE conduit_span (seconds INTEGER, start INTEGER, id INTEGER, count INTEGER NOT NULL,"
	" bytes INTEGER NOT NULL, PRIMARY KEY (seconds, start, id)) WITHOUT ROWID;"
	"CREATE TABLE attempt_span (seconds INTEGER, start INTEGER, id INTEGER, count INTEGER NOT NULL,"
	" bytes INTEGER NOT NULL, PRIMARY KEY (seconds, start, id)) WITHOUT ROWID;"
	"CREATE TABLE moment (id INTEGER PRIMARY KEY, time INTEGER NOT NULL, kind TEXT NOT NULL,"
	" part TEXT NOT NULL, text TEXT NOT NULL, digest TEXT NOT NULL);";

static int create(sqlite3 *db)
{
	char marks[128];
	int r;

	snprintf(marks, sizeof(marks), "PRAGMA application_id=%d; PRAGMA user_version=%d;", LEDGER_APPLICATION,
		 LEDGER_VERSION);
	r = ledger_exec(db, "BEGIN IMMEDIATE");
	if (r == 0)
		r = ledger_exec(db, schema);
	if (r == 0)
		r = ledger_exec(db, marks);
	if (r == 0)
		r = ledger_exec(db, "COMMIT");
	return r;
}

/* An empty file has no version; a later program's is not for this one to write. */
static int use_schema(sqlite3 *db)
{
	int64_t application, version, tables;
	int r = ledger_ask(db, "PRAGMA application_id", 0, &application);

	if (r == 0)
		r = ledger_ask(db, "PRAGMA user_version", 0, &version);
	if (r == 0)
		r = ledger_ask(db, "SELECT count(*) FROM sqlite_schema", 0, &tables);
	if (r < 0)
		return r;
	if (tables == 0)
		return create(db);
	return application == LEDGER_APPLICATION && version == LEDGER_VERSION ? 0 : -EBADMSG;
}

static int check(sqlite3 *db)
{
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &stmt, NULL);
	const char *said;
	int r;

	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	said = code == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
	r = ledger_errno(db, code);
	if (r == 0 && (!said || strcmp(said, "ok") != 0))
		r = -EBADMSG;
	sqlite3_finalize(stmt);
	return r;
}

/* The counters in the kernel begin anew when the box does. */
static int note_boot(sqlite3 *db)
{
	char boot[64] = "", sql[512];
	FILE *in = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (in && fgets(boot, sizeof(boot), in))
		boot[strcspn(boot, "\n'")] = '\0';
	if (in)
		fclose(in);
	snprintf(sql, sizeof(sql), "BEGIN IMMEDIATE; UPDATE conduit SET meter_count = NULL, meter_bytes = NULL "
		 "WHERE NOT EXISTS (SELECT 1 FROM meta WHERE name = 'boot' AND value = '%s'); "
		 "INSERT OR REPLACE INTO meta VALUES ('boot', '%s'); COMMIT", boot, boot);
	return ledger_exec(db, sql);
}

/* ---- statements ---- */

static void list_fields(const struct ledger_table *table, char *ret, size_t size)
{
	size_t n = 0;

	for (const char *const *field = table->fields; *field; field++)
		n += (size_t)snprintf(ret + n, size - n, "%s%s", n ? ", " : "", *field);
}

static int prepare(struct ledger_file *file, sqlite3_stmt **ret, const char *sql)
{
	return ledger_errno(file->db, sqlite3_prepare_v3(file->db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL));
}

/* Parameters of put: 1 to 5 the fields, then note, first, last, count, bytes. */
static int prepare_kind(struct ledger_file *file, enum ledger_kind kind)
{
	static const char *const places[] = { [4] = "?1, ?2, ?3, ?4", [5] = "?1, ?2, ?3, ?4, ?5" };
	const struct ledger_table *table = &ledger_tables[kind];
	char fields[128], sql[1024];
	int r;

	list_fields(table, fields, sizeof(fields));
	snprintf(sql, sizeof(sql),
		 "INSERT INTO %s (%s, %s, first_seen, last_seen, count, bytes) "
		 "VALUES (%s, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (%s) DO UPDATE SET "
		 "first_seen = min(first_seen, ?7), last_seen = max(last_seen, ?8), count = count + ?9, "
		 "bytes = bytes + ?10, %s = iif(?6 = '', %s, ?6) RETURNING id",
		 table->name, fields, table->note, places[table->fields[4] ? 5 : 4], fields, table->note,
		 table->note);
	r = prepare(file, &file->put[kind], sql);
	if (r < 0)
		return r;
	snprintf(sql, sizeof(sql), "INSERT INTO %s_span (seconds, start, id, count, bytes) VALUES (?1, ?2, ?3, "
		 "?4, ?5) ON CONFLICT DO UPDATE SET count = count + ?4, bytes = bytes + ?5", table->name);
	return prepare(file, &file->span[kind], sql);
}

static int prepare_all(struct ledger_file *file)
{
	int r = 0;

	for (int kind = 0; r == 0 && kind < LEDGER_KINDS; kind++)
		r = prepare_kind(file, (enum ledger_kind)kind);
	if (r == 0)
		r = prepare(file, &file->meter, "UPDATE conduit SET meter_count = ?2, meter_bytes = ?3 WHERE id = ?1");
	if (r == 0)
		r = prepare(file, &file->moment, "INSERT INTO moment (time, kind, part, text, digest) "
			    "VALUES (?1, ?2, ?3, ?4, ?5)");
	return r;
}

/* ---- open and close ---- */

static int set_up(struct ledger_file *file)
{
	char sql[256];
	int r;

	sqlite3_busy_timeout(file->db, BUSY_MS);
	if (sqlite3_db_readonly(file->db, "main"))
		return -EROFS;
	snprintf(sql, sizeof(sql), "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
		 "PRAGMA journal_size_limit=4194304; PRAGMA max_page_count=%llu;",
		 (unsigned long long)(file->limits->file_bytes / 4096));
	r = ledger_exec(file->db, sql);
	if (r == 0)
		r = use_schema(file->db);
	if (r == 0)
		r = check(file->db);
	if (r == 0)
		r = note_boot(file->db);
	return r == 0 ? prepare_all(file) : r;
}

int ledger_file_open(struct ledger_file *file, const char *path, const struct ledger_limits *limits)
{
	mode_t mask = umask(0137); /* the file is 0640 */
	int r = 0;

	*file = (struct ledger_file){ .limits = limits, .wal_most = limits->file_bytes / 4 + (8u << 20) };
	if (sqlite3_open_v2(path, &file->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW,
			    NULL) != SQLITE_OK)
		r = file->db && sqlite3_system_errno(file->db) ? -sqlite3_system_errno(file->db) : -EIO;
	if (r == 0)
		r = set_up(file);
	umask(mask);
	if (r < 0)
		ledger_file_close(file);
	return r;
}

void ledger_file_close(struct ledger_file *file)
{
	for (int kind = 0; kind < LEDGER_KINDS; kind++) {
		sqlite3_finalize(file->put[kind]);
		sqlite3_finalize(file->span[kind]);
		file->put[kind] = file->span[kind] = NULL;
	}
	sqlite3_finalize(file->meter);
	sqlite3_finalize(file->moment);
	sqlite3_close(file->db);
	file->meter = file->moment = NULL;
	file->db = NULL;
}

uint64_t ledger_file_size(struct ledger_file *file)
{
	int64_t pages, unused;

	if (!file->db || ledger_ask(file->db, "PRAGMA page_count", 0, &pages) < 0 ||
	    ledger_ask(file->db, "PRAGMA freelist_count", 0, &unused) < 0)
		return 0;
	return (uint64_t)(pages - unused) * 4096u;
}

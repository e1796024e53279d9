/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/ledger_file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "record/ledger_key.h"

static int run(struct ledger_file *file, sqlite3_stmt *stmt)
{
	int r = ledger_errno(file->db, sqlite3_step(stmt));

	sqlite3_reset(stmt);
	return r;
}

static void bind_text(sqlite3_stmt *stmt, int place, const char *text)
{
	sqlite3_bind_text(stmt, place, text ? text : "", -1, SQLITE_STATIC);
}

static void bind_count(sqlite3_stmt *stmt, int place, uint64_t count)
{
	sqlite3_bind_int64(stmt, place, count > INT64_MAX ? INT64_MAX : (sqlite3_int64)count);
}

/* Its row, made or counted on. */
static int put_subject(struct ledger_file *file, const struct ledger_subject *subject, const struct batch_entry *e,
		       int64_t *ret_id)
{
	sqlite3_stmt *stmt = file->put[subject->kind];
	int code, again;

	for (int i = 0; i < (int)LEDGER_FIELDS; i++)
		if (ledger_tables[subject->kind].fields[i])
			bind_text(stmt, i + 1, subject->field[i]);
	bind_text(stmt, 6, e->note);
	sqlite3_bind_int64(stmt, 7, e->first);
	sqlite3_bind_int64(stmt, 8, e->last);
	bind_count(stmt, 9, e->count);
	bind_count(stmt, 10, e->bytes);
	code = sqlite3_step(stmt);
	*ret_id = code == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
	again = sqlite3_reset(stmt);
	return ledger_errno(file->db, code == SQLITE_ROW ? again : code);
}

static int put_span(struct ledger_file *file, enum ledger_kind kind, int64_t id, const struct batch_entry *e)
{
	sqlite3_stmt *stmt = file->span[kind];

	sqlite3_bind_int64(stmt, 1, e->seconds);
	sqlite3_bind_int64(stmt, 2, e->start);
	sqlite3_bind_int64(stmt, 3, id);
	bind_count(stmt, 4, e->count);
	bind_count(stmt, 5, e->bytes);
	return run(file, stmt);
}

static int put_meter(struct ledger_file *file, int64_t id, const struct meter *meter)
{
	sqlite3_bind_int64(file->meter, 1, id);
	bind_count(file->meter, 2, meter->count);
	bind_count(file->meter, 3, meter->bytes);
	return run(file, file->meter);
}

static int put_entry(struct ledger_file *file, const struct batch_entry *e, struct meters *meters)
{
	struct ledger_subject subject;
	char key[LEDGER_KEY_MAX];
	struct meter *meter;
	int64_t id;
	int r;

	strcpy(key, e->key);
	ledger_key_unpack(key, &subject);
	r = put_subject(file, &subject, e, &id);
	if (r == 0)
		r = put_span(file, subject.kind, id, e);
	meter = r == 0 && subject.kind == LEDGER_CONDUIT ? meters_find(meters, &subject) : NULL;
	return meter ? put_meter(file, id, meter) : r;
}

static int put_moment(struct ledger_file *file, const struct ledger_moment *moment)
{
	sqlite3_bind_int64(file->moment, 1, moment->time);
	bind_text(file->moment, 2, moment->kind);
	bind_text(file->moment, 3, moment->part);
	bind_text(file->moment, 4, moment->text);
	bind_text(file->moment, 5, moment->digest);
	return run(file, file->moment);
}

/* A reader that stays keeps the log from being emptied; it must not fill the disk. */
static int limit_wal(struct ledger_file *file)
{
	const char *wal = sqlite3_filename_wal(sqlite3_db_filename(file->db, "main"));
	struct stat st;

	if (!wal || stat(wal, &st) < 0 || (uint64_t)st.st_size < file->wal_most)
		return 0;
	return ledger_errno(file->db, sqlite3_wal_checkpoint_v2(file->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL));
}

int ledger_file_write(struct ledger_file *file, const struct batch *batch, struct meters *meters)
{
	int r = limit_wal(file);

	if (r == 0)
		r = ledger_exec(file->db, "BEGIN IMMEDIATE");
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < batch->slot_count; i++)
		if (batch->slots[i].hash)
			r = put_entry(file, &batch->slots[i], meters);
	for (size_t i = 0; r == 0 && i < batch->moment_count; i++)
		r = put_moment(file, &batch->moments[i]);
	if (r == 0)
		r = ledger_exec(file->db, "COMMIT");
	if (r < 0)
		(void)!ledger_exec(file->db, "ROLLBACK");
	return r;
}

int ledger_file_each_meter(struct ledger_file *file,
			   void (*each)(const struct ledger_subject *, uint64_t count, uint64_t bytes, void *data),
			   void *data)
{
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(file->db, "SELECT server, device, transport, port, meter_count, meter_bytes "
				      "FROM conduit WHERE meter_count IS NOT NULL", -1, &stmt, NULL);
	int r;

	while (code == SQLITE_OK || code == SQLITE_ROW) {
		struct ledger_subject subject = { .kind = LEDGER_CONDUIT };

		code = sqlite3_step(stmt);
		if (code != SQLITE_ROW)
			break;
		for (int i = 0; i < 4; i++)
			subject.field[i] = (const char *)sqlite3_column_text(stmt, i);
		each(&subject, (uint64_t)sqlite3_column_int64(stmt, 4), (uint64_t)sqlite3_column_int64(stmt, 5), data);
	}
	r = ledger_errno(file->db, code);
	sqlite3_finalize(stmt);
	return r;
}

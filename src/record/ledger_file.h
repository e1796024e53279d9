/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The ledger's file: its schema, what is written to it, and what is folded or dropped to keep it small.
 * WAL, and every transaction synced: a power cut costs what had not been written yet, never the file.
 * Inside record/ only. All results are negative errno; -EBADMSG: the file is damaged or not ours.
 */
#include <sqlite3.h>

#include "record/ledger_batch.h"
#include "record/ledger_meters.h"

#define LEDGER_APPLICATION 0x67617465 /* "gate" */
#define LEDGER_VERSION 1

/* What a kind's tables are called; `fields` ends with NULL. Its counts by time are in NAME_span. */
struct ledger_table {
	const char *name;
	const char *fields[LEDGER_FIELDS + 1];
	const char *note;
};
extern const struct ledger_table ledger_tables[LEDGER_KINDS];

struct ledger_file {
	sqlite3 *db; /* NULL: not open */
	sqlite3_stmt *put[LEDGER_KINDS], *span[LEDGER_KINDS], *meter, *moment;
	const struct ledger_limits *limits;
	uint64_t wal_most;
};

/* Opens or creates, checks the whole file, brings the schema up to date. */
__attribute__((warn_unused_result))
int ledger_file_open(struct ledger_file *file, const char *path, const struct ledger_limits *limits);
void ledger_file_close(struct ledger_file *file);

/* PATH becomes PATH.damaged-TIME; of such files the newest three stay. */
__attribute__((warn_unused_result)) int ledger_file_set_aside(const char *path, int64_t now);

/* The values that the kernel's counters had when the file was last written, if that was since the box started. */
__attribute__((warn_unused_result))
int ledger_file_each_meter(struct ledger_file *file,
			   void (*each)(const struct ledger_subject *, uint64_t count, uint64_t bytes, void *data),
			   void *data);

/* All of it in one transaction, or nothing. */
__attribute__((warn_unused_result))
int ledger_file_write(struct ledger_file *file, const struct batch *batch, struct meters *meters);

/* Folds and drops what is old. *ret_shortened: some of it before its time, for want of room. */
__attribute__((warn_unused_result))
int ledger_file_retain(struct ledger_file *file, int64_t now, bool *ret_shortened);

/* Bytes in use. */
uint64_t ledger_file_size(struct ledger_file *file);

int ledger_errno(sqlite3 *db, int code);
__attribute__((warn_unused_result)) int ledger_exec(sqlite3 *db, const char *sql);
/* The first column of the first row of an SQL text with at most one parameter; 0 when there is none. */
__attribute__((warn_unused_result)) int ledger_ask(sqlite3 *db, const char *sql, int64_t parameter, int64_t *ret);

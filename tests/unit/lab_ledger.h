/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* A usage ledger in a folder of its own, and what its file says. For test_ledger*.c. */
#include "record/ledger.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "record/ledger_reader.h"

#define NOW 1790000000 /* not on the hour */
#define FAR INT64_MAX

static char folder[64], path[96];
static unsigned told[4];

static inline void tell(enum ledger_news news, const char *text, void *data)
{
	assert_non_null(text);
	told[news]++;
}

static inline int make_folder(void **state)
{
	strcpy(folder, "/tmp/test_ledger.XXXXXX");
	memset(told, 0, sizeof(told));
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/usage.db", folder);
	return 0;
}

static inline int remove_folder(void **state)
{
	char pattern[128];
	glob_t found = { 0 };

	snprintf(pattern, sizeof(pattern), "%s/*", folder);
	if (glob(pattern, 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			unlink(found.gl_pathv[i]);
	globfree(&found);
	return rmdir(folder);
}

static inline struct ledger *new_ledger(void)
{
	struct ledger *l = ledger_new(path, &ledger_usual_limits, tell, NULL);

	assert_non_null(l);
	return l;
}

static inline struct ledger_subject rule(const char *id)
{
	return (struct ledger_subject){ .kind = LEDGER_USAGE, .field = { id, "modbus", "", "", "allowed" } };
}

static inline struct ledger_subject detail(const char *text)
{
	return (struct ledger_subject){ .kind = LEDGER_USAGE, .note = "{\"unit\": 1}",
		.field = { "historian", "modbus", "read-coils", text, "allowed" } };
}

static inline struct ledger_subject conduit(const char *server)
{
	return (struct ledger_subject){ .kind = LEDGER_CONDUIT, .note = "historian",
					.field = { server, "10.2.0.2", "tcp", "502" } };
}

static inline struct ledger_subject attempt(const char *source, const char *port)
{
	return (struct ledger_subject){ .kind = LEDGER_ATTEMPT,
					.field = { source, "10.2.0.2", "tcp", port, "no-rule" } };
}

static inline void read_one(struct ledger *l, unsigned source, uint64_t witness, const struct ledger_subject *s,
		     uint64_t count, uint64_t bytes, int64_t now)
{
	ledger_reading_begin(l, source, witness, now);
	ledger_reading_add(l, s, count, bytes);
	ledger_reading_end(l);
}

/* ---- what the file says ---- */

struct sum {
	const char *field; /* any of the five; NULL: all */
	size_t rows;
	uint64_t count, bytes;
	int64_t first, last;
};

static inline void add_row(const struct ledger_row *row, void *data)
{
	struct sum *sum = data;
	bool is = !sum->field;

	for (size_t i = 0; i < LEDGER_FIELDS; i++)
		is |= sum->field && strcmp(row->subject.field[i], sum->field) == 0;
	if (!is)
		return;
	sum->rows++;
	sum->count += row->count;
	sum->bytes += row->bytes;
	sum->first = row->first_seen;
	sum->last = row->last_seen;
}

static inline struct sum sums_between(enum ledger_kind kind, const char *field, int64_t from, int64_t until)
{
	struct sum sum = { .field = field };
	struct ledger_reader *reader;

	assert_int_equal(ledger_reader_open(path, &reader), 0);
	assert_int_equal(ledger_read_sums(reader, kind, from, until, add_row, &sum), 0);
	ledger_reader_close(reader);
	return sum;
}

static inline struct sum sums(enum ledger_kind kind, const char *field)
{
	return sums_between(kind, field, 0, FAR);
}

static inline struct sum spans(enum ledger_kind kind, const char *field)
{
	struct sum sum = { .field = field };
	struct ledger_reader *reader;

	assert_int_equal(ledger_reader_open(path, &reader), 0);
	assert_int_equal(ledger_read_spans(reader, kind, 0, FAR, add_row, &sum), 0);
	ledger_reader_close(reader);
	return sum;
}

struct moments {
	const char *kind;
	size_t count;
	char text[256];
};

static inline void add_moment(const struct ledger_moment *moment, void *data)
{
	struct moments *m = data;

	if (strcmp(moment->kind, m->kind) != 0)
		return;
	m->count++;
	snprintf(m->text, sizeof(m->text), "%s", moment->text);
}

static inline struct moments moments(const char *kind)
{
	struct moments m = { .kind = kind };
	struct ledger_reader *reader;

	assert_int_equal(ledger_reader_open(path, &reader), 0);
	assert_int_equal(ledger_read_moments(reader, 0, FAR, add_moment, &m), 0);
	ledger_reader_close(reader);
	return m;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

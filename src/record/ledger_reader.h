/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Reads a usage ledger, while the supervisor writes it or from a copy, and changes nothing. What one reader
 * sees is of one moment, from its opening on. Close it soon: until then the writer cannot tidy its log.
 */
#include "record/ledger.h"

struct ledger_reader;

/* -ENOENT: there is none yet. -EBADMSG: it is damaged, or of another version. */
__attribute__((warn_unused_result)) int ledger_reader_open(const char *path, struct ledger_reader **ret);
void ledger_reader_close(struct ledger_reader *reader);

/* Texts live until the callback returns. */
struct ledger_row {
	struct ledger_subject subject;
	int64_t first_seen, last_seen; /* whenever; not of the time asked for alone */
	int64_t start;                 /* of a span: an hour or a day */
	unsigned seconds;              /* its length; 0: a sum */
	uint64_t count, bytes;
};
typedef void ledger_each_row(const struct ledger_row *row, void *data);

/*
 * What was counted in spans that begin in from .. until - 1: one row a subject, or one a span (hours of
 * days that are folded already come as a day), sorted by subject and start.
 */
__attribute__((warn_unused_result))
int ledger_read_sums(struct ledger_reader *reader, enum ledger_kind kind, int64_t from, int64_t until,
		     ledger_each_row *each, void *data);
__attribute__((warn_unused_result))
int ledger_read_spans(struct ledger_reader *reader, enum ledger_kind kind, int64_t from, int64_t until,
		      ledger_each_row *each, void *data);

/* What happened in from .. until - 1, in its order. */
__attribute__((warn_unused_result))
int ledger_read_moments(struct ledger_reader *reader, int64_t from, int64_t until,
			void (*each)(const struct ledger_moment *moment, void *data), void *data);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/ledger.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/failure.h"
#include "record/ledger_file.h"

#define RETAIN_EVERY 3600 /* seconds; and whenever many rows are new */
#define MANY_ROWS 2000u

const struct ledger_limits ledger_usual_limits = {
	.hours_kept = 14,
	.days_kept = 800,
	.file_bytes = 256u << 20,
	.waiting = 65536,
	.attempts = 20000,
	.details = 100000,
};

struct ledger {
	const char *path;
	const struct ledger_limits *limits;
	void (*tell)(enum ledger_news news, const char *text, void *data);
	void *data;
	struct batch batch;
	struct meters meters;
	struct ledger_file file;
	bool compared;        /* the kernel's counters with what the file knew of them */
	int64_t now;          /* of the reading under way */
	int64_t first_now;
	int64_t retain_at;
	size_t rows;          /* written since the file was last kept small */
	uint64_t lost;        /* counts, before those of the batch */
	struct ledger_health health;
};

struct ledger *ledger_new(const char *path, const struct ledger_limits *limits,
			  void (*tell)(enum ledger_news news, const char *text, void *data), void *data)
{
	struct ledger *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	*l = (struct ledger){ .path = path, .limits = limits, .tell = tell, .data = data };
	if (batch_init(&l->batch, limits->waiting) == 0)
		return l;
	batch_free(&l->batch);
	free(l);
	return NULL;
}

void ledger_free(struct ledger *l)
{
	if (!l)
		return;
	ledger_file_close(&l->file);
	batch_free(&l->batch);
	meters_free(&l->meters);
	free(l);
}

/* ---- counting ---- */

void ledger_add(struct ledger *l, const struct ledger_subject *subject, uint64_t count, uint64_t bytes,
		int64_t now)
{
	batch_add(&l->batch, subject, count, bytes, now);
}

void ledger_add_moment(struct ledger *l, const struct ledger_moment *moment)
{
	batch_add_moment(&l->batch, moment);
}

void ledger_reading_begin(struct ledger *l, unsigned source, uint64_t witness, int64_t now)
{
	l->now = now;
	meters_begin(&l->meters, source % METER_SOURCES, witness);
}

void ledger_reading_add(struct ledger *l, const struct ledger_subject *subject, uint64_t count,
			uint64_t bytes)
{
	if (!meters_read(&l->meters, subject, &count, &bytes))
		l->batch.lost++;
	else if (count || bytes)
		batch_add(&l->batch, subject, count, bytes, l->now);
}

void ledger_reading_end(struct ledger *l)
{
	meters_end(&l->meters);
}

void ledger_reading_first(struct ledger *l, const struct ledger_subject *subject, uint64_t count,
			  uint64_t bytes, int64_t now)
{
	l->first_now = now;
	meters_set_first(&l->meters, subject, count, bytes);
}

/* ---- the file ---- */

/* One counter as the file knew it: what it grew by until the first reading of this run is counted. */
static void compare(const struct ledger_subject *subject, uint64_t count, uint64_t bytes, void *data)
{
	struct ledger *l = data;
	struct meter *meter = meters_find(&l->meters, subject);
	bool anew;

	if (!meter || !meter->first)
		return;
	meter->first = false;
	anew = meter->first_count < count || meter->first_bytes < bytes;
	count = meter->first_count - (anew ? 0 : count);
	bytes = meter->first_bytes - (anew ? 0 : bytes);
	if (count || bytes)
		batch_add(&l->batch, subject, count, bytes, l->first_now);
}

static int set_aside(struct ledger *l, int64_t now)
{
	int r;

	ledger_file_close(&l->file);
	r = ledger_file_set_aside(l->path, now);
	if (r == 0)
		l->tell(LEDGER_SET_ASIDE, "The usage ledger was damaged: the old file has the date in its name now, "
			"a new one is begun", l->data);
	return r;
}

static int open_file(struct ledger *l, int64_t now)
{
	int r = ledger_file_open(&l->file, l->path, l->limits);

	if (r == -EBADMSG) {
		r = set_aside(l, now);
		if (r == 0)
			r = ledger_file_open(&l->file, l->path, l->limits);
	}
	if (r == 0 && !l->compared) {
		r = ledger_file_each_meter(&l->file, compare, l);
		l->compared = r == 0;
	}
	return r;
}

static int retain(struct ledger *l, int64_t now)
{
	bool shortened = false;
	int r = ledger_file_retain(&l->file, now, &shortened);

	if (r < 0)
		return r;
	l->retain_at = now + RETAIN_EVERY;
	l->rows = 0;
	if (shortened)
		l->tell(LEDGER_SHORTENED, "The usage ledger was nearly full: its oldest rows were folded or dropped "
			"before their time", l->data);
	return 0;
}

static int write_batch(struct ledger *l, int64_t now)
{
	int r = l->file.db ? 0 : open_file(l, now);

	if (r == 0)
		r = ledger_file_write(&l->file, &l->batch, &l->meters);
	if (r == -EBADMSG) { /* damaged while it was in use */
		r = set_aside(l, now);
		if (r == 0)
			r = ledger_file_open(&l->file, l->path, l->limits);
		if (r == 0)
			r = ledger_file_write(&l->file, &l->batch, &l->meters);
	}
	if (r == -ENOSPC && l->file.db && retain(l, now) == 0)
		r = ledger_file_write(&l->file, &l->batch, &l->meters);
	return r;
}

/* ---- flush ---- */

/* Its row goes with the next flush. */
static void tell_lost(struct ledger *l, uint64_t lost, int64_t now)
{
	char text[128];

	if (!lost)
		return;
	l->lost += lost;
	snprintf(text, sizeof(text), "%llu counts did not fit into memory while nothing could be written",
		 (unsigned long long)lost);
	batch_add_moment(&l->batch, &(struct ledger_moment){ .time = now, .kind = "counts-lost", .part = "ledger",
							     .text = text });
}

static void note_success(struct ledger *l, int64_t now)
{
	uint64_t lost = l->batch.lost;
	bool failed = l->health.error != 0;

	l->rows += l->batch.used;
	batch_clear(&l->batch);
	tell_lost(l, lost, now);
	l->health.error = 0;
	l->health.flushed_at = now;
	if (failed)
		l->tell(LEDGER_WORKS, "The usage ledger is written again", l->data);
}

static void note_failure(struct ledger *l, int error, int64_t now)
{
	bool worked = l->health.error == 0;

	/* A file that may have gone is opened anew; one that is full, or held by a reader, is not. */
	if (error != -ENOSPC && error != -EBUSY)
		ledger_file_close(&l->file);
	l->health.error = error;
	if (!worked)
		return;
	l->health.error_since = now;
	l->tell(LEDGER_FAILED, error == -EBUSY ? "another program holds the file" : failure_text(error), l->data);
}

void ledger_flush(struct ledger *l, int64_t now)
{
	int r = write_batch(l, now);

	if (r < 0) {
		note_failure(l, r, now);
		return;
	}
	note_success(l, now);
	/* a clock that was set back does not put it off */
	if (now >= l->retain_at || l->retain_at > now + RETAIN_EVERY || l->rows >= MANY_ROWS)
		(void)!retain(l, now);
	l->health.file_bytes = ledger_file_size(&l->file);
}

void ledger_health(const struct ledger *l, struct ledger_health *ret)
{
	*ret = l->health;
	ret->waiting = l->batch.used + l->batch.moment_count;
	ret->lost = l->lost + l->batch.lost;
}

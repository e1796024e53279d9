/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The usage ledger: what was used, denied and tried, by hour and by day, in one SQLite file. Counts gather in
 * bounded memory and go to the disk in one transaction a flush, never in the packet path. A disk that
 * fails costs nothing but memory: counts of one thing are added up until writing works again, and what does
 * not fit is counted and told. A damaged file is set aside and a new one begun. Times are seconds UTC, and
 * always the caller's.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEDGER_FIELDS 5u
#define LEDGER_HOUR 3600
#define LEDGER_DAY 86400

/* What is counted. The five fields of each kind, in order: */
enum ledger_kind {
	LEDGER_USAGE = 0, /* rule, protocol, service, detail, verdict ("allowed", "denied" or a reason) */
	LEDGER_CONDUIT,   /* server, device, transport, port, "" */
	LEDGER_ATTEMPT,   /* source, destination, transport, port, reason */
	LEDGER_KINDS
};

/* Fields that are NULL are empty. A whole rule has neither service nor detail. Ports are numbers. */
struct ledger_subject {
	enum ledger_kind kind;
	const char *field[LEDGER_FIELDS];
	const char *note; /* of a detail its parts as a JSON object, of a conduit its rules; may be NULL */
};

/* Something that happened once: "start", "policy-applied", ...; part, text and digest may be NULL. */
struct ledger_moment {
	int64_t time;
	const char *kind;
	const char *part;
	const char *text;
	const char *digest;
};

struct ledger_limits {
	unsigned hours_kept;   /* days; then a day's hours become one row */
	unsigned days_kept;    /* days; then they are dropped */
	uint64_t file_bytes;   /* the file never grows beyond */
	size_t waiting;        /* things that memory holds while nothing can be written */
	size_t attempts;       /* rows; the ones not seen for longest are dropped */
	size_t details;        /* likewise; whole rules are never dropped for this */
};
extern const struct ledger_limits ledger_usual_limits;

enum ledger_news {
	LEDGER_FAILED = 0, /* writing failed for the first time since it last worked */
	LEDGER_WORKS,      /* it works again */
	LEDGER_SET_ASIDE,  /* the file was damaged: it has another name now, and a new one is begun */
	LEDGER_SHORTENED   /* the file was nearly full: the oldest rows were folded or dropped early */
};

struct ledger_health {
	int error;            /* negative errno of the last flush, 0 = it worked */
	int64_t error_since;
	int64_t flushed_at;   /* of the last flush that worked; 0 = none yet */
	size_t waiting;       /* things that wait in memory */
	uint64_t lost;        /* counts that did not fit there, since the start */
	uint64_t file_bytes;
};

struct ledger;

/*
 * `path` must outlive it. Nothing is opened yet: the first flush does that. `tell` is called from a
 * flush; `text` is a sentence without its end. NULL: no memory.
 */
struct ledger *ledger_new(const char *path, const struct ledger_limits *limits,
			  void (*tell)(enum ledger_news news, const char *text, void *data), void *data);

/* Closes the file; what was not flushed is lost. */
void ledger_free(struct ledger *ledger);

/* Counts on. */
void ledger_add(struct ledger *ledger, const struct ledger_subject *subject, uint64_t count, uint64_t bytes,
		int64_t now);
void ledger_add_moment(struct ledger *ledger, const struct ledger_moment *moment);

/*
 * Absolute counters: all those of one source between begin and end. What they grew by since the reading before
 * is added; a counter that went back has begun anew. witness: a counter of the source that goes back
 * whenever all its counters begin anew, or 0 when it has none. A counter named in no reading is forgotten,
 * and starts from 0 when it comes back.
 */
void ledger_reading_begin(struct ledger *ledger, unsigned source, uint64_t witness, int64_t now);
void ledger_reading_add(struct ledger *ledger, const struct ledger_subject *subject, uint64_t count,
			uint64_t bytes);
void ledger_reading_end(struct ledger *ledger);

/*
 * The counters of LEDGER_KERNEL outlive the program: their values are kept in the file. This reading, the first
 * one of a run, says where they stand: what they grew by since the file was last written is counted, and
 * what the file does not know counts from here.
 */
#define LEDGER_KERNEL 0u
void ledger_reading_first(struct ledger *ledger, const struct ledger_subject *subject, uint64_t count,
			  uint64_t bytes, int64_t now);

/* Writes what has gathered, and keeps the file within its limits. Call every few seconds. */
void ledger_flush(struct ledger *ledger, int64_t now);

void ledger_health(const struct ledger *ledger, struct ledger_health *ret);

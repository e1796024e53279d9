/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The event log: append-only JSON Lines, one object an event, bounded by two files (PATH and PATH.1).
 * Events of one cause are limited; those left out are counted and told in one line ("repeated"). A disk
 * that fails costs events, never service: they are counted, and "events-lost" tells how many once
 * writing works again.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

#define EVENT_NUMBERS_MAX 12u
#define EVENT_FILE_MAX (16u << 20) /* bytes; then PATH becomes PATH.1 */
#define EVENT_CAUSES 256u          /* told apart at one time */
#define EVENT_BURST 10u            /* events of a cause written in EVENT_WINDOW */
#define EVENT_WINDOW 10            /* seconds */

/* One end of what happened; name and address may be NULL, port 0 = none. */
struct event_end {
	const char *name;
	const char *address;
	uint16_t port;
};

struct event_number {
	const char *name; /* a literal */
	int64_t value;
};

/* Members that are NULL are left out of the line, except `rule` of a denial, which is then null. */
struct event {
	const char *event;    /* "denied", "refused", "opened", ... */
	const char *rule;
	const char *reason;
	const char *cause;    /* the reason below, of denied-after-partial */
	const char *action;
	const char *text;     /* a plain sentence */
	const char *call;     /* whom to call */
	const char *protocol;
	const char *name;     /* of the function or service: "write-single-register" */
	const char *tag;      /* "Recipe.Speed" */
	struct event_end server;
	struct event_end device;
	struct event_number numbers[EVENT_NUMBERS_MAX];
	size_t number_count;
};

/* Adds a number; further ones than EVENT_NUMBERS_MAX are not kept. */
void event_add_number(struct event *event, const char *name, int64_t value);

struct event_cause;
struct event_log {
	const char *path;
	int fd;          /* -1: cannot be written now */
	uint64_t size;
	uint64_t written;
	uint64_t lost;   /* since it last could be written */
	struct event_cause *causes;
};

/* Opens or creates the log; `path` must outlive it. Negative errno. */
__attribute__((warn_unused_result)) int event_log_open(struct event_log *log, const char *path);

/*
 * Records an event. Returns negative errno when writing fails for the first time since it last worked,
 * so that the caller can say so once; otherwise 0.
 */
__attribute__((warn_unused_result))
int event_log_write(struct event_log *log, const struct event *event);

/* Tells what was left out, where its time is over. Call about every second. Result as above. */
__attribute__((warn_unused_result)) int event_log_tick(struct event_log *log);

/* Tells what was left out, and closes. */
void event_log_close(struct event_log *log);

/*
 * The last `most` lines of a log that name one of the events (NULL-terminated list; NULL: any), newest last; lines
 * and list are in the arena. Returns their number, or negative errno. -ENOENT: there is no log.
 */
__attribute__((warn_unused_result))
int event_log_recent(const char *path, const char *const *events, size_t most, struct arena *arena,
		     const char ***ret_lines);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/event_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "json/writer.h"

/* One cause under the limit: what it is (hashed), when its window began, what was left out since. */
struct event_cause {
	uint64_t key;      /* 0 = free */
	int64_t since;     /* seconds, CLOCK_BOOTTIME */
	uint32_t written;
	uint64_t left_out;
	char *members;     /* of the first one left out: rendered, without time; owned */
};

void event_add_number(struct event *event, const char *name, int64_t value)
{
	if (event->number_count < EVENT_NUMBERS_MAX)
		event->numbers[event->number_count++] = (struct event_number){ name, value };
}

/* ---- one line ---- */

static void write_end(struct writer *w, const char *name, const struct event_end *end)
{
	if (!end->name && !end->address)
		return;
	writer_name(w, name);
	writer_open_map(w);
	if (end->name)
		writer_put_text(w, "name", end->name);
	if (end->address)
		writer_put_text(w, "address", end->address);
	if (end->port)
		writer_put_uint(w, "port", end->port);
	writer_close_map(w);
}

static void put_some(struct writer *w, const char *name, const char *text)
{
	if (text)
		writer_put_text(w, name, text);
}

static void write_event(struct writer *w, const struct event *event)
{
	writer_open_map(w);
	writer_put_text(w, "event", event->event);
	if (event->rule || strcmp(event->event, "denied") == 0)
		writer_put_text(w, "rule", event->rule);
	put_some(w, "reason", event->reason);
	put_some(w, "cause", event->cause);
	put_some(w, "text", event->text);
	put_some(w, "action", event->action);
	put_some(w, "call", event->call);
	write_end(w, "server", &event->server);
	write_end(w, "device", &event->device);
	put_some(w, "protocol", event->protocol);
	put_some(w, "name", event->name);
	put_some(w, "tag", event->tag);
	for (size_t i = 0; i < event->number_count; i++)
		writer_put_int(w, event->numbers[i].name, event->numbers[i].value);
	writer_close_map(w);
}

/* The members as `"event": ...}`: the opening brace is left out, the time goes before them. NULL: no memory. */
static char *render(const struct event *event)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct writer w;

	if (!out)
		return NULL;
	writer_init(&w, out, false);
	write_event(&w, event);
	if (fclose(out) != 0 || size < 2) {
		free(text);
		return NULL;
	}
	memmove(text, text + 1, size);
	return text;
}

static void print_time(char *ret, size_t size)
{
	struct timespec now;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	n = strftime(ret, size, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(ret + n, size - n, ".%03ldZ", now.tv_nsec / 1000000);
}

/* ---- the file ---- */

static int reopen(struct event_log *log)
{
	struct stat st;

	log->fd = open(log->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (log->fd < 0)
		return -errno;
	log->size = fstat(log->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
	return 0;
}

static void rotate(struct event_log *log)
{
	char old[4096];

	snprintf(old, sizeof(old), "%s.1", log->path);
	if (rename(log->path, old) < 0)
		return; /* goes on in the same file, rather than not at all */
	close(log->fd);
	log->fd = -1;
}

/* The line goes in one call; what a full disk took of it is taken back. */
static int put_line(struct event_log *log, const char *line, size_t length)
{
	ssize_t n;
	int r = 0;

	if (log->fd >= 0 && log->size + length > EVENT_FILE_MAX)
		rotate(log);
	if (log->fd < 0)
		r = reopen(log);
	if (r < 0)
		return r;
	n = write(log->fd, line, length);
	if (n == (ssize_t)length) {
		log->size += length;
		log->written++;
		return 0;
	}
	r = n < 0 ? -errno : -ENOSPC;
	if (n > 0 && ftruncate(log->fd, (off_t)log->size) < 0)
		r = -errno;
	close(log->fd);
	log->fd = -1;
	return r;
}

static int put_members(struct event_log *log, const char *members, uint64_t repeated)
{
	char time[40], more[48] = "";
	char *line;
	int n, r;

	print_time(time, sizeof(time));
	if (repeated)
		snprintf(more, sizeof(more), "\"repeated\": %llu, ", (unsigned long long)repeated);
	n = asprintf(&line, "{\"time\": \"%s\", %s%s\n", time, more, members);
	if (n < 0)
		return -ENOMEM;
	r = put_line(log, line, (size_t)n);
	free(line);
	return r;
}

static int put_lost(struct event_log *log)
{
	char members[160];

	snprintf(members, sizeof(members),
		 "\"event\": \"events-lost\", \"text\": \"%llu events could not be written to this log.\", "
		 "\"count\": %llu}", (unsigned long long)log->lost, (unsigned long long)log->lost);
	return put_members(log, members, 0);
}

/* Writes, and keeps the account of what could not be. */
static int put_or_count(struct event_log *log, const char *members, uint64_t repeated)
{
	int r = log->lost ? put_lost(log) : 0;

	if (r == 0) {
		log->lost = 0;
		r = put_members(log, members, repeated);
	}
	if (r == 0)
		return 0;
	return log->lost++ ? 0 : r;
}

/* ---- the limit ---- */

static uint64_t hash_text(uint64_t hash, const char *text)
{
	for (const char *p = text ? text : ""; *p; p++)
		hash = (hash ^ (uint8_t)*p) * 0x100000001b3u;
	return (hash ^ 0xffu) * 0x100000001b3u;
}

static uint64_t cause_key(const struct event *event)
{
	uint64_t hash = 0xcbf29ce484222325u;

	hash = hash_text(hash, event->event);
	hash = hash_text(hash, event->rule);
	hash = hash_text(hash, event->reason);
	hash = hash_text(hash, event->server.address);
	hash = hash_text(hash, event->device.address);
	for (size_t i = 0; i < event->number_count; i++)
		if (strcmp(event->numbers[i].name, "function") == 0)
			hash = (hash ^ (uint64_t)event->numbers[i].value) * 0x100000001b3u;
	return hash ? hash : 1;
}

static int64_t now_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec;
}

/* Ends a cause's window; tells what was left out in it. */
static int settle(struct event_log *log, struct event_cause *cause)
{
	int r = 0;

	if (cause->left_out && cause->members)
		r = put_or_count(log, cause->members, cause->left_out);
	free(cause->members);
	*cause = (struct event_cause){ 0 };
	return r;
}

/* The cause's place; when all are taken, that of the one whose window began first. */
static struct event_cause *find_cause(struct event_log *log, uint64_t key)
{
	struct event_cause *best = &log->causes[0];

	for (size_t i = 0; i < EVENT_CAUSES; i++) {
		struct event_cause *cause = &log->causes[i];

		if (cause->key == key)
			return cause;
		if (!cause->key ? best->key != 0 : best->key && cause->since < best->since)
			best = cause;
	}
	return best;
}

int event_log_write(struct event_log *log, const struct event *event)
{
	uint64_t key = cause_key(event);
	struct event_cause *cause = find_cause(log, key);
	int64_t now = now_seconds();
	char *members;
	int r = 0;

	if (cause->key != key || now - cause->since >= EVENT_WINDOW) {
		r = settle(log, cause);
		cause->key = key;
		cause->since = now;
	}
	if (cause->written >= EVENT_BURST && cause->left_out++)
		return r;
	members = render(event);
	if (!members)
		return r ? r : -ENOMEM;
	if (cause->written >= EVENT_BURST) {
		cause->members = members;
		return r;
	}
	cause->written++;
	if (r == 0)
		r = put_or_count(log, members, 0);
	else
		log->lost++;
	free(members);
	return r;
}

int event_log_tick(struct event_log *log)
{
	int64_t now = now_seconds();
	int r = 0;

	for (size_t i = 0; i < EVENT_CAUSES; i++)
		if (log->causes[i].key && now - log->causes[i].since >= EVENT_WINDOW) {
			int s = settle(log, &log->causes[i]);

			r = r ? r : s;
		}
	return r;
}

int event_log_open(struct event_log *log, const char *path)
{
	*log = (struct event_log){ .path = path, .fd = -1 };
	log->causes = calloc(EVENT_CAUSES, sizeof(*log->causes));
	return log->causes ? reopen(log) : -ENOMEM;
}

void event_log_close(struct event_log *log)
{
	for (size_t i = 0; log->causes && i < EVENT_CAUSES; i++)
		(void)!settle(log, &log->causes[i]);
	free(log->causes);
	if (log->fd >= 0)
		close(log->fd);
	*log = (struct event_log){ .fd = -1 };
}

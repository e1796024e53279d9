/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/change_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "json/canonical.h"
#include "json/text.h"

#define HEAD "changes.head"
#define HEAD_MAX 128u
#define LINE_MAX_BYTES (64u << 10)

static const struct change_head nothing = {
	.digest = "0000000000000000000000000000000000000000000000000000000000000000",
};

void change_add(struct change *change, const char *name, const char *value)
{
	if (value && change->detail_count < CHANGE_DETAILS_MAX)
		change->details[change->detail_count++] = (struct change_detail){ name, value };
}

/* ---- the head ---- */

const char *change_head_text(const struct change_head *head, struct arena *arena)
{
	return arena_printf(arena, "%lld:%s", (long long)head->number, head->digest);
}

bool change_head_parse(const char *text, struct change_head *ret)
{
	char *end;

	errno = 0;
	ret->number = strtoll(text, &end, 10);
	if (errno || ret->number < 0 || *end != ':' || !digest_is_one(end + 1))
		return false;
	memcpy(ret->digest, end + 1, DIGEST_SIZE);
	return true;
}

int change_head_read(const char *state, struct arena *arena, struct change_head *ret)
{
	const char *path = arena_printf(arena, "%s/" HEAD, state);
	char *text;
	size_t len;
	int r = file_read(path, HEAD_MAX, arena, &text, &len);

	*ret = nothing;
	if (r < 0)
		return r;
	text[strcspn(text, "\n")] = '\0';
	return change_head_parse(text, ret) ? 0 : -EBADMSG;
}

int change_head_write(const char *state, const struct change_head *head, struct arena *arena)
{
	const char *text = arena_printf(arena, "%s\n", change_head_text(head, arena));

	return file_replace(arena_printf(arena, "%s/" HEAD, state), text, strlen(text), 0600);
}

/* ---- appending ---- */

static void put_change(struct writer *w, const struct change *c, const struct change_head *before)
{
	char text[32];
	time_t now = time(NULL);
	struct tm tm;

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	writer_open_map(w);
	writer_put_int(w, "number", before->number + 1);
	writer_put_text(w, "previous", before->digest);
	writer_put_text(w, "time", text);
	writer_put_text(w, "event", c->event);
	writer_name(w, "actor");
	writer_open_map(w);
	writer_put_text(w, "user", c->user);
	writer_name(w, "keys");
	writer_open_list(w);
	for (size_t i = 0; i < c->key_count; i++)
		writer_text(w, c->keys[i]);
	writer_close_list(w);
	writer_close_map(w);
	writer_put_text(w, "text", c->text);
	for (size_t i = 0; i < c->detail_count; i++)
		writer_put_text(w, c->details[i].name, c->details[i].value);
	writer_close_map(w);
}

static char *make_line(const struct change *change, const struct change_head *before, struct arena *arena,
		       size_t *ret_len)
{
	struct value_source source = { .file = CHANGE_LOG };
	const struct value *value;
	struct diag_list diags;
	struct json_text text;
	struct writer *w = json_text_begin(&text, false);

	if (!w)
		return NULL;
	put_change(w, change, before);
	source.text = json_text_keep(&text, arena);
	if (!source.text)
		return NULL;
	source.len = strlen(source.text);
	diag_init(&diags, arena);
	value = value_parse(&source, arena, &diags);
	return value ? canonical_text(value, arena, ret_len) : NULL;
}

/* A line that a crash left unfinished, was never chained to: it goes. */
static int drop_torn_end(int fd)
{
	off_t end = lseek(fd, 0, SEEK_END), whole = end;
	char c = '\n';

	while (whole > 0 && pread(fd, &c, 1, whole - 1) == 1 && c != '\n')
		whole--;
	return whole == end || ftruncate(fd, whole) == 0 ? 0 : -errno;
}

/* The last line, without its newline; empty when there is none. */
static const char *last_line(int fd, struct arena *arena)
{
	off_t end = lseek(fd, 0, SEEK_END), from = end > (off_t)LINE_MAX_BYTES ? end - (off_t)LINE_MAX_BYTES : 0;
	char *text = arena_alloc(arena, (size_t)(end - from) + 1), *newline;

	if (pread(fd, text, (size_t)(end - from), from) != end - from || end == from)
		return "";
	text[end - from - 1] = '\0';
	newline = strrchr(text, '\n');
	return newline ? newline + 1 : text;
}

/*
 * A crash may have come between a line and its head. The head is put right before anything follows: two lines behind it
 * could not be told from lines that somebody made up.
 */
static int catch_up(const char *state, const char *line, struct arena *arena, struct change_head *head)
{
	const struct value_source source = { .file = CHANGE_LOG, .text = line, .len = strlen(line) };
	const struct value *value, *number;
	struct diag_list diags;

	diag_init(&diags, arena);
	value = *line ? value_parse(&source, arena, &diags) : NULL;
	number = value_member(value, "number");
	if (!number || number->type != VALUE_INT || number->integer != head->number + 1 ||
	    strcmp(value_member_text(value, "previous") ?: "", head->digest) != 0)
		return 0;
	head->number++;
	digest_of(line, strlen(line), head->digest);
	return change_head_write(state, head, arena);
}

static int append_line(int fd, const char *line, size_t len, struct arena *arena)
{
	char *whole = arena_printf(arena, "%s\n", line);
	ssize_t n = write(fd, whole, len + 1);

	if (n < 0)
		return -errno;
	if ((size_t)n != len + 1)
		return -ENOSPC;
	return fsync(fd) < 0 ? -errno : 0;
}

static int append(int fd, const char *state, const struct change *change, struct arena *arena)
{
	struct change_head head;
	const char *line;
	size_t len;
	int r = flock(fd, LOCK_EX) < 0 ? -errno : drop_torn_end(fd);

	if (r == 0)
		r = change_head_read(state, arena, &head);
	if (r < 0 && r != -ENOENT && r != -EBADMSG)
		return r;
	r = catch_up(state, last_line(fd, arena), arena, &head);
	if (r < 0)
		return r;
	line = make_line(change, &head, arena, &len);
	if (!line)
		return -EINVAL;
	r = append_line(fd, line, len, arena);
	if (r < 0)
		return r;
	head.number++;
	digest_of(line, len, head.digest);
	return change_head_write(state, &head, arena);
}

int change_log_append(const char *state, const struct change *change)
{
	struct arena arena = { 0 };
	int fd = open(arena_printf(&arena, "%s/" CHANGE_LOG, state), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
		      0600);
	int r = fd < 0 ? -errno : append(fd, state, change, &arena);

	if (fd >= 0)
		close(fd);
	arena_free(&arena);
	return r;
}

/* ---- checking ---- */

static bool report(struct diag_list *diags, const char *file, unsigned line, const char *code, const char *text)
{
	const struct diag_place place = { .file = file, .line = line, .column = 1, .width = 1 };

	diag_add(diags, DIAG_ERROR, code, &place,
		 "compare it with a copy that was exported before; somebody who was root has changed it", "%s", text);
	return false;
}

static bool check_line(const char *file, unsigned at, const char *line, size_t len, struct arena *arena,
		       struct diag_list *diags, const struct change_head *before)
{
	struct diag_list own;
	const struct value *value, *number;
	const char *previous;

	diag_init(&own, arena);
	value = canonical_parse(file, line, len, arena, &own);
	number = value_member(value, "number");
	previous = value_member_text(value, "previous");
	if (!value || !previous || !number || number->type != VALUE_INT)
		return report(diags, file, at, "log-line", "this line is not as it was written");
	if (number->integer != before->number + 1)
		return report(diags, file, at, "log-chain", "lines are missing before this one, or it was moved");
	return !strcmp(previous, before->digest) ||
	       report(diags, file, at, "log-chain", "the line before is not the one that this one was written after");
}

static bool is_same(const struct change_head *a, const struct change_head *b)
{
	return a->number == b->number && !strcmp(a->digest, b->digest);
}

static bool check_lines(const char *file, const char *text, size_t len, const struct change_head *through,
			struct arena *arena, struct diag_list *diags, struct change_head *ret, bool *ret_passed)
{
	const char *end = text + len;
	bool good = true;

	for (unsigned at = 1; text < end; at++) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *line = arena_strndup(arena, text, (size_t)((newline ? newline : end) - text));

		if (!newline)
			return report(diags, file, at, "log-line", "the last line is not whole");
		good &= check_line(file, at, line, strlen(line), arena, diags, ret);
		ret->number++;
		digest_of(line, strlen(line), ret->digest);
		*ret_passed |= through && is_same(through, ret);
		text = newline + 1;
	}
	return good;
}

bool change_log_check(const char *file, const char *text, size_t len, const struct change_head *through,
		      struct arena *arena, struct diag_list *diags, struct change_head *ret)
{
	bool passed = !through || !through->number;
	bool good;

	*ret = nothing;
	good = check_lines(file, text, len, through, arena, diags, ret, &passed);
	if (passed)
		return good;
	return report(diags, file, 0, "log-cut",
		      arena_printf(arena, "it does not have the line %lld with which it ended once",
				   (long long)through->number));
}

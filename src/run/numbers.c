/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/numbers.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "json/value.h"
#include "json/writer.h"
#include "policy/address.h"

#define FILE_MAX (64u << 20)
#define REST 3600 /* seconds */

struct row {
	struct conduit_number number;
	int64_t gone;
};

static int compare(const struct conduit_number *a, const struct conduit_number *b)
{
	int r = address_compare(&a->server, &b->server);

	if (a->server.family != b->server.family)
		return a->server.family - b->server.family;
	if (r == 0)
		r = address_compare(&a->device, &b->device);
	if (r == 0)
		r = a->transport - b->transport;
	return r ? r : a->port - b->port;
}

static int compare_rows(const void *a, const void *b)
{
	return compare(&((const struct row *)a)->number, &((const struct row *)b)->number);
}

/* Sorts the rows and takes them apart. */
static void settle(struct row *rows, size_t count, struct arena *arena, struct numbers *ret)
{
	if (count)
		qsort(rows, count, sizeof(*rows), compare_rows);
	ret->items = arena_array(arena, count + 1, sizeof(*ret->items));
	ret->gone = arena_array(arena, count + 1, sizeof(*ret->gone));
	ret->count = count;
	for (size_t i = 0; i < count; i++) {
		ret->items[i] = rows[i].number;
		ret->gone[i] = rows[i].gone;
	}
}

/* ---- reading ---- */

static int64_t member_number(const struct value *map, const char *name)
{
	const struct value *v = value_member(map, name);

	return v && v->type == VALUE_INT ? v->integer : -1;
}

static bool read_row(const struct value *map, struct row *ret)
{
	const char *server = value_member_text(map, "server");
	const char *device = value_member_text(map, "device");
	const char *transport = value_member_text(map, "transport");
	int64_t port = member_number(map, "port"), number = member_number(map, "number");
	int64_t timetable = member_number(map, "timetable"), gone = member_number(map, "gone");

	if (!server || !device || !transport || !address_parse(server, &ret->number.server) ||
	    !address_parse(device, &ret->number.device) || port < 0 || port > 65535 || number < 1 ||
	    number > MARK_CONDUIT)
		return false;
	ret->number.transport = strcmp(transport, "udp") == 0 ? IPPROTO_UDP : IPPROTO_TCP;
	ret->number.port = (uint16_t)port;
	ret->number.number = (uint32_t)number;
	ret->number.timetable = timetable > 0 && timetable <= TIMETABLES_MAX ? (uint32_t)timetable : 0;
	ret->gone = gone > 0 ? gone : 0;
	return true;
}

static int compare_numbers(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static bool each_once(const struct numbers *numbers, struct arena *arena)
{
	uint32_t *sorted = arena_array(arena, numbers->count + 1, sizeof(*sorted));

	for (size_t i = 0; i < numbers->count; i++)
		sorted[i] = numbers->items[i].number;
	if (numbers->count)
		qsort(sorted, numbers->count, sizeof(*sorted), compare_numbers);
	for (size_t i = 1; i < numbers->count; i++)
		if (sorted[i] == sorted[i - 1])
			return false;
	return true;
}

static void read_time(const struct value *root, struct compile_time *ret)
{
	const struct value *doubted = value_member(root, "clock_doubted");
	int64_t now = member_number(root, "compiled"), floor = member_number(root, "floor");

	*ret = (struct compile_time){ .now = now > 0 ? now : 0, .floor = floor > 0 ? floor : 0 };
	ret->doubted = doubted && doubted->type == VALUE_BOOL && doubted->boolean;
}

int numbers_load(const char *path, struct arena *arena, struct numbers *ret)
{
	struct value_source *source = arena_alloc(arena, sizeof(*source));
	const struct value *list;
	struct diag_list diags;
	const struct value *root;
	struct row *rows;
	int64_t queues;
	char *text;
	int r = file_read(path, FILE_MAX, arena, &text, &source->len);

	*ret = (struct numbers){ .queues = 1 };
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	diag_init(&diags, arena);
	source->file = path;
	source->text = text;
	root = value_parse(source, arena, &diags);
	list = value_member(root, "conduits");
	if (!list || list->type != VALUE_LIST)
		return -EBADMSG;
	rows = arena_array(arena, list->count + 1, sizeof(*rows));
	for (size_t i = 0; i < list->count; i++)
		if (!read_row(&list->items[i], &rows[i]))
			return -EBADMSG;
	settle(rows, list->count, arena, ret);
	read_time(root, &ret->time);
	queues = member_number(root, "queues");
	if (queues > RULESET_QUEUES_MAX)
		return -EBADMSG;
	ret->queues = (uint16_t)(queues > 0 ? queues : 1);
	return each_once(ret, arena) ? 0 : -EBADMSG;
}

/* ---- the next generation ---- */

static bool still_there(const struct numbers *now, const struct conduit_number *number)
{
	for (size_t low = 0, high = now->count; low < high;) {
		size_t middle = low + (high - low) / 2;
		int r = compare(&now->items[middle], number);

		if (r == 0)
			return true;
		if (r < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

void numbers_next(const struct numbers *before, const struct ruleset *ruleset,
		  const struct compile_time *time, struct arena *arena, struct numbers *ret)
{
	size_t count = ruleset->conduit_count, most = count + before->count;
	struct row *rows = arena_array(arena, most + 1, sizeof(*rows));
	struct numbers current;

	for (size_t i = 0; i < count; i++) {
		const struct ruleset_conduit *c = &ruleset->conduits[i];

		rows[i].number = (struct conduit_number){ c->server, c->device, c->transport, c->port,
							  c->mark & MARK_CONDUIT, mark_timetable(c->mark) };
	}
	settle(rows, count, arena, &current);
	for (size_t i = 0; i < before->count; i++) {
		int64_t gone = before->gone[i] ? before->gone[i] : time->now;

		if (!still_there(&current, &before->items[i]) && time->now - gone < REST)
			rows[count++] = (struct row){ before->items[i], gone };
	}
	settle(rows, count, arena, ret);
	ret->time = *time;
	ret->queues = ruleset->queue_count;
}

/* ---- writing ---- */

static void write_rows(struct writer *w, const struct numbers *numbers)
{
	char text[ADDRESS_TEXT_SIZE];

	writer_open_map(w);
	writer_put_int(w, "compiled", numbers->time.now);
	writer_put_int(w, "floor", numbers->time.floor);
	writer_put_bool(w, "clock_doubted", numbers->time.doubted);
	writer_put_uint(w, "queues", numbers->queues);
	writer_name(w, "conduits");
	writer_open_list(w);
	for (size_t i = 0; i < numbers->count; i++) {
		const struct conduit_number *n = &numbers->items[i];

		writer_open_map(w);
		writer_put_uint(w, "number", n->number);
		address_format(&n->server, text);
		writer_put_text(w, "server", text);
		address_format(&n->device, text);
		writer_put_text(w, "device", text);
		writer_put_text(w, "transport", n->transport == IPPROTO_UDP ? "udp" : "tcp");
		writer_put_uint(w, "port", n->port);
		if (n->timetable)
			writer_put_uint(w, "timetable", n->timetable);
		if (numbers->gone[i])
			writer_put_int(w, "gone", numbers->gone[i]);
		writer_close_map(w);
	}
	writer_close_list(w);
	writer_close_map(w);
}

int numbers_store(const struct numbers *numbers, const char *path)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct writer w;
	int r;

	if (!out)
		return -ENOMEM;
	writer_init(&w, out, true);
	write_rows(&w, numbers);
	r = fclose(out) == 0 ? file_replace(path, text, size, 0640) : -ENOMEM;
	free(text);
	return r;
}

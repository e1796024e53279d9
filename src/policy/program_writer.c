/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/program_writer.h"

#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "policy/describe.h"

void program_writer_init(struct program_writer *w, bool refuse_new, struct arena *arena)
{
	static const size_t sizes[PART_COUNT] = {
		[PART_INDEX] = sizeof(uint32_t),
		[PART_CONDUITS] = sizeof(struct program_conduit),
		[PART_RULES] = sizeof(struct program_rule),
		[PART_WINDOWS] = sizeof(struct program_window),
		[PART_ENTRIES] = sizeof(struct program_entry),
		[PART_RANGES] = sizeof(struct program_range),
		[PART_VALUE_ROWS] = sizeof(struct program_value),
		[PART_CIP] = sizeof(struct program_cip),
		[PART_OBJECTS] = sizeof(struct program_object),
		[PART_TAGS] = sizeof(struct program_tag),
		[PART_NAMES] = sizeof(struct program_name),
		[PART_FILES] = sizeof(struct program_file),
		[PART_HOPS] = sizeof(struct program_hop),
		[PART_ROUTES] = sizeof(struct program_span),
		[PART_TEXT] = sizeof(uint8_t),
	};

	*w = (struct program_writer){ .arena = arena, .refuse_new = refuse_new };
	for (size_t i = 0; i < PART_COUNT; i++)
		w->parts[i].row = sizes[i];
}

struct program_span program_append(struct program_writer *w, enum program_part part, const void *rows,
				   size_t count)
{
	struct table_rows *t = &w->parts[part];
	struct program_span span = { .first = (uint32_t)t->count, .count = (uint32_t)count };

	if (!count)
		return (struct program_span){ 0 };
	if (t->count + count > t->capacity) {
		t->capacity = (t->count + count) * 2;
		t->bytes = reallocarray(t->bytes, t->capacity, t->row);
		if (!t->bytes)
			abort();
	}
	if (rows)
		memcpy(t->bytes + t->count * t->row, rows, count * t->row);
	else
		memset(t->bytes + t->count * t->row, 0, count * t->row);
	t->count += count;
	return span;
}

/* ---- rows that are shared ---- */

static uint32_t hash_rows(const struct table_rows *t, struct program_span span)
{
	const unsigned char *bytes = t->bytes + span.first * t->row;
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < span.count * t->row; i++)
		h = (h ^ bytes[i]) * 16777619u;
	return h;
}

/* The place of an equal run, or the free one where it belongs. */
static struct program_run *find_run(const struct table_rows *t, const struct program_run *wanted)
{
	size_t at = wanted->hash & (t->run_capacity - 1);

	for (;; at = (at + 1) & (t->run_capacity - 1)) {
		struct program_run *run = &t->runs[at];

		if (!run->span.count ||
		    (run->hash == wanted->hash && run->span.count == wanted->span.count &&
		     memcmp(t->bytes + run->span.first * t->row, t->bytes + wanted->span.first * t->row,
			    run->span.count * t->row) == 0))
			return run;
	}
}

/* Never more than half full. */
static void grow_runs(struct table_rows *t)
{
	struct table_rows old = *t;

	if (t->run_count * 2 < t->run_capacity)
		return;
	t->run_capacity = old.run_capacity ? old.run_capacity * 2 : 64;
	t->runs = calloc(t->run_capacity, sizeof(*t->runs));
	if (!t->runs)
		abort();
	for (size_t i = 0; i < old.run_capacity; i++)
		if (old.runs[i].span.count)
			*find_run(t, &old.runs[i]) = old.runs[i];
	free(old.runs);
}

struct program_span program_share(struct program_writer *w, enum program_part part, size_t first)
{
	struct table_rows *t = &w->parts[part];
	struct program_run run = { .span = { (uint32_t)first, (uint32_t)(t->count - first) } };
	struct program_run *known;

	if (!run.span.count)
		return (struct program_span){ 0 };
	run.hash = hash_rows(t, run.span);
	grow_runs(t);
	known = find_run(t, &run);
	if (known->span.count) {
		t->count = first;
	} else {
		*known = run;
		t->run_count++;
	}
	return known->span;
}

struct program_span program_append_shared(struct program_writer *w, enum program_part part, const void *rows,
					  size_t count)
{
	size_t first = w->parts[part].count;

	program_append(w, part, rows, count);
	return program_share(w, part, first);
}

struct program_span program_add_ranges(struct program_writer *w, const struct range_list *list)
{
	return program_append_shared(w, PART_RANGES, list->items, list->count);
}

static void add_entry(struct program_writer *w, const struct entry *entry)
{
	struct program_entry row = {
		.function = entry->code,
		.mei_type = entry->mei_type,
		.value_type = entry->value_type,
		.word_order = entry->word_order,
		.max_quantity = entry->max_quantity,
		.addresses = program_add_ranges(w, &entry->addresses),
		.writes = program_add_ranges(w, &entry->writes),
		.values = program_append_shared(w, PART_VALUE_ROWS, entry->values.items, entry->values.count),
		.subfunctions = program_add_ranges(w, &entry->subfunctions),
		.objects = program_add_ranges(w, &entry->objects),
		.read_codes = program_add_ranges(w, &entry->read_codes),
		.files = program_add_ranges(w, &entry->files),
		.records = program_add_ranges(w, &entry->records),
	};

	memcpy(row.units, entry->units, sizeof(row.units));
	program_append(w, PART_ENTRIES, &row, 1);
}

/* Rules with the same timetable share its windows. */
static struct program_span add_windows(struct program_writer *w, struct timetable *timetable)
{
	static const struct program_window never = { 0, 0 };

	if (!timetable)
		return (struct program_span){ 0 };
	/* no window at all would mean "always" */
	if (!timetable->windows.count)
		return program_append(w, PART_WINDOWS, &never, 1);
	if (!timetable->span.count)
		timetable->span = program_append(w, PART_WINDOWS, timetable->windows.items, timetable->windows.count);
	return timetable->span;
}

/* FNV-1a: two rules of one conduit that share it would only share their counts. */
static uint32_t key_of(const char *id)
{
	uint32_t h = 2166136261u;

	for (; *id; id++)
		h = (h ^ (uint8_t)*id) * 16777619u;
	return h;
}

static void add_rule(struct program_writer *w, const struct rule *rule, struct timetable *timetable)
{
	struct program_rule row = { .quirks = rule->quirks, .key = key_of(rule->id) };
	size_t first = w->parts[PART_ENTRIES].count, first_cip = w->parts[PART_CIP].count;

	if (w->refuse_new)
		row.no_new_from = calendar_instant(rule->review_by + 1, 0);
	for (size_t i = 0; i < rule->entries.count; i++)
		add_entry(w, &rule->entries.items[i]);
	for (size_t i = 0; rule->profile && i < rule->profile->entries.count; i++)
		add_entry(w, &rule->profile->entries.items[i]);
	row.entries = program_share(w, PART_ENTRIES, first);
	for (size_t i = 0; i < rule_cip_count(rule); i++)
		program_add_cip(w, rule_cip(rule, i), &rule->routes);
	row.cip = program_share(w, PART_CIP, first_cip);
	row.windows = add_windows(w, timetable);
	program_append(w, PART_RULES, &row, 1);
}

static void add_index(struct program_writer *w, uint32_t number)
{
	struct table_rows *index = &w->parts[PART_INDEX];
	uint32_t position = (uint32_t)w->parts[PART_CONDUITS].count; /* + 1: after it was appended */

	if (index->count <= number)
		program_append(w, PART_INDEX, NULL, number + 1 - index->count);
	memcpy(index->bytes + number * sizeof(position), &position, sizeof(position));
}

void program_add(struct program_writer *w, uint32_t number, const struct conduit *conduit,
		 struct timetables *timetables)
{
	const struct rule *first = conduit->rules[0];
	struct program_conduit row = {
		.number = number,
		.family = first->to->address.family,
		.protocol = first->protocol->program,
		.on_violation = (uint8_t)first->on_violation,
		.mode = (uint8_t)first->mode,
		.port = first->port,
		.max_connections = first->max_connections,
		.requests_per_second = first->requests_per_second,
		.rules = { .first = (uint32_t)w->parts[PART_RULES].count,
			   .count = (uint32_t)conduit->count },
	};

	memcpy(row.server, first->from->address.b, sizeof(row.server));
	memcpy(row.device, first->to->address.b, sizeof(row.device));
	for (size_t i = 0; i < conduit->count; i++)
		add_rule(w, conduit->rules[i], timetable_of_rule(timetables, conduit->rules[i]));
	program_append(w, PART_CONDUITS, &row, 1);
	add_index(w, number);
}

static size_t align8(size_t size)
{
	return (size + 7) / 8 * 8;
}

size_t program_finish(struct program_writer *w, const void **ret_block)
{
	struct program_header header = { .magic = PROGRAM_MAGIC, .version = PROGRAM_VERSION };
	struct program_table *tables[PART_COUNT] = {
		&header.index,	 &header.conduits, &header.rules,  &header.windows, &header.entries,
		&header.ranges,	 &header.values,   &header.cip,	   &header.objects, &header.tags,
		&header.names,	 &header.files,	   &header.hops,   &header.routes,  &header.text,
	};
	size_t at = align8(sizeof(header));
	unsigned char *block;

	for (size_t i = 0; i < PART_COUNT; i++) {
		*tables[i] = (struct program_table){ .offset = (uint32_t)at,
						     .count = (uint32_t)w->parts[i].count };
		at = align8(at + w->parts[i].count * w->parts[i].row);
	}
	header.size = (uint32_t)at;
	block = arena_alloc(w->arena, at);
	memcpy(block, &header, sizeof(header));
	for (size_t i = 0; i < PART_COUNT; i++) {
		if (w->parts[i].count)
			memcpy(block + tables[i]->offset, w->parts[i].bytes,
			       w->parts[i].count * w->parts[i].row);
		free(w->parts[i].bytes);
		free(w->parts[i].runs);
		w->parts[i] = (struct table_rows){ 0 };
	}
	*ret_block = block;
	return at;
}

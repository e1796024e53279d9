/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/describe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_MAX 200u /* ranges or values of one list; more are counted */

/* A text that grows, then moves to the arena. */
struct text {
	FILE *out;
	char *bytes;
	size_t len;
};

static void text_open(struct text *t)
{
	t->out = open_memstream(&t->bytes, &t->len);
	if (!t->out)
		abort();
}

static const char *text_close(struct text *t, struct arena *arena)
{
	const char *copy;

	if (fclose(t->out))
		abort();
	copy = arena_strndup(arena, t->bytes, t->len);
	free(t->bytes);
	return copy;
}

const struct entry *rule_entry(const struct rule *rule, size_t i)
{
	if (i < rule->entries.count)
		return &rule->entries.items[i];
	i -= rule->entries.count;
	return rule->profile && i < rule->profile->entries.count ? &rule->profile->entries.items[i] : NULL;
}

size_t rule_entry_count(const struct rule *rule)
{
	return rule->entries.count + (rule->profile ? rule->profile->entries.count : 0);
}

const char *describe_function(const struct entry *entry, struct arena *arena)
{
	if (entry->function)
		return entry->function->name;
	if (entry->mei_type)
		return arena_printf(arena, "function %u with MEI type %u", entry->code, entry->mei_type);
	return arena_printf(arena, "function %u", entry->code);
}

static void print_range(FILE *out, const char *before, uint32_t first, uint32_t last)
{
	if (first == last)
		fprintf(out, "%s%u", before, first);
	else
		fprintf(out, "%s%u-%u", before, first, last);
}

static bool has_unit(const uint32_t *units, unsigned unit)
{
	return unit < 256 && units[unit / 32] >> unit % 32 & 1;
}

const char *describe_units(const uint32_t units[static 8], struct arena *arena)
{
	struct text t;
	const char *before = "";

	text_open(&t);
	for (unsigned first = 0; first < 256; first++) {
		unsigned last = first;

		if (!has_unit(units, first))
			continue;
		while (has_unit(units, last + 1))
			last++;
		if (!first && last == 255)
			fputs("any", t.out);
		else
			print_range(t.out, before, first, last);
		before = ", ";
		first = last;
	}
	return text_close(&t, arena);
}

const char *describe_ranges(const struct range_list *list, struct arena *arena)
{
	struct text t;
	size_t shown = list->count < SHOWN_MAX ? list->count : SHOWN_MAX;

	text_open(&t);
	if (!list->count)
		fputs("any", t.out);
	for (size_t i = 0; i < shown; i++)
		print_range(t.out, i ? ", " : "", list->items[i].first, list->items[i].last);
	if (shown < list->count)
		fprintf(t.out, " and %zu more", list->count - shown);
	return text_close(&t, arena);
}

static void print_type(FILE *out, const struct entry *entry)
{
	if (entry->value_type == PROGRAM_UINT16)
		return;
	fprintf(out, " (%s", word_name(&words_value_types, entry->value_type));
	if (entry->value_type >= PROGRAM_UINT32)
		fputs(entry->word_order ? ", low word first" : ", high word first", out);
	fputc(')', out);
}

const char *describe_values(const struct entry *entry, struct arena *arena)
{
	const struct value_list *list = &entry->values;
	struct text t;
	size_t shown = list->count < SHOWN_MAX ? list->count : SHOWN_MAX;

	if (!list->count)
		return "any";
	text_open(&t);
	for (size_t i = 0; i < shown; i++) {
		const struct program_value *v = &list->items[i];

		fputs(!i ? "" : i + 1 == list->count ? " or " : ", ", t.out);
		fprintf(t.out, "%.10g", v->min);
		if (v->max > v->min)
			fprintf(t.out, " to %.10g", v->max);
	}
	if (shown < list->count)
		fprintf(t.out, " or %zu more", list->count - shown);
	print_type(t.out, entry);
	return text_close(&t, arena);
}

/* How a part of an entry is called, where one number and where several are meant. */
static void print_part(FILE *out, const char *one, const char *many, const struct range_list *list,
		       struct arena *arena)
{
	bool single = list->count == 1 && list->items[0].first == list->items[0].last;

	if (list->count)
		fprintf(out, ", %s %s", single ? one : many, describe_ranges(list, arena));
}

const char *describe_entry(const struct entry *entry, struct arena *arena)
{
	const char *units = describe_units(entry->units, arena);
	bool several = !strcmp(units, "any") ? false : strpbrk(units, ",-") != NULL;
	struct text t;

	text_open(&t);
	fputs(describe_function(entry, arena), t.out);
	if (!strcmp(units, "any"))
		fputs(", any unit", t.out);
	else
		fprintf(t.out, ", %s %s", several ? "units" : "unit", units);
	print_part(t.out, entry->writes.count ? "read address" : "address",
		   entry->writes.count ? "read addresses" : "addresses", &entry->addresses, arena);
	print_part(t.out, "write address", "write addresses", &entry->writes, arena);
	print_part(t.out, "sub-function", "sub-functions", &entry->subfunctions, arena);
	print_part(t.out, "object", "objects", &entry->objects, arena);
	print_part(t.out, "read code", "read codes", &entry->read_codes, arena);
	print_part(t.out, "file", "files", &entry->files, arena);
	print_part(t.out, "record", "records", &entry->records, arena);
	if (entry->values.count)
		fprintf(t.out, ", values %s", describe_values(entry, arena));
	if (entry->max_quantity)
		fprintf(t.out, ", at most %u at once", entry->max_quantity);
	return text_close(&t, arena);
}

static void print_days(FILE *out, unsigned days)
{
	const char *before = "";

	if (days == 0x7f) {
		fputs("daily", out);
		return;
	}
	for (int first = 0; first < 7; first++) {
		int last = first;

		if (!(days >> first & 1))
			continue;
		while (last < 6 && days >> (last + 1) & 1)
			last++;
		fprintf(out, "%s%s", before, word_name(&words_weekdays, first));
		if (last > first)
			fprintf(out, "-%s", word_name(&words_weekdays, last));
		before = ",";
		first = last;
	}
}

const char *describe_schedule(const struct rule *rule, struct arena *arena)
{
	struct text t;

	if (!rule->schedule_count)
		return NULL;
	text_open(&t);
	for (size_t i = 0; i < rule->schedule_count; i++) {
		const struct schedule *s = &rule->schedules[i];

		fputs(i ? "; " : "", t.out);
		print_days(t.out, s->days);
		fprintf(t.out, " %02d:%02d-%02d:%02d", s->from / 60, s->from % 60, s->until / 60,
			s->until % 60);
	}
	return text_close(&t, arena);
}

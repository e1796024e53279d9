/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/load.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "base/nearest.h"

#define NAME_LENGTH 63u

__attribute__((format(printf, 2, 0)))
static const char *format_text(const struct loader *l, const char *format, va_list args)
{
	char text[1024];
	int len = vsnprintf(text, sizeof(text), format, args);

	return arena_strndup(l->arena, text, len < 0 ? 0 : strlen(text));
}

void report(const struct loader *l, enum finding finding, const struct value *at, const char *help,
	    const char *format, ...)
{
	const struct finding_code *row = &finding_codes[finding];
	va_list args;

	if (!diag_wants(l->bind.diags, row->severity)) {
		diag_add(l->bind.diags, row->severity, row->code, NULL, NULL, "%s", row->meaning);
		return;
	}
	va_start(args, format);
	bind_finding(&l->bind, row->severity, row->code, at, help, "%s", format_text(l, format, args));
	va_end(args);
}

void report_name(const struct loader *l, enum finding finding, const struct value *at,
		 const char *help, const char *format, ...)
{
	const struct finding_code *row = &finding_codes[finding];
	va_list args;

	if (!diag_wants(l->bind.diags, row->severity)) {
		diag_add(l->bind.diags, row->severity, row->code, NULL, NULL, "%s", row->meaning);
		return;
	}
	va_start(args, format);
	bind_name_finding(&l->bind, row->severity, row->code, at, help, "%s",
			  format_text(l, format, args));
	va_end(args);
}

const char *place_text(const struct loader *l, const struct value *at)
{
	struct diag_place place = value_name_place(at, l->arena);

	return arena_printf(l->arena, "%s:%u", place.file, place.line);
}

const char *nearest_help(const struct loader *l, const struct nearest *near, const char *otherwise)
{
	if (!near->best)
		return otherwise;
	if (!near->what)
		return arena_printf(l->arena, "did you mean \"%s\"?", near->best);
	return arena_printf(l->arena, "did you mean \"%s\" (%s)?", near->best,
			    place_text(l, near->what));
}

/* "it, dmz, ot" */
static const char *words_text(const struct loader *l, const struct words *words)
{
	const char *text = words->items[0].name;

	for (size_t i = 1; i < words->count; i++)
		text = arena_printf(l->arena, "%s, %s", text, words->items[i].name);
	return text;
}

int read_word(const struct loader *l, const struct words *words, const struct value *at)
{
	struct nearest near;

	for (size_t i = 0; i < words->count; i++)
		if (!strcmp(words->items[i].name, at->text))
			return words->items[i].value;
	near = nearest_to(at->text);
	for (size_t i = 0; i < words->count; i++)
		nearest_offer(&near, words->items[i].name, NULL);
	report(l, FINDING_UNKNOWN_WORD, at,
	       nearest_help(l, &near, arena_printf(l->arena, "write one of: %s", words_text(l, words))),
	       "\"%.60s\" is not %s", at->text, words->what);
	return -1;
}

int64_t read_number(const struct loader *l, const struct value *at, int64_t least, int64_t most,
		    int64_t otherwise)
{
	if (!at)
		return otherwise;
	if (!bind_type(&l->bind, at, BIND_INT))
		return otherwise;
	if (at->integer >= least && at->integer <= most)
		return at->integer;
	report(l, FINDING_IMPOSSIBLE_RANGE, at,
	       arena_printf(l->arena, "write a number from %lld to %lld", (long long)least,
			    (long long)most),
	       "%lld is not possible here", (long long)at->integer);
	return otherwise;
}

int64_t read_date(const struct loader *l, const struct value *at)
{
	int64_t day;

	if (!at)
		return NO_DAY;
	if (calendar_parse_date(at->text, &day))
		return day;
	report(l, FINDING_INVALID_DATE, at, "write year, month and day as in \"2027-04-01\"",
	       "\"%.60s\" is not a date", at->text);
	return NO_DAY;
}

bool check_name(const struct loader *l, const struct value *at, const char *name)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
	size_t len = strlen(name);

	if (len && len <= NAME_LENGTH && strspn(name, letters) == len)
		return true;
	report_name(l, FINDING_INVALID_NAME, at,
		    "a name has 1 to 63 letters, digits, \"-\", \"_\" or \".\", as in \"press-plc-3\"",
		    "\"%.60s\" cannot be a name", name);
	return false;
}

void check_text(const struct loader *l, const struct value *at, bool sentence)
{
	static const char blanks[] = " \t\r\n";
	const char *text;

	if (!at)
		return;
	text = at->text + strspn(at->text, blanks);
	if (!*text) {
		report(l, FINDING_EMPTY_TEXT, at, "write it for who reads this in a year",
		       "\"%s\" is empty", at->name);
		return;
	}
	text += strcspn(text, blanks);
	if (sentence && !text[strspn(text, blanks)])
		report(l, FINDING_NOT_A_SENTENCE, at, "write a sentence that a reviewer can judge",
		       "one word does not explain \"%s\"", at->name);
}

bool check_filled(const struct loader *l, const struct value *list)
{
	if (list->count)
		return true;
	report(l, FINDING_EMPTY_LIST, list, "name at least one, or remove the member",
	       "\"%s\" is empty", list->name ? list->name : "this list");
	return false;
}

/* The rows of the model begin with their id, so that one search serves all its lists. */
static int compare_id(const void *key, const void *row)
{
	return strcmp(key, *(const char *const *)row);
}

static void *find_row(const char *id, void *rows, size_t count, size_t size)
{
	return count ? bsearch(id, rows, count, size, compare_id) : NULL;
}

struct zone *find_zone(const struct site *site, const char *id)
{
	return find_row(id, site->zones, site->zone_count, sizeof(*site->zones));
}

struct person *find_person(const struct site *site, const char *id)
{
	return find_row(id, site->people, site->person_count, sizeof(*site->people));
}

struct asset *find_asset(const struct site *site, const char *id)
{
	return find_row(id, site->assets, site->asset_count, sizeof(*site->assets));
}

struct profile *find_profile(const struct site *site, const char *id)
{
	return find_row(id, site->profiles, site->profile_count, sizeof(*site->profiles));
}

static int compare_rows(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void sort_rows(void *rows, size_t count, size_t size)
{
	if (count)
		qsort(rows, count, size, compare_rows);
}

void use_person(const struct loader *l, const struct value *at)
{
	const struct site *site = l->site;
	struct nearest near;
	struct person *person;

	if (!at || site->partial || !site->at)
		return;
	person = find_person(site, at->text);
	if (person) {
		person->used = true;
		return;
	}
	near = nearest_to(at->text);
	for (size_t i = 0; i < site->person_count; i++)
		nearest_offer(&near, site->people[i].id, site->people[i].at);
	report(l, FINDING_UNKNOWN_PERSON, at,
	       nearest_help(l, &near, "add the person or group to \"people\" of the site document"),
	       "nobody is called \"%.60s\"", at->text);
}

static const char *protocols_text(const struct loader *l)
{
	const char *text = "";

	for (size_t i = 0; i < protocol_count; i++)
		if (protocols[i].available)
			text = arena_printf(l->arena, "%s%s%s", text, *text ? ", " : "",
					    protocols[i].name);
	return text;
}

const struct protocol *read_protocol(const struct loader *l, const struct value *at)
{
	struct nearest near;

	for (size_t i = 0; i < protocol_count; i++) {
		const struct protocol *p = &protocols[i];

		if (strcmp(p->name, at->text))
			continue;
		if (p->available)
			return p;
		report(l, FINDING_PROTOCOL_NOT_INSPECTED, at,
		       arena_printf(l->arena, "protocols of this version: %s", protocols_text(l)),
		       "the protocol \"%s\" is not inspected by this version", p->name);
		return NULL;
	}
	near = nearest_to(at->text);
	for (size_t i = 0; i < protocol_count; i++)
		nearest_offer(&near, protocols[i].name, NULL);
	report(l, FINDING_UNKNOWN_PROTOCOL, at,
	       nearest_help(l, &near, arena_printf(l->arena, "write one of: %s", protocols_text(l))),
	       "there is no protocol \"%.60s\"", at->text);
	return NULL;
}

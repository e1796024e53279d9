/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/learn.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "policy/learn_group.h"
#include "protocol/modbus.h"

/* ---- ranges ---- */

void learn_ranges_add(struct arena *arena, struct learn_ranges *ranges, uint32_t first, uint32_t last)
{
	struct program_range *items = arena_array(arena, ranges->count + 1, sizeof(*items));
	size_t count = 0, i = 0;

	while (i < ranges->count && (uint64_t)ranges->items[i].last + 1 < first)
		items[count++] = ranges->items[i++];
	for (; i < ranges->count && ranges->items[i].first <= (uint64_t)last + 1; i++) {
		first = ranges->items[i].first < first ? ranges->items[i].first : first;
		last = ranges->items[i].last > last ? ranges->items[i].last : last;
	}
	items[count++] = (struct program_range){ first, last };
	while (i < ranges->count)
		items[count++] = ranges->items[i++];
	*ranges = (struct learn_ranges){ items, count };
}

static bool ranges_equal(const struct learn_ranges *a, const struct learn_ranges *b)
{
	return a->count == b->count &&
	       (a->count == 0 || memcmp(a->items, b->items, a->count * sizeof(a->items[0])) == 0);
}

static void add_all(struct arena *arena, struct learn_ranges *to, const struct learn_ranges *from)
{
	for (size_t i = 0; i < from->count; i++)
		learn_ranges_add(arena, to, from->items[i].first, from->items[i].last);
}

/* ---- groups ---- */

static bool is_list(const struct learn_group *g)
{
	return g->form >= LEARN_READ_TAGS && g->form <= LEARN_WRITE_FILES;
}

/* What stands in an entry once. Writing a tag in parts is writing it. */
static bool same_head(const struct learn_group *a, const struct learn_group *b)
{
	if (a->form != b->form || strcmp(a->route, b->route) || a->file != b->file || a->mei_type != b->mei_type)
		return false;
	return a->form >= LEARN_READ_TAGS || (a->code == b->code && a->class == b->class &&
					      !a->a.count == !b->a.count);
}

static void count_in(struct learn_group *into, const struct learn_group *from)
{
	into->count += from->count;
	into->first = from->first < into->first ? from->first : into->first;
	into->last = from->last > into->last ? from->last : into->last;
	into->access = from->access > into->access ? from->access : into->access;
}

static void merge(struct learn *l, struct learn_group *into, const struct learn_group *from)
{
	add_all(l->arena, &into->keys, &from->keys);
	add_all(l->arena, &into->a, &from->a);
	add_all(l->arena, &into->b, &from->b);
	count_in(into, from);
}

static struct learn_group *find_group(struct learn *l, const struct learn_group *like)
{
	for (size_t i = 0; i < l->count; i++) {
		struct learn_group *g = &l->groups[i];

		if (same_head(g, like) && ranges_equal(&g->keys, &like->keys) && !strcasecmp(g->base, like->base))
			return g;
	}
	return NULL;
}

static void append(struct learn *l, const struct learn_group *group)
{
	struct learn_group *grown;

	if (l->count == l->capacity) {
		l->capacity = l->capacity ? 2 * l->capacity : 16;
		grown = arena_array(l->arena, l->capacity, sizeof(*grown));
		if (l->count)
			memcpy(grown, l->groups, l->count * sizeof(*grown));
		l->groups = grown;
	}
	l->groups[l->count++] = *group;
}

enum learn_result learn_add(struct learn *l, const struct learn_use *use)
{
	struct learn_group group, *known;
	enum learn_result result = learn_read_use(l->arena, use, &group);

	if (result != LEARN_TAKEN)
		return result;
	known = find_group(l, &group);
	if (known)
		merge(l, known, &group);
	else
		append(l, &group);
	return LEARN_TAKEN;
}

/* An entry without a route allows the device itself and 1/0: where the first is used, the second needs no entry. */
static void fold_routes(struct learn *l)
{
	bool plain = false;

	for (size_t i = 0; i < l->count; i++)
		plain |= l->groups[i].form >= LEARN_SERVICE && l->groups[i].form != LEARN_LIST_IDENTITY &&
			 !*l->groups[i].route;
	for (size_t i = 0; plain && i < l->count; i++)
		if (!strcmp(l->groups[i].route, "1/0"))
			l->groups[i].route = "";
}

/* "Temps" beside "Temps[": the array from its first element on. */
static void fold_plain_tags(struct learn *l)
{
	for (size_t i = 0; i < l->count; i++) {
		struct learn_group *g = &l->groups[i];
		size_t len = strlen(g->base);

		if (g->form != LEARN_READ_TAGS && g->form != LEARN_WRITE_TAGS)
			continue;
		for (size_t k = 0; k < l->count && !g->a.count; k++) {
			const struct learn_group *array = &l->groups[k];

			if (!same_head(array, g) || strncasecmp(array->base, g->base, len) || strcmp(array->base + len, "["))
				continue;
			g->base = array->base;
			learn_ranges_add(l->arena, &g->a, 0, 0);
		}
	}
}

static void fold_equal(struct learn *l)
{
	size_t count = l->count;

	l->count = 0;
	for (size_t i = 0; i < count; i++) {
		struct learn_group group = l->groups[i], *known = find_group(l, &group);

		if (known)
			merge(l, known, &group);
		else
			l->groups[l->count++] = group;
	}
}

/* Units (instances) of which the same was asked for share an entry. */
static bool shares_entry(const struct learn_group *a, const struct learn_group *b)
{
	return same_head(a, b) && (is_list(a) || (ranges_equal(&a->a, &b->a) && ranges_equal(&a->b, &b->b)));
}

/* ---- writing ---- */

static void write_range(struct writer *w, const struct program_range *r)
{
	char text[32];

	if (r->first == r->last) {
		writer_uint(w, r->first);
		return;
	}
	snprintf(text, sizeof(text), "%u-%u", r->first, r->last);
	writer_text(w, text);
}

static void write_ranges(struct writer *w, const char *name, const struct learn_ranges *ranges)
{
	if (!ranges->count)
		return;
	writer_name(w, name);
	writer_open_list(w);
	for (size_t i = 0; i < ranges->count; i++)
		write_range(w, &ranges->items[i]);
	writer_close_list(w);
}

/* Units are a number or a list of numbers. */
static void write_units(struct writer *w, const struct learn_ranges *units)
{
	bool one = units->count == 1 && units->items[0].first == units->items[0].last;

	writer_name(w, "unit");
	if (!one)
		writer_open_list(w);
	for (size_t i = 0; i < units->count; i++)
		for (uint32_t u = units->items[i].first; u <= units->items[i].last; u++)
			writer_uint(w, u);
	if (!one)
		writer_close_list(w);
}

static void write_part(struct writer *w, const char *name, const struct learn_ranges *addresses)
{
	writer_name(w, name);
	writer_open_map(w);
	write_ranges(w, "addresses", addresses);
	writer_close_map(w);
}

static void write_function(struct writer *w, const struct learn_group *g)
{
	const struct modbus_function *f = modbus_function(g->code);

	if (f && g->mei_type != MODBUS_MEI_CANOPEN)
		writer_put_text(w, "function", f->name);
	else
		writer_put_uint(w, "function", g->code);
	if (g->mei_type == MODBUS_MEI_CANOPEN)
		writer_put_uint(w, "mei_type", g->mei_type);
	write_units(w, &g->keys);
}

static void write_modbus(struct writer *w, const struct learn_group *g)
{
	const struct learn_ranges file = { &(struct program_range){ g->file, g->file }, 1 };

	write_function(w, g);
	if (g->form == LEARN_READ_WRITE) {
		write_part(w, "read", &g->a);
		write_part(w, "write", &g->b);
		return;
	}
	if (g->form == LEARN_RECORDS)
		write_ranges(w, "files", &file);
	write_ranges(w, g->form == LEARN_ADDRESSES ? "addresses" : g->form == LEARN_RECORDS ? "records" :
			g->form == LEARN_IDENTITY ? "read_codes" : "subfunctions", &g->a);
	write_ranges(w, "object_ids", &g->b);
}

static void write_object(struct writer *w, const struct learn_group *g)
{
	const struct cip_service *s = cip_service(g->class, g->code);
	const struct cip_class *c = cip_class(g->class);

	if (s)
		writer_put_text(w, "service", s->name);
	else
		writer_put_uint(w, "service", g->code);
	if (c)
		writer_put_text(w, "class", c->name);
	else
		writer_put_uint(w, "class", g->class);
	write_ranges(w, "instance", &g->keys);
	write_ranges(w, "attributes", &g->a);
}

/* "Temps[" and 0-3: "Temps[0-3]"; "N7:" and 5: "N7:5". */
static void write_items(struct writer *w, const struct learn_group *g)
{
	const char *end = g->form == LEARN_READ_TAGS || g->form == LEARN_WRITE_TAGS ? "]" : "";
	char text[320];

	if (!g->a.count)
		writer_text(w, g->base);
	for (size_t i = 0; i < g->a.count; i++) {
		const struct program_range *r = &g->a.items[i];

		if (r->first == r->last)
			snprintf(text, sizeof(text), "%s%u%s", g->base, r->first, end);
		else
			snprintf(text, sizeof(text), "%s%u-%u%s", g->base, r->first, r->last, end);
		writer_text(w, text);
	}
}

static void write_list(struct learn *l, struct writer *w, struct learn_group *g, const char *name)
{
	writer_name(w, name);
	writer_open_list(w);
	write_items(w, g);
	for (struct learn_group *other = g + 1; other < l->groups + l->count; other++) {
		if (!shares_entry(g, other))
			continue;
		write_items(w, other);
		count_in(g, other);
		other->written = true;
	}
	writer_close_list(w);
}

static void write_members(struct learn *l, struct writer *w, struct learn_group *g)
{
	switch (g->form) {
	case LEARN_PLAIN:
	case LEARN_ADDRESSES:
	case LEARN_READ_WRITE:
	case LEARN_SUBFUNCTIONS:
	case LEARN_IDENTITY:
	case LEARN_RECORDS:
		write_modbus(w, g);
		break;
	case LEARN_SERVICE:
		write_object(w, g);
		break;
	case LEARN_READ_TAGS:
		write_list(l, w, g, "read-tags");
		break;
	case LEARN_WRITE_TAGS:
		write_list(l, w, g, "write-tags");
		break;
	case LEARN_READ_FILES:
	case LEARN_WRITE_FILES:
		writer_put_text(w, "pccc", g->form == LEARN_READ_FILES ? "read" : "write");
		write_list(l, w, g, "files");
		break;
	case LEARN_BROWSE:
		writer_put_bool(w, "browse-tags", true);
		break;
	case LEARN_LIST_IDENTITY:
		writer_put_bool(w, "list-identity", true);
		break;
	}
	if (*g->route) {
		writer_name(w, "route");
		writer_open_list(w);
		writer_text(w, g->route);
		writer_close_list(w);
	}
}

static void format_time(int64_t at, char *text, size_t size)
{
	time_t seconds = (time_t)at;
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || !strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", &tm))
		snprintf(text, size, "?");
}

static const char *warning_of(const struct learn_group *g)
{
	if (g->access == CIP_CONTROL)
		return "CONTROLS THE DEVICE, or does what the gate does not know: keep it only if this server has to. ";
	if (g->access == CIP_WRITE && (g->form == LEARN_ADDRESSES || g->form == LEARN_READ_WRITE ||
				       g->form == LEARN_WRITE_TAGS))
		return "Writes any value: add \"values\" with the limits of the process. ";
	return "";
}

static void write_note(struct writer *w, const struct learn_group *g)
{
	char first[32], last[32], text[320];

	format_time(g->first, first, sizeof(first));
	format_time(g->last, last, sizeof(last));
	snprintf(text, sizeof(text), "%sSeen %llu time%s, %s to %s", warning_of(g), (unsigned long long)g->count,
		 g->count == 1 ? "" : "s", first, last);
	writer_put_text(w, "note", text);
}

static void write_entries(struct learn *l, struct writer *w)
{
	writer_open_list(w);
	for (size_t i = 0; i < l->count; i++) {
		struct learn_group *g = &l->groups[i];

		if (g->written)
			continue;
		for (size_t k = i + 1; k < l->count && !is_list(g); k++) {
			if (l->groups[k].written || !shares_entry(g, &l->groups[k]))
				continue;
			merge(l, g, &l->groups[k]);
			l->groups[k].written = true;
		}
		writer_open_map(w);
		write_members(l, w, g);
		write_note(w, g);
		writer_close_map(w);
	}
	writer_close_list(w);
}

bool learn_controls(const struct learn *l)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->groups[i].access == CIP_CONTROL)
			return true;
	return false;
}

void learn_write(const struct learn *l, struct writer *w)
{
	struct learn copy = { .arena = l->arena, .count = l->count, .capacity = l->count };

	copy.groups = arena_array(l->arena, l->count + 1, sizeof(*copy.groups));
	if (l->count)
		memcpy(copy.groups, l->groups, l->count * sizeof(*copy.groups));
	fold_routes(&copy);
	fold_plain_tags(&copy);
	fold_equal(&copy);
	write_entries(&copy, w);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names, routes, paths and values become numbers: all that are compared are sorted. */
#include "policy/grants_cip.h"

#include <stdlib.h>
#include <string.h>

#include "policy/describe.h"
#include "policy/grants_tag.h"

#define IO_ASSEMBLIES 3u    /* that one connection names */

struct numbers {
	double *items;
	size_t count;
};

struct maker {
	struct arena *arena;
	struct texts names, routes, paths;
	struct numbers values;
};

/* ---- numbering ---- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sort_texts(struct texts *t)
{
	size_t kept = 0;

	if (t->count)
		qsort(t->items, t->count, sizeof(*t->items), by_text);
	for (size_t i = 0; i < t->count; i++)
		if (!kept || strcmp(t->items[kept - 1], t->items[i]))
			t->items[kept++] = t->items[i];
	t->count = kept;
}

static uint32_t text_number(const struct texts *t, const char *text)
{
	const char **found = bsearch(&text, t->items, t->count, sizeof(*t->items), by_text);

	return (uint32_t)(found - t->items);
}

static int by_number(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void sort_numbers(struct numbers *n)
{
	size_t kept = 0;

	if (n->count)
		qsort(n->items, n->count, sizeof(*n->items), by_number);
	for (size_t i = 0; i < n->count; i++)
		if (!kept || n->items[kept - 1] < n->items[i])
			n->items[kept++] = n->items[i];
	n->count = kept;
}

/* Odd, so that there is one for what lies between two. */
static uint32_t value_number(const struct numbers *n, double value)
{
	const double *found = bsearch(&value, n->items, n->count, sizeof(*n->items), by_number);

	return 2 * (uint32_t)(found - n->items) + 1;
}

/* "104/107": the classes of a path. */
static const char *path_key(const struct object_list *path, struct arena *arena)
{
	const char *key = "";

	for (size_t i = 0; i < path->count; i++)
		key = arena_printf(arena, "%s%u/", key, path->items[i].class);
	return key;
}

static const struct cip_route device_itself, slot_0 = {
	.hops = &(struct route_hop){ .port = 1, .link = "0" }, .count = 1,
};

/* The routes of an entry: its own, those of its rule, or the two that come with every rule. */
static struct cip_route_list routes_of(const struct rule *rule, const struct cip_entry *entry, struct arena *arena)
{
	struct cip_route_list list = entry->routes.count ? entry->routes : rule->routes;

	if (list.count)
		return list;
	list.items = arena_array(arena, 2, sizeof(*list.items));
	list.items[list.count++] = device_itself;
	list.items[list.count++] = slot_0;
	return list;
}

/* ---- what there is to number ---- */

static void count_entry(const struct rule *rule, const struct cip_entry *entry, struct maker *m)
{
	m->names.count += entry->tags.count;
	m->paths.count++;
	m->values.count += 2 * entry->values.count;
	m->routes.count += entry->routes.count + rule->routes.count + 2;
}

static void collect_entry(const struct rule *rule, const struct cip_entry *entry, struct maker *m)
{
	struct cip_route_list routes = routes_of(rule, entry, m->arena);

	m->paths.items[m->paths.count++] = path_key(&entry->path, m->arena);
	for (size_t i = 0; i < entry->tags.count; i++)
		m->names.items[m->names.count++] = tag_key(&entry->tags.items[i], m->arena);
	for (size_t i = 0; i < routes.count; i++)
		m->routes.items[m->routes.count++] = describe_route(&routes.items[i], m->arena);
	for (size_t i = 0; i < entry->values.count; i++) {
		m->values.items[m->values.count++] = entry->values.items[i].min;
		m->values.items[m->values.count++] = entry->values.items[i].max;
	}
}

static void each_entry(const struct rule *const *rules, size_t count, struct maker *m,
		       void (*each)(const struct rule *rule, const struct cip_entry *entry, struct maker *m))
{
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; rules[i] && k < rule_cip_count(rules[i]); k++)
			each(rules[i], rule_cip(rules[i], k), m);
}

static void number_all(const struct rule *const *rules, size_t count, struct maker *m)
{
	each_entry(rules, count, m, count_entry);
	m->names.items = arena_array(m->arena, m->names.count, sizeof(*m->names.items));
	m->routes.items = arena_array(m->arena, m->routes.count, sizeof(*m->routes.items));
	m->paths.items = arena_array(m->arena, m->paths.count, sizeof(*m->paths.items));
	m->values.items = arena_array(m->arena, m->values.count, sizeof(*m->values.items));
	m->names.count = m->routes.count = m->paths.count = m->values.count = 0;
	each_entry(rules, count, m, collect_entry);
	sort_texts(&m->names);
	sort_texts(&m->routes);
	sort_texts(&m->paths);
	sort_numbers(&m->values);
}

/* ---- parts ---- */

static struct box_part part_of(const struct range_list *list)
{
	return (struct box_part){ .ranges = list->items, .count = list->count, .most = 1 };
}

static struct box_part route_part(const struct maker *m, const struct rule *rule, const struct cip_entry *entry)
{
	struct cip_route_list routes = routes_of(rule, entry, m->arena);
	struct program_range *ranges = arena_array(m->arena, routes.count, sizeof(*ranges));

	for (size_t i = 0; i < routes.count; i++)
		ranges[i].first = ranges[i].last =
			text_number(&m->routes, describe_route(&routes.items[i], m->arena));
	return (struct box_part){ .ranges = ranges, .count = routes.count, .most = 1 };
}

/* Every element that one request writes must be allowed by the same entry. */
static struct box_part value_part(const struct maker *m, const struct cip_entry *entry)
{
	struct program_range *ranges = arena_array(m->arena, entry->values.count, sizeof(*ranges));
	struct box_part part;

	for (size_t i = 0; i < entry->values.count; i++) {
		ranges[i].first = value_number(&m->values, entry->values.items[i].min);
		ranges[i].last = value_number(&m->values, entry->values.items[i].max);
	}
	part = (struct box_part){ .ranges = ranges, .count = entry->values.count, .most = 1 };
	if (!entry->values.count) {
		part = box_number(m->arena, 0, BOX_LAST);
		part.whole = BOX_ANY;
	}
	part.together = BOX_MANY;
	return part;
}

static bool names_one_attribute(const struct cip_entry *entry)
{
	const struct cip_service *s = cip_service(cip_entry_class(entry), entry->service);

	return s && s->class == CIP_COMMON && strstr(s->name, "-single");
}

static void service_parts(const struct cip_entry *entry, struct box *box, struct box_part *parts)
{
	for (size_t i = 0; i < entry->path.count; i++)
		parts[box->count++] = part_of(&entry->path.items[i].instances);
	parts[box->count] = part_of(&entry->attributes);
	parts[box->count++].together = names_one_attribute(entry) ? 1 : BOX_MANY;
}

static uint64_t family_of(const struct maker *m, const struct cip_entry *entry, const struct pccc_file *file)
{
	uint64_t family = (uint64_t)entry->kind << 48;

	if (entry->kind == CIP_SERVICE)
		family |= (uint64_t)entry->service << 32 | text_number(&m->paths, path_key(&entry->path, m->arena));
	if (entry->kind == CIP_IO)
		family |= (uint64_t)entry->io;
	if (entry->kind == CIP_PCCC_FUNCTION)
		family |= (uint64_t)entry->pccc_command << 16 | (uint16_t)entry->pccc_function;
	for (size_t i = 0; file && file->type[i]; i++)
		family |= (uint64_t)(uint8_t)file->type[i] << (16 + 8 * i);
	return family | (file ? file->number : 0);
}

/* ---- one box, then all ---- */

/* A box with routes and, where there are any, values or an interval; room for `more` parts. */
static struct box_part *begin(const struct maker *m, const struct rule *rule, const struct cip_entry *entry,
			      size_t more, struct box *ret)
{
	struct box_part *parts = arena_array(m->arena, CIP_SWEPT_PART + more, sizeof(*parts));

	*ret = (struct box){ .family = family_of(m, entry, NULL), .parts = parts, .count = CIP_SWEPT_PART };
	if (entry->kind != CIP_LIST_IDENTITY)
		parts[0] = route_part(m, rule, entry);
	if (entry->kind == CIP_WRITE_TAGS)
		parts[1] = value_part(m, entry);
	if (entry->kind == CIP_IO)
		parts[1] = box_number(m->arena, entry->min_rpi_us, BOX_LAST);
	return parts;
}

static struct cip_grant *add(struct cip_grants *ret, const struct cip_entry *entry, const struct value *at,
			     const char *text)
{
	struct cip_grant *grant = &ret->items[ret->count++];

	*grant = (struct cip_grant){ .entry = entry, .at = at, .text = text };
	return grant;
}

static void add_tags(const struct maker *m, const struct rule *rule, const struct cip_entry *entry,
		     struct cip_grants *ret)
{
	for (size_t i = 0; i < entry->tags.count; i++) {
		const struct tag *tag = &entry->tags.items[i];
		struct cip_grant *grant = add(ret, entry, tag->at, tag->text);
		struct box_part *parts = begin(m, rule, entry, 1 + PROGRAM_DIMENSIONS * tag->part_count, &grant->box);

		tag_parts(&m->names, tag, m->arena, &grant->box, parts);
	}
}

static void add_files(const struct maker *m, const struct rule *rule, const struct cip_entry *entry,
		      struct cip_grants *ret)
{
	for (size_t i = 0; i < entry->files.count; i++) {
		const struct pccc_file *file = &entry->files.items[i];
		struct cip_grant *grant = add(ret, entry, file->at, describe_file(file, m->arena));
		struct box_part *parts = begin(m, rule, entry, 1, &grant->box);

		grant->box.family = family_of(m, entry, file);
		parts[grant->box.count++] = (struct box_part){ .ranges = &file->elements, .count = 1,
							       .most = BOX_MANY };
	}
}

static void add_whole(const struct maker *m, const struct rule *rule, const struct cip_entry *entry,
		      struct cip_grants *ret)
{
	struct cip_grant *grant = add(ret, entry, entry->at, NULL);
	struct box_part *parts = begin(m, rule, entry, entry->path.count + 1, &grant->box);

	if (entry->kind == CIP_SERVICE) {
		service_parts(entry, &grant->box, parts);
	} else if (entry->kind == CIP_IO) {
		parts[grant->box.count] = part_of(&entry->assemblies);
		parts[grant->box.count++].together = IO_ASSEMBLIES;
	}
}

static size_t box_count(const struct rule *rule)
{
	size_t count = 0;

	for (size_t i = 0; i < rule_cip_count(rule); i++)
		count += rule_cip(rule, i)->tags.count + rule_cip(rule, i)->files.count + 1;
	return count;
}

static void add_rule(const struct maker *m, const struct rule *rule, struct cip_grants *ret)
{
	ret->items = arena_array(m->arena, box_count(rule), sizeof(*ret->items));
	for (size_t i = 0; i < rule_cip_count(rule); i++) {
		const struct cip_entry *entry = rule_cip(rule, i);

		if (!entry->kind || (entry->kind == CIP_SERVICE && !entry->service))
			continue; /* not understood: reported already */
		if (entry->kind == CIP_READ_TAGS || entry->kind == CIP_WRITE_TAGS)
			add_tags(m, rule, entry, ret);
		else if (entry->kind == CIP_PCCC_READ || entry->kind == CIP_PCCC_WRITE)
			add_files(m, rule, entry, ret);
		else
			add_whole(m, rule, entry, ret);
		if (i < rule->cip.count)
			ret->own = ret->count;
	}
}

void cip_grants_make(const struct rule *const *rules, size_t count, struct arena *arena,
		     struct cip_grants *ret)
{
	struct maker m = { .arena = arena };

	number_all(rules, count, &m);
	for (size_t i = 0; i < count; i++) {
		ret[i] = (struct cip_grants){ 0 };
		if (rules[i])
			add_rule(&m, rules[i], &ret[i]);
	}
}

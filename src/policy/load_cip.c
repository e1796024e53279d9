/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "allow" of protocol ethernet-ip: each entry is of one kind, named by the member that only it has. */
#include "policy/load_cip.h"

#include <string.h>

#include "base/nearest.h"
#include "policy/cip_text.h"
#include "policy/load_cip_service.h"
#include "policy/ranges.h"

#define RPI_MAX_MS 60000

struct cip_members {
	struct service_members service;
	const struct value *read_tags, *write_tags, *values, *browse_tags, *pccc, *files, *io, *assemblies, *min_rpi_ms,
		*list_identity, *read_objects, *route;
};
#define CIP(name) offsetof(struct cip_members, name)
static const struct bind_row cip_rows[] = {
	{ "service", BIND_TEXT | BIND_INT, CIP(service.service), false },
	{ "class", BIND_TEXT | BIND_INT, CIP(service.class), false },
	{ "instance", BIND_RANGES, CIP(service.instance), false },
	{ "path", BIND_LIST, CIP(service.path), false },
	{ "attributes", BIND_RANGES, CIP(service.attributes), false },
	{ "read-objects", BIND_BOOL, CIP(read_objects), false },
	{ "read-tags", BIND_LIST, CIP(read_tags), false },
	{ "write-tags", BIND_LIST, CIP(write_tags), false },
	{ "values", BIND_MAP, CIP(values), false },
	{ "browse-tags", BIND_BOOL, CIP(browse_tags), false },
	{ "pccc", BIND_TEXT, CIP(pccc), false },
	{ "files", BIND_LIST, CIP(files), false },
	{ "io", BIND_TEXT, CIP(io), false },
	{ "assemblies", BIND_RANGES, CIP(assemblies), false },
	{ "min_rpi_ms", BIND_NUMBER, CIP(min_rpi_ms), false },
	{ "list-identity", BIND_BOOL, CIP(list_identity), false },
	{ "route", BIND_LIST, CIP(route), false },
};
static const struct bind_table cip_table = { "an entry of \"allow\"", BIND_ROWS(cip_rows) };

/* Kinds of entries as bits. */
enum kind {
	KIND_SERVICE = 1,
	KIND_READ_TAGS = 2,
	KIND_WRITE_TAGS = 4,
	KIND_BROWSE = 8,
	KIND_PCCC = 16,
	KIND_IO = 32,
	KIND_IDENTITY = 64,
	KIND_READ_OBJECTS = 128,
};

static const struct kind_row {
	enum kind kind;
	const char *name;
} kind_rows[] = {
	{ KIND_SERVICE, "service" },   { KIND_READ_TAGS, "read-tags" }, { KIND_WRITE_TAGS, "write-tags" },
	{ KIND_BROWSE, "browse-tags" }, { KIND_PCCC, "pccc" },          { KIND_IO, "io" },
	{ KIND_IDENTITY, "list-identity" }, { KIND_READ_OBJECTS, "read-objects" },
};
#define KIND_COUNT (sizeof(kind_rows) / sizeof(kind_rows[0]))

static const struct part_row {
	unsigned kinds;
	const char *name;
	bool required;
	const char *instead; /* the member that stands in its place, or NULL */
} part_rows[] = {
	{ KIND_SERVICE, "class", true, "path" },
	{ KIND_SERVICE, "instance", true, "path" },
	{ KIND_SERVICE, "path", false, NULL },
	{ KIND_SERVICE, "attributes", false, NULL },
	{ KIND_WRITE_TAGS, "values", false, NULL },
	{ KIND_PCCC, "files", false, NULL }, /* see load_cip_pccc() */
	{ KIND_IO, "assemblies", true, NULL },
	{ KIND_IO, "min_rpi_ms", false, NULL },
	{ ~(unsigned)KIND_IDENTITY, "route", false, NULL },
};

/* The entry's kind; NULL and a finding when no member or several name one. */
static const struct kind_row *kind_of(const struct loader *l, const struct value *at)
{
	const struct kind_row *kind = NULL;

	for (size_t i = 0; i < KIND_COUNT; i++) {
		const struct value *member = value_member(at, kind_rows[i].name);

		if (member && kind) {
			report_name(l, FINDING_NOT_FOR_SERVICE, member, "write an entry of its own for each",
				    "one entry cannot be \"%s\" and \"%s\"", kind->name, kind_rows[i].name);
			return NULL;
		}
		if (member)
			kind = &kind_rows[i];
	}
	if (!kind)
		report(l, FINDING_MISSING_MEMBER, at,
		       "write \"read-tags\": [...], \"write-tags\", \"service\", \"browse-tags\", \"read-objects\", "
		       "\"pccc\", \"io\" or \"list-identity\"", "the entry does not say what it allows");
	return kind;
}

/* Members that the kind does not have, and those that it needs. */
static void check_parts(const struct loader *l, const struct value *at, const struct kind_row *kind)
{
	for (size_t i = 0; i < sizeof(part_rows) / sizeof(part_rows[0]); i++) {
		const struct part_row *row = &part_rows[i];
		const struct value *member = value_member(at, row->name);
		const char *instead = row->instead && value_member(at, row->instead) ? row->instead : NULL;

		if (member && (instead || !(row->kinds & kind->kind)))
			report_name(l, FINDING_NOT_FOR_SERVICE, member, "remove it",
				    "\"%s\" means nothing beside \"%s\"", row->name,
				    row->kinds & kind->kind ? instead : kind->name);
		else if (!member && row->required && !instead && row->kinds & kind->kind)
			report(l, FINDING_MISSING_MEMBER, at,
			       arena_printf(l->arena, "add \"%s\": ...", row->name),
			       "\"%s\" needs the member \"%s\"", kind->name, row->name);
	}
}

/* False when it is none. */
static bool read_tag(const struct loader *l, const struct value *at, struct tag *ret)
{
	const char *why = tag_parse(at->text, l->arena, ret);

	ret->at = at;
	if (why)
		report(l, FINDING_INVALID_TAG, at,
		       "write it as in \"Line3.Rate\", \"Counts[0-9]\", \"Program:Main.Speed\" or \"Recipe.*\"",
		       "\"%.60s\" is not a tag: %s", at->text, why);
	else if (tag_is_broad(ret))
		report(l, FINDING_BROAD_TAGS, at, "name the tags that the server really uses",
		       "\"%.60s\" allows every tag%s", at->text, ret->part_count ? " of the program" : "");
	return !why;
}

static void read_tags(const struct loader *l, const struct value *list, struct tag_list *ret)
{
	check_filled(l, list);
	ret->items = arena_array(l->arena, list->count, sizeof(*ret->items));
	for (size_t i = 0; i < list->count; i++)
		if (bind_type(&l->bind, &list->items[i], BIND_TEXT))
			ret->count += read_tag(l, &list->items[i], &ret->items[ret->count]);
}

static void load_write_tags(const struct loader *l, const struct cip_members *m, struct cip_entry *ret)
{
	read_tags(l, m->write_tags, &ret->tags);
	if (m->values)
		read_tag_values(l, m->values, &ret->values);
	else
		report(l, FINDING_WRITE_WITHOUT_VALUES, m->write_tags,
		       "add the limits of the process, as in \"values\": { \"min\": 0, \"max\": 1500 }",
		       "any value may be written to these tags");
}

static void read_rpi(const struct loader *l, const struct value *at, struct cip_entry *ret)
{
	double ms = at->type == VALUE_INT ? (double)at->integer : at->real;

	if (ms >= 0.1 && ms <= RPI_MAX_MS)
		ret->min_rpi_us = (uint32_t)(ms * 1000 + 0.5);
	else
		report(l, FINDING_IMPOSSIBLE_RANGE, at, "write milliseconds from 0.1 to 60000",
		       "%.10g is not possible here", ms);
}

static void load_io(const struct loader *l, const struct cip_members *m, struct cip_entry *ret)
{
	int word = read_word(l, &words_io_kinds, m->io);

	ret->io = word > 0 ? (enum cip_io)word : CIP_IO_LISTEN_ONLY;
	ret->access = ret->io == CIP_IO_EXCLUSIVE_OWNER ? CIP_CONTROL : CIP_READ;
	if (ret->access == CIP_CONTROL)
		report(l, FINDING_CONTROL_SERVICE, m->io, "a server that only looks needs \"listen-only\" or \"input-only\"",
		       "an exclusive owner sets the outputs of the device");
	if (m->assemblies)
		read_ranges(l, m->assemblies, 1, CIP_NUMBER_LAST, &ret->assemblies);
	if (m->min_rpi_ms)
		read_rpi(l, m->min_rpi_ms, ret);
}

/* "browse-tags", "read-objects" and "list-identity" are there or not. */
static void check_true(const struct loader *l, const struct value *at)
{
	if (!at->boolean)
		report(l, FINDING_UNKNOWN_WORD, at, "write true, or remove the entry",
		       "\"%s\": false allows nothing", at->name);
}

static void load_read_objects(const struct loader *l, const struct value *at)
{
	check_true(l, at);
	if (at->boolean)
		report(l, FINDING_BROAD_ADDRESSES, at,
		       "name those in use, with \"service\", \"class\" and \"instance\"",
		       "this allows every attribute of every object to be read");
}

static bool leaves_backplane(const struct cip_route *route)
{
	for (size_t i = 0; i < route->count; i++)
		if (route->hops[i].port != 1)
			return true;
	return false;
}

void read_routes(const struct loader *l, const struct value *list, struct cip_route_list *ret)
{
	check_filled(l, list);
	ret->items = arena_array(l->arena, list->count, sizeof(*ret->items));
	for (size_t i = 0; i < list->count; i++) {
		const struct value *at = &list->items[i];
		struct cip_route *route = &ret->items[ret->count];
		const char *why;

		if (!bind_type(&l->bind, at, BIND_TEXT))
			continue;
		why = route_parse(at->text, l->arena, route);
		ret->count += !why;
		if (why)
			report(l, FINDING_INVALID_ROUTE, at,
			       "write port and slot as in \"1/0\", further steps behind another \"/\"; or \"direct\"",
			       "\"%.60s\" is not a route: %s", at->text, why);
		else if (leaves_backplane(route))
			report(l, FINDING_NETWORK_ROUTE, at, "keep it only if what is behind has to be reached",
			       "the route \"%.60s\" leaves the device through another port than the backplane",
			       at->text);
	}
}

static void load_kind(const struct loader *l, enum kind kind, const struct cip_members *m,
		      struct cip_entry *ret)
{
	ret->access = kind == KIND_WRITE_TAGS ? CIP_WRITE : CIP_READ;
	switch (kind) {
	case KIND_SERVICE:
		ret->kind = CIP_SERVICE;
		load_cip_service(l, &m->service, ret);
		break;
	case KIND_READ_TAGS:
		ret->kind = CIP_READ_TAGS;
		read_tags(l, m->read_tags, &ret->tags);
		break;
	case KIND_WRITE_TAGS:
		ret->kind = CIP_WRITE_TAGS;
		load_write_tags(l, m, ret);
		break;
	case KIND_BROWSE:
		ret->kind = CIP_BROWSE_TAGS;
		check_true(l, m->browse_tags);
		break;
	case KIND_PCCC:
		load_cip_pccc(l, m->pccc, m->files, ret);
		break;
	case KIND_IO:
		ret->kind = CIP_IO;
		load_io(l, m, ret);
		break;
	case KIND_READ_OBJECTS:
		ret->kind = CIP_READ_OBJECTS;
		load_read_objects(l, m->read_objects);
		break;
	case KIND_IDENTITY:
		ret->kind = CIP_LIST_IDENTITY;
		check_true(l, m->list_identity);
		break;
	}
}

/* Was the member that names the kind of a type that can be read? */
static bool kind_bound(const struct kind_row *kind, const struct cip_members *m)
{
	for (size_t i = 0; i < sizeof(cip_rows) / sizeof(cip_rows[0]); i++)
		if (!strcmp(cip_rows[i].name, kind->name))
			return *(const struct value *const *)(const void *)((const char *)m +
									    cip_rows[i].offset);
	return false;
}

static void load_entry(const struct loader *l, const struct value *at, struct cip_entry *ret)
{
	struct cip_members m = { 0 };
	const struct kind_row *kind;

	*ret = (struct cip_entry){ .at = at };
	bind_map(&l->bind, at, &cip_table, &m);
	if (at->type != VALUE_MAP || !(kind = kind_of(l, at)))
		return;
	check_parts(l, at, kind);
	if (m.route)
		read_routes(l, m.route, &ret->routes);
	if (kind_bound(kind, &m))
		load_kind(l, kind->kind, &m, ret);
}

void load_cip(const struct loader *l, const struct value *allow, struct cip_entry_list *ret)
{
	if (!allow->count)
		report(l, FINDING_EMPTY_ALLOW, allow, "add what the server needs, or remove the rule",
		       "\"allow\" is empty: nothing would be allowed");
	ret->items = arena_array(l->arena, allow->count, sizeof(*ret->items));
	ret->count = allow->count;
	for (size_t i = 0; i < allow->count; i++)
		load_entry(l, &allow->items[i], &ret->items[i]);
}

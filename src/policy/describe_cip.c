/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/cip_text.h"
#include "policy/describe.h"

const struct cip_entry *rule_cip(const struct rule *rule, size_t i)
{
	if (i < rule->cip.count)
		return &rule->cip.items[i];
	i -= rule->cip.count;
	return rule->profile && i < rule->profile->cip.count ? &rule->profile->cip.items[i] : NULL;
}

size_t rule_cip_count(const struct rule *rule)
{
	return rule->cip.count + (rule->profile ? rule->profile->cip.count : 0);
}

uint8_t rule_datagrams(const struct rule *rule)
{
	uint8_t found = 0;

	for (size_t i = 0; i < rule_cip_count(rule); i++) {
		if (rule_cip(rule, i)->kind == CIP_LIST_IDENTITY)
			found |= RULESET_UDP_MESSAGES;
		if (rule_cip(rule, i)->kind == CIP_IO)
			found |= RULESET_UDP_CYCLIC;
	}
	return found;
}

const char *describe_route(const struct cip_route *route, struct arena *arena)
{
	const char *text = "";

	for (size_t i = 0; i < route->count; i++)
		text = arena_printf(arena, "%s%s%u/%s", text, i ? "/" : "", route->hops[i].port,
				    route->hops[i].link);
	return route->count ? text : "the device itself";
}

const char *describe_routes(const struct cip_route_list *list, struct arena *arena)
{
	const char *text = "";

	for (size_t i = 0; i < list->count; i++)
		text = arena_printf(arena, "%s%s%s", text, i ? ", " : "",
				    describe_route(&list->items[i], arena));
	return list->count ? text : "the device itself and 1/0";
}

/* "0f/a3", or "08" */
static const char *pccc_number_text(const struct cip_entry *entry, struct arena *arena)
{
	if (entry->pccc_function < 0)
		return arena_printf(arena, "%02x", entry->pccc_command);
	return arena_printf(arena, "%02x/%02x", entry->pccc_command, (unsigned)entry->pccc_function);
}

const char *describe_cip_name(const struct cip_entry *entry, struct arena *arena)
{
	const char *name = cip_entry_name(entry);

	if (entry->kind == CIP_PCCC_FUNCTION)
		return arena_printf(arena, "pccc %s", name ? name : pccc_number_text(entry, arena));
	return name ? name : arena_printf(arena, "service %u", entry->service);
}

static const char *object_text(const struct object *object, const char *between, struct arena *arena)
{
	const struct cip_class *class = cip_class(object->class);
	const char *text = class ? arena_printf(arena, "class %s", class->name) :
				   arena_printf(arena, "class %u", object->class);

	return arena_printf(arena, "%s%s instances %s", text, between, describe_ranges(&object->instances, arena));
}

static const char *path_text(const struct object_list *path, struct arena *arena)
{
	const char *text = "path";

	if (path->count == 1)
		return object_text(&path->items[0], ",", arena);
	for (size_t i = 0; i < path->count; i++)
		text = arena_printf(arena, "%s%s %s", text, i ? " /" : "", object_text(&path->items[i], "", arena));
	return text;
}

static const char *service_text(const struct cip_entry *entry, struct arena *arena)
{
	const char *text = arena_printf(arena, ", %s", path_text(&entry->path, arena));

	if (entry->attributes.count)
		text = arena_printf(arena, "%s, attributes %s", text,
				    describe_ranges(&entry->attributes, arena));
	return text;
}

static const char *tags_text(const struct cip_entry *entry, struct arena *arena)
{
	const struct entry values = { .values = entry->values, .value_type = PROGRAM_UINT16 };
	const char *text = "";

	for (size_t i = 0; i < entry->tags.count; i++)
		text = arena_printf(arena, "%s%s %s", text, i ? "," : "", entry->tags.items[i].text);
	if (entry->values.count)
		text = arena_printf(arena, "%s, values %s", text, describe_values(&values, arena));
	return text;
}

const char *describe_file(const struct pccc_file *file, struct arena *arena)
{
	return arena_printf(arena, "%s%u:%u-%u", file->type, file->number, file->elements.first,
			    file->elements.last);
}

static const char *files_text(const struct cip_entry *entry, struct arena *arena)
{
	const char *text = "";

	for (size_t i = 0; i < entry->files.count; i++)
		text = arena_printf(arena, "%s%s %s", text, i ? "," : "",
				    describe_file(&entry->files.items[i], arena));
	return text;
}

static const char *io_text(const struct cip_entry *entry, struct arena *arena)
{
	return arena_printf(arena, " %s, assemblies %s, every %u us or slower",
			    word_name(&words_io_kinds, (int)entry->io),
			    describe_ranges(&entry->assemblies, arena), entry->min_rpi_us);
}

static const char *details(const struct cip_entry *entry, struct arena *arena)
{
	switch (entry->kind) {
	case CIP_SERVICE:
		return service_text(entry, arena);
	case CIP_READ_TAGS:
	case CIP_WRITE_TAGS:
		return tags_text(entry, arena);
	case CIP_PCCC_READ:
	case CIP_PCCC_WRITE:
		return files_text(entry, arena);
	case CIP_IO:
		return io_text(entry, arena);
	case CIP_READ_OBJECTS:
	case CIP_BROWSE_TAGS:
	case CIP_PCCC_FUNCTION:
	case CIP_LIST_IDENTITY:
		break;
	}
	return "";
}

const char *describe_cip(const struct cip_entry *entry, struct arena *arena)
{
	const char *routes = entry->routes.count ?
		arena_printf(arena, ", route %s", describe_routes(&entry->routes, arena)) : "";

	return arena_printf(arena, "%s%s%s", describe_cip_name(entry, arena), details(entry, arena), routes);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "policy/program_writer.h"

#define LINK_DIGITS "0123456789"

/* "10.3.0.7" is sent as written, "3" as one byte. */
static struct program_span add_link(struct program_writer *w, const char *link)
{
	size_t len = strlen(link);
	uint8_t slot;

	if (strspn(link, LINK_DIGITS) != len)
		return program_append_shared(w, PART_TEXT, link, len);
	slot = (uint8_t)strtoul(link, NULL, 10);
	return program_append_shared(w, PART_TEXT, &slot, 1);
}

static struct program_span add_hops(struct program_writer *w, const struct cip_route *route)
{
	size_t first = w->parts[PART_HOPS].count;

	for (size_t i = 0; i < route->count; i++) {
		const struct program_hop row = { .port = route->hops[i].port,
						 .link = add_link(w, route->hops[i].link) };

		program_append(w, PART_HOPS, &row, 1);
	}
	return program_share(w, PART_HOPS, first);
}

/* The entry's own, the rule's, or what holds when neither says anything: the device itself and 1/0. */
static struct program_span add_routes(struct program_writer *w, const struct cip_route_list *own,
				      const struct cip_route_list *shared)
{
	static struct route_hop slot_0 = { .port = 1, .link = "0" };
	static struct cip_route usual[] = { { 0 }, { .hops = &slot_0, .count = 1 } };
	static const struct cip_route_list usual_list = { .items = usual, .count = 2 };
	const struct cip_route_list *list = own->count ? own : shared->count ? shared : &usual_list;
	size_t first = w->parts[PART_ROUTES].count;

	for (size_t i = 0; i < list->count; i++) {
		const struct program_span hops = add_hops(w, &list->items[i]);

		program_append(w, PART_ROUTES, &hops, 1);
	}
	return program_share(w, PART_ROUTES, first);
}

static struct program_span add_path(struct program_writer *w, const struct object_list *path)
{
	size_t first = w->parts[PART_OBJECTS].count;

	for (size_t i = 0; i < path->count; i++) {
		const struct program_object row = {
			.class = path->items[i].class,
			.instances = program_add_ranges(w, &path->items[i].instances),
		};

		program_append(w, PART_OBJECTS, &row, 1);
	}
	return program_share(w, PART_OBJECTS, first);
}

static struct program_span add_tag_parts(struct program_writer *w, const struct tag *tag)
{
	size_t first = w->parts[PART_NAMES].count;

	for (size_t i = 0; i < tag->part_count; i++) {
		const struct tag_part *part = &tag->parts[i];
		struct program_name row = {
			.name = program_append_shared(w, PART_TEXT, part->name, strlen(part->name)),
			.dimension_count = (uint32_t)part->dimension_count,
		};

		memcpy(row.dimensions, part->dimensions, sizeof(row.dimensions));
		program_append(w, PART_NAMES, &row, 1);
	}
	return program_share(w, PART_NAMES, first);
}

static struct program_span add_tags(struct program_writer *w, const struct tag_list *list)
{
	size_t first = w->parts[PART_TAGS].count;

	for (size_t i = 0; i < list->count; i++) {
		const struct program_tag row = { .parts = add_tag_parts(w, &list->items[i]),
						 .rest = list->items[i].rest };

		program_append(w, PART_TAGS, &row, 1);
	}
	return program_share(w, PART_TAGS, first);
}

static struct program_span add_files(struct program_writer *w, const struct pccc_file_list *list)
{
	size_t first = w->parts[PART_FILES].count;

	for (size_t i = 0; i < list->count; i++) {
		const struct pccc_file *file = &list->items[i];
		struct program_file row = { .number = file->number, .elements = file->elements };

		memcpy(row.type, file->type, strlen(file->type));
		program_append(w, PART_FILES, &row, 1);
	}
	return program_share(w, PART_FILES, first);
}

void program_add_cip(struct program_writer *w, const struct cip_entry *entry,
		     const struct cip_route_list *routes)
{
	struct program_cip row = {
		.kind = (uint8_t)entry->kind,
		.service = entry->service,
		.io = (uint8_t)entry->io,
		.pccc_command = entry->pccc_command,
		.pccc_function = entry->pccc_function,
		.min_rpi_us = entry->min_rpi_us,
		.path = add_path(w, &entry->path),
		.attributes = program_add_ranges(w, &entry->attributes),
		.tags = add_tags(w, &entry->tags),
		.values = program_append_shared(w, PART_VALUE_ROWS, entry->values.items, entry->values.count),
		.files = add_files(w, &entry->files),
		.assemblies = program_add_ranges(w, &entry->assemblies),
		.routes = add_routes(w, &entry->routes, routes),
	};

	program_append(w, PART_CIP, &row, 1);
}

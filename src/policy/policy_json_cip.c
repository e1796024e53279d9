/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/policy_json.h"

#include "policy/cip_text.h"
#include "policy/describe.h"

static void write_object(struct writer *w, const struct object *object)
{
	writer_put_uint(w, "class", object->class);
	policy_json_ranges(w, "instances", &object->instances);
}

static void write_path(struct writer *w, const struct object_list *path)
{
	writer_name(w, "path");
	writer_open_list(w);
	for (size_t i = 0; i < path->count; i++) {
		writer_open_map(w);
		write_object(w, &path->items[i]);
		writer_close_map(w);
	}
	writer_close_list(w);
}

static void write_service(struct writer *w, const struct cip_entry *entry)
{
	writer_put_uint(w, "service", entry->service);
	if (entry->path.count == 1)
		write_object(w, &entry->path.items[0]);
	else
		write_path(w, &entry->path);
	policy_json_ranges(w, "attributes", &entry->attributes);
}

static void write_tags(struct writer *w, const struct cip_entry *entry)
{
	writer_name(w, "tags");
	writer_open_list(w);
	for (size_t i = 0; i < entry->tags.count; i++)
		writer_text(w, entry->tags.items[i].text);
	writer_close_list(w);
	if (entry->values.count)
		policy_json_intervals(w, "values", &entry->values);
}

static void write_files(struct writer *w, const struct cip_entry *entry)
{
	writer_name(w, "files");
	writer_open_list(w);
	for (size_t i = 0; i < entry->files.count; i++) {
		const struct pccc_file *file = &entry->files.items[i];
		char text[40];

		snprintf(text, sizeof(text), "%s%u:%u-%u", file->type, file->number, file->elements.first,
			 file->elements.last);
		writer_text(w, text);
	}
	writer_close_list(w);
}

static void write_io(struct writer *w, const struct cip_entry *entry)
{
	writer_put_text(w, "io", word_name(&words_io_kinds, (int)entry->io));
	policy_json_ranges(w, "assemblies", &entry->assemblies);
	writer_put_uint(w, "min_rpi_us", entry->min_rpi_us);
}

static void write_details(struct writer *w, const struct cip_entry *entry)
{
	switch (entry->kind) {
	case CIP_SERVICE:
		write_service(w, entry);
		break;
	case CIP_READ_TAGS:
	case CIP_WRITE_TAGS:
		write_tags(w, entry);
		break;
	case CIP_PCCC_READ:
	case CIP_PCCC_WRITE:
		write_files(w, entry);
		break;
	case CIP_IO:
		write_io(w, entry);
		break;
	case CIP_PCCC_FUNCTION:
		writer_put_uint(w, "pccc_command", entry->pccc_command);
		if (entry->pccc_function >= 0)
			writer_put_uint(w, "pccc_function", (uint16_t)entry->pccc_function);
		break;
	case CIP_READ_OBJECTS:
	case CIP_BROWSE_TAGS:
	case CIP_LIST_IDENTITY:
		break;
	}
}

static void write_routes(struct writer *w, const struct cip_route_list *list)
{
	struct arena arena = { 0 };

	writer_name(w, "routes");
	writer_open_list(w);
	for (size_t i = 0; i < list->count; i++)
		writer_text(w, describe_route(&list->items[i], &arena));
	writer_close_list(w);
	arena_free(&arena);
}

void policy_json_cip(struct writer *w, const struct cip_entry *entry, const struct cip_route_list *routes)
{
	const char *name = cip_entry_name(entry);

	writer_open_map(w);
	if (name)
		writer_put_text(w, "allows", name);
	write_details(w, entry);
	if (entry->routes.count || routes->count)
		write_routes(w, entry->routes.count ? &entry->routes : routes);
	writer_close_map(w);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/profiles.h"

#include <string.h>

#include "policy/load.h"
#include "policy/ranges.h"

static bool only_reads(const struct modbus_function *f)
{
	return f->access == MODBUS_READ;
}

static bool touches_data(const struct modbus_function *f)
{
	return f->table != MODBUS_NO_TABLE;
}

static const struct builtin {
	const char *id;
	const char *summary;
	bool (*takes)(const struct modbus_function *function);
} builtins[BUILTIN_PROFILES] = {
	{ "modbus-read-only", "every Modbus function that only reads, on every unit and address",
	  only_reads },
	{ "modbus-read-write-data",
	  "reading and writing coils and registers, on every unit and address, any value",
	  touches_data },
};

static struct entry whole_function(const struct modbus_function *f, struct arena *arena)
{
	struct range_list all = one_range(arena, 0, MODBUS_ADDRESS_LAST);
	struct entry entry = { .function = f, .code = f->code, .unit_any = true,
			       .value_type = PROGRAM_UINT16 };

	memset(entry.units, 0xff, sizeof(entry.units));
	if (f->table != MODBUS_NO_TABLE)
		entry.addresses = all;
	if (f->shape == MODBUS_SHAPE_READ_WRITE)
		entry.writes = all;
	if (f->shape == MODBUS_SHAPE_MEI)
		entry.mei_type = MODBUS_MEI_IDENTIFICATION;
	if (f->shape == MODBUS_SHAPE_READ_FILE || f->shape == MODBUS_SHAPE_WRITE_FILE) {
		entry.files = one_range(arena, 1, 65535);
		entry.records = one_range(arena, 0, MODBUS_RECORD_LAST);
	}
	return entry;
}

static void fill(struct profile *profile, const struct builtin *builtin, struct arena *arena)
{
	struct entry_list *list = &profile->entries;

	*profile = (struct profile){ .id = builtin->id, .summary = builtin->summary,
				     .protocol = &protocols[0] };
	list->items = arena_array(arena, modbus_function_count, sizeof(*list->items));
	for (size_t i = 0; i < modbus_function_count; i++)
		if (builtin->takes(&modbus_functions[i]))
			list->items[list->count++] = whole_function(&modbus_functions[i], arena);
}

const struct profile *builtin_profiles(struct arena *arena)
{
	struct profile *profiles = arena_array(arena, BUILTIN_PROFILES, sizeof(*profiles));

	for (size_t i = 0; i < BUILTIN_PROFILES; i++)
		fill(&profiles[i], &builtins[i], arena);
	return profiles;
}

struct profile_members {
	const struct value *protocol, *allow, *description;
};
static const struct bind_row profile_rows[] = {
	{ "protocol", BIND_TEXT, offsetof(struct profile_members, protocol), true },
	{ "allow", BIND_LIST, offsetof(struct profile_members, allow), true },
	{ "description", BIND_TEXT, offsetof(struct profile_members, description), false },
};
static const struct bind_table profile_table = { "a profile", BIND_ROWS(profile_rows) };

static bool is_builtin(const char *id)
{
	for (size_t i = 0; i < BUILTIN_PROFILES; i++)
		if (!strcmp(builtins[i].id, id))
			return true;
	return false;
}

static void load_profile(const struct loader *l, const struct value *at, struct profile *ret)
{
	struct profile_members m = { 0 };

	*ret = (struct profile){ .id = at->name, .at = at };
	check_name(l, at, at->name);
	if (is_builtin(at->name))
		report_name(l, FINDING_DUPLICATE_ID, at, "choose another name",
			    "\"%s\" is a profile of the program", at->name);
	bind_map(&l->bind, at, &profile_table, &m);
	if (m.protocol)
		ret->protocol = read_protocol(l, m.protocol);
	if (!ret->protocol || !m.allow)
		return;
	if (ret->protocol->inspected)
		load_modbus(l, m.allow, &ret->entries);
	else
		report(l, FINDING_NOT_FOR_PROTOCOL, m.protocol, "write a rule without a profile",
		       "\"%s\" is not inspected and has no services to allow", ret->protocol->name);
}

void load_profiles(const struct loader *l, const struct parts *parts)
{
	struct parts unique = *parts;
	struct site *site = l->site;

	unique_parts(l, "profiles", &unique);
	site->profiles = arena_array(l->arena, unique.count, sizeof(*site->profiles));
	site->profile_count = unique.count;
	for (size_t i = 0; i < unique.count; i++)
		load_profile(l, unique.items[i], &site->profiles[i]);
	sort_rows(site->profiles, site->profile_count, sizeof(*site->profiles));
}

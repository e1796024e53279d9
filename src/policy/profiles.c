/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/profiles.h"

#include <string.h>

#include "policy/load.h"
#include "policy/load_cip.h"
#include "policy/ranges.h"
#include "protocol/pccc.h"

#define READ_LIST 0x4cu /* of both classes of lists */

static bool only_reads(const struct modbus_function *f)
{
	return f->access == MODBUS_READ;
}

static bool touches_data(const struct modbus_function *f)
{
	return f->table != MODBUS_NO_TABLE;
}

/* What a built-in profile of EtherNet/IP allows, and of how many entries it consists at most. */
enum cip_part { CIP_PART_IDENTITY = 1, CIP_PART_READ = 2, CIP_PART_WRITE = 4 };
#define CIP_ENTRIES_MAX 32u

static const struct builtin {
	const char *id;
	const char *summary;
	bool broad;
	bool (*takes)(const struct modbus_function *function); /* NULL: a profile of EtherNet/IP */
	unsigned cip; /* CIP_PART_* */
} builtins[BUILTIN_PROFILES] = {
	{ "identity-only", "asking an EtherNet/IP device who it is, and nothing else", false, NULL,
	  CIP_PART_IDENTITY },
	{ "logix-read-only", "listing and reading every tag, tag list, attribute and data file of a Logix controller",
	  true, NULL, CIP_PART_IDENTITY | CIP_PART_READ },
	{ "logix-read-write-tags", "all that logix-read-only allows, and writing every tag, any value", true,
	  NULL, CIP_PART_IDENTITY | CIP_PART_READ | CIP_PART_WRITE },
	{ "modbus-read-only", "every Modbus function that only reads, on every unit and address", true,
	  only_reads, 0 },
	{ "modbus-read-write-data",
	  "reading and writing coils and registers, on every unit and address, any value", true,
	  touches_data, 0 },
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

static void fill_modbus(struct entry_list *list, const struct builtin *builtin, struct arena *arena)
{
	list->items = arena_array(arena, modbus_function_count, sizeof(*list->items));
	for (size_t i = 0; i < modbus_function_count; i++)
		if (builtin->takes(&modbus_functions[i]))
			list->items[list->count++] = whole_function(&modbus_functions[i], arena);
}

/* A reading service of an object's only instance, of all its attributes. */
static struct cip_entry object_service(uint16_t class, const char *name, struct arena *arena)
{
	struct cip_entry entry = { .kind = CIP_SERVICE, .access = CIP_READ,
				   .path = { arena_alloc(arena, sizeof(struct object)), 1 } };

	entry.path.items[0] = (struct object){ .class = class, .instances = one_range(arena, 1, 1) };
	for (size_t i = 0; i < cip_service_count; i++)
		if (cip_services[i].class == CIP_COMMON && !strcmp(cip_services[i].name, name)) {
			entry.service = cip_services[i].code;
			if (cip_services[i].attributes)
				entry.attributes = one_range(arena, 1, CIP_NUMBER_LAST);
		}
	return entry;
}

static struct cip_entry every_tag(enum cip_kind kind, struct arena *arena)
{
	struct cip_entry entry = { .kind = kind, .access = kind == CIP_WRITE_TAGS ? CIP_WRITE : CIP_READ };

	entry.tags = (struct tag_list){ .items = arena_alloc(arena, sizeof(struct tag)), .count = 1 };
	entry.tags.items[0] = (struct tag){ .text = "*", .rest = true };
	return entry;
}

/*
 * What operator panels read: lists of tags, and on 72/0 words by their address. The request says where and how many
 * (address, count), only the reply carries values, so nothing can be written by it.
 */
static struct cip_entry tag_list(uint16_t class, struct arena *arena)
{
	struct cip_entry entry = { .kind = CIP_SERVICE, .access = CIP_READ, .service = READ_LIST,
				   .path = { arena_alloc(arena, sizeof(struct object)), 1 } };

	entry.path.items[0] = (struct object){ .class = class, .instances = one_range(arena, 0, CIP_INSTANCE_LAST) };
	return entry;
}

/* Every function of PCCC that only reads, whatever the file: Logix controllers serve those of the SLC, too. */
static void add_pccc(struct cip_entry_list *list)
{
	for (size_t i = 0; i < pccc_function_count; i++)
		if (pccc_functions[i].access == CIP_READ)
			list->items[list->count++] = (struct cip_entry){
				.kind = CIP_PCCC_FUNCTION, .access = CIP_READ,
				.pccc_command = pccc_functions[i].command, .pccc_function = pccc_functions[i].function };
}

/* Every way to read the object's attributes. */
static void add_object(struct cip_entry_list *list, uint16_t class, struct arena *arena)
{
	static const char *const services[] = { "get-attributes-all", "get-attribute-single",
						"get-attribute-list" };

	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		list->items[list->count++] = object_service(class, services[i], arena);
}

static void fill_cip(struct cip_entry_list *list, const struct builtin *builtin, struct arena *arena)
{
	list->items = arena_array(arena, CIP_ENTRIES_MAX, sizeof(*list->items));
	if (builtin->cip & CIP_PART_IDENTITY) {
		list->items[list->count++] = (struct cip_entry){ .kind = CIP_LIST_IDENTITY,
								 .access = CIP_READ };
		if (!(builtin->cip & CIP_PART_READ))
			add_object(list, CIP_CLASS_IDENTITY, arena);
	}
	if (builtin->cip & CIP_PART_READ) {
		list->items[list->count++] = (struct cip_entry){ .kind = CIP_BROWSE_TAGS,
								 .access = CIP_READ };
		list->items[list->count++] = every_tag(CIP_READ_TAGS, arena);
		list->items[list->count++] = (struct cip_entry){ .kind = CIP_READ_OBJECTS,
								 .access = CIP_READ };
		list->items[list->count++] = tag_list(CIP_CLASS_TAG_LIST, arena);
		list->items[list->count++] = tag_list(CIP_CLASS_TAG_REGISTRATION, arena);
		add_pccc(list);
	}
	if (builtin->cip & CIP_PART_WRITE)
		list->items[list->count++] = every_tag(CIP_WRITE_TAGS, arena);
}

static void fill(struct profile *profile, const struct builtin *builtin, struct arena *arena)
{
	enum protocol_position position = builtin->takes ? PROTOCOL_MODBUS : PROTOCOL_ETHERNET_IP;

	*profile = (struct profile){ .id = builtin->id, .summary = builtin->summary,
				     .broad = builtin->broad, .protocol = &protocols[position] };
	if (builtin->takes)
		fill_modbus(&profile->entries, builtin, arena);
	else
		fill_cip(&profile->cip, builtin, arena);
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
	if (ret->protocol == &protocols[PROTOCOL_MODBUS])
		load_modbus(l, m.allow, &ret->entries);
	else if (ret->protocol == &protocols[PROTOCOL_ETHERNET_IP])
		load_cip(l, m.allow, &ret->cip);
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

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "allow" of protocol modbus: each entry names a function, units, and what of the device it may touch. */
#include <string.h>

#include "base/nearest.h"
#include "policy/load.h"
#include "policy/ranges.h"


struct entry_members {
	const struct value *function, *unit, *addresses, *registers, *values, *max_quantity, *read, *write,
		*subfunctions, *object_ids, *read_codes, *files, *records, *mei_type;
};
#define ENTRY(name) offsetof(struct entry_members, name)
static const struct bind_row entry_rows[] = {
	{ "function", BIND_TEXT | BIND_INT, ENTRY(function), true },
	{ "unit", BIND_TEXT | BIND_INT | BIND_LIST, ENTRY(unit), true },
	{ "addresses", BIND_RANGES, ENTRY(addresses), false },
	{ "registers", BIND_RANGES, ENTRY(registers), false },
	{ "values", BIND_MAP, ENTRY(values), false },
	{ "max_quantity", BIND_INT, ENTRY(max_quantity), false },
	{ "read", BIND_MAP, ENTRY(read), false },
	{ "write", BIND_MAP, ENTRY(write), false },
	{ "subfunctions", BIND_RANGES, ENTRY(subfunctions), false },
	{ "object_ids", BIND_RANGES, ENTRY(object_ids), false },
	{ "read_codes", BIND_RANGES, ENTRY(read_codes), false },
	{ "files", BIND_RANGES, ENTRY(files), false },
	{ "records", BIND_RANGES, ENTRY(records), false },
	{ "mei_type", BIND_INT, ENTRY(mei_type), false },
};
static const struct bind_table entry_table = { "an entry of \"allow\"", BIND_ROWS(entry_rows) };

/* Members that only some functions have, as bits. */
enum part {
	PART_ADDRESSES = 1,
	PART_VALUES = 2,
	PART_QUANTITY = 4,
	PART_READ_WRITE = 8,
	PART_SUBFUNCTIONS = 16,
	PART_IDENTIFICATION = 32,
	PART_FILES = 64,
};

/* By enum modbus_shape. */
static const unsigned shape_parts[] = {
	[MODBUS_SHAPE_READ] = PART_ADDRESSES | PART_QUANTITY,
	[MODBUS_SHAPE_WRITE_ONE] = PART_ADDRESSES | PART_VALUES,
	[MODBUS_SHAPE_WRITE_MANY] = PART_ADDRESSES | PART_QUANTITY | PART_VALUES,
	[MODBUS_SHAPE_MASK] = PART_ADDRESSES,
	[MODBUS_SHAPE_READ_WRITE] = PART_READ_WRITE | PART_QUANTITY,
	[MODBUS_SHAPE_FIFO] = PART_ADDRESSES,
	[MODBUS_SHAPE_DIAGNOSTICS] = PART_SUBFUNCTIONS,
	[MODBUS_SHAPE_READ_FILE] = PART_FILES,
	[MODBUS_SHAPE_WRITE_FILE] = PART_FILES,
	[MODBUS_SHAPE_MEI] = PART_IDENTIFICATION,
	[MODBUS_SHAPE_OPAQUE] = 0,
};

static const struct part_row {
	enum part part;
	size_t offset;
	const char *name;
	bool required;
} part_rows[] = {
	{ PART_ADDRESSES, ENTRY(addresses), "addresses", false }, /* or registers */
	{ PART_ADDRESSES, ENTRY(registers), "registers", false },
	{ PART_VALUES, ENTRY(values), "values", false },
	{ PART_QUANTITY, ENTRY(max_quantity), "max_quantity", false },
	{ PART_READ_WRITE, ENTRY(read), "read", true },
	{ PART_READ_WRITE, ENTRY(write), "write", true },
	{ PART_SUBFUNCTIONS, ENTRY(subfunctions), "subfunctions", true },
	{ PART_IDENTIFICATION, ENTRY(object_ids), "object_ids", false },
	{ PART_IDENTIFICATION, ENTRY(read_codes), "read_codes", false },
	{ PART_FILES, ENTRY(files), "files", true },
	{ PART_FILES, ENTRY(records), "records", false },
};

static unsigned parts_of(const struct entry *entry)
{
	unsigned parts;

	if (!entry->function)
		return 0;
	parts = shape_parts[entry->function->shape];
	if (entry->function->table == MODBUS_COILS)
		parts &= ~(unsigned)PART_VALUES;
	return parts;
}

/* "write-single-register", or "function 100" */
static const char *function_text(const struct loader *l, const struct entry *entry)
{
	return entry->function ? entry->function->name :
				 arena_printf(l->arena, "function %u", entry->code);
}

static bool read_function_name(const struct loader *l, const struct value *at, struct entry *ret)
{
	struct nearest near;

	for (size_t i = 0; i < modbus_function_count; i++) {
		const struct modbus_function *f = &modbus_functions[i];

		if (strcmp(f->name, at->text))
			continue;
		ret->function = f;
		ret->code = f->code;
		ret->mei_type = f->shape == MODBUS_SHAPE_MEI ? MODBUS_MEI_IDENTIFICATION : 0;
		return true;
	}
	near = nearest_to(at->text);
	for (size_t i = 0; i < modbus_function_count; i++)
		nearest_offer(&near, modbus_functions[i].name, NULL);
	report(l, FINDING_UNKNOWN_FUNCTION, at,
	       nearest_help(l, &near, "`gatehouse services` lists the functions"),
	       "Modbus has no function called \"%.60s\"", at->text);
	return false;
}

/* A code that is not public, or 43 with the MEI type of the CANopen reference. */
static bool read_function_number(const struct loader *l, const struct entry_members *m,
				 struct entry *ret)
{
	const struct value *at = m->function;
	const struct modbus_function *public;
	int64_t code = read_number(l, at, 1, 127, 0);

	if (!code)
		return false;
	ret->code = (uint8_t)code;
	public = modbus_function(ret->code);
	if (public && public->shape == MODBUS_SHAPE_MEI && m->mei_type &&
	    m->mei_type->integer == MODBUS_MEI_CANOPEN) {
		ret->mei_type = MODBUS_MEI_CANOPEN;
		return true;
	}
	if (!public)
		return true;
	report(l, FINDING_PUBLIC_FUNCTION, at,
	       arena_printf(l->arena, "write \"%s\"", public->name),
	       "%u is a public function and is written by its name", ret->code);
	return false;
}

static bool read_function(const struct loader *l, const struct entry_members *m, struct entry *ret)
{
	bool known = m->function->type == VALUE_TEXT ? read_function_name(l, m->function, ret) :
						       read_function_number(l, m, ret);

	if (known && m->mei_type && ret->mei_type != MODBUS_MEI_CANOPEN)
		report_name(l, FINDING_NOT_FOR_FUNCTION, m->mei_type, "remove it",
			    "\"mei_type\" means something only with \"function\": 43");
	return known;
}

static void allow_unit(const struct loader *l, const struct value *at, struct entry *ret)
{
	int64_t unit = read_number(l, at, 0, 255, -1);

	if (unit >= 0)
		ret->units[unit / 32] |= UINT32_C(1) << unit % 32;
}

static void read_units(const struct loader *l, const struct value *at, struct entry *ret)
{
	if (at->type == VALUE_INT) {
		allow_unit(l, at, ret);
	} else if (at->type == VALUE_LIST) {
		check_filled(l, at);
		for (size_t i = 0; i < at->count; i++)
			allow_unit(l, &at->items[i], ret);
	} else if (!strcmp(at->text, "any")) {
		ret->unit_any = true;
		memset(ret->units, 0xff, sizeof(ret->units));
		report(l, FINDING_BROAD_UNIT, at, "name the unit ids that the server really uses",
		       "this allows every unit id: all devices behind a gateway");
	} else {
		report(l, FINDING_UNKNOWN_WORD, at, "write a number from 0 to 255, a list of them, or \"any\"",
		       "\"%.60s\" is not a unit id", at->text);
	}
}

struct address_members {
	const struct value *addresses, *registers, *values;
};

static void read_addresses(const struct loader *l, const struct entry *entry, const struct value *owner,
			   const struct value *addresses, const struct value *registers,
			   struct range_list *ret)
{
	if (addresses && registers)
		report_name(l, FINDING_NOT_FOR_FUNCTION, registers, "keep one of the two",
			    "\"registers\" says again what \"addresses\" says");
	else if (addresses)
		read_ranges(l, addresses, 0, MODBUS_ADDRESS_LAST, ret);
	else if (registers)
		read_references(l, registers, entry->function, ret);
	else
		report(l, FINDING_MISSING_MEMBER, owner,
		       "write \"addresses\": [\"0-99\"] (from 0), or \"registers\" as in the data sheet",
		       "%s needs \"addresses\" or \"registers\"", function_text(l, entry));
}

static const struct bind_row read_rows[] = {
	{ "addresses", BIND_RANGES, offsetof(struct address_members, addresses), false },
	{ "registers", BIND_RANGES, offsetof(struct address_members, registers), false },
};
static const struct bind_row write_rows[] = {
	{ "addresses", BIND_RANGES, offsetof(struct address_members, addresses), false },
	{ "registers", BIND_RANGES, offsetof(struct address_members, registers), false },
	{ "values", BIND_MAP, offsetof(struct address_members, values), false },
};
static const struct bind_table read_table = { "\"read\"", BIND_ROWS(read_rows) };
static const struct bind_table write_table = { "\"write\"", BIND_ROWS(write_rows) };

static void warn_values(const struct loader *l, const struct entry *entry, const struct value *values,
			const struct value *at)
{
	bool mask = entry->function->shape == MODBUS_SHAPE_MASK;

	if (values || entry->function->table != MODBUS_HOLDING_REGISTERS ||
	    entry->function->access != MODBUS_WRITE)
		return;
	report(l, FINDING_WRITE_WITHOUT_VALUES, at,
	       mask ? "if limits matter, allow write-single-register with \"values\" instead" :
		      "add the limits of the process, as in \"values\": { \"min\": 0, \"max\": 1500 }",
	       "%s may write any value", entry->function->name);
}

static void read_read_write(const struct loader *l, const struct entry_members *m, struct entry *ret)
{
	struct address_members read = { 0 }, write = { 0 };

	if (m->read && bind_map(&l->bind, m->read, &read_table, &read))
		read_addresses(l, ret, m->read, read.addresses, read.registers, &ret->addresses);
	if (!m->write || !bind_map(&l->bind, m->write, &write_table, &write))
		return;
	read_addresses(l, ret, m->write, write.addresses, write.registers, &ret->writes);
	if (write.values)
		read_values(l, write.values, ret);
	warn_values(l, ret, write.values, m->write);
}

static const struct value *member_at(const struct entry_members *m, size_t offset)
{
	return *(const struct value *const *)(const void *)((const char *)m + offset);
}

/* Members that the function does not have, and those that it needs. */
static void check_parts(const struct loader *l, const struct value *at, const struct entry_members *m,
			const struct entry *entry)
{
	unsigned parts = parts_of(entry);

	for (size_t i = 0; i < sizeof(part_rows) / sizeof(part_rows[0]); i++) {
		const struct part_row *row = &part_rows[i];
		const struct value *member = member_at(m, row->offset);

		if (member && !(parts & row->part))
			report_name(l, FINDING_NOT_FOR_FUNCTION, member, "remove it",
				    "\"%s\" means nothing for %s", row->name, function_text(l, entry));
		else if (!member && row->required && (parts & row->part) && !value_member(at, row->name))
			report(l, FINDING_MISSING_MEMBER, at,
			       arena_printf(l->arena, "add \"%s\": %s", row->name,
					    row->part == PART_READ_WRITE ? "{ ... }" : "[ ... ]"),
			       "%s needs the member \"%s\"",
			       function_text(l, entry), row->name);
	}
}

static void read_files(const struct loader *l, const struct entry_members *m, struct entry *ret)
{
	if (m->files)
		read_ranges(l, m->files, 1, 65535, &ret->files);
	if (m->records)
		read_ranges(l, m->records, 0, MODBUS_RECORD_LAST, &ret->records);
	else
		ret->records = one_range(l->arena, 0, MODBUS_RECORD_LAST);
}

static void read_parts(const struct loader *l, const struct value *at, const struct entry_members *m,
		       struct entry *ret)
{
	unsigned parts = parts_of(ret);

	if (parts & PART_ADDRESSES)
		read_addresses(l, ret, at, m->addresses, m->registers, &ret->addresses);
	if (parts & PART_VALUES && m->values)
		read_values(l, m->values, ret);
	if (parts & PART_ADDRESSES)
		warn_values(l, ret, m->values, m->function);
	if (parts & PART_QUANTITY)
		ret->max_quantity = (uint16_t)read_number(l, m->max_quantity, 1,
							  ret->function->max_quantity, 0);
	if (parts & PART_READ_WRITE)
		read_read_write(l, m, ret);
	if (parts & PART_SUBFUNCTIONS && m->subfunctions)
		read_ranges(l, m->subfunctions, 0, 65535, &ret->subfunctions);
	if (parts & PART_IDENTIFICATION && m->object_ids)
		read_ranges(l, m->object_ids, 0, 255, &ret->objects);
	if (parts & PART_IDENTIFICATION && m->read_codes)
		read_ranges(l, m->read_codes, 1, 4, &ret->read_codes);
	if (parts & PART_FILES)
		read_files(l, m, ret);
}

static void load_entry(const struct loader *l, const struct value *at, struct entry *ret)
{
	struct entry_members m = { 0 };

	*ret = (struct entry){ .at = at, .value_type = PROGRAM_UINT16 };
	bind_map(&l->bind, at, &entry_table, &m);
	if (m.unit)
		read_units(l, m.unit, ret);
	if (!m.function || !read_function(l, &m, ret))
		return;
	check_parts(l, at, &m, ret);
	read_parts(l, at, &m, ret);
}

void load_modbus(const struct loader *l, const struct value *allow, struct entry_list *ret)
{
	if (!allow->count)
		report(l, FINDING_EMPTY_ALLOW, allow, "add what the server needs, or remove the rule",
		       "\"allow\" is empty: nothing would be allowed");
	ret->items = arena_array(l->arena, allow->count, sizeof(*ret->items));
	ret->count = allow->count;
	for (size_t i = 0; i < allow->count; i++)
		load_entry(l, &allow->items[i], &ret->items[i]);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/value.h"
#include "policy/cip_text.h"
#include "policy/learn_group.h"
#include "protocol/enip.h"
#include "protocol/modbus.h"
#include "protocol/pccc.h"

#define NO_NUMBER UINT32_MAX
#define PCCC_SERVICE 0x4bu

/* A use with its parts read. */
struct seen {
	struct arena *arena;
	const struct learn_use *use;
	const struct value *parts;
};

static uint32_t number(const struct seen *s, const char *name)
{
	const struct value *v = value_member(s->parts, name);

	return v && v->type == VALUE_INT && v->integer >= 0 && v->integer < NO_NUMBER ? (uint32_t)v->integer
										      : NO_NUMBER;
}

static const char *text(const struct seen *s, const char *name)
{
	const char *found = value_member_text(s->parts, name);

	return found ? found : "";
}

/* The number in "function-90" behind its word, or NO_NUMBER. */
static uint32_t number_behind(const char *name, const char *word)
{
	size_t len = strlen(word);

	return strncmp(name, word, len) ? NO_NUMBER : (uint32_t)strtoul(name + len, NULL, 10);
}

/* first and the count - 1 behind it; false when that leaves the 16 bits of an address, or is nothing. */
static bool add_addresses(const struct seen *s, struct learn_ranges *ranges, uint32_t first, uint32_t count)
{
	if (first == NO_NUMBER || count == NO_NUMBER || count == 0 || first + count - 1 > UINT16_MAX)
		return false;
	learn_ranges_add(s->arena, ranges, first, first + count - 1);
	return true;
}

/* ---- Modbus ---- */

static const struct modbus_function *function_called(const char *name)
{
	for (size_t i = 0; i < modbus_function_count; i++)
		if (!strcmp(modbus_functions[i].name, name))
			return &modbus_functions[i];
	return NULL;
}

static enum learn_form form_of(const struct modbus_function *f)
{
	if (!f)
		return LEARN_PLAIN;
	switch ((enum modbus_shape)f->shape) {
	case MODBUS_SHAPE_DIAGNOSTICS:
		return LEARN_SUBFUNCTIONS;
	case MODBUS_SHAPE_READ_FILE:
	case MODBUS_SHAPE_WRITE_FILE:
		return LEARN_RECORDS;
	case MODBUS_SHAPE_READ_WRITE:
		return LEARN_READ_WRITE;
	case MODBUS_SHAPE_MEI:
		return LEARN_IDENTITY;
	case MODBUS_SHAPE_NONE:
	case MODBUS_SHAPE_READ:
	case MODBUS_SHAPE_WRITE_ONE:
	case MODBUS_SHAPE_WRITE_MANY:
	case MODBUS_SHAPE_MASK:
	case MODBUS_SHAPE_FIFO:
	case MODBUS_SHAPE_STATUS:
	case MODBUS_SHAPE_COUNTER:
	case MODBUS_SHAPE_COUNTED:
	case MODBUS_SHAPE_OPAQUE:
		break;
	}
	return f->table == MODBUS_NO_TABLE ? LEARN_PLAIN : LEARN_ADDRESSES;
}

/* The part of an entry that its function has beside the unit. */
static bool read_details(const struct seen *s, struct learn_group *g)
{
	uint32_t address = number(s, "address"), quantity = number(s, "quantity");

	switch (g->form) {
	case LEARN_ADDRESSES:
		return add_addresses(s, &g->a, address, quantity);
	case LEARN_READ_WRITE:
		return add_addresses(s, &g->a, address, quantity) &&
		       add_addresses(s, &g->b, number(s, "write_address"), number(s, "write_quantity"));
	case LEARN_RECORDS:
		g->file = (uint16_t)number(s, "file");
		return add_addresses(s, &g->a, address, quantity);
	case LEARN_SUBFUNCTIONS:
		return add_addresses(s, &g->a, number(s, "subfunction"), 1);
	case LEARN_IDENTITY:
		g->mei_type = (uint8_t)number(s, "subfunction");
		if (g->mei_type == MODBUS_MEI_CANOPEN)
			return true;
		return add_addresses(s, &g->a, number(s, "read_code"), 1) &&
		       add_addresses(s, &g->b, number(s, "object"), 1);
	case LEARN_PLAIN:
	case LEARN_SERVICE:
	case LEARN_READ_TAGS:
	case LEARN_WRITE_TAGS:
	case LEARN_READ_FILES:
	case LEARN_WRITE_FILES:
	case LEARN_BROWSE:
	case LEARN_LIST_IDENTITY:
		break;
	}
	return true;
}

static enum learn_result read_modbus(const struct seen *s, struct learn_group *g)
{
	const struct modbus_function *f = function_called(s->use->service);
	uint32_t code = f ? f->code : number_behind(s->use->service, "function-");
	uint32_t unit = number(s, "unit");

	if (code == 0 || code > 127 || unit > UINT8_MAX)
		return LEARN_CANNOT;
	g->code = (uint8_t)code;
	g->form = form_of(f);
	g->access = f ? (enum cip_access)f->access : CIP_CONTROL;
	learn_ranges_add(s->arena, &g->keys, unit, unit);
	return read_details(s, g) ? LEARN_TAKEN : LEARN_CANNOT;
}

/* ---- EtherNet/IP: tags and data files ---- */

/* Splits what ends in an index into what stands before that and the index; any other text is whole. */
static bool split_tag(const struct seen *s, const char *tag, uint32_t elements, struct learn_group *g)
{
	size_t len = strlen(tag), at = len;
	uint32_t first = 0;

	if (len && tag[len - 1] == ']') {
		for (at = len - 1; at && tag[at - 1] >= '0' && tag[at - 1] <= '9';)
			at--;
		first = (uint32_t)strtoul(tag + at, NULL, 10);
		g->base = arena_strndup(s->arena, tag, at);
	} else if (elements > 1) {
		g->base = arena_printf(s->arena, "%s[", tag);
	} else {
		g->base = tag;
		return true;
	}
	learn_ranges_add(s->arena, &g->a, first, first + elements - 1);
	return true;
}

static enum learn_result read_tag(const struct seen *s, const struct cip_service *service, struct learn_group *g)
{
	uint32_t elements = number(s, "elements");
	const char *tag = text(s, "tag");
	struct tag parsed;

	if (tag_parse(tag, s->arena, &parsed) || parsed.rest)
		return LEARN_CANNOT;
	switch ((enum cip_shape)service->shape) {
	case CIP_SHAPE_READ_TAG:
	case CIP_SHAPE_READ_TAG_FRAGMENT:
		g->form = LEARN_READ_TAGS;
		break;
	case CIP_SHAPE_WRITE_TAG:
	case CIP_SHAPE_WRITE_TAG_FRAGMENT:
	case CIP_SHAPE_MODIFY_TAG:
		g->form = LEARN_WRITE_TAGS;
		break;
	case CIP_SHAPE_OPAQUE:
	case CIP_SHAPE_NONE:
	case CIP_SHAPE_ATTRIBUTE_LIST:
	case CIP_SHAPE_SET_ATTRIBUTE_LIST:
	case CIP_SHAPE_SET:
	case CIP_SHAPE_MULTIPLE:
	case CIP_SHAPE_UNCONNECTED_SEND:
	case CIP_SHAPE_FORWARD_OPEN:
	case CIP_SHAPE_LARGE_FORWARD_OPEN:
	case CIP_SHAPE_FORWARD_CLOSE:
	case CIP_SHAPE_PCCC:
	case CIP_SHAPE_LISTING:
	case CIP_SHAPE_READ_TEMPLATE:
		g->form = LEARN_BROWSE;
		return service->access == CIP_READ ? LEARN_TAKEN : LEARN_CANNOT;
	}
	return split_tag(s, tag, elements == NO_NUMBER ? 1 : elements, g) ? LEARN_TAKEN : LEARN_CANNOT;
}

/* What files of a PLC-5 hold unless somebody changed it: its addresses do not say. */
static const char *usual_type(uint32_t file)
{
	static const char *const types[] = { "O", "I", "S", "B", "T", "C", "R", "N", "F" };

	return file < sizeof(types) / sizeof(types[0]) ? types[file] : "N";
}

static enum learn_result read_file(const struct seen *s, struct learn_group *g)
{
	uint32_t command = number(s, "command"), function = number(s, "function"), elements = number(s, "elements");
	const struct pccc_function *known = NULL;
	const char *at = text(s, "at"), *colon = strchr(at, ':');
	uint32_t first = colon ? (uint32_t)strtoul(colon + 1, NULL, 10) : 0;

	for (size_t i = 0; i < pccc_function_count; i++)
		if (pccc_functions[i].command == command && pccc_functions[i].function ==
		    (function == UINT16_MAX ? -1 : (int)function))
			known = &pccc_functions[i];
	if (!known || !colon || elements == NO_NUMBER || (known->access != CIP_READ && known->access != CIP_WRITE))
		return LEARN_CANNOT;
	g->form = known->access == CIP_READ ? LEARN_READ_FILES : LEARN_WRITE_FILES;
	g->access = (enum cip_access)known->access;
	g->base = arena_strndup(s->arena, at, (size_t)(colon + 1 - at));
	if (*at == '?')
		g->base = arena_printf(s->arena, "%s%s", usual_type((uint32_t)strtoul(at + 1, NULL, 10)), g->base + 1);
	return first + elements - 1 <= PCCC_LAST && add_addresses(s, &g->a, first, elements) ? LEARN_TAKEN : LEARN_CANNOT;
}

/* ---- EtherNet/IP: objects ---- */

/* The number of a service: by the name that it has on that class. */
static uint32_t service_code(const char *name, uint32_t class)
{
	for (uint8_t code = 1; code <= CIP_SERVICE_LAST; code++) {
		const struct cip_service *s = cip_service(class, code);

		if (s && !strcmp(s->name, name))
			return code;
	}
	return number_behind(name, "service-");
}

/* "1,6,7", or the one in the path. */
static bool read_attributes(const struct seen *s, struct learn_group *g)
{
	uint32_t one = number(s, "attribute");
	const char *list = text(s, "attributes");
	char *end;

	if (one != NO_NUMBER)
		learn_ranges_add(s->arena, &g->a, one, one);
	while (*list) {
		one = (uint32_t)strtoul(list, &end, 10);
		if (end == list || (*end && *end != ','))
			return false;
		learn_ranges_add(s->arena, &g->a, one, one);
		list = *end ? end + 1 : end;
	}
	return true;
}

static enum cip_access access_of(const struct learn_group *g, const struct cip_service *known)
{
	if (!known)
		return CIP_CONTROL;
	for (size_t i = 0; known->sets && i < g->a.count; i++)
		if (cip_setting_controls(g->class, g->a.items[i].first, g->a.items[i].last))
			return CIP_CONTROL;
	return (enum cip_access)known->access;
}

static enum learn_result read_object(const struct seen *s, struct learn_group *g)
{
	const struct cip_service *known = cip_service(g->class, g->code);
	uint32_t instance = number(s, "instance");

	if (known && known->access == CIP_CARRIER)
		return LEARN_COMES_ALONG;
	if ((g->class == CIP_CLASS_SYMBOL || g->class == CIP_CLASS_TEMPLATE) && known && known->access == CIP_READ) {
		g->form = LEARN_BROWSE;
		return known->shape == CIP_SHAPE_READ_TAG || known->shape == CIP_SHAPE_READ_TAG_FRAGMENT ? LEARN_CANNOT
													  : LEARN_TAKEN;
	}
	if (g->class == CIP_COMMON || g->class > CIP_NUMBER_LAST || !read_attributes(s, g))
		return LEARN_CANNOT;
	g->form = LEARN_SERVICE;
	instance = instance == NO_NUMBER ? 0 : instance;
	learn_ranges_add(s->arena, &g->keys, instance, instance);
	g->access = access_of(g, known);
	return LEARN_TAKEN;
}

static enum learn_result read_command(const struct seen *s, struct learn_group *g)
{
	const struct enip_command *list = enip_command(ENIP_LIST_IDENTITY);

	g->form = LEARN_LIST_IDENTITY;
	g->route = "";
	if (list && !strcmp(s->use->service, list->name))
		return LEARN_TAKEN;
	return number_behind(s->use->service, "command-") == NO_NUMBER ? LEARN_COMES_ALONG : LEARN_CANNOT;
}

static bool is_command(const char *service)
{
	static const uint16_t commands[] = { ENIP_NOP, ENIP_LIST_SERVICES, ENIP_LIST_IDENTITY, ENIP_LIST_INTERFACES,
					     ENIP_REGISTER_SESSION, ENIP_UNREGISTER_SESSION, ENIP_SEND_RR_DATA,
					     ENIP_SEND_UNIT_DATA };

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (enip_command(commands[i]) && !strcmp(enip_command(commands[i])->name, service))
			return true;
	return number_behind(service, "command-") != NO_NUMBER;
}

static enum learn_result read_enip(const struct seen *s, struct learn_group *g)
{
	uint32_t class = number(s, "class"), code;
	const char *route = text(s, "route");
	struct cip_route parsed;

	if (is_command(s->use->service))
		return read_command(s, g);
	if (*route && route_parse(route, s->arena, &parsed))
		return LEARN_CANNOT;
	g->route = route;
	g->class = value_member(s->parts, "tag") ? CIP_CLASS_SYMBOL : class == NO_NUMBER ? CIP_COMMON : class;
	code = service_code(s->use->service, g->class);
	if (code == 0 || code > CIP_SERVICE_LAST)
		return LEARN_CANNOT;
	g->code = (uint8_t)code;
	if (value_member(s->parts, "tag"))
		return read_tag(s, cip_service(CIP_CLASS_SYMBOL, g->code), g);
	if (g->class == CIP_CLASS_PCCC && g->code == PCCC_SERVICE)
		return read_file(s, g);
	return read_object(s, g);
}

enum learn_result learn_read_use(struct arena *arena, const struct learn_use *use, struct learn_group *ret)
{
	struct value_source source = { .file = "usage", .text = use->parts, .len = strlen(use->parts) };
	struct seen s = { .arena = arena, .use = use };
	struct diag_list diags;

	diag_init(&diags, arena);
	*ret = (struct learn_group){ .route = "", .base = "", .access = CIP_READ, .count = use->count,
				     .first = use->first, .last = use->last };
	s.parts = value_parse(&source, arena, &diags);
	if (!s.parts)
		return LEARN_CANNOT;
	return use->protocol == PROGRAM_MODBUS ? read_modbus(&s, ret) : read_enip(&s, ret);
}

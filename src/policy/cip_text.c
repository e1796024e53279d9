/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/cip_text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "policy/address.h"
#include "protocol/pccc.h"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
#define NUMBER_DIGITS 9u
#define ROUTE_HOPS 8u

static bool take(const char **p, char c)
{
	if (**p != c)
		return false;
	++*p;
	return true;
}

/* A number without sign; false when there is none, or it has more digits than fit. */
static bool take_number(const char **p, uint32_t *ret)
{
	size_t count = strspn(*p, DIGITS);

	*ret = 0;
	if (!count || count > NUMBER_DIGITS)
		return false;
	for (size_t i = 0; i < count; i++)
		*ret = *ret * 10 + (uint32_t)((*p)[i] - '0');
	*p += count;
	return true;
}

/* "5" or "0-9" */
static const char *take_range(const char **p, struct program_range *ret)
{
	if (!take_number(p, &ret->first))
		return "a number is missing or too long";
	ret->last = ret->first;
	if (take(p, '-') && !take_number(p, &ret->last))
		return "a range has no end, as in \"0-9\"";
	return ret->last < ret->first ? "a range ends before it begins" : NULL;
}

static char *lower_copy(struct arena *arena, const char *text, size_t len)
{
	char *copy = arena_alloc(arena, len + 1);

	for (size_t i = 0; i < len; i++)
		copy[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] - 'A' + 'a' : text[i]);
	copy[len] = 0;
	return copy;
}

static const char *take_dimensions(const char **p, struct tag_part *part)
{
	const char *why;

	if (!take(p, '['))
		return NULL;
	do {
		if (part->dimension_count == PROGRAM_DIMENSIONS)
			return "an array has at most three dimensions";
		why = take_range(p, &part->dimensions[part->dimension_count++]);
		if (why)
			return why;
	} while (take(p, ','));
	return take(p, ']') ? NULL : "an index ends with \"]\", as in \"Counts[0-9]\"";
}

static const char *take_part(const char **p, struct arena *arena, struct tag_part *ret)
{
	size_t len = strspn(*p, LETTERS DIGITS "_:");

	if (!len)
		return "a name is missing";
	if (strchr(DIGITS, **p))
		return "a bit or number cannot be asked for by itself; name what holds it";
	if (**p == ':' || (*p)[len - 1] == ':')
		return "\":\" stands inside a name, as in \"Program:Main\"";
	if (len > TAG_NAME_MAX && !memchr(*p, ':', len))
		return "a name has at most 40 characters";
	ret->name = lower_copy(arena, *p, len);
	*p += len;
	return take_dimensions(p, ret);
}

static size_t most_parts(const char *text)
{
	size_t count = 1;

	for (; *text; text++)
		count += *text == '.';
	return count;
}

const char *tag_parse(const char *text, struct arena *arena, struct tag *ret)
{
	const char *p = text, *why;

	*ret = (struct tag){ .text = text };
	if (strlen(text) > TAG_TEXT_MAX)
		return "a tag has at most 255 characters";
	ret->parts = arena_array(arena, most_parts(text), sizeof(*ret->parts));
	do {
		if (take(&p, '*')) {
			ret->rest = true;
			break;
		}
		why = take_part(&p, arena, &ret->parts[ret->part_count++]);
		if (why)
			return why;
	} while (take(&p, '.'));
	if (!*p)
		return NULL;
	return ret->rest ? "\"*\" stands alone at the end, as in \"Recipe.*\"" :
			   "names have letters, digits, \"_\" and \":\", with \".\" between them";
}

bool tag_is_broad(const struct tag *tag)
{
	return tag->rest && (!tag->part_count ||
			     (tag->part_count == 1 && !strncmp(tag->parts[0].name, "program:", 8)));
}

/* File types of the SLC and PLC-5 families; the first three have a number of their own. */
static const struct file_type {
	const char *name;
	int number; /* -1: the text says it */
} file_types[] = {
	{ "O", 0 },   { "I", 1 },   { "S", 2 },   { "B", -1 },   { "T", -1 },
	{ "C", -1 },  { "R", -1 },  { "N", -1 },  { "F", -1 },   { "ST", -1 },
	{ "A", -1 },  { "D", -1 },  { "L", -1 },  { "MG", -1 },  { "PD", -1 }, { "PLS", -1 },
};

static const struct file_type *take_type(const char **p)
{
	size_t len = strspn(*p, LETTERS);

	for (size_t i = 0; i < sizeof(file_types) / sizeof(file_types[0]); i++) {
		const struct file_type *type = &file_types[i];

		if (strlen(type->name) == len && !strncasecmp(type->name, *p, len)) {
			*p += len;
			return type;
		}
	}
	return NULL;
}

const char *pccc_file_parse(const char *text, struct pccc_file *ret)
{
	const struct file_type *type = take_type(&text);
	const char *why = NULL;
	uint32_t number;

	*ret = (struct pccc_file){ .elements = { 0, PCCC_LAST } };
	if (!type)
		return "it begins with no type of file: O, I, S, B, T, C, R, N, F, ST, A, D, L, MG, PD or PLS";
	snprintf(ret->type, sizeof(ret->type), "%s", type->name);
	if (!take_number(&text, &number)) {
		if (type->number < 0)
			return "the number of the file is missing";
		number = (uint32_t)type->number;
	}
	if (number > PCCC_LAST)
		return "files have numbers up to 999";
	ret->number = (uint16_t)number;
	if (take(&text, ':'))
		why = take_range(&text, &ret->elements);
	if (!why && ret->elements.last > PCCC_LAST)
		return "files have elements up to 999";
	return why || !*text ? why : "behind the elements nothing follows";
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Two hexadecimal digits, or -1. */
static int hex_byte(const char *text)
{
	int high = hex_digit(text[0]), low = high < 0 ? -1 : hex_digit(text[1]);

	return low < 0 ? -1 : high << 4 | low;
}

static bool parse_pccc_number(const char *text, uint8_t *ret_command, int16_t *ret_function)
{
	int command = hex_byte(text), function = -1;

	if (command < 0 || (unsigned)command > PCCC_COMMAND_LAST)
		return false;
	text += 2;
	if (pccc_has_function((uint8_t)command)) {
		function = *text == '/' ? hex_byte(text + 1) : -1;
		if (function < 0)
			return false;
		text += 3;
	}
	*ret_command = (uint8_t)command;
	*ret_function = (int16_t)function;
	return !*text;
}

bool pccc_function_parse(const char *text, uint8_t *ret_command, int16_t *ret_function)
{
	for (size_t i = 0; i < pccc_function_count; i++) {
		if (strcmp(pccc_functions[i].name, text))
			continue;
		*ret_command = pccc_functions[i].command;
		*ret_function = pccc_functions[i].function;
		return true;
	}
	return parse_pccc_number(text, ret_command, ret_function);
}

const char *cip_entry_name(const struct cip_entry *entry)
{
	const struct pccc_function *function;
	const struct cip_service *service;

	switch (entry->kind) {
	case CIP_SERVICE:
		service = cip_service(cip_entry_class(entry), entry->service);
		return service ? service->name : NULL;
	case CIP_READ_OBJECTS:
		return "read-objects";
	case CIP_READ_TAGS:
		return "read-tags";
	case CIP_WRITE_TAGS:
		return "write-tags";
	case CIP_BROWSE_TAGS:
		return "browse-tags";
	case CIP_PCCC_READ:
		return "pccc read";
	case CIP_PCCC_WRITE:
		return "pccc write";
	case CIP_PCCC_FUNCTION:
		function = pccc_function(entry->pccc_command, entry->pccc_function);
		return function ? function->name : NULL;
	case CIP_IO:
		return "io";
	case CIP_LIST_IDENTITY:
		return "list-identity";
	}
	return NULL;
}

/* A slot or an address, up to the next "/". */
static const char *take_link(const char **p, struct arena *arena, struct route_hop *ret)
{
	size_t len = strcspn(*p, "/");
	const char *digits = *p;
	struct address address;
	uint32_t slot;

	ret->link = arena_strndup(arena, *p, len);
	*p += len;
	if (take_number(&digits, &slot) && digits == *p)
		return slot <= 255 ? NULL : "a slot or node has a number up to 255";
	return address_parse(ret->link, &address) ? NULL : "behind a port stands a slot, a node or an address";
}

const char *route_parse(const char *text, struct arena *arena, struct cip_route *ret)
{
	const char *why;
	uint32_t port;

	*ret = (struct cip_route){ 0 };
	if (!strcmp(text, "direct"))
		return NULL;
	*ret = (struct cip_route){ .hops = arena_array(arena, ROUTE_HOPS, sizeof(*ret->hops)) };
	do {
		struct route_hop *hop = &ret->hops[ret->count];

		if (ret->count++ == ROUTE_HOPS)
			return "a route has at most eight steps";
		if (!take_number(&text, &port) || !port || port > 65535)
			return "a step begins with the number of a port, 1 or more";
		hop->port = (uint16_t)port;
		if (!take(&text, '/'))
			return "a step is a port and what is behind it, as in \"1/0\"";
		why = take_link(&text, arena, hop);
		if (why)
			return why;
	} while (take(&text, '/'));
	return NULL;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Classes 6B and 6C: the list of tags, page by page, and the templates of structures. */
#include "device.h"
#include "objects.h"
#include "tags.h"

enum { LIST = 0x55, READ_TEMPLATE = 0x4c, GET_LIST = 0x03, ATTRIBUTES_MOST = 10, PROGRAM_TYPE = 0x1068,
       PROGRAM_ID = 3 };

struct listing {
	uint16_t attributes[ATTRIBUTES_MOST];
	unsigned count;
};

/* How the list tells a type: atomic or template, and how many dimensions. */
static uint16_t listed_type(const struct shape *shape)
{
	unsigned type = shape->of ? 0x8000u | shape->of->id : (unsigned)shape->type;

	return (uint16_t)(type | shape_rank(shape) << 13);
}

static bool put_attribute(struct out *out, uint16_t attribute, const struct tag *tag, uint16_t type)
{
	switch (attribute) {
	case 1:
		out_16(out, (unsigned)strlen(tag->name));
		out_bytes(out, tag->name, strlen(tag->name));
		return true;
	case 2:
		out_16(out, type);
		return true;
	case 3:
	case 5:
	case 6:
		out_32(out, 0);
		return true;
	case 7:
		out_16(out, (unsigned)shape_element(&tag->shape));
		return true;
	case 8:
		for (unsigned i = 0; i < DIMENSIONS; i++)
			out_32(out, tag->shape.dimensions[i]);
		return true;
	case 10:
		out_8(out, 0);
		return true;
	default:
		return false;
	}
}

/* Writes the whole row or, where there is no room for it, nothing of it. */
static bool put_row(struct out *out, const struct listing *listing, const struct tag *tag, uint16_t type)
{
	size_t before = out->len;

	out_32(out, tag->id);
	for (unsigned i = 0; i < listing->count; i++)
		put_attribute(out, listing->attributes[i], tag, type);
	if (out->full)
		out->len = before;
	return !out->full;
}

static bool parse_listing(struct in data, struct listing *listing)
{
	uint8_t bytes[32];
	struct out scratch = { .at = bytes, .room = sizeof(bytes) };

	listing->count = in_16(&data);
	if (listing->count == 0 || listing->count > ATTRIBUTES_MOST)
		return false;
	for (unsigned i = 0; i < listing->count; i++) {
		listing->attributes[i] = in_16(&data);
		if (!put_attribute(&scratch, listing->attributes[i], &tags[0], 0))
			return false;
		scratch.len = 0;
	}
	return !data.bad && !in_left(&data);
}

static void list_tags(const struct request *request, unsigned class_at, struct reply *reply)
{
	struct listing listing = { 0 };
	bool in_program = class_at == 1;
	uint32_t first = path_number(&request->path, class_at + 1, SEG_INSTANCE);
	struct tag program = { false, PROGRAM_SYMBOL, { TYPE_DINT, NULL, { 0 } }, PROGRAM_ID, NULL };

	if (!parse_listing(request->data, &listing)) {
		reply_fail(reply, CIP_ATTRIBUTE, 0);
		return;
	}
	if (!in_program && first <= PROGRAM_ID)
		put_row(&reply->data, &listing, &program, PROGRAM_TYPE);
	for (unsigned i = 0; i < tag_count; i++)
		if (tags[i].in_program == in_program && tags[i].id >= first &&
		    !put_row(&reply->data, &listing, &tags[i], listed_type(&tags[i].shape))) {
			reply->status = CIP_PARTIAL;
			return;
		}
}

void symbol_answer(const struct request *request, struct reply *reply)
{
	const struct path *path = &request->path;
	unsigned class_at = path->at[0].kind == SEG_SYMBOL ? 1 : 0;
	bool ends_in_list = path->count == class_at + 2 && path_number(path, class_at, SEG_CLASS) == 0x6b &&
			    path->at[class_at + 1].kind == SEG_INSTANCE;

	if (request->service != LIST)
		tag_answer(request, reply);
	else if (!ends_in_list)
		reply_fail(reply, CIP_PATH_UNKNOWN, 0);
	else if (class_at && !is_name(&path->at[0], PROGRAM_SYMBOL))
		reply_fail(reply, CIP_PATH_SYNTAX, 0);
	else
		list_tags(request, class_at, reply);
}

/* -- templates -------------------------------------------------------------------------------------------- */

static void put_definition(const struct template *template, struct out *out)
{
	for (unsigned i = 0; i < template->count; i++) {
		const struct member *member = &template->members[i];
		unsigned info = member->shape.type == TYPE_BOOL ? member->bit : member->shape.dimensions[0];

		out_16(out, info);
		out_16(out, listed_type(&member->shape));
		out_32(out, member->offset);
	}
	out_bytes(out, template->name, strlen(template->name));
	out_bytes(out, ";nEBECEAHA", 11);
	for (unsigned i = 0; i < template->count; i++)
		out_bytes(out, template->members[i].name, strlen(template->members[i].name) + 1);
}

static void template_attributes(const struct template *template, struct in data, struct out definition,
				struct reply *reply)
{
	unsigned count = in_16(&data);

	out_16(&reply->data, count);
	for (unsigned i = 0; i < count && !data.bad; i++) {
		uint16_t attribute = in_16(&data);

		out_16(&reply->data, attribute);
		out_16(&reply->data, 0);
		if (attribute == 1)
			out_16(&reply->data, template->handle);
		else if (attribute == 2)
			out_16(&reply->data, template->count);
		else if (attribute == 4)
			out_32(&reply->data, (uint32_t)(definition.len + 23 + 3) / 4);
		else if (attribute == 5)
			out_32(&reply->data, template->size);
		else
			reply_fail(reply, CIP_ATTRIBUTE, 0);
	}
	if (data.bad || in_left(&data) || reply->data.full)
		reply_fail(reply, CIP_SHORT, 0);
	if (reply->status)
		reply->data.len = 0;
}

static void template_read(struct in data, struct out definition, struct reply *reply)
{
	size_t offset = in_32(&data), size = in_16(&data);

	if (data.bad || in_left(&data) || offset > definition.len) {
		reply_fail(reply, data.bad ? CIP_SHORT : CIP_VALUE, 0);
		return;
	}
	if (size > definition.len - offset)
		size = definition.len - offset;
	if (size > out_left(&reply->data)) {
		size = out_left(&reply->data);
		reply->status = CIP_PARTIAL;
	}
	out_bytes(&reply->data, definition.at + offset, size);
}

void template_answer(const struct request *request, struct reply *reply)
{
	uint8_t bytes[1024];
	struct out definition = { .at = bytes, .room = sizeof(bytes) };
	uint32_t id = path_number(&request->path, 1, SEG_INSTANCE);
	const struct template *found = NULL;

	for (unsigned i = 0; i < template_count; i++)
		if (templates[i]->id == id)
			found = templates[i];
	if (!found || request->path.count != 2) {
		reply_fail(reply, CIP_PATH_UNKNOWN, 0);
		return;
	}
	put_definition(found, &definition);
	if (request->service == GET_LIST)
		template_attributes(found, request->data, definition, reply);
	else if (request->service == READ_TEMPLATE)
		template_read(request->data, definition, reply);
	else
		reply_fail(reply, CIP_SERVICE, 0);
}

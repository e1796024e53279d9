/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The services of Logix on a tag: read, write, both in fragments, and read-modify-write. */
#include "device.h"
#include "tags.h"

static void put_type(struct out *out, const struct shape *shape)
{
	out_16(out, shape->type);
	if (shape->type == TYPE_STRUCT)
		out_16(out, shape->of->handle);
}

static void read_tag(struct place *place, struct in data, bool fragment, struct reply *reply)
{
	uint32_t elements = in_16(&data), offset = fragment ? in_32(&data) : 0;
	size_t element = shape_element(&place->shape), total = elements * element;

	if (data.bad || in_left(&data)) {
		reply_fail(reply, data.bad ? CIP_SHORT : CIP_LONG, 0);
		return;
	}
	if (elements == 0 || elements > place->elements || (offset && offset >= total)) {
		reply_fail(reply, CIP_TAG, offset && elements <= place->elements ? TAG_OFFSET : TAG_RANGE);
		return;
	}
	put_type(&reply->data, &place->shape);
	size_t left = total - offset, room = out_left(&reply->data);

	if (left > room) {
		reply->status = CIP_PARTIAL;
		left = room - room % (element > 8 ? 4 : element);
	}
	if (place->is_bit)
		out_8(&reply->data, place->data[0] >> place->bit & 1u);
	else
		out_bytes(&reply->data, place->data + offset, left);
}

static bool type_fits(struct in *data, const struct shape *shape)
{
	return in_16(data) == shape->type && (shape->type != TYPE_STRUCT || in_16(data) == shape->of->handle);
}

static void store(struct place *place, size_t offset, const uint8_t *bytes, size_t size)
{
	if (!place->is_bit)
		memcpy(place->data + offset, bytes, size);
	else if (bytes[0])
		place->data[0] |= (uint8_t)(1u << place->bit);
	else
		place->data[0] &= (uint8_t)~(1u << place->bit);
	say("did write %s offset %zu data %s", place->name, offset, hex(bytes, size));
}

static void write_tag(struct place *place, struct in data, bool fragment, struct reply *reply)
{
	bool same = type_fits(&data, &place->shape);
	size_t total = in_16(&data) * shape_element(&place->shape);
	size_t offset = fragment ? in_32(&data) : 0, size = in_left(&data);

	if (data.bad)
		reply_fail(reply, CIP_SHORT, 0);
	else if (!same)
		reply_fail(reply, CIP_TAG, TAG_TYPE);
	else if (total == 0 || total > place->elements * shape_element(&place->shape))
		reply_fail(reply, CIP_TAG, TAG_RANGE);
	else if (offset > total || size > total - offset)
		reply_fail(reply, CIP_LONG, 0);
	else if (size == 0 || (!fragment && size < total))
		reply_fail(reply, CIP_SHORT, 0);
	else
		store(place, offset, data.p, size);
}

static void modify_tag(struct place *place, struct in data, struct reply *reply)
{
	size_t size = in_16(&data);
	const uint8_t *or = in_take(&data, size), *and = in_take(&data, size);

	if (data.bad || in_left(&data)) {
		reply_fail(reply, data.bad ? CIP_SHORT : CIP_LONG, 0);
		return;
	}
	if (place->is_bit || place->shape.of || size != shape_element(&place->shape)) {
		reply_fail(reply, CIP_TAG, TAG_TYPE);
		return;
	}
	for (size_t i = 0; i < size; i++)
		place->data[i] = (uint8_t)((place->data[i] | or[i]) & and[i]);
	say("did modify %s or %s and %s", place->name, hex(or, size), hex(and, size));
}

void tag_answer(const struct request *request, struct reply *reply)
{
	struct place place;
	uint16_t extended;
	uint8_t status = tag_find(&request->path, &place, &extended);

	if (status)
		reply_fail(reply, status, extended);
	else if (tag_denied(request))
		reply_fail(reply, CIP_PRIVILEGE, 0);
	else if (request->service == READ_TAG || request->service == READ_FRAGMENT)
		read_tag(&place, request->data, request->service == READ_FRAGMENT, reply);
	else if (request->service == WRITE_TAG || request->service == WRITE_FRAGMENT)
		write_tag(&place, request->data, request->service == WRITE_FRAGMENT, reply);
	else if (request->service == MODIFY_TAG)
		modify_tag(&place, request->data, reply);
	else
		reply_fail(reply, CIP_SERVICE, 0);
}

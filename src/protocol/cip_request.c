/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "protocol/cip_request.h"

#include "base/cursor.h"
#include "protocol/bytes.h"
#include "protocol/cip_connection.h"
#include "protocol/pccc.h"

#define TYPE_FIRST 0xc1u

/* Elementary data types from 0xC1 on (CIP volume 1, appendix C-6); 0: of no fixed size, or none. */
static const uint8_t type_sizes[] = {
	1, 1, 2, 4, 8, 1, 2, 4, 8, 4, 8, /* BOOL, SINT .. LINT, USINT .. ULINT, REAL, LREAL */
	4, 2, 4, 6, 0,                   /* STIME, DATE, TIME_OF_DAY, DATE_AND_TIME, STRING */
	1, 2, 4, 8, 0, 4, 8, 2, 0, 0, 4, /* BYTE .. LWORD, STRING2, FTIME, LTIME, ITIME, .., TIME */
};

unsigned cip_type_size(uint16_t type)
{
	return type >= TYPE_FIRST && type - TYPE_FIRST < sizeof(type_sizes) ?
	       type_sizes[type - TYPE_FIRST] : 0;
}

/* ---- data, one function a shape; false = not of this shape ------------------------------------------- */

typedef bool shape_reader(struct cursor *c, struct cip_request *r);

static void read_values(struct cursor *c, struct cip_request *r)
{
	r->values_length = (uint16_t)cursor_left(c);
	r->values = cursor_take(c, r->values_length);
}

static bool read_any(struct cursor *c, struct cip_request *r)
{
	c->p = c->end;
	return true;
}

static bool read_none(struct cursor *c, struct cip_request *r)
{
	return true;
}

static bool read_attribute_list(struct cursor *c, struct cip_request *r)
{
	r->attribute_count = cursor_le16(c);
	read_values(c, r);
	return r->values_length == 2u * r->attribute_count;
}

/* Where the second value starts depends on the first one's type, which only the object knows. */
static bool read_set_list(struct cursor *c, struct cip_request *r)
{
	r->attribute_count = cursor_le16(c);
	read_values(c, r);
	return r->attribute_count ? r->values_length >= 3u * r->attribute_count :
				    r->values_length == 0;
}

static bool read_set(struct cursor *c, struct cip_request *r)
{
	read_values(c, r);
	return r->values_length > 0;
}

static bool read_tag(struct cursor *c, struct cip_request *r)
{
	r->elements = cursor_le16(c);
	return true;
}

static bool read_tag_fragment(struct cursor *c, struct cip_request *r)
{
	r->elements = cursor_le16(c);
	r->offset = cursor_le32(c);
	return true;
}

static void read_type(struct cursor *c, struct cip_request *r)
{
	r->type = cursor_le16(c);
	r->handle = r->type == CIP_TYPE_STRUCT ? cursor_le16(c) : 0;
	r->elements = cursor_le16(c);
}

static bool write_tag(struct cursor *c, struct cip_request *r)
{
	unsigned size;

	read_type(c, r);
	read_values(c, r);
	size = cip_type_size(r->type);
	return size ? r->values_length == size * r->elements : r->values_length > 0;
}

static bool write_tag_fragment(struct cursor *c, struct cip_request *r)
{
	unsigned size;

	read_type(c, r);
	r->offset = cursor_le32(c);
	read_values(c, r);
	size = cip_type_size(r->type);
	if (r->values_length == 0)
		return false;
	return !size || (r->offset <= size * r->elements &&
			 r->values_length <= size * r->elements - r->offset);
}

static bool modify_tag(struct cursor *c, struct cip_request *r)
{
	uint16_t size = cursor_le16(c);

	read_values(c, r);
	return (size == 1 || size == 2 || size == 4 || size == 8 || size == 12) &&
	       r->values_length == 2 * size;
}

static bool read_template(struct cursor *c, struct cip_request *r)
{
	r->offset = cursor_le32(c);
	r->elements = cursor_le16(c);
	return true;
}

static bool forward_open(struct cursor *c, struct cip_request *r)
{
	struct cip_open open;

	c->p = c->end;
	return cip_open(r, &open) == REASON_NONE;
}

static bool forward_close(struct cursor *c, struct cip_request *r)
{
	struct cip_close close;

	c->p = c->end;
	return cip_close(r, &close) == REASON_NONE;
}

static bool execute_pccc(struct cursor *c, struct cip_request *r)
{
	struct pccc pccc;

	c->p = c->end;
	return pccc_request(r, &pccc) == REASON_NONE;
}

static shape_reader *const shapes[] = {
	[CIP_SHAPE_OPAQUE] = read_any,
	[CIP_SHAPE_NONE] = read_none,
	[CIP_SHAPE_ATTRIBUTE_LIST] = read_attribute_list,
	[CIP_SHAPE_SET_ATTRIBUTE_LIST] = read_set_list,
	[CIP_SHAPE_SET] = read_set,
	[CIP_SHAPE_MULTIPLE] = read_any,         /* both: see cip_walk.c */
	[CIP_SHAPE_UNCONNECTED_SEND] = read_any,
	[CIP_SHAPE_FORWARD_OPEN] = forward_open,
	[CIP_SHAPE_LARGE_FORWARD_OPEN] = forward_open,
	[CIP_SHAPE_FORWARD_CLOSE] = forward_close,
	[CIP_SHAPE_PCCC] = execute_pccc,
	[CIP_SHAPE_READ_TAG] = read_tag,
	[CIP_SHAPE_READ_TAG_FRAGMENT] = read_tag_fragment,
	[CIP_SHAPE_WRITE_TAG] = write_tag,
	[CIP_SHAPE_WRITE_TAG_FRAGMENT] = write_tag_fragment,
	[CIP_SHAPE_MODIFY_TAG] = modify_tag,
	[CIP_SHAPE_LISTING] = read_attribute_list,
	[CIP_SHAPE_READ_TEMPLATE] = read_template,
};

/* Service and path; the cursor then stands at the data. */
static enum reason read_head(struct cursor *c, struct cip_request *ret)
{
	const uint8_t *path;
	enum reason reason;
	size_t length;

	ret->bytes = c->p;
	ret->service = cursor_u8(c);
	length = 2u * cursor_u8(c);
	path = cursor_take(c, length);
	if (c->bad || ret->service == 0 || ret->service & CIP_REPLY_BIT)
		return REASON_MALFORMED_FRAME;
	reason = cip_path(path, length, &ret->path);
	if (reason != REASON_NONE)
		return reason;
	ret->object = cip_path_object(&ret->path);
	ret->known = ret->object == CIP_NO_OBJECT ? NULL : cip_service(ret->object, ret->service);
	ret->shape = ret->known ? ret->known->shape : CIP_SHAPE_OPAQUE;
	ret->attribute_count = 0;
	ret->elements = 0;
	ret->data = NULL;
	ret->length = 0;
	return REASON_NONE;
}

enum reason cip_request(const uint8_t *p, size_t len, struct cip_request *ret)
{
	struct cursor c = cursor_over(p, len);
	enum reason reason = read_head(&c, ret);

	if (reason != REASON_NONE)
		return reason;
	ret->data = c.p;
	ret->length = (uint16_t)cursor_left(&c);
	if (!shapes[ret->shape](&c, ret) || c.bad)
		return REASON_MALFORMED_FRAME;
	return cursor_done(&c) ? REASON_NONE : REASON_TRAILING_BYTES;
}

bool cip_request_start(const uint8_t *p, size_t len, struct cip_request *ret)
{
	struct cursor c = cursor_over(p, len);

	return read_head(&c, ret) == REASON_NONE;
}

static bool path_attribute(const struct cip_path *path, unsigned i, uint32_t *ret)
{
	for (unsigned s = 0; s < path->count; s++) {
		if (path->segments[s].kind != CIP_SEGMENT_ATTRIBUTE || i--)
			continue;
		*ret = path->segments[s].number;
		return true;
	}
	return false;
}

bool cip_request_attribute(const struct cip_request *r, unsigned i, uint32_t *ret)
{
	if (!cip_lists_attributes(r->shape))
		return path_attribute(&r->path, i, ret);
	if (i >= r->attribute_count || (i && r->shape == CIP_SHAPE_SET_ATTRIBUTE_LIST))
		return false;
	*ret = get_le16(r->values + 2 * i);
	return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The beginning of a frame: how much of it can be judged before the rest has come. */
#include "protocol/modbus.h"

/* How a receiver that looks at the function, not at the length field, finds the end of a frame. */
struct layout {
	uint8_t fixed;    /* bytes of the whole frame, or 0 */
	uint8_t count_at; /* offset of the count of the bytes behind it, or 0 */
};

static const struct layout request_layouts[] = {
	[MODBUS_SHAPE_NONE] = { .fixed = 8 },
	[MODBUS_SHAPE_READ] = { .fixed = 12 },
	[MODBUS_SHAPE_WRITE_ONE] = { .fixed = 12 },
	[MODBUS_SHAPE_WRITE_MANY] = { .count_at = 12 },
	[MODBUS_SHAPE_MASK] = { .fixed = 14 },
	[MODBUS_SHAPE_READ_WRITE] = { .count_at = 16 },
	[MODBUS_SHAPE_FIFO] = { .fixed = 10 },
	[MODBUS_SHAPE_STATUS] = { .fixed = 8 },
	[MODBUS_SHAPE_COUNTER] = { .fixed = 8 },
	[MODBUS_SHAPE_COUNTED] = { .fixed = 8 },
	[MODBUS_SHAPE_READ_FILE] = { .count_at = 8 },
	[MODBUS_SHAPE_WRITE_FILE] = { .count_at = 8 },
	[MODBUS_SHAPE_OPAQUE] = { 0 },
};

static const struct layout reply_layouts[] = {
	[MODBUS_SHAPE_NONE] = { .fixed = 8 },
	[MODBUS_SHAPE_READ] = { .count_at = 8 },
	[MODBUS_SHAPE_WRITE_ONE] = { .fixed = 12 },
	[MODBUS_SHAPE_WRITE_MANY] = { .fixed = 12 },
	[MODBUS_SHAPE_MASK] = { .fixed = 14 },
	[MODBUS_SHAPE_READ_WRITE] = { .count_at = 8 },
	[MODBUS_SHAPE_STATUS] = { .fixed = 9 },
	[MODBUS_SHAPE_COUNTER] = { .fixed = 12 },
	[MODBUS_SHAPE_COUNTED] = { .count_at = 8 },
	[MODBUS_SHAPE_READ_FILE] = { .count_at = 8 },
	[MODBUS_SHAPE_WRITE_FILE] = { .count_at = 8 },
	[MODBUS_SHAPE_OPAQUE] = { 0 },
};

static bool has_layout(const struct layout *l, const uint8_t *frame, size_t len)
{
	size_t size = 6u + frame[5];

	if (l->fixed)
		return size == l->fixed;
	if (!l->count_at)
		return true;
	return size > l->count_at && (len <= l->count_at || size == l->count_at + 1u + frame[l->count_at]);
}

/* The two shapes whose length follows from the two bytes behind the function instead. */
static bool odd_request_begins(uint8_t shape, const uint8_t *frame, size_t len)
{
	size_t size = 6u + frame[5];

	if (shape == MODBUS_SHAPE_DIAGNOSTICS)
		return size >= 12 && (size == 12 || len < 10 || (frame[8] == 0 && frame[9] == 0));
	if (shape == MODBUS_SHAPE_MEI)
		return len < 9 || frame[8] != MODBUS_MEI_IDENTIFICATION || size == 11;
	return true;
}

/* The number of items stands in front of the count of bytes; both must say the same. */
static bool counts_agree(uint8_t shape, const uint8_t *frame, size_t len)
{
	size_t at = request_layouts[shape].count_at;
	bool counted = shape == MODBUS_SHAPE_WRITE_MANY || shape == MODBUS_SHAPE_READ_WRITE;
	const struct modbus_function *f;
	uint32_t items;

	if (!counted || len <= at)
		return true;
	items = (uint32_t)(frame[at - 2] << 8 | frame[at - 1]);
	f = modbus_function(frame[7]);
	return frame[at] == (f->table == MODBUS_COILS ? (items + 7) / 8 : 2 * items);
}

bool modbus_request_begins(const uint8_t *frame, size_t len)
{
	uint8_t shape;

	if (len < MODBUS_HEADER + 1)
		return true;
	shape = modbus_shape(frame[7]);
	if (shape == MODBUS_SHAPE_DIAGNOSTICS || shape == MODBUS_SHAPE_MEI)
		return odd_request_begins(shape, frame, len);
	return has_layout(&request_layouts[shape], frame, len) && counts_agree(shape, frame, len);
}

bool modbus_reply_begins(const uint8_t *frame, size_t len)
{
	uint8_t shape;

	if (len < MODBUS_HEADER + 1)
		return true;
	if (frame[7] & MODBUS_EXCEPTION_BIT)
		return 6u + frame[5] == MODBUS_EXCEPTION_FRAME;
	shape = modbus_shape(frame[7]);
	if (shape == MODBUS_SHAPE_DIAGNOSTICS)
		return odd_request_begins(shape, frame, len);
	return shape == MODBUS_SHAPE_MEI || shape == MODBUS_SHAPE_FIFO ||
	       has_layout(&reply_layouts[shape], frame, len);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Class 67: the old data files N7 and F8 as an SLC has them, by protected typed logical read and write
 * with three address fields, and write with a mask.
 */
#include "device.h"
#include "objects.h"

enum { EXECUTE = 0x4b, COMMAND = 0x0f, READ = 0xa2, WRITE = 0xaa, WRITE_MASKED = 0xab };
enum { STS_ILLEGAL = 0x10, STS_ADDRESS = 0x50, ELEMENTS = 100 };

static uint8_t integers[2 * ELEMENTS], floats[4 * ELEMENTS];

static const struct file {
	uint16_t number;
	uint8_t type, element;
	uint8_t *data;
	char letter;
} files[] = {
	{ 7, 0x89, 2, integers, 'N' },
	{ 8, 0x8a, 4, floats, 'F' },
};

struct target {
	const struct file *file;
	uint16_t element;
	uint8_t *data;
	uint8_t size;
};

/* A number of one byte, or FF and two. */
static uint16_t in_short(struct in *in)
{
	uint8_t byte = in_8(in);

	return byte == 0xff ? in_16(in) : byte;
}

static bool parse_target(struct in *in, struct target *target)
{
	target->size = in_8(in);
	uint16_t number = in_short(in);
	uint8_t type = in_8(in);

	target->element = in_short(in);
	uint16_t sub = in_short(in);

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (files[i].number == number && files[i].type == type)
			target->file = &files[i];
	if (in->bad || !target->file || sub || target->size == 0 || target->size % target->file->element)
		return false;
	size_t at = (size_t)target->element * target->file->element;

	target->data = target->file->data + at;
	return at + target->size <= (size_t)target->file->element * ELEMENTS;
}

static uint8_t carry_out(uint8_t function, struct in data, struct out *out)
{
	struct target target = { 0 };

	if (function != READ && function != WRITE && function != WRITE_MASKED)
		return STS_ILLEGAL;
	if (!parse_target(&data, &target))
		return STS_ADDRESS;
	uint16_t mask = function == WRITE_MASKED ? in_16(&data) : 0xffff;

	if (in_left(&data) != (function == READ ? 0u : target.size))
		return STS_ILLEGAL;
	if (function == READ) {
		out_bytes(out, target.data, target.size);
		return 0;
	}
	for (unsigned i = 0; i < target.size; i++) {
		uint8_t bits = (uint8_t)(i & 1 ? mask >> 8 : mask);

		target.data[i] = (uint8_t)((target.data[i] & ~bits) | (data.p[i] & bits));
	}
	say("did pccc write %c%u:%u mask %04x data %s", target.file->letter, target.file->number,
	    target.element, mask, hex(data.p, target.size));
	return 0;
}

void pccc_answer(const struct request *request, struct reply *reply)
{
	struct in data = request->data;
	uint8_t who_size = in_8(&data);
	const uint8_t *who = in_take(&data, who_size ? who_size - 1u : 0);
	uint8_t command = in_8(&data), ignored = in_8(&data);
	uint16_t transaction = in_16(&data);
	uint8_t function = in_8(&data), bytes[256];
	struct out found = { .at = bytes, .room = sizeof(bytes) };

	(void)ignored;
	if (request->service != EXECUTE || path_number(&request->path, 1, SEG_INSTANCE) != 1) {
		reply_fail(reply, request->service != EXECUTE ? CIP_SERVICE : CIP_PATH_UNKNOWN, 0);
		return;
	}
	if (data.bad || who_size != 7) {
		reply_fail(reply, CIP_SHORT, 0);
		return;
	}
	uint8_t status = command == COMMAND ? carry_out(function, data, &found) : STS_ILLEGAL;

	out_8(&reply->data, who_size);
	out_bytes(&reply->data, who, who_size - 1u);
	out_8(&reply->data, command | 0x40u);
	out_8(&reply->data, status);
	out_16(&reply->data, transaction);
	out_bytes(&reply->data, found.at, found.len);
}

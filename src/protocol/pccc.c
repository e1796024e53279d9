/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "protocol/pccc.h"

#include "base/cursor.h"
#include "protocol/cip.h"

#define REPLY_BIT 0x40u
#define PRIORITY_BIT 0x20u
#define COMMAND_BITS PCCC_COMMAND_LAST
#define WIDE 0xffu          /* in place of a byte: the number follows in 16 bits */

/* Ascending by command, function. */
const struct pccc_function pccc_functions[] = {
	{ 0x00, -1, CIP_WRITE, PCCC_SHAPE_OPAQUE, "protected-write" },
	{ 0x01, -1, CIP_READ, PCCC_SHAPE_OPAQUE, "unprotected-read" },
	{ 0x02, -1, CIP_WRITE, PCCC_SHAPE_OPAQUE, "protected-bit-write" },
	{ 0x05, -1, CIP_WRITE, PCCC_SHAPE_OPAQUE, "unprotected-bit-write" },
	{ 0x06, 0x00, CIP_READ, PCCC_SHAPE_OPAQUE, "echo" },
	{ 0x06, 0x01, CIP_READ, PCCC_SHAPE_OPAQUE, "read-diagnostic-counters" },
	{ 0x06, 0x02, CIP_CONTROL, PCCC_SHAPE_OPAQUE, "set-variables" },
	{ 0x06, 0x03, CIP_READ, PCCC_SHAPE_NONE, "diagnostic-status" },
	{ 0x06, 0x04, CIP_CONTROL, PCCC_SHAPE_OPAQUE, "set-timeout" },
	{ 0x06, 0x05, CIP_CONTROL, PCCC_SHAPE_OPAQUE, "set-naks" },
	{ 0x06, 0x06, CIP_CONTROL, PCCC_SHAPE_OPAQUE, "set-enqs" },
	{ 0x06, 0x07, CIP_CONTROL, PCCC_SHAPE_OPAQUE, "reset-diagnostic-counters" },
	{ 0x07, 0x00, CIP_CONTROL, PCCC_SHAPE_OPAQUE, "disable-outputs" },
	{ 0x07, 0x01, CIP_CONTROL, PCCC_SHAPE_OPAQUE, "enable-program" },
	{ 0x07, 0x03, CIP_CONTROL, PCCC_SHAPE_OPAQUE, "enable-scanning" },
	{ 0x08, -1, CIP_WRITE, PCCC_SHAPE_OPAQUE, "unprotected-write" },
	{ 0x0f, 0x00, CIP_WRITE, PCCC_SHAPE_WORDS_WRITE_PLC5, "word-range-write" },
	{ 0x0f, 0x01, CIP_READ, PCCC_SHAPE_WORDS_READ_PLC5, "word-range-read" },
	{ 0x0f, 0x02, CIP_WRITE, PCCC_SHAPE_OPAQUE, "bit-write" },
	{ 0x0f, 0x11, CIP_CONTROL, PCCC_SHAPE_OPAQUE, "get-edit-resource" },
	{ 0x0f, 0x12, CIP_CONTROL, PCCC_SHAPE_OPAQUE, "return-edit-resource" },
	{ 0x0f, 0x17, CIP_CONTROL, PCCC_SHAPE_OPAQUE, "read-bytes-physical" },
	{ 0x0f, 0x18, CIP_CONTROL, PCCC_SHAPE_OPAQUE, "write-bytes-physical" },
	{ 0x0f, 0x26, CIP_WRITE, PCCC_SHAPE_RMW_PLC5, "read-modify-write" },
	{ 0x0f, 0x29, CIP_READ, PCCC_SHAPE_OPAQUE, "read-section-size" },
	{ 0x0f, 0x3a, CIP_CONTROL, PCCC_SHAPE_OPAQUE, "set-cpu-mode" },
	{ 0x0f, 0x41, CIP_CONTROL, PCCC_SHAPE_OPAQUE, "disable-forces" },
	{ 0x0f, 0x50, CIP_CONTROL, PCCC_SHAPE_OPAQUE, "download-all-request" },
	{ 0x0f, 0x52, CIP_CONTROL, PCCC_SHAPE_OPAQUE, "download-completed" },
	{ 0x0f, 0x53, CIP_CONTROL, PCCC_SHAPE_OPAQUE, "upload-all-request" },
	{ 0x0f, 0x55, CIP_CONTROL, PCCC_SHAPE_OPAQUE, "upload-completed" },
	{ 0x0f, 0x57, CIP_CONTROL, PCCC_SHAPE_OPAQUE, "initialize-memory" },
	{ 0x0f, 0x67, CIP_WRITE, PCCC_SHAPE_WRITE_PLC5, "typed-write" },
	{ 0x0f, 0x68, CIP_READ, PCCC_SHAPE_READ_PLC5, "typed-read" },
	{ 0x0f, 0x80, CIP_CONTROL, PCCC_SHAPE_OPAQUE, "change-mode" },
	{ 0x0f, 0x81, CIP_CONTROL, PCCC_SHAPE_OPAQUE, "open-file" },
	{ 0x0f, 0x82, CIP_CONTROL, PCCC_SHAPE_OPAQUE, "close-file" },
	{ 0x0f, 0x88, CIP_CONTROL, PCCC_SHAPE_OPAQUE, "shutdown" },
	{ 0x0f, 0x8f, CIP_CONTROL, PCCC_SHAPE_OPAQUE, "apply-port-configuration" },
	{ 0x0f, 0xa1, CIP_READ, PCCC_SHAPE_READ2, "typed-logical-read-2" },
	{ 0x0f, 0xa2, CIP_READ, PCCC_SHAPE_READ3, "typed-logical-read-3" },
	{ 0x0f, 0xa7, CIP_CONTROL, PCCC_SHAPE_OPAQUE, "typed-file-read" },
	{ 0x0f, 0xa9, CIP_WRITE, PCCC_SHAPE_WRITE2, "typed-logical-write-2" },
	{ 0x0f, 0xaa, CIP_WRITE, PCCC_SHAPE_WRITE3, "typed-logical-write-3" },
	{ 0x0f, 0xab, CIP_WRITE, PCCC_SHAPE_MASK3, "typed-logical-write-mask" },
	{ 0x0f, 0xaf, CIP_CONTROL, PCCC_SHAPE_OPAQUE, "typed-file-write" },
};
const size_t pccc_function_count = sizeof(pccc_functions) / sizeof(pccc_functions[0]);

/* File types (SLC 500, MicroLogix): name and bytes of one element. */
static const struct {
	uint8_t type;
	uint8_t size;
	const char *name;
} file_types[] = {
	{ 0x84, 2, "S" }, { 0x85, 2, "B" }, { 0x86, 6, "T" }, { 0x87, 6, "C" }, { 0x88, 6, "R" },
	{ 0x89, 2, "N" }, { 0x8a, 4, "F" }, { 0x8b, 2, "O" }, { 0x8c, 2, "I" }, { 0x8d, 84, "ST" },
	{ 0x8e, 2, "A" }, { 0x8f, 2, "D" }, { 0x91, 4, "L" }, { 0x92, 50, "MG" }, { 0x93, 46, "PD" },
	{ 0x94, 12, "PLS" },
};
#define FILE_TYPES (sizeof(file_types) / sizeof(file_types[0]))

const char *pccc_type_name(uint8_t type)
{
	for (size_t i = 0; i < FILE_TYPES; i++)
		if (file_types[i].type == type)
			return file_types[i].name;
	return NULL;
}

bool pccc_name_is(const char *name, const uint8_t wanted[static 4])
{
	unsigned i = 0;

	while (i < 4 && name[i] && (uint8_t)name[i] == wanted[i])
		i++;
	return i == 4 || (name[i] == 0 && wanted[i] == 0);
}

unsigned pccc_type_words(const uint8_t name[static 4])
{
	for (size_t i = 0; i < FILE_TYPES; i++)
		if (pccc_name_is(file_types[i].name, name))
			return file_types[i].size / 2u;
	return 0;
}

static unsigned element_size(uint8_t type)
{
	for (size_t i = 0; i < FILE_TYPES; i++)
		if (file_types[i].type == type)
			return file_types[i].size;
	return 0;
}

bool pccc_has_function(uint8_t command)
{
	return command == 0x06 || command == 0x07 || command == 0x0f;
}

const struct pccc_function *pccc_function(uint8_t command, int function)
{
	for (size_t i = pccc_function_count; i-- > 0;) /* the frequent ones stand last */
		if (pccc_functions[i].command == command && pccc_functions[i].function == function)
			return &pccc_functions[i];
	return NULL;
}

static uint16_t read_wide(struct cursor *c)
{
	uint8_t byte = cursor_u8(c);

	return byte == WIDE ? cursor_le16(c) : byte;
}

static void read_rest(struct cursor *c, struct pccc *p)
{
	p->values_length = (uint16_t)cursor_left(c);
	p->values = cursor_take(c, p->values_length);
}

/* ---- logical addresses of SLC and MicroLogix ----------------------------------------------------------- */

/* Elements from the addressed one on that `size` bytes touch; sub-elements are words. */
static uint16_t elements_of(const struct pccc *p)
{
	unsigned size = element_size(p->type);

	return size ? (uint16_t)((2u * p->subelement + p->size + size - 1) / size) : 0;
}

static void read_logical(struct cursor *c, struct pccc *p, bool sub)
{
	p->size = cursor_u8(c);
	p->file = read_wide(c);
	p->type = cursor_u8(c);
	p->element = read_wide(c);
	p->subelement = sub ? read_wide(c) : 0;
	p->has_address = !c->bad;
	p->elements = elements_of(p);
}

/* ---- addresses of PLC-5: a mask of the levels that are given, or text ---------------------------------- */

#define LEVELS 4u /* data table area, file, element, sub-element */
#define ASCII_MARK 0x00u

static bool read_text_address(struct cursor *c)
{
	uint8_t byte;

	if (cursor_u8(c) != '$')
		return false;
	do
		byte = cursor_u8(c);
	while (byte);
	return !c->bad;
}

/* An address as text stays undecoded: has_address is false. */
static bool read_plc5(struct cursor *c, struct pccc *p)
{
	uint16_t levels[LEVELS] = { 0 };
	uint8_t mask = cursor_u8(c);

	if (mask == ASCII_MARK)
		return read_text_address(c);
	if (mask >> LEVELS)
		return false;
	for (unsigned i = 0; i < LEVELS; i++)
		if (mask >> i & 1)
			levels[i] = read_wide(c);
	p->file = levels[1];
	p->element = levels[2];
	p->subelement = levels[3];
	p->has_address = !c->bad && levels[0] == 0 && mask & 2 && mask & 4;
	return true;
}

/* What is left of the range behind the offset is what this one message may reach. */
static bool read_plc5_range(struct cursor *c, struct pccc *p, uint16_t *ret_left)
{
	uint16_t offset = cursor_le16(c);

	p->elements = cursor_le16(c);
	*ret_left = (uint16_t)(p->elements - offset);
	return offset <= p->elements && read_plc5(c, p);
}

/* Values may be described in more ways than this one; nothing is known of how far those reach. */
#define TYPE_ARRAY 9u

struct described {
	uint32_t type;
	uint32_t size;
};

/* A nibble: the number itself, or (8 set) how many bytes of it follow. */
static uint32_t read_nibble(struct cursor *c, unsigned nibble)
{
	uint32_t n = 0;

	if (nibble < 8)
		return nibble;
	for (unsigned i = 0; i < (nibble & 7); i++)
		n |= i < 4 ? (uint32_t)cursor_u8(c) << 8 * i : 0u;
	return (nibble & 7) > 4 ? UINT32_MAX : n;
}

static struct described read_described(struct cursor *c)
{
	uint8_t flags = cursor_u8(c);
	struct described d = { .type = read_nibble(c, flags >> 4) };

	d.size = read_nibble(c, flags & 15);
	return d;
}

/* Are the values no more than so many elements? One, or an array of them: its type, its size, and each's. */
static bool values_within(struct pccc *p, uint16_t elements)
{
	struct cursor c = cursor_over(p->values, p->values_length);
	struct described d = read_described(&c);
	bool whole = d.size == cursor_left(&c);

	if (d.type == TYPE_ARRAY)
		d = read_described(&c);
	p->value_size = d.size;
	return whole && !c.bad && d.size && cursor_left(&c) <= (uint64_t)d.size * elements;
}

static bool read_modify(struct cursor *c, struct pccc *p)
{
	unsigned count = 0;
	bool good = true;

	p->values = c->p;
	p->values_length = (uint16_t)cursor_left(c);
	while (good && !c->bad && cursor_left(c)) {
		good = read_plc5(c, p);
		cursor_le16(c);
		cursor_le16(c);
		count++;
	}
	if (count != 1)
		p->has_address = false; /* several: none of them is the request's one address */
	p->elements = 1;
	return good && count;
}

static bool read_data(struct cursor *c, enum pccc_shape shape, struct pccc *p)
{
	bool good = true;
	uint16_t left;

	switch (shape) {
	case PCCC_SHAPE_OPAQUE:
		read_rest(c, p);
		return true;
	case PCCC_SHAPE_NONE:
		return true;
	case PCCC_SHAPE_READ2:
	case PCCC_SHAPE_READ3:
		read_logical(c, p, shape == PCCC_SHAPE_READ3);
		return true;
	case PCCC_SHAPE_WRITE2:
	case PCCC_SHAPE_WRITE3:
		read_logical(c, p, shape == PCCC_SHAPE_WRITE3);
		read_rest(c, p);
		return p->values_length == p->size;
	case PCCC_SHAPE_MASK3:
		read_logical(c, p, true);
		cursor_le16(c); /* mask */
		read_rest(c, p);
		return p->values_length == p->size;
	case PCCC_SHAPE_READ_PLC5:
		good = read_plc5_range(c, p, &left);
		p->size = cursor_le16(c);
		return good && p->size <= left;
	case PCCC_SHAPE_WORDS_READ_PLC5:
		p->words = true;
		good = read_plc5_range(c, p, &left);
		p->size = cursor_u8(c);
		return good && p->size <= 2u * left;
	case PCCC_SHAPE_WRITE_PLC5:
		good = read_plc5_range(c, p, &left);
		read_rest(c, p);
		p->has_address &= !c->bad && values_within(p, left);
		return good && p->values_length;
	case PCCC_SHAPE_WORDS_WRITE_PLC5:
		p->words = true;
		good = read_plc5_range(c, p, &left);
		read_rest(c, p);
		return good && p->values_length && p->values_length <= 2u * left;
	case PCCC_SHAPE_RMW_PLC5:
		return read_modify(c, p);
	}
	return false;
}

enum reason pccc_request(const struct cip_request *r, struct pccc *ret)
{
	struct cursor c = cursor_over(r->data, r->length);
	uint8_t id = cursor_u8(&c), command;

	*ret = (struct pccc){ 0 };
	if (id == 0 || !cursor_take(&c, id - 1u)) /* who asks: vendor, serial number */
		return REASON_MALFORMED_FRAME;
	command = cursor_u8(&c);
	ret->command = command & COMMAND_BITS;
	ret->status = cursor_u8(&c);
	ret->transaction = cursor_le16(&c);
	ret->has_function = pccc_has_function(ret->command);
	ret->function = ret->has_function ? cursor_u8(&c) : 0;
	if (c.bad || ret->status || command & ~(COMMAND_BITS | PRIORITY_BIT))
		return REASON_MALFORMED_FRAME;
	ret->known = pccc_function(ret->command, ret->has_function ? ret->function : -1);
	if (!read_data(&c, ret->known ? ret->known->shape : PCCC_SHAPE_OPAQUE, ret) || c.bad)
		return REASON_MALFORMED_FRAME;
	return cursor_done(&c) ? REASON_NONE : REASON_TRAILING_BYTES;
}

enum reason pccc_reply(const uint8_t *p, size_t len, struct pccc *ret)
{
	struct cursor c = cursor_over(p, len);
	uint8_t id = cursor_u8(&c), command;

	*ret = (struct pccc){ 0 };
	if (id == 0 || !cursor_take(&c, id - 1u))
		return REASON_MALFORMED_FRAME;
	command = cursor_u8(&c);
	ret->command = command & COMMAND_BITS;
	ret->status = cursor_u8(&c);
	ret->transaction = cursor_le16(&c);
	read_rest(&c, ret);
	if (c.bad || !(command & REPLY_BIT) ||
	    command & ~(COMMAND_BITS | PRIORITY_BIT | REPLY_BIT))
		return REASON_MALFORMED_FRAME;
	return REASON_NONE;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/explain_pccc.h"

#include <string.h>

#include "policy/cip_text.h"
#include "protocol/pccc.h"

#define EXTENDED 0x0fu
#define TYPED_LOGICAL_READ 0xa2
#define TYPED_LOGICAL_WRITE 0xaa
#define BYTES_MAX 240u   /* read or written by one request here */
#define WIDE 0xffu       /* in place of a byte: the number follows in 16 bits */
#define FILE_LEVELS 6u   /* of an address of PLC-5: file and element are given */

/* ---- what is asked ---- */

static bool find_function(const char *what, struct pccc_ask *ret)
{
	bool reads = !strcmp(what, "read");

	if (!reads && strcmp(what, "write"))
		return pccc_function_parse(what, &ret->command, &ret->function);
	ret->command = EXTENDED;
	ret->function = reads ? TYPED_LOGICAL_READ : TYPED_LOGICAL_WRITE;
	return true;
}

static uint8_t type_code(const char name[static 4])
{
	for (unsigned code = 1; code <= UINT8_MAX; code++) {
		const char *known = pccc_type_name((uint8_t)code);

		if (known && pccc_name_is(known, (const uint8_t *)name))
			return (uint8_t)code;
	}
	return 0;
}

static const char *take_file(const char *text, struct pccc_ask *ret)
{
	struct pccc_file file;

	if (!text || pccc_file_parse(text, &file))
		return "--pccc of data files wants --data-file, as in N7:5 or N7:0-9";
	ret->type = type_code(file.type);
	ret->file = file.number;
	ret->element = (uint16_t)file.elements.first;
	ret->elements = (uint16_t)(file.elements.last - file.elements.first + 1);
	ret->element_size = (uint16_t)(2 * pccc_type_words((const uint8_t *)file.type));
	if (ret->elements * ret->element_size > BYTES_MAX)
		return "--data-file names more elements than fit into one request";
	if (ret->shape == PCCC_SHAPE_RMW_PLC5 && ret->elements > 1)
		return "--data-file wants one element: read-modify-write changes one";
	return NULL;
}

const char *pccc_ask_parse(const char *what, const char *file, struct pccc_ask *ret)
{
	const struct pccc_function *known;

	*ret = (struct pccc_ask){ 0 };
	if (!find_function(what, ret))
		return "--pccc wants read, write, a function's name (`gatehouse services`), or a number as in 0f/a3";
	known = pccc_function(ret->command, ret->function);
	ret->shape = known ? known->shape : PCCC_SHAPE_OPAQUE;
	if (ret->shape != PCCC_SHAPE_OPAQUE && ret->shape != PCCC_SHAPE_NONE)
		return take_file(file, ret);
	return file ? "--data-file means nothing to this function of PCCC" : NULL;
}

/* ---- the request ---- */

static void put_wide(struct sink *s, uint16_t n)
{
	if (n < WIDE) {
		sink_u8(s, (uint8_t)n);
		return;
	}
	sink_u8(s, WIDE);
	sink_le16(s, n);
}

static void put_zeros(struct sink *s, unsigned count)
{
	while (count--)
		sink_u8(s, 0);
}

static unsigned bytes_of(const struct pccc_ask *ask)
{
	return ask->elements * ask->element_size;
}

static void put_logical(const struct pccc_ask *ask, bool sub, struct sink *s)
{
	sink_u8(s, (uint8_t)bytes_of(ask));
	put_wide(s, ask->file);
	sink_u8(s, ask->type);
	put_wide(s, ask->element);
	if (sub)
		sink_u8(s, 0);
}

static void put_plc5(const struct pccc_ask *ask, struct sink *s)
{
	sink_u8(s, FILE_LEVELS);
	put_wide(s, ask->file);
	put_wide(s, ask->element);
}

/* All of a range of so many elements or words. */
static void put_plc5_range(const struct pccc_ask *ask, unsigned count, struct sink *s)
{
	sink_le16(s, 0);
	sink_le16(s, (uint16_t)count);
	put_plc5(ask, s);
}

/* An array, with its length; its elements are integers, with the bytes of each. */
static void put_described(const struct pccc_ask *ask, struct sink *s)
{
	const uint8_t head[] = { 0x99, 9, (uint8_t)(2 + bytes_of(ask)), 0x49, (uint8_t)ask->element_size };

	sink_bytes(s, head, sizeof(head));
	put_zeros(s, bytes_of(ask));
}

static void put_data(const struct pccc_ask *ask, struct sink *s)
{
	switch ((enum pccc_shape)ask->shape) {
	case PCCC_SHAPE_OPAQUE:
	case PCCC_SHAPE_NONE:
		break;
	case PCCC_SHAPE_READ2:
	case PCCC_SHAPE_READ3:
		put_logical(ask, ask->shape == PCCC_SHAPE_READ3, s);
		break;
	case PCCC_SHAPE_WRITE2:
	case PCCC_SHAPE_WRITE3:
		put_logical(ask, ask->shape == PCCC_SHAPE_WRITE3, s);
		put_zeros(s, bytes_of(ask));
		break;
	case PCCC_SHAPE_MASK3:
		put_logical(ask, true, s);
		put_zeros(s, 2 + bytes_of(ask));
		break;
	case PCCC_SHAPE_READ_PLC5:
		put_plc5_range(ask, ask->elements, s);
		sink_le16(s, ask->elements);
		break;
	case PCCC_SHAPE_WRITE_PLC5:
		put_plc5_range(ask, ask->elements, s);
		put_described(ask, s);
		break;
	case PCCC_SHAPE_WORDS_READ_PLC5:
		put_plc5_range(ask, bytes_of(ask) / 2, s);
		sink_u8(s, (uint8_t)bytes_of(ask));
		break;
	case PCCC_SHAPE_WORDS_WRITE_PLC5:
		put_plc5_range(ask, bytes_of(ask) / 2, s);
		put_zeros(s, bytes_of(ask));
		break;
	case PCCC_SHAPE_RMW_PLC5:
		put_plc5(ask, s);
		put_zeros(s, 4); /* both masks */
		break;
	}
}

void pccc_ask_put(const struct pccc_ask *ask, struct sink *s)
{
	sink_u8(s, 7); /* who asks: its own length, vendor, serial number */
	put_zeros(s, 6);
	sink_u8(s, ask->command);
	put_zeros(s, 3); /* status, transaction */
	if (ask->function >= 0)
		sink_u8(s, (uint8_t)ask->function);
	put_data(ask, s);
}

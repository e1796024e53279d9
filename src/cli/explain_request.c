/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/explain_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "cli/options.h"

#define ERROR_SIZE 160u
#define MEI_IDENTIFICATION 14u
#define FILE_REFERENCE 6u
#define COIL_ON 0xff00u

static const struct number_row {
	const char *option;
	uint16_t most;
	uint16_t otherwise; /* when it is not given */
} number_rows[REQUEST_NUMBERS] = {
	[REQUEST_UNIT] = { "--unit", 255, 0 },
	[REQUEST_ADDRESS] = { "--address", 65535, 0 },
	[REQUEST_QUANTITY] = { "--quantity", 65535, 1 },
	[REQUEST_WRITE_ADDRESS] = { "--write-address", 65535, 0 },
	[REQUEST_WRITE_QUANTITY] = { "--write-quantity", 65535, 1 },
	[REQUEST_SUBFUNCTION] = { "--subfunction", 65535, 0 },
	[REQUEST_READ_CODE] = { "--read-code", 4, 1 },
	[REQUEST_OBJECT] = { "--object-id", 255, 0 },
	[REQUEST_FILE] = { "--file", 65535, 0 },
	[REQUEST_RECORD] = { "--record", 65535, 0 },
	[REQUEST_MEI_TYPE] = { "--mei-type", 255, MEI_IDENTIFICATION },
};

#define BIT(number) (1u << (number))

/* Which numbers a request of each shape needs, which it may have, and whether it carries values. */
static const struct shape_row {
	unsigned needs;
	unsigned takes;
	bool values;
} shape_rows[] = {
	[MODBUS_SHAPE_NONE] = { 0, 0, false },
	[MODBUS_SHAPE_READ] = { BIT(REQUEST_ADDRESS), BIT(REQUEST_QUANTITY), false },
	[MODBUS_SHAPE_WRITE_ONE] = { BIT(REQUEST_ADDRESS), 0, true },
	[MODBUS_SHAPE_WRITE_MANY] = { BIT(REQUEST_ADDRESS), BIT(REQUEST_QUANTITY), true },
	[MODBUS_SHAPE_MASK] = { BIT(REQUEST_ADDRESS), 0, false },
	[MODBUS_SHAPE_READ_WRITE] = { BIT(REQUEST_ADDRESS) | BIT(REQUEST_WRITE_ADDRESS),
				      BIT(REQUEST_QUANTITY) | BIT(REQUEST_WRITE_QUANTITY), true },
	[MODBUS_SHAPE_FIFO] = { BIT(REQUEST_ADDRESS), 0, false },
	[MODBUS_SHAPE_DIAGNOSTICS] = { BIT(REQUEST_SUBFUNCTION), 0, false },
	[MODBUS_SHAPE_STATUS] = { 0, 0, false },
	[MODBUS_SHAPE_COUNTER] = { 0, 0, false },
	[MODBUS_SHAPE_COUNTED] = { 0, 0, false },
	[MODBUS_SHAPE_READ_FILE] = { BIT(REQUEST_FILE) | BIT(REQUEST_RECORD), BIT(REQUEST_QUANTITY), false },
	[MODBUS_SHAPE_WRITE_FILE] = { BIT(REQUEST_FILE) | BIT(REQUEST_RECORD), BIT(REQUEST_QUANTITY), false },
	[MODBUS_SHAPE_MEI] = { 0, BIT(REQUEST_READ_CODE) | BIT(REQUEST_OBJECT) | BIT(REQUEST_MEI_TYPE), false },
	[MODBUS_SHAPE_OPAQUE] = { 0, 0, false },
};

static const struct shape_row *shape_of(const struct request *r)
{
	return &shape_rows[r->function ? r->function->shape : MODBUS_SHAPE_OPAQUE];
}

static bool parse_number(const char *text, long least, long most, long *ret)
{
	char *end;

	*ret = strtol(text, &end, 0);
	return end != text && !*end && *ret >= least && *ret <= most;
}

/* ---- options ---- */

static const char *take_number(struct request *r, enum request_number which, const char *text, char *error)
{
	const struct number_row *row = &number_rows[which];
	long number = 0;

	if (!text || !parse_number(text, 0, row->most, &number)) {
		snprintf(error, ERROR_SIZE, "%s wants a number from 0 to %u", row->option, row->most);
		return error;
	}
	r->given[which] = true;
	r->numbers[which] = (uint16_t)number;
	return NULL;
}

/* "1200", "-5" (two's complement, as in the register) or a list "1,0,1". */
static const char *take_values(struct request *r, const char *text)
{
	while (text && *text) {
		char one[16];
		size_t len = strcspn(text, ",");
		long number;

		if (len >= sizeof(one) || r->value_count == REQUEST_VALUES_MAX)
			break;
		memcpy(one, text, len);
		one[len] = '\0';
		if (!parse_number(one, -32768, 65535, &number))
			break;
		r->values[r->value_count++] = (uint16_t)number;
		text += len;
		if (!*text++)
			return NULL;
	}
	return "--value wants what is written into one register (-32768 to 65535; 0 or 1 for a coil), or a list "
	       "of such: 1,0,1";
}

static const char *unknown_function(const char *text, char *error)
{
	struct nearest near = nearest_to(text);

	for (size_t i = 0; i < modbus_function_count; i++)
		nearest_offer(&near, modbus_functions[i].name, NULL);
	if (near.best)
		snprintf(error, ERROR_SIZE, "Modbus has no function \"%.40s\"; did you mean \"%s\"?", text,
			 near.best);
	else
		snprintf(error, ERROR_SIZE,
			 "Modbus has no function \"%.40s\"; `gatehouse services` lists them", text);
	return error;
}

static const char *take_function(struct request *r, const char *text, char *error)
{
	long code;

	if (!text)
		return "--function wants a name, or a number from 1 to 127";
	r->wanted = text;
	for (size_t i = 0; i < modbus_function_count; i++)
		if (!strcmp(modbus_functions[i].name, text))
			r->function = &modbus_functions[i];
	if (!r->function && !parse_number(text, 1, 127, &code))
		return unknown_function(text, error);
	r->code = r->function ? r->function->code : (uint8_t)code;
	r->function = modbus_function(r->code);
	return NULL;
}

const char *request_option(struct request *r, int argc, char **argv, int *i, bool *ret_taken,
			   char error[static 160])
{
	const char *text;

	*ret_taken = true;
	if (option_value(argc, argv, i, "--function", &text))
		return take_function(r, text, error);
	if (option_value(argc, argv, i, "--value", &text))
		return take_values(r, text);
	for (unsigned n = 0; n < REQUEST_NUMBERS; n++)
		if (option_value(argc, argv, i, number_rows[n].option, &text))
			return take_number(r, (enum request_number)n, text, error);
	*ret_taken = false;
	return NULL;
}

/* ---- the frame ---- */

static uint16_t number(const struct request *r, enum request_number which)
{
	return r->given[which] ? r->numbers[which] : number_rows[which].otherwise;
}

static const char *check_numbers(const struct request *r, char *error)
{
	const struct shape_row *shape = shape_of(r);

	for (unsigned n = 0; n < REQUEST_NUMBERS; n++) {
		bool needed = n == REQUEST_UNIT || shape->needs & BIT(n);

		if (needed && !r->given[n])
			snprintf(error, ERROR_SIZE, "%s needs %s N", r->wanted, number_rows[n].option);
		else if (!needed && r->given[n] && !(shape->takes & BIT(n)))
			snprintf(error, ERROR_SIZE, "%s means nothing for %s", number_rows[n].option, r->wanted);
		else
			continue;
		return error;
	}
	return NULL;
}

/* Which number says how many values a request carries. */
static enum request_number count_of(const struct request *r)
{
	return r->function->shape == MODBUS_SHAPE_READ_WRITE ? REQUEST_WRITE_QUANTITY : REQUEST_QUANTITY;
}

static unsigned most_values(const struct modbus_function *f)
{
	if (f->shape == MODBUS_SHAPE_WRITE_ONE)
		return 1;
	return f->shape == MODBUS_SHAPE_READ_WRITE ? f->max_write_quantity : f->max_quantity;
}

/* One value is written to all; otherwise there are as many as are written. */
static const char *check_values(struct request *r, char *error)
{
	enum request_number which;
	unsigned count;

	if (!shape_of(r)->values) {
		snprintf(error, ERROR_SIZE, "--value means nothing for %s", r->wanted);
		return r->value_count ? error : NULL;
	}
	if (!r->value_count) {
		snprintf(error, ERROR_SIZE, "%s writes, and what it writes is judged: add --value N", r->wanted);
		return error;
	}
	which = count_of(r);
	count = r->given[which] ? r->numbers[which] : (unsigned)r->value_count;
	if (count < 1 || count > most_values(r->function)) {
		snprintf(error, ERROR_SIZE, "a message of %s writes 1 to %u values, not %u", r->wanted,
			 most_values(r->function), count);
		return error;
	}
	if (r->value_count != 1 && r->value_count != count) {
		snprintf(error, ERROR_SIZE, "%u are written, but there are %zu values", count, r->value_count);
		return error;
	}
	for (; r->value_count < count; r->value_count++)
		r->values[r->value_count] = r->values[0];
	r->given[which] = r->function->shape != MODBUS_SHAPE_WRITE_ONE;
	r->numbers[which] = (uint16_t)count;
	return NULL;
}

static void put8(struct request *r, unsigned value)
{
	r->frame[r->frame_size++] = (uint8_t)value;
}

static void put16(struct request *r, unsigned value)
{
	put8(r, value >> 8);
	put8(r, value & 0xff);
}

static void put_coils(struct request *r)
{
	size_t bytes = (r->value_count + 7) / 8;

	put8(r, (unsigned)bytes);
	memset(r->frame + r->frame_size, 0, bytes);
	for (size_t i = 0; i < r->value_count; i++)
		if (r->values[i])
			r->frame[r->frame_size + i / 8] |= (uint8_t)(1u << i % 8);
	r->frame_size += bytes;
}

static void put_registers(struct request *r)
{
	put8(r, (unsigned)(2 * r->value_count));
	for (size_t i = 0; i < r->value_count; i++)
		put16(r, r->values[i]);
}

static void put_file(struct request *r, bool data)
{
	unsigned registers = number(r, REQUEST_QUANTITY);

	put8(r, 7 + (data ? 2 * registers : 0));
	put8(r, FILE_REFERENCE);
	put16(r, number(r, REQUEST_FILE));
	put16(r, number(r, REQUEST_RECORD));
	put16(r, registers);
	for (unsigned i = 0; data && i < registers; i++)
		put16(r, 0);
}

static void put_body(struct request *r)
{
	bool coils = r->function && r->function->table == MODBUS_COILS;

	switch ((enum modbus_shape)(r->function ? r->function->shape : MODBUS_SHAPE_OPAQUE)) {
	case MODBUS_SHAPE_READ:
		put16(r, number(r, REQUEST_ADDRESS));
		put16(r, number(r, REQUEST_QUANTITY));
		break;
	case MODBUS_SHAPE_WRITE_ONE:
		put16(r, number(r, REQUEST_ADDRESS));
		put16(r, !coils ? r->values[0] : r->values[0] ? COIL_ON : 0);
		break;
	case MODBUS_SHAPE_WRITE_MANY:
		put16(r, number(r, REQUEST_ADDRESS));
		put16(r, number(r, REQUEST_QUANTITY));
		(coils ? put_coils : put_registers)(r);
		break;
	case MODBUS_SHAPE_MASK:
		put16(r, number(r, REQUEST_ADDRESS));
		put16(r, 0xffff);
		put16(r, 0);
		break;
	case MODBUS_SHAPE_READ_WRITE:
		put16(r, number(r, REQUEST_ADDRESS));
		put16(r, number(r, REQUEST_QUANTITY));
		put16(r, number(r, REQUEST_WRITE_ADDRESS));
		put16(r, number(r, REQUEST_WRITE_QUANTITY));
		put_registers(r);
		break;
	case MODBUS_SHAPE_FIFO:
		put16(r, number(r, REQUEST_ADDRESS));
		break;
	case MODBUS_SHAPE_DIAGNOSTICS:
		put16(r, number(r, REQUEST_SUBFUNCTION));
		put16(r, 0);
		break;
	case MODBUS_SHAPE_READ_FILE:
	case MODBUS_SHAPE_WRITE_FILE:
		put_file(r, r->function->shape == MODBUS_SHAPE_WRITE_FILE);
		break;
	case MODBUS_SHAPE_MEI:
		put8(r, number(r, REQUEST_MEI_TYPE));
		if (number(r, REQUEST_MEI_TYPE) != MEI_IDENTIFICATION)
			break;
		put8(r, number(r, REQUEST_READ_CODE));
		put8(r, number(r, REQUEST_OBJECT));
		break;
	case MODBUS_SHAPE_NONE:
	case MODBUS_SHAPE_STATUS:
	case MODBUS_SHAPE_COUNTER:
	case MODBUS_SHAPE_COUNTED:
	case MODBUS_SHAPE_OPAQUE:
		break;
	}
}

const char *request_build(struct request *r, char error[static 160])
{
	const char *wrong = check_numbers(r, error);

	if (!wrong)
		wrong = check_values(r, error);
	if (wrong)
		return wrong;
	if (r->function && r->function->shape == MODBUS_SHAPE_WRITE_FILE &&
	    number(r, REQUEST_QUANTITY) > 100)
		return "--quantity: at most 100 registers of a file are asked about at once";
	r->frame_size = 0;
	put16(r, 1); /* transaction */
	put16(r, 0); /* protocol */
	put16(r, 0); /* length, known later */
	put8(r, r->numbers[REQUEST_UNIT]);
	put8(r, r->code);
	put_body(r);
	r->frame[5] = (uint8_t)(r->frame_size - 6);
	return NULL;
}

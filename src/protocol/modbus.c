/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "protocol/modbus.h"

#include "base/cursor.h"
#include "base/sink.h"

#define FILE_REFERENCE 6u

const struct modbus_function modbus_functions[] = {
	{ 1, MODBUS_READ, MODBUS_COILS, MODBUS_SHAPE_READ, 2000, 0, "read-coils" },
	{ 2, MODBUS_READ, MODBUS_DISCRETE_INPUTS, MODBUS_SHAPE_READ, 2000, 0, "read-discrete-inputs" },
	{ 3, MODBUS_READ, MODBUS_HOLDING_REGISTERS, MODBUS_SHAPE_READ, 125, 0, "read-holding-registers" },
	{ 4, MODBUS_READ, MODBUS_INPUT_REGISTERS, MODBUS_SHAPE_READ, 125, 0, "read-input-registers" },
	{ 5, MODBUS_WRITE, MODBUS_COILS, MODBUS_SHAPE_WRITE_ONE, 1, 0, "write-single-coil" },
	{ 6, MODBUS_WRITE, MODBUS_HOLDING_REGISTERS, MODBUS_SHAPE_WRITE_ONE, 1, 0, "write-single-register" },
	{ 7, MODBUS_READ, MODBUS_NO_TABLE, MODBUS_SHAPE_STATUS, 0, 0, "read-exception-status" },
	{ 8, MODBUS_CONTROL, MODBUS_NO_TABLE, MODBUS_SHAPE_DIAGNOSTICS, 0, 0, "diagnostics" },
	{ 11, MODBUS_READ, MODBUS_NO_TABLE, MODBUS_SHAPE_COUNTER, 0, 0, "get-comm-event-counter" },
	{ 12, MODBUS_READ, MODBUS_NO_TABLE, MODBUS_SHAPE_COUNTED, 0, 0, "get-comm-event-log" },
	{ 15, MODBUS_WRITE, MODBUS_COILS, MODBUS_SHAPE_WRITE_MANY, 1968, 0, "write-multiple-coils" },
	{ 16, MODBUS_WRITE, MODBUS_HOLDING_REGISTERS, MODBUS_SHAPE_WRITE_MANY, 123, 0,
	  "write-multiple-registers" },
	{ 17, MODBUS_READ, MODBUS_NO_TABLE, MODBUS_SHAPE_COUNTED, 0, 0, "report-server-id" },
	{ 20, MODBUS_READ, MODBUS_NO_TABLE, MODBUS_SHAPE_READ_FILE, 0, 0, "read-file-record" },
	{ 21, MODBUS_WRITE, MODBUS_NO_TABLE, MODBUS_SHAPE_WRITE_FILE, 0, 0, "write-file-record" },
	{ 22, MODBUS_WRITE, MODBUS_HOLDING_REGISTERS, MODBUS_SHAPE_MASK, 1, 0, "mask-write-register" },
	{ 23, MODBUS_WRITE, MODBUS_HOLDING_REGISTERS, MODBUS_SHAPE_READ_WRITE, 125, 121,
	  "read-write-multiple-registers" },
	{ 24, MODBUS_READ, MODBUS_HOLDING_REGISTERS, MODBUS_SHAPE_FIFO, 1, 0, "read-fifo-queue" },
	{ 43, MODBUS_READ, MODBUS_NO_TABLE, MODBUS_SHAPE_MEI, 0, 0, "read-device-identification" },
};
const size_t modbus_function_count = sizeof(modbus_functions) / sizeof(modbus_functions[0]);

const struct modbus_function *modbus_function(uint8_t code)
{
	/* In ascending order, none twice: row i has a code above i. */
	size_t i = code < modbus_function_count ? code : modbus_function_count;

	while (i > 0 && modbus_functions[i - 1].code > code)
		i--;
	return i > 0 && modbus_functions[i - 1].code == code ? &modbus_functions[i - 1] : NULL;
}

static uint8_t shape_of(const struct modbus_message *m)
{
	return m->known ? m->known->shape : MODBUS_SHAPE_OPAQUE;
}

uint8_t modbus_shape(uint8_t code)
{
	const struct modbus_function *f = modbus_function(code);

	return f ? f->shape : MODBUS_SHAPE_OPAQUE;
}

/* Bytes of `quantity` items in the function's data: bits are packed, registers take two. */
static uint32_t data_size(const struct modbus_function *f, uint32_t quantity)
{
	if (f && (f->table == MODBUS_COILS || f->table == MODBUS_DISCRETE_INPUTS))
		return (quantity + 7) / 8;
	return 2 * quantity;
}

enum reason modbus_frame(const uint8_t *p, size_t len, size_t *ret_size)
{
	size_t length;

	*ret_size = 0;
	if ((len > 2 && p[2]) || (len > 3 && p[3]) || (len > 4 && p[4]))
		return REASON_MALFORMED_FRAME;
	if (len < 6)
		return REASON_NONE;
	length = p[5];
	if (length < 2 || length > MODBUS_FRAME_MAX - 6)
		return REASON_MALFORMED_FRAME;
	*ret_size = 6 + length;
	return REASON_NONE;
}

/* The header of a whole frame; the cursor then stands behind the function code. */
static bool read_header(struct cursor *c, size_t len, struct modbus_message *ret)
{
	uint16_t protocol, length;

	ret->transaction = cursor_be16(c);
	protocol = cursor_be16(c);
	length = cursor_be16(c);
	ret->unit = cursor_u8(c);
	ret->function = cursor_u8(c);
	ret->known = modbus_function(ret->function & (uint8_t)~MODBUS_EXCEPTION_BIT);
	return !c->bad && protocol == 0 && length >= 2 && (size_t)length + 6 == len &&
	       len <= MODBUS_FRAME_MAX;
}

/* Everything that is left becomes the message's data. */
static void read_rest(struct cursor *c, struct modbus_message *ret)
{
	ret->data_length = (uint16_t)cursor_left(c);
	ret->data = cursor_take(c, ret->data_length);
}

/* n bytes of data; short data leaves the cursor bad. */
static void read_data(struct cursor *c, size_t n, struct modbus_message *ret)
{
	ret->data = cursor_take(c, n);
	ret->data_length = ret->data ? (uint16_t)n : 0;
}

/* ---- requests, one function a shape; false = not of this shape ------------------------------------- */

typedef bool shape_reader(struct cursor *c, struct modbus_message *m);

static bool request_none(struct cursor *c, struct modbus_message *m)
{
	return true;
}

static bool request_read(struct cursor *c, struct modbus_message *m)
{
	m->address = cursor_be16(c);
	m->quantity = cursor_be16(c);
	return true;
}

static bool request_write_one(struct cursor *c, struct modbus_message *m)
{
	m->address = cursor_be16(c);
	m->quantity = 1;
	read_data(c, 2, m);
	return true;
}

static bool request_write_many(struct cursor *c, struct modbus_message *m)
{
	uint8_t count;

	m->address = cursor_be16(c);
	m->quantity = cursor_be16(c);
	count = cursor_u8(c);
	read_data(c, count, m);
	return count == data_size(m->known, m->quantity);
}

static bool request_mask(struct cursor *c, struct modbus_message *m)
{
	m->address = cursor_be16(c);
	m->quantity = 1;
	m->and_mask = cursor_be16(c);
	m->or_mask = cursor_be16(c);
	return true;
}

static bool request_read_write(struct cursor *c, struct modbus_message *m)
{
	uint8_t count;

	m->address = cursor_be16(c);
	m->quantity = cursor_be16(c);
	m->write_address = cursor_be16(c);
	m->write_quantity = cursor_be16(c);
	count = cursor_u8(c);
	read_data(c, count, m);
	return count == 2u * m->write_quantity;
}

static bool request_fifo(struct cursor *c, struct modbus_message *m)
{
	m->address = cursor_be16(c);
	m->quantity = 1;
	return true;
}

/* Sub-function 0 carries any whole words; all others carry one. */
static bool diagnostics(struct cursor *c, struct modbus_message *m)
{
	m->subfunction = cursor_be16(c);
	read_rest(c, m);
	return m->subfunction ? m->data_length == 2 : m->data_length >= 2 && m->data_length % 2 == 0;
}

static bool read_parts(struct cursor *c, struct modbus_message *m, bool with_data)
{
	uint8_t count = cursor_u8(c);
	struct cursor parts = cursor_sub(c, count);

	while (cursor_left(&parts) && m->part_count < MODBUS_FILE_PARTS) {
		struct modbus_file_part *part = &m->parts[m->part_count++];

		if (cursor_u8(&parts) != FILE_REFERENCE)
			return false;
		part->file = cursor_be16(&parts);
		part->record = cursor_be16(&parts);
		part->length = cursor_be16(&parts);
		if (with_data)
			cursor_take(&parts, 2u * part->length);
	}
	return m->part_count && cursor_done(&parts);
}

static bool request_read_file(struct cursor *c, struct modbus_message *m)
{
	return read_parts(c, m, false);
}

/* Also the reply, which echoes the request. The data is the whole list, for the echo. */
static bool write_file(struct cursor *c, struct modbus_message *m)
{
	m->data = c->p;
	m->data_length = (uint16_t)cursor_left(c);
	return read_parts(c, m, true);
}

static bool request_mei(struct cursor *c, struct modbus_message *m)
{
	m->mei_type = cursor_u8(c);
	if (m->mei_type == MODBUS_MEI_IDENTIFICATION) {
		m->read_code = cursor_u8(c);
		m->object_id = cursor_u8(c);
		return m->read_code >= 1 && m->read_code <= 4;
	}
	read_rest(c, m);
	return m->mei_type == MODBUS_MEI_CANOPEN;
}

static bool opaque(struct cursor *c, struct modbus_message *m)
{
	read_rest(c, m);
	return true;
}

/* ---- replies ------------------------------------------------------------------------------------------ */

static bool reply_counted(struct cursor *c, struct modbus_message *m)
{
	uint8_t count = cursor_u8(c);

	read_data(c, count, m);
	return true;
}

static bool reply_status(struct cursor *c, struct modbus_message *m)
{
	read_data(c, 1, m);
	return true;
}

static bool reply_counter(struct cursor *c, struct modbus_message *m)
{
	read_data(c, 4, m);
	return true;
}

static bool reply_write_many(struct cursor *c, struct modbus_message *m)
{
	m->address = cursor_be16(c);
	m->quantity = cursor_be16(c);
	return true;
}

static bool reply_fifo(struct cursor *c, struct modbus_message *m)
{
	uint16_t bytes = cursor_be16(c);

	m->quantity = cursor_be16(c);
	read_data(c, 2u * m->quantity, m);
	return m->quantity <= 31 && bytes == 2 + 2 * m->quantity;
}

/* Sub-replies: length, reference type, whole registers; what was asked is judged by the pairing. */
static bool reply_read_file(struct cursor *c, struct modbus_message *m)
{
	uint8_t count = cursor_u8(c);
	struct cursor parts = cursor_sub(c, count);

	while (cursor_left(&parts) && m->part_count < MODBUS_FILE_PARTS) {
		uint8_t size = cursor_u8(&parts);

		if (size < 1 || size % 2 == 0 || cursor_u8(&parts) != FILE_REFERENCE)
			return false;
		m->parts[m->part_count++].length = (uint16_t)((size - 1) / 2);
		cursor_take(&parts, size - 1u);
	}
	return m->part_count && cursor_done(&parts);
}

static bool reply_mei(struct cursor *c, struct modbus_message *m)
{
	uint8_t objects;

	m->mei_type = cursor_u8(c);
	if (m->mei_type != MODBUS_MEI_IDENTIFICATION) {
		read_rest(c, m);
		return m->mei_type == MODBUS_MEI_CANOPEN;
	}
	m->read_code = cursor_u8(c);
	cursor_u8(c); /* conformity level */
	cursor_u8(c); /* more follows */
	m->object_id = cursor_u8(c);
	objects = cursor_u8(c);
	while (objects--) {
		cursor_u8(c); /* object id */
		cursor_take(c, cursor_u8(c));
	}
	return m->read_code >= 1 && m->read_code <= 4;
}

/* ---- what of a message the other side repeats, as a digest ------------------------------------------------ */

typedef uint32_t shape_digest(const struct modbus_message *m);

static uint32_t nothing_echoed(const struct modbus_message *m)
{
	return 0;
}

static uint32_t masks_echoed(const struct modbus_message *m)
{
	return (uint32_t)m->and_mask << 16 | m->or_mask;
}

/* FNV-1a: the echo is compared against accidents and lies of a device, not against collisions. */
static uint32_t data_echoed(const struct modbus_message *m)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < m->data_length; i++)
		h = (h ^ m->data[i]) * 16777619u;
	return h;
}

static const struct {
	shape_reader *request;
	shape_reader *reply;
	shape_digest *echo;
} shapes[] = {
	[MODBUS_SHAPE_NONE] = { request_none, request_none, nothing_echoed },
	[MODBUS_SHAPE_READ] = { request_read, reply_counted, nothing_echoed },
	[MODBUS_SHAPE_WRITE_ONE] = { request_write_one, request_write_one, data_echoed },
	[MODBUS_SHAPE_WRITE_MANY] = { request_write_many, reply_write_many, nothing_echoed },
	[MODBUS_SHAPE_MASK] = { request_mask, request_mask, masks_echoed },
	[MODBUS_SHAPE_READ_WRITE] = { request_read_write, reply_counted, nothing_echoed },
	[MODBUS_SHAPE_FIFO] = { request_fifo, reply_fifo, nothing_echoed },
	[MODBUS_SHAPE_DIAGNOSTICS] = { diagnostics, diagnostics, data_echoed },
	[MODBUS_SHAPE_STATUS] = { request_none, reply_status, nothing_echoed },
	[MODBUS_SHAPE_COUNTER] = { request_none, reply_counter, nothing_echoed },
	[MODBUS_SHAPE_COUNTED] = { request_none, reply_counted, nothing_echoed },
	[MODBUS_SHAPE_READ_FILE] = { request_read_file, reply_read_file, nothing_echoed },
	[MODBUS_SHAPE_WRITE_FILE] = { write_file, write_file, data_echoed },
	[MODBUS_SHAPE_MEI] = { request_mei, reply_mei, nothing_echoed },
	[MODBUS_SHAPE_OPAQUE] = { opaque, opaque, nothing_echoed },
};

static void clear(struct modbus_message *m)
{
	/* parts[] beyond part_count is never read: not cleared, it is most of the struct. */
	m->transaction = m->unit = m->function = 0;
	m->known = NULL;
	m->exception = m->mei_type = m->read_code = m->object_id = 0;
	m->address = m->quantity = m->write_address = m->write_quantity = 0;
	m->subfunction = m->and_mask = m->or_mask = 0;
	m->data = NULL;
	m->data_length = m->part_count = 0;
}

/* A reader that says yes to a cursor that is bad or not at its end met too few or too many bytes. */
static enum reason judge(bool fits, const struct cursor *c)
{
	if (!fits || c->bad)
		return REASON_MALFORMED_FRAME;
	return cursor_done(c) ? REASON_NONE : REASON_TRAILING_BYTES;
}

enum reason modbus_request(const uint8_t *frame, size_t len, struct modbus_message *ret)
{
	struct cursor c = cursor_over(frame, len);

	clear(ret);
	if (!read_header(&c, len, ret) || ret->function == 0 || ret->function & MODBUS_EXCEPTION_BIT)
		return REASON_MALFORMED_FRAME;
	return judge(shapes[shape_of(ret)].request(&c, ret), &c);
}

enum modbus_have modbus_request_start(const uint8_t *frame, size_t len, struct modbus_message *ret)
{
	clear(ret);
	if (len < MODBUS_HEADER)
		return MODBUS_HAVE_NOTHING;
	ret->transaction = (uint16_t)(frame[0] << 8 | frame[1]);
	ret->unit = frame[6];
	if (len < MODBUS_HEADER + 1)
		return MODBUS_HAVE_UNIT;
	ret->function = frame[7];
	ret->known = modbus_function(ret->function);
	if (len < MODBUS_HEADER + 3 || !modbus_has_address(ret->function))
		return MODBUS_HAVE_FUNCTION;
	ret->address = (uint16_t)(frame[8] << 8 | frame[9]);
	return MODBUS_HAVE_ADDRESS;
}

/* Exception codes of the specification, section 7. */
static bool known_exception(uint8_t code)
{
	return (code >= 1 && code <= 6) || code == 8 || code == 10 || code == 11;
}

enum reason modbus_reply(const uint8_t *frame, size_t len, struct modbus_message *ret)
{
	struct cursor c = cursor_over(frame, len);

	clear(ret);
	if (!read_header(&c, len, ret) || (ret->function & ~MODBUS_EXCEPTION_BIT) == 0)
		return REASON_MALFORMED_FRAME;
	if (!(ret->function & MODBUS_EXCEPTION_BIT))
		return judge(shapes[shape_of(ret)].reply(&c, ret), &c);
	ret->function &= (uint8_t)~MODBUS_EXCEPTION_BIT;
	ret->exception = cursor_u8(&c);
	return judge(known_exception(ret->exception), &c);
}

bool modbus_has_address(uint8_t code)
{
	const struct modbus_function *f = modbus_function(code);

	return f && f->table != MODBUS_NO_TABLE;
}

enum reason modbus_limits(const struct modbus_message *m)
{
	const struct modbus_function *f = m->known;

	if (!f)
		return REASON_NONE;
	if (f->max_quantity && (m->quantity == 0 || m->quantity > f->max_quantity))
		return REASON_QUANTITY_NOT_ALLOWED;
	if (f->max_write_quantity &&
	    (m->write_quantity == 0 || m->write_quantity > f->max_write_quantity))
		return REASON_QUANTITY_NOT_ALLOWED;
	if (m->address + m->quantity > 65536 || m->write_address + m->write_quantity > 65536)
		return REASON_ADDRESS_NOT_ALLOWED;
	if (f->shape == MODBUS_SHAPE_WRITE_ONE && f->table == MODBUS_COILS &&
	    ((m->data[0] != 0 && m->data[0] != 0xff) || m->data[1] != 0))
		return REASON_VALUE_NOT_ALLOWED;
	for (unsigned i = 0; i < m->part_count; i++)
		if (m->parts[i].length == 0)
			return REASON_QUANTITY_NOT_ALLOWED;
	return REASON_NONE;
}

static uint16_t registers_in(const struct modbus_message *m)
{
	uint16_t sum = 0;

	for (unsigned i = 0; i < m->part_count; i++)
		sum = (uint16_t)(sum + m->parts[i].length);
	return sum;
}

void modbus_ask(const struct modbus_message *m, struct modbus_ask *ret)
{
	*ret = (struct modbus_ask){
		.transaction = m->transaction,
		.unit = m->unit,
		.function = m->function,
		.mei_type = m->mei_type,
		.read_code = m->read_code,
		.address = m->address,
		.quantity = (uint16_t)(m->quantity + registers_in(m)),
		.subfunction = m->subfunction,
		.part_count = m->part_count,
		.data_length = m->data_length,
		.data_digest = shapes[shape_of(m)].echo(m),
	};
}

static bool echoes(const struct modbus_ask *ask, const struct modbus_message *reply)
{
	return reply->data_length == ask->data_length &&
	       shapes[shape_of(reply)].echo(reply) == ask->data_digest;
}

static bool fits(const struct modbus_ask *ask, const struct modbus_message *reply)
{
	switch ((enum modbus_shape)shape_of(reply)) { /* of the same function */
	case MODBUS_SHAPE_READ:
	case MODBUS_SHAPE_READ_WRITE:
		return reply->data_length == data_size(reply->known, ask->quantity);
	case MODBUS_SHAPE_WRITE_ONE:
	case MODBUS_SHAPE_MASK:
		return reply->address == ask->address && echoes(ask, reply);
	case MODBUS_SHAPE_WRITE_MANY:
		return reply->address == ask->address && reply->quantity == ask->quantity;
	case MODBUS_SHAPE_DIAGNOSTICS:
		return reply->subfunction == ask->subfunction &&
		       (ask->subfunction != 0 || echoes(ask, reply));
	case MODBUS_SHAPE_READ_FILE:
		return reply->part_count == ask->part_count && registers_in(reply) == ask->quantity;
	case MODBUS_SHAPE_WRITE_FILE:
		return echoes(ask, reply);
	case MODBUS_SHAPE_MEI:
		return reply->mei_type == ask->mei_type && reply->read_code == ask->read_code;
	case MODBUS_SHAPE_NONE:
	case MODBUS_SHAPE_FIFO:
	case MODBUS_SHAPE_STATUS:
	case MODBUS_SHAPE_COUNTER:
	case MODBUS_SHAPE_COUNTED:
	case MODBUS_SHAPE_OPAQUE:
		return true;
	}
	return false;
}

enum reason modbus_answers(const struct modbus_ask *ask, const struct modbus_message *reply)
{
	if (reply->unit != ask->unit || reply->function != ask->function)
		return REASON_REPLY_MISMATCH;
	if (reply->exception || fits(ask, reply))
		return REASON_NONE;
	return REASON_REPLY_MISMATCH;
}

void modbus_exception(const struct modbus_ask *ask, uint8_t code,
		      uint8_t out[static MODBUS_EXCEPTION_FRAME])
{
	struct sink s = sink_over(out, MODBUS_EXCEPTION_FRAME);

	sink_be16(&s, ask->transaction);
	sink_be16(&s, 0);
	sink_be16(&s, 3);
	sink_u8(&s, ask->unit);
	sink_u8(&s, (uint8_t)(ask->function | MODBUS_EXCEPTION_BIT));
	sink_u8(&s, code);
}

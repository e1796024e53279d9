/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/modbus.h"

#include "protocol/modbus.h"

#define COIL_ON 0xff00u

static enum reason decode(const uint8_t *frame, size_t len, bool request,
			  struct modbus_message *ret)
{
	return request ? modbus_request(frame, len, ret) : modbus_reply(frame, len, ret);
}

bool modbus_plausible(const uint8_t *frame, size_t len, bool request, bool anywhere)
{
	struct modbus_message m;

	return decode(frame, len, request, &m) == REASON_NONE &&
	       (!anywhere || modbus_function(m.function));
}

/*
 * Which of the numbers were on the wire, by shape: the decoder also sets those that follow from it.
 */
struct shown {
	bool address;
	bool quantity;
};

static const struct shown shown_request[] = {
	[MODBUS_SHAPE_READ] = { true, true },
	[MODBUS_SHAPE_WRITE_ONE] = { true, false },
	[MODBUS_SHAPE_WRITE_MANY] = { true, true },
	[MODBUS_SHAPE_MASK] = { true, false },
	[MODBUS_SHAPE_FIFO] = { true, false },
	[MODBUS_SHAPE_OPAQUE] = { false, false },
};

static const struct shown shown_reply[] = {
	[MODBUS_SHAPE_WRITE_ONE] = { true, false },
	[MODBUS_SHAPE_WRITE_MANY] = { true, true },
	[MODBUS_SHAPE_MASK] = { true, false },
	[MODBUS_SHAPE_FIFO] = { false, true },
	[MODBUS_SHAPE_OPAQUE] = { false, false },
};

enum values { VALUES_NONE = 0, VALUES_COIL, VALUES_COILS, VALUES_WORDS, VALUES_BYTES };

/* How the data of a message is written; bits without a known count stay bytes. */
static enum values values_of(const struct modbus_message *m, uint8_t shape, bool request)
{
	const struct modbus_function *f = modbus_function(m->function);
	bool bits = f && (f->table == MODBUS_COILS || f->table == MODBUS_DISCRETE_INPUTS);

	if (m->exception || m->data_length == 0)
		return VALUES_NONE;
	if (shape == MODBUS_SHAPE_WRITE_ONE)
		return bits ? VALUES_COIL : VALUES_WORDS;
	if (shape == MODBUS_SHAPE_WRITE_MANY && request)
		return bits ? VALUES_COILS : VALUES_WORDS;
	if (shape == MODBUS_SHAPE_WRITE_FILE)
		return VALUES_NONE;
	if (bits || m->data_length % 2 || !f || f->table == MODBUS_NO_TABLE)
		return VALUES_BYTES;
	return VALUES_WORDS;
}

static uint16_t word_at(const struct modbus_message *m, size_t i)
{
	return (uint16_t)(m->data[2 * i] << 8 | m->data[2 * i + 1]);
}

/*
 * Number of values, and one of them: coils as 0 and 1, a single coil's value off the standard as it
 * is.
 */
static size_t value_count(const struct modbus_message *m, enum values kind)
{
	return kind == VALUES_COILS ? m->quantity : m->data_length / 2u;
}

static unsigned value_at(const struct modbus_message *m, enum values kind, size_t i)
{
	if (kind == VALUES_COILS)
		return (unsigned)m->data[i / 8] >> i % 8 & 1u;
	if (kind == VALUES_COIL && word_at(m, i) == COIL_ON)
		return 1;
	return word_at(m, i);
}

static void hex_text(const struct modbus_message *m, char out[static 2 * MODBUS_FRAME_MAX + 1])
{
	for (size_t i = 0; i < m->data_length; i++)
		snprintf(out + 2 * i, 3, "%02x", m->data[i]);
}

static void write_values(struct writer *w, const struct modbus_message *m, enum values kind)
{
	char hex[2 * MODBUS_FRAME_MAX + 1];

	if (kind == VALUES_NONE)
		return;
	if (kind == VALUES_BYTES) {
		hex_text(m, hex);
		writer_put_text(w, "data", hex);
		return;
	}
	writer_name(w, "values");
	writer_open_list(w);
	for (size_t i = 0; i < value_count(m, kind); i++)
		writer_uint(w, value_at(m, kind, i));
	writer_close_list(w);
}

static void write_range(struct writer *w, const char *name, uint16_t address, uint16_t quantity)
{
	writer_name(w, name);
	writer_open_map(w);
	writer_put_uint(w, "address", address);
	writer_put_uint(w, "quantity", quantity);
	writer_close_map(w);
}

static void write_parts(struct writer *w, const struct modbus_message *m, bool numbered)
{
	writer_name(w, "parts");
	writer_open_list(w);
	for (size_t i = 0; i < m->part_count; i++) {
		writer_open_map(w);
		if (numbered) {
			writer_put_uint(w, "file", m->parts[i].file);
			writer_put_uint(w, "record", m->parts[i].record);
		}
		writer_put_uint(w, "length", m->parts[i].length);
		writer_close_map(w);
	}
	writer_close_list(w);
}

static void write_mei(struct writer *w, const struct modbus_message *m)
{
	writer_put_uint(w, "mei_type", m->mei_type);
	if (m->mei_type != 14)
		return;
	writer_put_uint(w, "read_code", m->read_code);
	writer_put_uint(w, "object_id", m->object_id);
}

static uint8_t shape_of(uint8_t code)
{
	const struct modbus_function *f = modbus_function(code);

	return f ? f->shape : MODBUS_SHAPE_OPAQUE;
}

static struct shown shown_of(uint8_t shape, bool request)
{
	return request ? shown_request[shape] : shown_reply[shape];
}

/* The members that belong to the function. */
static void write_body(struct writer *w, const struct modbus_message *m, bool request)
{
	uint8_t shape = shape_of(m->function);
	struct shown shown = shown_of(shape, request);

	if (m->exception) {
		writer_put_uint(w, "exception", m->exception);
		return;
	}
	if (shown.address)
		writer_put_uint(w, "address", m->address);
	if (shown.quantity)
		writer_put_uint(w, "quantity", m->quantity);
	if (shape == MODBUS_SHAPE_READ_WRITE && request) {
		write_range(w, "read", m->address, m->quantity);
		write_range(w, "write", m->write_address, m->write_quantity);
	}
	if (shape == MODBUS_SHAPE_MASK) {
		writer_put_uint(w, "and_mask", m->and_mask);
		writer_put_uint(w, "or_mask", m->or_mask);
	}
	if (shape == MODBUS_SHAPE_DIAGNOSTICS)
		writer_put_uint(w, "subfunction", m->subfunction);
	if (shape == MODBUS_SHAPE_MEI)
		write_mei(w, m);
	if (shape == MODBUS_SHAPE_READ_FILE || shape == MODBUS_SHAPE_WRITE_FILE)
		write_parts(w, m, request || shape == MODBUS_SHAPE_WRITE_FILE);
	write_values(w, m, values_of(m, shape, request));
}

static void write_names(struct writer *w, uint16_t transaction, uint8_t unit, uint8_t code)
{
	const struct modbus_function *f = modbus_function(code);

	writer_put_uint(w, "transaction", transaction);
	writer_put_uint(w, "unit", unit);
	writer_put_uint(w, "function", code);
	writer_put_text(w, "name", f ? f->name : NULL);
}

/*
 * Is there a header to tell of, whatever is wrong behind it: protocol id 0, a length that covers a
 * function?
 */
static bool has_header(const struct message *message)
{
	const uint8_t *b = message->bytes;

	return message->length >= MODBUS_FRAME_MIN && b[2] == 0 && b[3] == 0 && (b[4] || b[5] >= 2);
}

static void write_malformed(struct writer *w, const struct message *message, enum reason reason)
{
	const uint8_t *b = message->bytes;

	if (has_header(message))
		write_names(w, (uint16_t)(b[0] << 8 | b[1]), b[6], b[7] & 0x7f);
	writer_put_text(w, "malformed", reason_code(reason));
	writer_put_uint(w, "length", message->length);
}

enum reason modbus_write(struct writer *w, const struct message *message)
{
	struct modbus_message m;
	enum reason reason = message->reason;

	if (reason == REASON_NONE)
		reason = decode(message->bytes, message->length, message->request, &m);
	if (reason != REASON_NONE) {
		write_malformed(w, message, reason);
		return reason;
	}
	write_names(w, m.transaction, m.unit, m.function);
	write_body(w, &m, message->request);
	return REASON_NONE;
}

/* ---- for people ---- */

#define VALUES_PRINTED 16u

static const char *exception_name(uint8_t code)
{
	static const char *const names[] = {
		[1] = "illegal function", [2] = "illegal data address", [3] = "illegal data value",
		[4] = "device failure", [5] = "acknowledge", [6] = "device busy",
		[8] = "memory parity error", [10] = "gateway path unavailable",
		[11] = "gateway target failed to respond",
	};

	if (code >= sizeof(names) / sizeof(names[0]) || !names[code])
		return "unknown code";
	return names[code];
}

static void print_values(FILE *out, const struct modbus_message *m, enum values kind)
{
	char hex[2 * MODBUS_FRAME_MAX + 1];
	size_t count = value_count(m, kind);

	if (kind == VALUES_NONE)
		return;
	if (kind == VALUES_BYTES) {
		hex_text(m, hex);
		fprintf(out, ", data %s", hex);
		return;
	}
	fprintf(out, ", value%s", count == 1 ? "" : "s");
	for (size_t i = 0; i < count && i < VALUES_PRINTED; i++)
		fprintf(out, " %u", value_at(m, kind, i));
	if (count > VALUES_PRINTED)
		fprintf(out, " and %zu more", count - VALUES_PRINTED);
}

static void print_parts(FILE *out, const struct modbus_message *m, bool numbered)
{
	for (size_t i = 0; i < m->part_count; i++) {
		if (numbered)
			fprintf(out, ", file %u record %u", m->parts[i].file, m->parts[i].record);
		fprintf(out, ", %u registers", m->parts[i].length);
	}
}

static void print_body(FILE *out, const struct modbus_message *m, bool request)
{
	uint8_t shape = shape_of(m->function);
	struct shown shown = shown_of(shape, request);

	if (m->exception) {
		fprintf(out, ", exception %u (%s)", m->exception, exception_name(m->exception));
		return;
	}
	if (shown.address)
		fprintf(out, ", address %u", m->address);
	if (shown.quantity)
		fprintf(out, ", quantity %u", m->quantity);
	if (shape == MODBUS_SHAPE_READ_WRITE && request)
		fprintf(out, ", read address %u quantity %u, write address %u quantity %u",
			m->address, m->quantity, m->write_address, m->write_quantity);
	if (shape == MODBUS_SHAPE_MASK)
		fprintf(out, ", and 0x%04x or 0x%04x", m->and_mask, m->or_mask);
	if (shape == MODBUS_SHAPE_DIAGNOSTICS)
		fprintf(out, ", sub-function %u", m->subfunction);
	if (shape == MODBUS_SHAPE_MEI)
		fprintf(out, ", MEI type %u, read code %u, object %u", m->mei_type, m->read_code,
			m->object_id);
	if (shape == MODBUS_SHAPE_READ_FILE || shape == MODBUS_SHAPE_WRITE_FILE)
		print_parts(out, m, request || shape == MODBUS_SHAPE_WRITE_FILE);
	print_values(out, m, values_of(m, shape, request));
}

static void print_name(FILE *out, uint16_t transaction, uint8_t unit, uint8_t code)
{
	const struct modbus_function *f = modbus_function(code);

	fprintf(out, " #%u unit %u: ", transaction, unit);
	if (f)
		fprintf(out, "%s (%u)", f->name, code);
	else
		fprintf(out, "function %u", code);
}

enum reason modbus_print(FILE *out, const struct message *message)
{
	const uint8_t *b = message->bytes;
	struct modbus_message m;
	enum reason reason = message->reason;

	fputs(message->request ? "request" : "reply", out);
	if (reason == REASON_NONE)
		reason = decode(b, message->length, message->request, &m);
	if (has_header(message))
		print_name(out, (uint16_t)(b[0] << 8 | b[1]), b[6], b[7] & 0x7f);
	if (reason == REASON_NONE)
		print_body(out, &m, message->request);
	else
		fprintf(out, ", malformed (%s), %zu bytes", reason_code(reason), message->length);
	return reason;
}

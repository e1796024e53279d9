/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/match_modbus.h"

#include "inspect/core.h"

#define MEI_FUNCTION 43u

/* How near an entry came: the later the check that refused, the nearer. */
static const uint8_t nearness[REASON_COUNT] = {
	[REASON_FUNCTION_NOT_ALLOWED] = 1, [REASON_UNIT_NOT_ALLOWED] = 2,
	[REASON_ADDRESS_NOT_ALLOWED] = 3,  [REASON_QUANTITY_NOT_ALLOWED] = 4,
	[REASON_VALUE_NOT_ALLOWED] = 5,    [REASON_OUTSIDE_SCHEDULE] = 6,
	[REASON_REVIEW_OVERDUE] = 7,         [REASON_NONE] = 8,
};

static bool unit_allowed(const struct program_entry *e, uint8_t unit)
{
	return e->units[unit / 32] >> (unit % 32) & 1;
}

static uint32_t be16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

/* Two registers as one number of 32 bits, in the entry's word order. */
static uint32_t pair(const struct program_entry *e, const uint8_t *p)
{
	return e->word_order ? be16(p + 2) << 16 | be16(p) : be16(p) << 16 | be16(p + 2);
}

static double as_float(uint32_t bits)
{
	float f;

	__builtin_memcpy(&f, &bits, sizeof(f));
	return (double)f;
}

static double value_at(const struct program_entry *e, const uint8_t *p)
{
	switch ((enum program_value_type)e->value_type) {
	case PROGRAM_UINT16:
		return be16(p);
	case PROGRAM_INT16:
		return (int16_t)be16(p);
	case PROGRAM_UINT32:
		return pair(e, p);
	case PROGRAM_INT32:
		return (int32_t)pair(e, p);
	case PROGRAM_FLOAT32:
		return as_float(pair(e, p));
	}
	return __builtin_nan("");
}

/* Inside one of the allowed intervals; a float that is no number is inside none. */
static bool value_allowed(const struct program *p, const struct program_entry *e, double value)
{
	for (uint32_t i = 0; i < e->values.count; i++) {
		const struct program_value *v = &p->values[e->values.first + i];

		if (value >= v->min && value <= v->max)
			return true;
	}
	return false;
}

static bool registers_allowed(const struct program *p, const struct program_entry *e,
			      const uint8_t *data, uint32_t length)
{
	uint32_t size = e->value_type >= PROGRAM_UINT32 ? 4 : 2;

	if (length == 0 || length % size)
		return false;
	for (uint32_t i = 0; i < length; i += size)
		if (!value_allowed(p, e, value_at(e, data + i)))
			return false;
	return true;
}

/*
 * Numbers of two registers lie side by side from the start of the allowed range on. A write that begins in
 * the middle of one would be judged as a number that the device does not have, and put any value into the two
 * that it touches.
 */
static bool on_boundary(const struct program *p, struct program_span ranges, uint32_t first, uint32_t count)
{
	for (uint32_t i = 0; i < ranges.count; i++) {
		const struct program_range *r = &p->ranges[ranges.first + i];

		if (first >= r->first && first + count - 1 <= r->last && (first - r->first) % 2 == 0)
			return true;
	}
	return false;
}

static bool written_on_boundary(const struct program *p, const struct program_entry *e,
				const struct modbus_message *m, const struct modbus_function *f)
{
	if (e->value_type < PROGRAM_UINT32)
		return true;
	if (f->max_write_quantity)
		return on_boundary(p, e->writes, m->write_address, m->write_quantity);
	return on_boundary(p, e->addresses, m->address, m->quantity);
}

/* Coils: on is 1, off is 0. */
static bool coils_allowed(const struct program *p, const struct program_entry *e,
			  const struct modbus_message *m)
{
	if (m->data_length == 0)
		return false;
	if (m->function == 5)
		return value_allowed(p, e, m->data[0] ? 1 : 0);
	for (uint32_t i = 0; i < m->quantity; i++)
		if (!value_allowed(p, e, m->data[i / 8] >> (i % 8) & 1))
			return false;
	return true;
}

static bool values_allowed(const struct program *p, const struct program_entry *e,
			   const struct modbus_message *m, const struct modbus_function *f)
{
	if (e->values.count == 0)
		return true;
	if (f->table == MODBUS_COILS)
		return coils_allowed(p, e, m);
	/* Masks set bits of a value that the gate does not know: no limit on values can hold. */
	if (f->shape == MODBUS_SHAPE_MASK)
		return false;
	return written_on_boundary(p, e, m, f) && registers_allowed(p, e, m->data, m->data_length);
}

static enum reason addresses_allowed(const struct program *p, const struct program_entry *e,
				     const struct modbus_message *m, const struct modbus_function *f)
{
	if (f->table == MODBUS_NO_TABLE)
		return REASON_NONE;
	if (!program_covers(p, e->addresses, m->address, m->quantity))
		return REASON_ADDRESS_NOT_ALLOWED;
	if (f->max_write_quantity && !program_covers(p, e->writes, m->write_address, m->write_quantity))
		return REASON_ADDRESS_NOT_ALLOWED;
	if (e->max_quantity && (m->quantity > e->max_quantity || m->write_quantity > e->max_quantity))
		return REASON_QUANTITY_NOT_ALLOWED;
	return REASON_NONE;
}

static enum reason parts_allowed(const struct program *p, const struct program_entry *e,
				 const struct modbus_message *m)
{
	uint32_t registers = 0;

	for (unsigned i = 0; i < m->part_count; i++) {
		const struct modbus_file_part *part = &m->parts[i];

		if (!program_holds(p, e->files, part->file) ||
		    !program_covers(p, e->records, part->record, part->length))
			return REASON_ADDRESS_NOT_ALLOWED;
		registers += part->length;
	}
	return e->max_quantity && registers > e->max_quantity ? REASON_QUANTITY_NOT_ALLOWED
							      : REASON_NONE;
}

static bool held_or_any(const struct program *p, struct program_span ranges, uint32_t value)
{
	return ranges.count == 0 || program_holds(p, ranges, value);
}

static enum reason details_allowed(const struct program *p, const struct program_entry *e,
				   const struct modbus_message *m, const struct modbus_function *f)
{
	enum reason reason;

	if (!f) /* a user-defined code: allowed by number, nothing inside is known */
		return REASON_NONE;
	if (f->shape == MODBUS_SHAPE_DIAGNOSTICS && !program_holds(p, e->subfunctions, m->subfunction))
		return REASON_FUNCTION_NOT_ALLOWED;
	if (f->shape == MODBUS_SHAPE_MEI && m->mei_type == MODBUS_MEI_IDENTIFICATION &&
	    (!held_or_any(p, e->read_codes, m->read_code) || !held_or_any(p, e->objects, m->object_id)))
		return REASON_ADDRESS_NOT_ALLOWED;
	reason = addresses_allowed(p, e, m, f);
	if (reason == REASON_NONE)
		reason = parts_allowed(p, e, m);
	if (reason == REASON_NONE && !values_allowed(p, e, m, f))
		reason = REASON_VALUE_NOT_ALLOWED;
	return reason;
}

static enum reason entry_allows(const struct program *p, const struct program_entry *e,
				const struct modbus_message *m)
{
	if (e->function != m->function || (m->function == MEI_FUNCTION && e->mei_type != m->mei_type))
		return REASON_FUNCTION_NOT_ALLOWED;
	if (!unit_allowed(e, m->unit))
		return REASON_UNIT_NOT_ALLOWED;
	return details_allowed(p, e, m, m->known);
}

static enum reason entry_may_allow(const struct program *p, const struct program_entry *e,
				   const struct modbus_message *m, enum modbus_have have)
{
	if (have >= MODBUS_HAVE_FUNCTION && e->function != m->function)
		return REASON_FUNCTION_NOT_ALLOWED;
	if (have >= MODBUS_HAVE_UNIT && !unit_allowed(e, m->unit))
		return REASON_UNIT_NOT_ALLOWED;
	if (have >= MODBUS_HAVE_ADDRESS && !program_holds(p, e->addresses, m->address))
		return REASON_ADDRESS_NOT_ALLOWED;
	return REASON_NONE;
}

/* The question put to each entry; `have` above MODBUS_HAVE_ADDRESS: the whole message. */
#define HAVE_ALL ((unsigned)MODBUS_HAVE_ADDRESS + 1)

struct question {
	const struct program *program;
	const struct modbus_message *message;
	unsigned have;
	struct program_time time;
};

static enum reason ask_entry(const struct question *q, const struct program_entry *e)
{
	if (q->have == HAVE_ALL)
		return entry_allows(q->program, e, q->message);
	return entry_may_allow(q->program, e, q->message, (enum modbus_have)q->have);
}

static enum reason ask_rule(const struct question *q, const struct program_rule *rule)
{
	enum reason nearest = REASON_FUNCTION_NOT_ALLOWED;

	for (uint32_t i = 0; i < rule->entries.count; i++) {
		enum reason r = ask_entry(q, &q->program->entries[rule->entries.first + i]);

		if (nearness[r] > nearness[nearest])
			nearest = r;
		if (r == REASON_NONE)
			break;
	}
	return nearest == REASON_NONE ? program_rule_serves(q->program, rule, q->time) : nearest;
}

static void ask_conduit(const struct question *q, const struct program_conduit *c, struct match *ret)
{
	*ret = (struct match){ REASON_FUNCTION_NOT_ALLOWED, CORE_NO_RULE };
	for (uint32_t i = 0; i < c->rules.count && ret->reason != REASON_NONE; i++) {
		uint32_t rule = c->rules.first + i;
		enum reason r = ask_rule(q, &q->program->rules[rule]);

		if (nearness[r] > nearness[ret->reason])
			*ret = (struct match){ r, rule };
	}
}

void match_modbus(const struct program *p, const struct program_conduit *c,
		  const struct modbus_message *m, struct program_time time, struct match *ret)
{
	enum reason limits = modbus_limits(m);
	struct question q = { p, m, limits ? (unsigned)MODBUS_HAVE_FUNCTION : HAVE_ALL, time };

	ask_conduit(&q, c, ret);
	if (ret->reason == REASON_NONE)
		ret->reason = limits;
}

void match_modbus_start(const struct program *p, const struct program_conduit *c,
			const struct modbus_message *m, enum modbus_have have,
			struct program_time time, struct match *ret)
{
	struct question q = { p, m, (unsigned)have, time };

	ask_conduit(&q, c, ret);
}

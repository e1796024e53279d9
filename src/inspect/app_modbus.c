/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/app.h"

#include "inspect/match_modbus.h"

/* The exception code that tells a client why (Modbus Application Protocol, section 7). */
static uint8_t exception_of(enum reason reason)
{
	static const uint8_t codes[REASON_COUNT] = {
		[REASON_UNIT_NOT_ALLOWED] = 10,    /* gateway path unavailable */
		[REASON_ADDRESS_NOT_ALLOWED] = 2,  /* illegal data address */
		[REASON_VALUE_NOT_ALLOWED] = 3,    /* illegal data value */
		[REASON_QUANTITY_NOT_ALLOWED] = 3,
		[REASON_RATE_EXCEEDED] = 6,        /* server device busy */
	};

	return codes[reason] ? codes[reason] : 1; /* illegal function */
}

static uint32_t first_word(const struct modbus_message *m)
{
	return m->data_length >= 2 ? (uint32_t)m->data[0] << 8 | m->data[1] : m->data[0];
}

static void note_fields(const struct modbus_message *m, bool request, struct core_event *ret)
{
	const struct modbus_function *f = request ? m->known : NULL;

	*ret = (struct core_event){ .has = CORE_HAS_MESSAGE, .transaction = m->transaction,
				    .unit = m->unit, .function = m->function };
	if (!f)
		return;
	ret->address = m->address;
	ret->quantity = m->quantity;
	ret->write_address = m->write_address;
	ret->write_quantity = m->write_quantity;
	ret->subfunction = m->subfunction;
	ret->has |= f->table != MODBUS_NO_TABLE ? CORE_HAS_ADDRESS | CORE_HAS_QUANTITY : 0;
	ret->has |= f->max_write_quantity ? CORE_HAS_WRITE : 0;
	ret->has |= f->shape == MODBUS_SHAPE_DIAGNOSTICS ? CORE_HAS_SUBFUNCTION : 0;
	if (f->shape == MODBUS_SHAPE_MEI) {
		ret->has |= CORE_HAS_SUBFUNCTION;
		ret->has |= m->mei_type == MODBUS_MEI_IDENTIFICATION ? CORE_HAS_OBJECT : 0;
		ret->subfunction = m->mei_type;
		ret->read_code = m->read_code;
		ret->object = m->object_id;
	}
	if (f->access == MODBUS_WRITE && f->table != MODBUS_NO_TABLE && m->data_length) {
		ret->has |= CORE_HAS_VALUE;
		ret->value = first_word(m);
	}
}

static void note_record(const struct modbus_file_part *part, struct core_event *ret)
{
	ret->has |= CORE_HAS_RECORD | CORE_HAS_ADDRESS | CORE_HAS_QUANTITY;
	ret->file = part->file;
	ret->address = part->record;
	ret->quantity = part->length;
}

/* A request that is told of, or one of the records that it is for. */
struct telling {
	const struct modbus_message *message;
	const struct modbus_file_part *part;
};

static void tell(const void *context, struct core_event *ret)
{
	const struct telling *t = context;

	note_fields(t->message, true, ret);
	if (t->part)
		note_record(t->part, ret);
}

static void note_use(const struct question_context *q, const struct telling *t, const struct decision *d)
{
	const struct modbus_file_part *part = t->part;
	const struct modbus_message *m = t->message;
	struct use_key key;

	use_key_begin(q->conduit->number, use_rule(d->rule, d->reason, q->conduit), (uint16_t)d->reason,
		      (uint32_t)m->unit << 8 | m->function, NULL, 0, &key);
	key.words[2] = m->address | (uint64_t)m->quantity << 16 | (uint64_t)m->write_address << 32 |
		       (uint64_t)m->write_quantity << 48;
	key.words[3] = m->subfunction | (uint64_t)m->mei_type << 16 | (uint64_t)m->read_code << 24 |
		       (uint64_t)m->object_id << 32;
	if (part)
		key.words[2] = part->file | (uint64_t)part->record << 16 | (uint64_t)part->length << 32;
	uses_note(q->core, &key, tell, t);
}

/* The records that a file request asks for, each by itself. */
static void note_uses(const struct question_context *q, const struct modbus_message *m, const struct decision *d)
{
	struct telling t = { .message = m };

	if (!decision_is_use(d->reason, m->part_count > 1, q))
		return;
	if (m->part_count == 0)
		note_use(q, &t, d);
	for (unsigned i = 0; i < m->part_count; i++) {
		t.part = &m->parts[i];
		note_use(q, &t, d);
	}
}

static bool any_transaction(const struct program *p, uint32_t rule)
{
	return rule != CORE_NO_RULE && p->rules[rule].quirks & PROGRAM_QUIRK_TRANSACTION_ID;
}

static void decide(const struct question_context *q, const uint8_t *p, size_t len,
		   struct decision *ret)
{
	struct modbus_message m;
	struct match match;
	enum reason reason = modbus_request(p, len, &m);

	if (reason != REASON_NONE) {
		decision_malformed(ret, reason);
		return;
	}
	decision_begin(ret);
	match_modbus(q->program, q->conduit, &m, q->time, &match);
	ret->reason = match.reason;
	ret->rule = match.rule;
	ret->any_transaction = any_transaction(q->program, match.rule);
	modbus_ask(&m, &ret->asked.modbus);
	note_uses(q, &m, ret);
	if (!decision_tells(ret, q))
		return;
	note_fields(&m, true, &ret->fields);
	if (m.part_count)
		note_record(&m.parts[0], &ret->fields);
}

static void decide_start(const struct question_context *q, const uint8_t *p, size_t len,
			 struct decision *ret)
{
	struct modbus_message m;
	struct match match;
	enum modbus_have have = modbus_request_start(p, len, &m);

	if (!modbus_request_begins(p, len)) {
		decision_malformed(ret, REASON_MALFORMED_FRAME);
		return;
	}
	match_modbus_start(q->program, q->conduit, &m, have, q->time, &match);
	decision_begin(ret);
	ret->reason = match.reason;
	ret->rule = match.rule;
	ret->unanswerable = have < MODBUS_HAVE_FUNCTION;
	modbus_ask(&m, &ret->asked.modbus);
	if (have < MODBUS_HAVE_FUNCTION)
		return;
	note_fields(&m, false, &ret->fields);
	if (have == MODBUS_HAVE_ADDRESS) {
		ret->fields.has |= CORE_HAS_ADDRESS;
		ret->fields.address = m.address;
	}
}

static bool answers(const struct ask *ask, uint16_t transaction)
{
	return ask->state == ASK_PENDING &&
	       (ask->any_transaction || ask->modbus.transaction == transaction);
}

/* The first request that the reply answers; else why the last one that it could belong to is none. */
static void find_asked(const struct flow *f, const struct modbus_message *m, struct decision *ret)
{
	ret->reason = REASON_UNEXPECTED_REPLY;
	for (unsigned i = 0; i < f->ask_count && ret->reason != REASON_NONE; i++) {
		if (!answers(&f->asks[i], m->transaction))
			continue;
		ret->reason = modbus_answers(&f->asks[i].modbus, m);
		ret->malformed = ret->reason != REASON_NONE;
		ret->rule = f->asks[i].rule;
		ret->answered = i;
	}
}

static void pair(const struct question_context *q, const uint8_t *p, size_t len, struct decision *ret)
{
	struct modbus_message m;
	enum reason reason = modbus_reply(p, len, &m);

	if (reason != REASON_NONE) {
		decision_malformed(ret, reason);
		return;
	}
	decision_begin(ret);
	find_asked(q->flow, &m, ret);
	if (decision_tells(ret, q))
		note_fields(&m, false, &ret->fields);
}

/* Of a reply's beginning only its layout and the transaction can be judged. */
static void pair_start(const struct flow *f, const uint8_t *p, size_t len, struct decision *ret)
{
	decision_begin(ret);
	if (len < 2)
		return;
	if (!modbus_reply_begins(p, len)) {
		decision_malformed(ret, REASON_MALFORMED_FRAME);
		return;
	}
	ret->reason = REASON_UNEXPECTED_REPLY;
	for (unsigned i = 0; i < f->ask_count; i++)
		if (answers(&f->asks[i], (uint16_t)(p[0] << 8 | p[1])))
			ret->reason = REASON_NONE;
}

static uint32_t error(const struct decision *d, const uint8_t *p, size_t len, uint8_t *out)
{
	modbus_exception(&d->asked.modbus, exception_of(d->reason), out);
	return MODBUS_EXCEPTION_FRAME;
}

const struct app app_modbus = {
	.largest = MODBUS_FRAME_MAX,
	.frame = modbus_frame,
	.request = decide,
	.request_start = decide_start,
	.reply = pair,
	.reply_start = pair_start,
	.error = error,
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/app.h"

#include "inspect/cyclic_judge.h"
#include "inspect/enip_fields.h"
#include "inspect/enip_judge.h"
#include "inspect/enip_refuse.h"
#include "protocol/bytes.h"

/* ---- requests --------------------------------------------------------------------------------------------- */

static void decide(const struct question_context *q, const uint8_t *p, size_t len, struct decision *ret)
{
	struct enip_message m;
	enum reason reason = enip_request(p, len, &m);

	if (reason == REASON_NONE)
		enip_judge(q, &m, ret);
	else
		decision_malformed(ret, reason);
}

static void decide_start(const struct question_context *q, const uint8_t *p, size_t len,
			 struct decision *ret)
{
	struct enip_message m;
	size_t there;

	if (!enip_request_begins(p, len)) {
		decision_malformed(ret, REASON_MALFORMED_FRAME);
	} else if (enip_request_start(p, len, &m, &there)) {
		enip_judge_start(q, &m, there, ret);
	} else {
		decision_begin(ret);
		ret->unanswerable = true;
	}
}

static bool is_open(const struct enip_ask *ask)
{
	return !ask->multiple &&
	       (ask->shape == CIP_SHAPE_FORWARD_OPEN || ask->shape == CIP_SHAPE_LARGE_FORWARD_OPEN);
}

static bool opens_cyclic(const struct enip_ask *ask)
{
	return is_open(ask) && ask->opening & CYCLIC_NUMBER;
}

/* ---- replies ------------------------------------------------------------------------------------------------ */

/* The flow's request number i, or NULL when the device is not asked for its reply. */
static const struct enip_ask *pending(const struct flow *f, unsigned i)
{
	return f->asks[i].state == ASK_PENDING ? &f->enip->asks[f->asks[i].enip] : NULL;
}

/*
 * Simple devices put the id of requests into their replies, too; and answer one request after the other
 * without repeating the client's context.
 */
static bool pairs(const struct session *s, const struct enip_ask *ask, const struct enip_message *reply)
{
	static const uint8_t none[ENIP_CONTEXT];
	const struct session_connection *c;
	struct enip_message repeated;

	if (enip_pairs(ask, reply))
		return true;
	repeated = *reply;
	c = reply->connected ? session_connection(s, reply->connection) : NULL;
	if (c)
		repeated.connection = c->t_o_id;
	if (bytes_equal(reply->context, none, ENIP_CONTEXT))
		__builtin_memcpy(repeated.context, ask->context, ENIP_CONTEXT);
	return enip_pairs(ask, &repeated);
}

/* Does its content answer the request? */
static enum reason answers(const struct question_context *q, const struct enip_ask *ask,
			   const struct enip_message *m)
{
	struct cip_reply reply;
	enum reason reason = enip_answers(ask, m, &reply);

	if (reason == REASON_NONE && reply.service && opens_cyclic(ask))
		reason = cyclic_judge_answer(q, ask->opening, m, &reply);
	return reason;
}

/* The request that the reply answers, or the last one that it could belong to and why it is none; or NULL. */
static const struct enip_ask *find_asked(const struct question_context *q, const struct enip_message *m,
					 struct decision *ret)
{
	const struct flow *f = q->flow;
	const struct enip_ask *found = NULL;

	ret->reason = REASON_UNEXPECTED_REPLY;
	for (unsigned i = 0; i < f->ask_count && ret->reason != REASON_NONE; i++) {
		const struct enip_ask *ask = pending(f, i);

		if (!ask || !pairs(&f->enip->session, ask, m))
			continue;
		found = ask;
		ret->reason = answers(q, ask, m);
		ret->withdrawn = ret->reason == REASON_TAG_NOT_ALLOWED;
		ret->malformed = ret->reason != REASON_NONE && !ret->withdrawn;
		ret->rule = f->asks[i].rule;
		ret->answered = i;
		if (ret->withdrawn)
			break;
	}
	return found;
}

static void pair(const struct question_context *q, const uint8_t *p, size_t len, struct decision *ret)
{
	const struct enip_ask *ask;
	struct enip_message m;
	enum reason reason = enip_reply(p, len, &m);

	if (reason != REASON_NONE) {
		decision_malformed(ret, reason);
		return;
	}
	decision_begin(ret);
	ask = find_asked(q, &m, ret);
	if (ret->withdrawn)
		ret->asked.enip = *ask;
	if (!decision_tells(ret, q))
		return;
	enip_fields(&m, &ret->fields);
	if (ask && ask->part_count) {
		ret->fields.has |= CORE_HAS_SERVICE;
		ret->fields.service = ask->service;
	}
}

/* Of a reply's beginning only its layout and the command can be judged. */
static void pair_start(const struct flow *f, const uint8_t *p, size_t len, struct decision *ret)
{
	decision_begin(ret);
	if (!enip_reply_begins(p, len)) {
		decision_malformed(ret, REASON_MALFORMED_FRAME);
		return;
	}
	if (len < 2)
		return;
	ret->reason = REASON_UNEXPECTED_REPLY;
	for (unsigned i = 0; i < f->ask_count; i++) {
		const struct enip_ask *ask = pending(f, i);

		if (ask && ask->command == get_le16(p))
			ret->reason = REASON_NONE;
	}
}

/* ---- what passing messages change ------------------------------------------------------------------------- */

static void leave_session(const struct passing *m)
{
	struct enip_flow *e = m->flow->enip;

	e->session = (struct session){ .openings = e->session.openings };
	symbols_forget(m->symbols, &e->symbols);
}

static void cyclic_request_passes(const struct passing *m, const struct cip_open *open)
{
	const struct cyclic_opener by = {
		.conduit = m->flow->conduit, .server_port = m->flow->server_port, .rule = m->decision->rule,
		.opened = m->flow->opened, .now = m->now,
	};
	struct cip_cyclic asked;

	if (cip_cyclic(open, &asked))
		cyclic_opening(m->cyclics, &by, open, &asked);
}

static void request_passes(const struct passing *m)
{
	const struct enip_ask *ask = &m->decision->asked.enip;
	struct enip_message message;
	struct cip_request r;
	struct cip_open open;

	if (ask->command == ENIP_UNREGISTER_SESSION)
		leave_session(m);
	if (!is_open(ask) || enip_request(m->bytes, m->length, &message) != REASON_NONE || !message.cip ||
	    cip_request(message.cip, message.cip_length, &r) != REASON_NONE ||
	    cip_open(&r, &open) != REASON_NONE)
		return;
	if (opens_cyclic(ask))
		cyclic_request_passes(m, &open);
	else
		session_opening(&m->flow->enip->session, &open, m->now);
}

static bool lists_names(const struct enip_ask *ask)
{
	for (unsigned i = 0; i < ask->attribute_count; i++)
		if (ask->attributes[i] == CIP_SYMBOL_NAME)
			return true;
	return false;
}

/*
 * A listing that begins anew replaces the former one of its scope: in the end, so that a client may use its numbers
 * meanwhile; at once when a number stands for another tag, for then the controller was loaded anew.
 */
static void learn_symbols(const struct passing *m, const struct enip_ask *ask, const struct cip_reply *reply)
{
	struct symbol_key key = { .owner = enip_owner(m->flow), .scope = ask->scope };
	struct symbol_list *list = &m->flow->enip->symbols;
	struct cursor c = cursor_over(reply->data, reply->length);
	bool over = reply->status == CIP_STATUS_SUCCESS;
	struct cip_symbol symbol;

	if (!lists_names(ask) || (!over && reply->status != CIP_STATUS_PARTIAL_TRANSFER))
		return;
	if (ask->instance == 0)
		symbols_relist(m->symbols, list, key.scope);
	while (cip_symbol_next(ask, &c, &symbol)) {
		key.instance = symbol.instance;
		over |= symbols_learn(m->symbols, list, &key, symbol.name, symbol.name_length);
	}
	if (over)
		symbols_drop_stale(m->symbols, list, key.scope);
}

static void opened_passes(const struct passing *m, const struct enip_ask *ask, const struct cip_reply *reply)
{
	struct session *s = &m->flow->enip->session;
	bool success = reply->status == CIP_STATUS_SUCCESS;
	struct cip_opened opened;

	if (cip_opened(reply, &opened) != REASON_NONE)
		return;
	if (opens_cyclic(ask) && success)
		cyclic_opened(m->cyclics, ask->opening, &opened, m->now);
	else if (opens_cyclic(ask))
		cyclic_refused(m->cyclics, ask->opening);
	else if (success)
		session_opened(s, ask->opening, &opened);
	else
		session_refused(s, ask->opening);
}

static void closed_passes(const struct passing *m, const struct enip_ask *ask, const struct cip_reply *reply)
{
	struct cip_opened closed;

	if (reply->status != CIP_STATUS_SUCCESS || cip_closed(reply, &closed) != REASON_NONE)
		return;
	cyclic_closed(m->cyclics, ask->opening, m->now);
	session_closed(&m->flow->enip->session, &closed.triad);
}

static void cip_reply_passes(const struct passing *m, const struct enip_ask *ask,
			     const struct cip_reply *reply)
{
	if (is_open(ask))
		opened_passes(m, ask, reply);
	else if (ask->shape == CIP_SHAPE_FORWARD_CLOSE)
		closed_passes(m, ask, reply);
	else if (ask->symbols)
		learn_symbols(m, ask, reply);
}

static void reply_passes(const struct passing *m)
{
	const struct enip_ask *ask = pending(m->flow, m->decision->answered);
	struct enip_message message;
	struct cip_reply reply;

	if (!ask->symbols && !is_open(ask) && ask->shape != CIP_SHAPE_FORWARD_CLOSE &&
	    ask->command != ENIP_REGISTER_SESSION)
		return;
	if (enip_reply(m->bytes, m->length, &message) != REASON_NONE)
		return;
	if (ask->command == ENIP_REGISTER_SESSION && message.status == 0)
		m->flow->enip->session.handle = message.session;
	else if (!ask->multiple && enip_answers(ask, &message, &reply) == REASON_NONE && reply.service)
		cip_reply_passes(m, ask, &reply);
}

static void passes(const struct passing *m)
{
	if (m->request)
		request_passes(m);
	else
		reply_passes(m);
}

const struct app app_enip = {
	.largest = ENIP_FRAME_MAX,
	.frame = enip_frame,
	.request = decide,
	.request_start = decide_start,
	.reply = pair,
	.reply_start = pair_start,
	.error = enip_refuse,
	.passes = passes,
};

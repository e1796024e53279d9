/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/enip_judge.h"

#include "inspect/cyclic_judge.h"
#include "inspect/enip_fields.h"
#include "inspect/enip_uses.h"
#include "inspect/match_cip.h"

#define MESSAGE_ROUTER_CLASS 3u /* transport class of connections to it */
#define CONNECTION_OVERHEAD 64u /* of a frame around connected data, at most */

/* A message on its way through. */
struct hearing {
	const struct question_context *q;
	const struct enip_message *m;
	const struct session_connection *connection; /* NULL: unconnected */
	struct cip_path connection_route;
	struct cip_question question;
	uint64_t way;                               /* enip_use_way(), the same for all requests of it */
	bool way_known;
	struct decision *out;
};

static void answer(struct hearing *h, const struct match *match)
{
	h->out->reason = match->reason;
	h->out->rule = match->rule;
}

/* ---- which tag -------------------------------------------------------------------------------------------- */

uint64_t enip_owner(const struct flow *f)
{
	return (uint64_t)f->conduit << 16 | f->server_port;
}

/* Symbols are numbered by the controller that the route leads to, and in it by each program. */
static uint64_t scope_on_route(const struct hearing *h, uint64_t scope)
{
	for (unsigned i = 0; i < 2; i++)
		for (unsigned k = 0; h->question.routes[i] && k < h->question.routes[i]->count; k++)
			scope = cip_scope_behind(scope, &h->question.routes[i]->segments[k]);
	return scope;
}

/* The name that stands for instance i of class 6B, as a listing in this session told; or NULL. */
static const struct symbol *find_symbol(const struct hearing *h, const struct cip_path *path, unsigned scopes)
{
	struct symbol_key key = {
		.owner = enip_owner(h->q->flow),
		.scope = scope_on_route(h, scopes ? cip_scope_digest(&path->segments[0]) : 0),
		.instance = path->segments[scopes + 1].number,
	};

	return symbols_find(h->q->symbols, &key);
}

/* Class 6B and an instance, in a program or not, are replaced by the tag's name. */
static bool resolve(const struct hearing *h, const struct cip_path *path, struct cip_path *ret)
{
	unsigned scopes = path->segments[0].kind == CIP_SEGMENT_SYMBOL;
	const struct symbol *symbol;

	if (path->count < scopes + 2u || path->segments[scopes].kind != CIP_SEGMENT_CLASS ||
	    path->segments[scopes + 1].kind != CIP_SEGMENT_INSTANCE)
		return false;
	symbol = find_symbol(h, path, scopes);
	if (!symbol || symbol->length == 0)
		return false;
	ret->count = 0;
	if (scopes)
		ret->segments[ret->count++] = path->segments[0];
	ret->segments[ret->count++] = (struct cip_segment){
		.kind = CIP_SEGMENT_SYMBOL, .length = symbol->length, .bytes = symbol->name };
	for (unsigned i = scopes + 2; i < path->count; i++)
		ret->segments[ret->count++] = path->segments[i];
	return true;
}

static bool only_names(const struct cip_path *path)
{
	for (unsigned i = 0; i < path->count; i++)
		if (path->segments[i].kind != CIP_SEGMENT_SYMBOL &&
		    path->segments[i].kind != CIP_SEGMENT_MEMBER)
			return false;
	return cip_path_names_tag(path);
}

/* The tag that the request is about, or NULL; `space` holds one that has to be put together. */
static const struct cip_path *tag_of(const struct hearing *h, const struct cip_request *r,
				     struct cip_path *space)
{
	if (r->object != CIP_CLASS_SYMBOL || r->path.count == 0)
		return NULL;
	if (only_names(&r->path))
		return &r->path;
	return resolve(h, &r->path, space) ? space : NULL;
}

/* ---- connections ------------------------------------------------------------------------------------------- */

static bool direction_is_plain(const struct cip_direction *d)
{
	return d->type == CIP_POINT_TO_POINT && !d->redundant_owner && d->rpi != 0 && d->size != 0 &&
	       d->size <= ENIP_FRAME_MAX - CONNECTION_OVERHEAD;
}

/* Behind the route stands the message router and nothing else; a key only says what device it must be. */
static bool leads_to_router(const struct cip_path *whole, unsigned first)
{
	struct cip_path path;

	if (first < whole->count && whole->segments[first].kind == CIP_SEGMENT_KEY)
		first++;
	path.count = (uint16_t)(whole->count - first);
	__builtin_memcpy(path.segments, whole->segments + first, path.count * sizeof(path.segments[0]));
	return cip_path_is(&path, CIP_CLASS_MESSAGE_ROUTER, 1);
}

static bool connection_is_plain(const struct hearing *h, const struct cip_open *open)
{
	const struct session *s = &h->q->flow->enip->session;

	return open->transport_class == MESSAGE_ROUTER_CLASS && open->server &&
	       leads_to_router(&open->path, open->route) && direction_is_plain(&open->o_t) && direction_is_plain(&open->t_o) &&
	       !session_replies_by(s, open->t_o.id, &open->triad) && session_route_fits(open);
}

/* One that carries messages. */
static void judge_messages(struct hearing *h, const struct cip_open *open)
{
	struct match match;

	h->out->asked.enip.opening = h->q->flow->enip->session.openings + 1;
	match_cip_open(&h->question, &match);
	answer(h, &match);
	if (match.reason != REASON_NONE)
		return;
	if (h->connection || !connection_is_plain(h, open))
		h->out->reason = REASON_CONNECTION_NOT_ALLOWED;
	else if (!session_has_room(&h->q->flow->enip->session, h->q->now))
		h->out->reason = REASON_CONNECTIONS_EXCEEDED;
}

static void judge_cyclic(struct hearing *h, const struct cip_open *open)
{
	struct match match;

	cyclic_judge(h->q, &h->question, h->m, open, &match);
	answer(h, &match);
	if (h->out->reason == REASON_NONE && h->connection)
		h->out->reason = REASON_CONNECTION_NOT_ALLOWED;
	if (h->out->reason == REASON_NONE)
		h->out->asked.enip.opening = cyclic_next_number(h->q->cyclics);
}

static void judge_open(struct hearing *h, const struct cip_request *r)
{
	struct cip_open open;
	struct cip_path route;

	h->out->reason = cip_open(r, &open);
	h->out->malformed = h->out->reason != REASON_NONE;
	if (h->out->malformed)
		return;
	route.count = (uint16_t)open.route;
	__builtin_memcpy(route.segments, open.path.segments, open.route * sizeof(route.segments[0]));
	h->question.routes[1] = &route;
	if (open.transport_class <= CIP_CYCLIC_CLASS_LAST)
		judge_cyclic(h, &open);
	else
		judge_messages(h, &open);
	h->question.routes[1] = NULL;
}

/*
 * Only connections that this one made (cyclic ones: that were made on this conduit, since they outlive the
 * session) are closed, by the way on which they were opened: elsewhere the same serial number is another's
 * connection. Clients name the router in the path, or what they opened.
 */
static bool may_close(struct hearing *h, const struct cip_close *close)
{
	uint32_t cyclic = cyclic_to_close(h->q->cyclics, h->q->conduit->number, close);

	h->out->asked.enip.opening = cyclic;
	return !h->connection && (cyclic || (leads_to_router(&close->path, close->route) &&
					     session_closes(&h->q->flow->enip->session, close)));
}

static void judge_close(struct hearing *h, const struct cip_request *r)
{
	struct cip_close close;
	struct match match;

	h->out->reason = cip_close(r, &close);
	h->out->malformed = h->out->reason != REASON_NONE;
	if (h->out->malformed)
		return;
	match_cip_session(&h->question, &match);
	answer(h, &match);
	if (match.reason == REASON_NONE && !may_close(h, &close))
		h->out->reason = REASON_CONNECTION_NOT_ALLOWED;
}

/* ---- what is told of it ------------------------------------------------------------------------------------ */

static void fill_fields(const struct hearing *h, const struct cip_request *r, struct core_event *ret)
{
	enip_fields(h->m, ret);
	enip_fields_route(h->question.routes, ret);
	enip_fields_request(r, h->question.tag, ret);
}

struct telling {
	const struct hearing *hearing;
	const struct cip_request *request;
};

static void tell(const void *context, struct core_event *ret)
{
	const struct telling *t = context;

	fill_fields(t->hearing, t->request, ret);
}

static void note_use(struct hearing *h, const struct cip_request *r)
{
	const struct telling t = { h, r };
	const struct decision *d = h->out;
	uint8_t space[USE_BYTES_MAX];
	struct use_key key;

	if (!h->way_known)
		h->way = enip_use_way(h->question.routes);
	h->way_known = true;
	enip_use_key(&h->question, r, h->m->command, h->way, use_rule(d->rule, d->reason, h->q->conduit), d->reason,
		     space, &key);
	uses_note(h->q->core, &key, tell, &t);
}

/* Of several requests in one message the one that is denied is told, else the first. */
static void note(struct hearing *h, const struct cip_request *r)
{
	struct decision *d = h->out;

	if (!h->question.start && decision_is_use(d->reason, d->asked.enip.multiple, h->q))
		note_use(h, r);
	if (d->reason != REASON_NONE || (h->q->recorded && !(d->fields.has & CORE_HAS_SERVICE)))
		fill_fields(h, r, &d->fields);
}

/* ---- requests ----------------------------------------------------------------------------------------------- */

/*
 * A read in fragments from a byte on: the rule's elements end somewhere in bytes that only the reply's type tells.
 * Where the rule names no elements, the tag's end is the device's affair.
 */
static void judge_offset(struct hearing *h, const struct cip_request *r)
{
	struct match match;

	if (r->shape != CIP_SHAPE_READ_TAG_FRAGMENT || r->object != CIP_CLASS_SYMBOL || !r->offset)
		return;
	h->question.endless = true;
	match_cip(&h->question, r, &match);
	h->question.endless = false;
	if (match.reason != REASON_NONE && !enip_ask_bound(&h->out->asked.enip, r))
		h->out->reason = REASON_TAG_NOT_ALLOWED;
}

static void judge_request(struct hearing *h, const struct cip_request *r)
{
	struct cip_path space;
	struct match match;

	h->question.tag = tag_of(h, r, &space);
	if (r->shape == CIP_SHAPE_FORWARD_OPEN || r->shape == CIP_SHAPE_LARGE_FORWARD_OPEN) {
		judge_open(h, r);
	} else if (r->shape == CIP_SHAPE_FORWARD_CLOSE) {
		judge_close(h, r);
	} else {
		match_cip(&h->question, r, &match);
		answer(h, &match);
		if (match.reason == REASON_NONE && !h->question.start)
			judge_offset(h, r);
	}
	note(h, r);
}

/*
 * The frame around a request that is wrapped too deeply is sound, so it can be answered; of what cannot
 * be decoded nothing can be said.
 */
static void cannot_walk(struct hearing *h, enum reason reason)
{
	struct enip_ask *ask = &h->out->asked.enip;

	h->out->reason = reason;
	h->out->malformed = reason != REASON_NESTING_TOO_DEEP;
	h->out->rule = CORE_NO_RULE;
	ask->multiple = false;
	ask->part_count = 1;
	if (h->m->cip_length)
		ask->service = h->m->cip[0] & (uint8_t)~CIP_REPLY_BIT;
}

/* What stands behind a denied request that passes all the same is judged, too; the decision stays what it is. */
static void judge_aside(struct hearing *h, const struct cip_request *r)
{
	struct decision *out = h->out, aside = *out;

	aside.reason = REASON_NONE;
	h->out = &aside;
	judge_request(h, r);
	h->out = out;
	out->malformed |= aside.malformed;
}

/* Every request of the message, to its end: the reply to a denied one tells of all. */
static void judge_all(struct hearing *h)
{
	struct cip_walk w;
	enum reason reason = cip_walk_first(&w, h->m->cip, h->m->cip_length);
	struct enip_ask *ask = &h->out->asked.enip;

	while (reason == REASON_NONE && !w.end) {
		h->question.routes[1] = w.unconnected_send ? &w.route : NULL;
		enip_ask_add(ask, &w);
		if (ask->symbols)
			ask->scope = scope_on_route(h, ask->scope);
		if (h->out->reason == REASON_NONE)
			judge_request(h, &w.request);
		else if (h->q->conduit->mode == PROGRAM_OBSERVE)
			judge_aside(h, &w.request);
		if (h->out->malformed)
			return;
		reason = cip_walk_next(&w);
	}
	if (reason != REASON_NONE)
		cannot_walk(h, reason);
}

static bool enter_connection(struct hearing *h)
{
	const struct session_connection *c = session_connection(&h->q->flow->enip->session, h->m->connection);

	h->connection = c;
	if (!c || cip_path(c->route, c->route_length, &h->connection_route) != REASON_NONE)
		return false;
	h->out->asked.enip.reply_connection = c->t_o_id;
	h->question.routes[0] = &h->connection_route;
	return true;
}

static bool carries_cip(const struct enip_message *m)
{
	return m->command == ENIP_SEND_RR_DATA || m->command == ENIP_SEND_UNIT_DATA;
}

static bool needs_session(const struct enip_message *m)
{
	return carries_cip(m) || m->command == ENIP_UNREGISTER_SESSION;
}

/* The encapsulation's own commands, and the session of the others. Leaves REASON_NONE where CIP decides. */
static void judge_command(struct hearing *h)
{
	const struct enip_message *m = h->m;
	uint32_t handle = h->q->flow->enip->session.handle;
	struct match match;

	if (m->command == ENIP_LIST_IDENTITY)
		match_cip_identity(&h->question, &match);
	else
		match_cip_session(&h->question, &match);
	answer(h, &match);
	h->out->unanswered = m->command == ENIP_NOP || m->command == ENIP_UNREGISTER_SESSION;
	if (match.reason == REASON_NONE && needs_session(m) && (handle == 0 || m->session != handle))
		h->out->reason = REASON_WRONG_SESSION;
	if (carries_cip(m))
		h->out->rule = CORE_NO_RULE;
}

static void begin(struct hearing *h, const struct question_context *q, const struct enip_message *m,
		  struct decision *ret)
{
	decision_begin(ret);
	h->q = q;
	h->m = m;
	h->out = ret;
	h->connection = NULL;
	h->way_known = false;
	h->question = (struct cip_question){ .program = q->program, .conduit = q->conduit, .time = q->time };
	enip_ask(m, &ret->asked.enip);
	judge_command(h);
	if (ret->reason == REASON_NONE && m->connected && !enter_connection(h))
		ret->reason = REASON_CONNECTION_NOT_ALLOWED;
}

/* What there is to tell of a message whose requests told nothing; of one that has none for the table of uses, too. */
static void end(const struct hearing *h)
{
	if (!h->out->fields.has && (decision_tells(h->out, h->q) || !carries_cip(h->m)))
		enip_fields(h->m, &h->out->fields);
}

void enip_judge(const struct question_context *q, const struct enip_message *m, struct decision *ret)
{
	struct hearing h;

	begin(&h, q, m, ret);
	if (ret->reason == REASON_NONE && carries_cip(m)) {
		if (m->cip)
			judge_all(&h);
		else
			cannot_walk(&h, REASON_MALFORMED_FRAME);
	}
	end(&h);
}

void enip_judge_start(const struct question_context *q, const struct enip_message *m, size_t there,
		      struct decision *ret)
{
	struct cip_request r;
	struct hearing h;

	begin(&h, q, m, ret);
	if (ret->reason == REASON_NONE && m->cip && cip_request_start(m->cip, there, &r)) {
		ret->carries = r.known && r.known->access == CIP_CARRIER;
		if (!ret->carries) {
			ret->asked.enip.service = r.service;
			ret->asked.enip.part_count = 1;
			h.question.start = true;
			judge_request(&h, &r);
		}
	}
	end(&h);
}

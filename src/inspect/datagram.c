/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/enip_fields.h"
#include "inspect/match_cip.h"
#include "inspect/state.h"
#include "protocol/bytes.h"
#include "protocol/datagram.h"

/* One datagram on its way through. */
struct crossing {
	struct core_state *core;
	const struct program_conduit *conduit;
	struct datagram datagram;
	bool from_server;
	bool cyclic;      /* class 0/1 data, not a message */
	bool late;        /* denied, but nothing to record */
	uint16_t server_port;
	struct enip_message message;
	struct core_event fields;
	uint32_t rule;
	bool decoded;
};

static bool between(const struct datagram *d, const uint8_t *source, const uint8_t *target)
{
	size_t size = d->family == 4 ? 4 : 16;

	return bytes_equal(d->source, source, size) && bytes_equal(d->target, target, size);
}

static bool find_direction(struct crossing *x)
{
	const struct program_conduit *c = x->conduit;
	const struct datagram *d = &x->datagram;

	if (d->family != c->family || c->protocol != PROGRAM_ETHERNET_IP)
		return false;
	if (d->target_port == ENIP_IO_PORT) {
		x->cyclic = true;
		x->from_server = between(d, c->server, c->device);
		x->server_port = x->from_server ? d->source_port : ENIP_IO_PORT;
		return x->from_server || between(d, c->device, c->server);
	}
	x->from_server = d->target_port == c->port && between(d, c->server, c->device);
	x->server_port = x->from_server ? d->source_port : d->target_port;
	return x->from_server || (d->source_port == c->port && between(d, c->device, c->server));
}

static enum reason open_crossing(struct crossing *x)
{
	const struct core_io *io = &x->core->io;
	enum reason reason;

	if (io->length > CORE_PACKET_MAX)
		return REASON_MALFORMED_PACKET;
	reason = datagram_read(io->packet, io->length, &x->datagram);
	if (reason == REASON_NONE && (!x->conduit || !find_direction(x)))
		reason = REASON_NO_RULE;
	return reason;
}

static enum reason match_request(struct crossing *x)
{
	const struct cip_question question = {
		.program = &x->core->program, .conduit = x->conduit,
		.time = { x->core->io.wall, x->core->io.wall },
	};
	struct match match;

	if (x->message.command == ENIP_LIST_IDENTITY)
		match_cip_identity(&question, &match);
	else
		match_cip_session(&question, &match);
	x->rule = match.rule;
	return match.reason;
}

static enum reason judge_request(struct crossing *x)
{
	struct core_state *core = x->core;
	struct listing asked = { .conduit = x->conduit->number, .port = x->server_port, .since = core->io.now };
	enum reason reason = match_request(x);

	if (reason == REASON_NONE && !request_rate_allows(core, x->conduit))
		reason = REASON_RATE_EXCEEDED;
	/* in mode observe its reply is expected all the same */
	enip_ask(&x->message, &asked.ask);
	if ((reason == REASON_NONE || x->conduit->mode == PROGRAM_OBSERVE) &&
	    !listing_add(&core->listings, &asked) && reason == REASON_NONE)
		reason = REASON_OUTSTANDING_EXCEEDED;
	request_count(core, x->rule, reason == REASON_NONE);
	return reason;
}

static enum reason judge_cyclic(struct crossing *x)
{
	const struct datagram *d = &x->datagram;
	struct enip_io packet;
	struct cyclic_verdict verdict;
	enum reason reason = enip_io(d->data, d->length, &packet);

	if (reason != REASON_NONE)
		return reason;
	x->decoded = true;
	x->fields.has = CORE_HAS_CONNECTION | CORE_HAS_SEQUENCE;
	x->fields.connection = packet.connection;
	x->fields.sequence = packet.encap_sequence;
	verdict = cyclic_packet(x->core, x->conduit, x->from_server, &packet);
	x->rule = verdict.rule;
	x->late = verdict.late;
	return verdict.reason;
}

static enum reason judge_message(struct crossing *x)
{
	const struct datagram *d = &x->datagram;
	enum reason reason = enip_datagram(d->data, d->length, x->from_server, &x->message);

	if (reason != REASON_NONE)
		return reason;
	x->decoded = true;
	enip_fields(&x->message, &x->fields);
	if (x->from_server)
		return judge_request(x);
	return listing_take(&x->core->listings, x->conduit->number, x->server_port, &x->message,
			    x->core->io.now) ? REASON_NONE : REASON_UNEXPECTED_REPLY;
}

/* What is told and counted of the datagram. */
static struct core_event facts_of(const struct crossing *x, enum core_event_kind kind, enum reason reason,
				  enum core_action action)
{
	struct core_event e = x->decoded ? x->fields : (struct core_event){ 0 };

	e.conduit = x->core->io.mark & MARK_CONDUIT;
	e.kind = (uint16_t)kind;
	e.reason = (uint16_t)reason;
	e.server_port = x->server_port;
	e.rule = x->rule;
	e.action = (uint8_t)action;
	e.to_device = x->from_server;
	return e;
}

/* Is it counted: a request, or what is denied? Allowed cyclic data is what its connection was opened for. */
static bool is_use(const struct crossing *x, enum core_event_kind kind)
{
	return kind == CORE_EVENT_DENIED ? !x->late : x->from_server && !x->cyclic;
}

static void note(struct crossing *x, enum core_event_kind kind, enum reason reason, enum core_action action)
{
	struct core_event facts = facts_of(x, kind, reason, action);
	struct core_event what = facts;

	if (x->conduit && is_use(x, kind)) {
		uses_count(x->core, &what, action == CORE_ACTION_OBSERVED);
		facts.counted = true;
	}
	if (kind == CORE_EVENT_DENIED || x->core->io.trace)
		*event_add(x->core, NULL, facts.conduit, kind, reason) = facts;
}

static void finish(struct crossing *x, enum reason reason)
{
	struct core_io *io = &x->core->io;
	bool observing = x->conduit->mode == PROGRAM_OBSERVE;

	if (reason != REASON_NONE && (!x->late || io->trace))
		note(x, CORE_EVENT_DENIED, reason, observing ? CORE_ACTION_OBSERVED : CORE_ACTION_DROPPED);
	else if (reason == REASON_NONE && (!x->cyclic || io->trace))
		note(x, CORE_EVENT_ALLOWED, REASON_NONE, CORE_ACTION_NONE);
	if (reason == REASON_NONE || observing)
		io->verdict = CORE_PASS;
}

void datagram_packet(struct core_state *core)
{
	struct crossing x = {
		.core = core, .conduit = program_conduit(&core->program, core->io.mark & MARK_CONDUIT),
		.rule = CORE_NO_RULE,
	};
	enum reason reason = open_crossing(&x);

	if (reason == REASON_NONE)
		finish(&x, x.cyclic ? judge_cyclic(&x) : judge_message(&x));
	else
		note(&x, CORE_EVENT_DENIED, reason, CORE_ACTION_DROPPED);
}

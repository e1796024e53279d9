/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/state.h"

static void note_syn(struct half *h, const struct segment *s)
{
	h->mss = s->mss;
	h->window = s->window;
	h->timestamps = s->timestamps != 0;
	if (h->timestamps)
		h->tsval = segment_tsval(s);
}

/* Is there a rule that serves a connection opened now? REASON_NONE or why there is none. */
static enum reason any_rule_serves(const struct passage *p)
{
	const struct program *program = &p->core->program;
	int64_t wall = p->core->io.wall;
	enum reason reason = REASON_NO_RULE;

	for (uint32_t i = 0; i < p->conduit->rules.count && reason != REASON_NONE; i++)
		reason = program_rule_serves(program, &program->rules[p->conduit->rules.first + i],
					     (struct program_time){ wall, wall });
	return reason;
}

static void open_flow(struct passage *p, struct opening former)
{
	struct core_state *core = p->core;
	const struct program_conduit *c = p->conduit;
	uint16_t port = p->segment.source_port;
	enum reason reason = any_rule_serves(p);

	if (reason != REASON_NONE) {
		stream_deny(p, reason);
		return;
	}
	if (c->max_connections && flow_count(&core->table, c->number) >= c->max_connections) {
		stream_deny(p, REASON_CONNECTIONS_EXCEEDED);
		made_probes(p->core, c);
		return;
	}
	p->flow = flow_add(&core->table, &core->pool, core->io.now, c, port);
	if (!p->flow) {
		stream_deny(p, REASON_FLOWS_EXHAUSTED);
		return;
	}
	p->flow->former = former;
	p->flow->opened = core->io.wall;
	half_open(&p->flow->request, &core->pool, p->segment.seq);
	note_syn(&p->flow->request, &p->segment);
	stream_pass(p);
}

/* A SYN on a connection that lives: the device may know better than the gate whether it still does. */
static void reopen_flow(struct passage *p)
{
	struct flow *f = p->flow;

	if (f->state == FLOW_OPENING && p->segment.seq + 1 == f->request.nxt) {
		stream_pass(p);
	} else if (f->state == FLOW_OPEN && !flow_closed(f)) {
		f->reopening = true;
		f->reopen_isn = p->segment.seq;
		stream_pass(p);
	} else {
		struct opening former = flow_opening(f);

		flow_remove(&p->core->table, &p->core->pool, f);
		p->flow = NULL;
		open_flow(p, former);
	}
}

void opening_server_syn(struct passage *p)
{
	if (p->segment.flags & TCP_ACK || p->segment.payload_length)
		stream_deny(p, REASON_MALFORMED_PACKET);
	else if (p->flow)
		reopen_flow(p);
	else
		open_flow(p, (struct opening){ 0 });
}

static void accept_syn_ack(struct passage *p)
{
	struct flow *f = p->flow;

	half_open(&f->reply, &p->core->pool, p->segment.seq);
	note_syn(&f->reply, &p->segment);
	half_acknowledge(&f->request, &p->core->pool, p->segment.ack);
	f->state = FLOW_OPEN;
	p->core->totals.flows_opened++;
	event_add(p->core, f, p->conduit->number, CORE_EVENT_OPENED, REASON_NONE)->action =
		CORE_ACTION_NONE;
	stream_pass(p);
}

/* The device took the SYN for a new connection: what the gate knew of the old one is void. */
static void restart_flow(struct passage *p)
{
	struct core_state *core = p->core;
	struct flow *f = p->flow;
	struct opening former = flow_opening(f);
	uint32_t isn = f->reopen_isn;
	uint16_t port = f->server_port;

	flow_remove(&core->table, &core->pool, f);
	f = p->flow = flow_add(&core->table, &core->pool, core->io.now, p->conduit, port);
	f->former = former;
	f->opened = core->io.wall;
	half_open(&f->request, &core->pool, isn);
	f->request.timestamps = p->segment.timestamps != 0;
	accept_syn_ack(p);
}

/*
 * The SYN-ACK of the connection that lives, or of the one before, once more. Taken for that of a new one it
 * would make the gate forget bytes that the device holds, and other bytes could be put behind them.
 */
static bool repeats_opening(const struct flow *f, const struct segment *s)
{
	struct opening o = flow_opening(f);

	return o.known && s->ack == o.server + 1 && s->seq == o.device;
}

/*
 * The device has not taken the server's acknowledgement (its queue is full, perhaps). Where the gate has
 * answered already, the server is past it and its numbers differ: the gate acknowledges in its stead.
 */
static void repeat_answer(struct passage *p)
{
	if (p->flow->reply.edit_count)
		made_ack(p->core, p->conduit, p->flow, true);
	else
		stream_pass(p);
}

void opening_device_syn(struct passage *p)
{
	struct flow *f = p->flow;
	const struct segment *s = &p->segment;

	if (!(s->flags & TCP_ACK))
		stream_deny(p, REASON_DEVICE_INITIATED);
	else if (!f || s->payload_length)
		stream_deny(p, REASON_UNKNOWN_CONNECTION);
	else if (f->reopening && s->ack == f->reopen_isn + 1 && !repeats_opening(f, s))
		restart_flow(p);
	else if (f->state == FLOW_OPENING && s->ack == f->request.nxt && !repeats_opening(f, s))
		accept_syn_ack(p);
	else if (f->state == FLOW_OPEN && s->seq + 1 == f->reply.nxt)
		repeat_answer(p);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/play.h"

#include <errno.h>
#include <stdlib.h>

#include "cli/traffic.h"

/* A message of which not all bytes have been played yet. */
struct begun {
	size_t played;
	unsigned opening; /* of the connection, in which they were played */
	bool over;        /* it was denied and the connection reset: the rest is not played */
	struct stage_verdict verdict;
};

/* One connection on a protocol's port. */
struct act {
	const struct protocol *protocol;
	const struct replay_conduit *conduit; /* NULL: no rule */
	struct frames frames[2];              /* by sender */
	struct begun begun[2];
	struct stage_flow flow;
};

/* ---- the connections ---- */

static int64_t wall_of(const struct play *p, struct timespec time)
{
	return p->dated ? p->at : time.tv_sec;
}

/*
 * Plays the part of a message that has not been played: all of it when the connection was reset in
 * the middle, because of the other side.
 */
static void play(struct play *p, struct act *act, const struct reorder_event *event,
		 const uint8_t *bytes, size_t length)
{
	struct begun *begun = &act->begun[event->side];

	if (!begun->over) {
		if (!act->flow.open || begun->opening != act->flow.openings)
			begun->played = 0;
		stage_send(&p->stage, &act->flow, event->side, bytes + begun->played,
			   length - begun->played, event->time, wall_of(p, event->time),
			   &begun->verdict);
		begun->over = begun->verdict.decided && !act->flow.open;
	}
	begun->opening = act->flow.openings;
	begun->played = length;
}

/* A core that said nothing holds the message back. */
static void fill_verdict(struct stage_verdict *verdict)
{
	if (verdict->decided)
		return;
	verdict->allowed = false;
	verdict->reason = REASON_OUTSTANDING_EXCEEDED;
	verdict->rule = CORE_NO_RULE;
}

static void judge(struct play *p, struct act *act, const struct reorder_event *event,
		  const struct message *message)
{
	struct begun *begun = &act->begun[event->side];
	struct stage_verdict *verdict = &begun->verdict;

	if (!act->conduit) {
		*verdict = (struct stage_verdict){ .reason = REASON_NO_RULE, .rule = CORE_NO_RULE };
	} else if (!act->conduit->inspected) {
		*verdict = (struct stage_verdict){ .allowed = true, .rule = CORE_NO_RULE };
	} else {
		play(p, act, event, message->bytes, message->length);
		fill_verdict(verdict);
		if (verdict->allowed && message->length >= 2)
			stage_note(&act->flow, message->request, message->bytes, message->length);
	}
	p->judged(p->context, act->conduit, message, verdict);
	*begun = (struct begun){ 0 };
}

static void on_bytes(struct play *p, struct reorder_flow *flow, const struct reorder_event *event)
{
	struct act *act = flow->user;
	struct frames *frames = &act->frames[event->side];
	struct begun *begun = &act->begun[event->side];
	struct frames_item item;

	if (frames_add(frames, event->bytes, event->length, event->missing > 0) < 0) {
		p->out_of_memory = true;
		return;
	}
	if (event->missing && begun->played) {
		stage_close(&p->stage, &act->flow, event->time, wall_of(p, event->time));
		*begun = (struct begun){ 0 };
	}
	while (frames_next(frames, &item)) {
		struct message message = {
			.protocol = act->protocol,
			.frame = event->frame,
			.time = event->time,
			.source = &flow->ends[event->side],
			.target = &flow->ends[!event->side],
			.request = event->side != act->flow.device,
			.reason = item.reason,
			.bytes = item.bytes,
			.length = item.length,
		};

		judge(p, act, event, &message);
	}
	if (act->conduit && act->conduit->inspected && frames_waiting(frames) > begun->played)
		play(p, act, event, frames->bytes + frames->taken, frames_waiting(frames));
}

static void on_opened(struct play *p, struct reorder_flow *flow)
{
	unsigned device = 0;
	const struct protocol *protocol = ports_find(&p->ports, flow, &device);
	struct act *act;

	if (!protocol)
		return;
	p->begun++;
	act = calloc(1, sizeof(*act));
	if (!act) {
		p->out_of_memory = true;
		return;
	}
	act->protocol = protocol;
	act->conduit = replay_site_find(p->site, &flow->ends[!device], &flow->ends[device]);
	act->flow.conduit = act->conduit ? act->conduit->number : 0;
	act->flow.device = device;
	if (protocol->program == PROGRAM_ETHERNET_IP && p->begun <= p->past.count)
		act->flow.past = &p->past.items[p->begun - 1];
	for (unsigned side = 0; side < 2; side++) {
		act->flow.ends[side] = flow->ends[side];
		frames_init(&act->frames[side], &protocol->framing, side != device);
	}
	flow->user = act;
}

static void on_over(struct play *p, struct reorder_flow *flow, const struct reorder_event *event)
{
	struct act *act = flow->user;

	stage_close(&p->stage, &act->flow, event->time, wall_of(p, event->time));
	act->flow.waiting_count = 0;
	if (event->kind != REORDER_FORGOTTEN)
		return;
	for (unsigned side = 0; side < 2; side++)
		frames_free(&act->frames[side]);
	free(act);
}

static void deliver(void *context, struct reorder_flow *flow, const struct reorder_event *event)
{
	struct play *p = context;

	if (event->kind == REORDER_OPENED)
		on_opened(p, flow);
	if (!flow->user || p->stage.trapped)
		return;
	if (event->kind == REORDER_BYTES)
		on_bytes(p, flow, event);
	if (event->kind == REORDER_ENDED || event->kind == REORDER_FORGOTTEN)
		on_over(p, flow, event);
}

/* ---- datagrams ---- */

static void on_datagram(void *context, const struct udp_datagram *datagram, uint64_t frame, struct timespec time)
{
	struct play *p = context;
	bool request = false;
	const struct protocol *protocol = ports_find_datagram(&p->ports, datagram, &request);
	struct stage_verdict verdict = { .reason = REASON_NO_RULE, .rule = CORE_NO_RULE };
	const struct replay_conduit *conduit;
	struct message message = {
		.protocol = protocol, .frame = frame, .time = time,
		.source = &datagram->source, .target = &datagram->target, .request = request,
		.datagram = true, .io = protocol && protocol->io,
		.bytes = datagram->payload, .length = datagram->length,
	};

	if (!protocol || p->stage.trapped)
		return;
	conduit = replay_site_find_datagram(p->site, protocol->io ? RULESET_UDP_CYCLIC : RULESET_UDP_MESSAGES,
					    datagram);
	if (conduit)
		stage_datagram(&p->stage, conduit->number, datagram, time, wall_of(p, time), &verdict);
	p->judged(p->context, conduit, &message, &verdict);
}

/* ---- which pairs are there ---- */

static void note_pair(void *context, struct reorder_flow *flow, const struct reorder_event *event)
{
	struct play *p = context;
	unsigned device = 0;
	const struct protocol *protocol;
	struct replay_conduit *grown;
	struct replay_conduit pair = { 0 };

	protocol = event->kind == REORDER_OPENED ? ports_find(&p->ports, flow, &device) : NULL;
	if (!protocol)
		return;
	pair.program = protocol->program;
	pair.server = flow->ends[!device];
	pair.device = flow->ends[device];
	pair.server.port = 0;
	for (size_t i = 0; i < p->pair_count; i++)
		if (endpoint_equal(&p->pairs[i].server, &pair.server) &&
		    endpoint_equal(&p->pairs[i].device, &pair.device))
			return;
	grown = realloc(p->pairs, (p->pair_count + 1) * sizeof(*grown));
	if (!grown) {
		p->out_of_memory = true;
		return;
	}
	p->pairs = grown;
	p->pairs[p->pair_count++] = pair;
}

int play_pairs(struct play *p, const char *path, char *error, size_t error_size)
{
	const struct traffic_sink sink = { .context = p, .stream = note_pair };
	struct traffic traffic;
	int err = traffic_read(path, &sink, &traffic, error, error_size);

	return err && !traffic.frames ? err : 0;
}

int play_load(struct play *p)
{
	int loaded = 0;

	/* a core that has not been used yet needs no clearing, which would touch all of its memory */
	if (p->stage.vm && vm_reset(p->stage.vm) < 0)
		return -ENOMEM;
	p->stage = (struct stage){ .vm = vm_open(-1, 0) };
	if (!p->stage.vm)
		return -ENOMEM;
	if (vm_load(p->stage.vm, p->site->program, p->site->program_size, &loaded) != VM_DONE || !loaded)
		return -ENOEXEC;
	return 0;
}

int play_capture(struct play *p, const char *path, struct traffic *ret, char *error, size_t error_size)
{
	const struct traffic_sink sink = { .context = p, .stream = deliver, .datagram = on_datagram };

	/* what is wrong with the capture is told below */
	p->begun = 0;
	past_free(&p->past);
	p->out_of_memory |= past_read(path, &p->ports, &p->past) == -ENOMEM || p->past.out_of_memory;
	return traffic_read(path, &sink, ret, error, error_size);
}

void play_free(struct play *p)
{
	free(p->pairs);
	past_free(&p->past);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/stage.h"

#include <string.h>

#include "protocol/datagram.h"
#include "protocol/segment.h"

#define SECOND 1000000000ull
#define TICK (SECOND / 10)
#define START (1000 * SECOND)  /* the core's clock when the capture begins at 0 */
#define PIECE 1400u            /* bytes of data in one packet */
#define ROUNDS_MAX 8u          /* of acknowledgements that answer each other */
#define PATIENCE (6 * SECOND)  /* after it the core lets requests go that nobody answers */
#define WINDOW 65535u

/* What one call of stage_send() works with. */
struct scene {
	struct stage *stage;
	struct stage_flow *flow;
	struct timespec time;
	int64_t wall;
	struct stage_verdict *verdict; /* NULL: nobody asks */
};

/* Captures have times that go back, and events at their end that have none. */
static void set_clock(const struct scene *s)
{
	struct core_io *io = vm_io(s->stage->vm);
	uint64_t now = START + (uint64_t)s->time.tv_sec * SECOND + (uint64_t)s->time.tv_nsec +
		       s->stage->lag;

	if (now > s->stage->now)
		s->stage->now = now;
	io->now = s->stage->now;
	io->wall = s->wall;
	io->trace = 1;
}

/* The core's timers, as the inspector runs them; once for any length of silence. */
static void run_timers(struct scene *s)
{
	set_clock(s);
	if (s->stage->now < s->stage->ticked + TICK)
		return;
	s->stage->ticked = s->stage->now;
	do {
		s->stage->trapped |= vm_tick(s->stage->vm) != VM_DONE;
	} while (!s->stage->trapped && vm_io(s->stage->vm)->more);
}

/* What an end learns from a packet that reaches it. */
static void arrive(struct stage_flow *flow, unsigned side, uint8_t *bytes, size_t length)
{
	struct stage_end *end = &flow->sides[side];
	struct segment s;
	uint32_t after;

	if (segment_read(bytes, length, &s) != REASON_NONE)
		return;
	if (s.flags & TCP_RST) {
		flow->open = false;
		return;
	}
	if (s.flags & TCP_SYN)
		end->heard = s.seq;
	after = s.seq + (uint32_t)s.payload_length + (s.flags & TCP_SYN ? 1 : 0) +
		(s.flags & TCP_FIN ? 1 : 0);
	if ((int32_t)(after - end->heard) <= 0)
		return;
	end->heard = after;
	end->owes = true;
}

static void note_events(struct scene *s, const struct core_io *io)
{
	for (uint32_t i = 0; i < io->event_count; i++) {
		const struct core_event *e = &io->events[i];

		if (!s->verdict || (e->kind != CORE_EVENT_DENIED && e->kind != CORE_EVENT_ALLOWED))
			continue;
		*s->verdict = (struct stage_verdict){
			.decided = true,
			.allowed = e->kind == CORE_EVENT_ALLOWED,
			.observed = e->action == CORE_ACTION_OBSERVED,
			.reason = (enum reason)e->reason,
			.rule = e->rule,
		};
	}
}

static void put(struct scene *s, unsigned side, uint8_t flags, const uint8_t *bytes, size_t length)
{
	struct stage_flow *flow = s->flow;
	struct stage_end *end = &flow->sides[side];
	struct core_io *io = vm_io(s->stage->vm);
	struct segment_parts parts = {
		.family = flow->ends[side].family,
		.source = flow->ends[side].address,
		.target = flow->ends[!side].address,
		.source_port = flow->ends[side].port,
		.target_port = flow->ends[!side].port,
		.seq = end->next,
		.ack = flags & TCP_ACK ? end->heard : 0,
		.flags = flags,
		.window = WINDOW,
		.payload = bytes,
		.payload_length = length,
	};

	set_clock(s);
	io->mark = flow->conduit | MARK_INSPECTED | (side == flow->device ? MARK_REPLY : 0);
	io->length = (uint32_t)segment_build(&parts, io->packet, CORE_PACKET_MAX);
	end->owes = false;
	s->stage->trapped |= vm_packet(s->stage->vm) != VM_DONE;
	note_events(s, io);
	if (io->verdict != CORE_DROP)
		arrive(flow, !side, io->packet, io->length);
	for (uint32_t i = 0; i < io->made_count; i++)
		arrive(flow, io->made[i].to_device ? flow->device : !flow->device,
		       io->made[i].bytes, io->made[i].length);
}

/* Both ends say what they have received, until neither has anything to say. */
static void settle(struct scene *s)
{
	for (unsigned i = 0; i < ROUNDS_MAX && s->flow->open; i++)
		for (unsigned side = 0; side < 2; side++)
			if (s->flow->open && s->flow->sides[side].owes)
				put(s, side, TCP_ACK, NULL, 0);
}

static void send_bytes(struct scene *s, unsigned side, const uint8_t *bytes, size_t length)
{
	while (length > 0 && s->flow->open) {
		size_t piece = length < PIECE ? length : PIECE;

		put(s, side, TCP_PSH | TCP_ACK, bytes, piece);
		s->flow->sides[side].next += (uint32_t)piece;
		settle(s);
		bytes += piece;
		length -= piece;
	}
}

/* Three packets; the connection counts as open when the server has its answer. */
static void shake_hands(struct scene *s)
{
	struct stage_flow *flow = s->flow;
	unsigned server = !flow->device;

	for (unsigned side = 0; side < 2; side++)
		flow->sides[side].next += 100000; /* nothing of an earlier connection counts */
	flow->open = true;
	flow->openings++;
	put(s, server, TCP_SYN, NULL, 0);
	flow->sides[server].next++;
	if (flow->open && flow->sides[flow->device].owes) {
		put(s, flow->device, TCP_SYN | TCP_ACK, NULL, 0);
		flow->sides[flow->device].next++;
	}
	flow->open = flow->open && flow->sides[server].owes;
	settle(s);
}

/* What the capture lacks of an EtherNet/IP session; all of it when the connection opens again. */
static void play_past(struct scene *s)
{
	struct past_message messages[PAST_MESSAGES_MAX];
	size_t count = s->flow->past ? past_messages(s->flow->past, s->flow->openings > 1, messages) : 0;

	for (size_t i = 0; i < count; i++)
		send_bytes(s, messages[i].request ? !s->flow->device : s->flow->device, messages[i].bytes,
			   messages[i].length);
}

/* Opens the connection, again if need be, and asks again what waits for an answer. */
static void open_flow(struct scene *s)
{
	struct scene quiet = *s;

	if (s->flow->open)
		return;
	shake_hands(s);
	quiet.verdict = NULL;
	play_past(&quiet);
	for (size_t i = 0; i < s->flow->waiting_count; i++)
		send_bytes(&quiet, !s->flow->device, s->flow->waiting[i].bytes,
			   s->flow->waiting[i].length);
}

static void wait_for_room(struct scene *s)
{
	s->stage->lag += PATIENCE;
	run_timers(s);
}

void stage_send(struct stage *stage, struct stage_flow *flow, unsigned side, const uint8_t *bytes,
		size_t length, struct timespec time, int64_t wall, struct stage_verdict *verdict)
{
	struct scene s = { stage, flow, time, wall, verdict };
	uint32_t start;

	run_timers(&s);
	open_flow(&s);
	start = flow->sides[!side].heard;
	send_bytes(&s, side, bytes, length);
	/*
	 * nothing got through and nobody said why: the core waits for replies; so does the sender
	 */
	if (verdict->decided || !flow->open || flow->sides[!side].heard != start)
		return;
	wait_for_room(&s);
	flow->sides[side].next -= (uint32_t)length;
	send_bytes(&s, side, bytes, length);
}

void stage_datagram(struct stage *stage, uint32_t conduit, const struct udp_datagram *datagram,
		    struct timespec time, int64_t wall, struct stage_verdict *verdict)
{
	const struct datagram d = {
		.family = datagram->source.family,
		.source = datagram->source.address, .target = datagram->target.address,
		.source_port = datagram->source.port, .target_port = datagram->target.port,
		.data = datagram->payload, .length = datagram->length,
	};
	struct scene s = { stage, NULL, time, wall, verdict };
	struct core_io *io = vm_io(stage->vm);

	run_timers(&s);
	set_clock(&s);
	io->mark = conduit | MARK_INSPECTED;
	io->length = (uint32_t)datagram_write(&d, io->packet, CORE_PACKET_MAX);
	stage->trapped |= vm_packet(stage->vm) != VM_DONE;
	note_events(&s, io);
}

void stage_note(struct stage_flow *flow, bool request, const uint8_t *bytes, size_t length)
{
	size_t i = 0;

	if (!request) {
		while (i < flow->waiting_count && memcmp(flow->waiting[i].bytes, bytes, 2) != 0)
			i++;
	}
	if (request ? flow->waiting_count == STAGE_WAITING : i < flow->waiting_count) {
		flow->waiting_count--;
		memmove(&flow->waiting[i], &flow->waiting[i + 1],
			(flow->waiting_count - i) * sizeof(flow->waiting[0]));
	}
	if (!request || length > STAGE_REQUEST_MAX)
		return;
	memcpy(flow->waiting[flow->waiting_count].bytes, bytes, length);
	flow->waiting[flow->waiting_count++].length = length;
}

void stage_close(struct stage *stage, struct stage_flow *flow, struct timespec time, int64_t wall)
{
	struct scene s = { stage, flow, time, wall, NULL };

	if (flow->open)
		put(&s, !flow->device, TCP_RST | TCP_ACK, NULL, 0);
	flow->open = false;
}

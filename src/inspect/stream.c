/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/state.h"

#define MADE_FOR_HELD 4u       /* places for the packet, an acknowledgement and two resets */
#define SEQ_WINDOW (1u << 30) /* how far a reset may lie from what is expected: the largest TCP window */

static void verdict(struct passage *p, enum core_verdict v)
{
	p->core->io.verdict = v;
}

/* Lets the packet go, as it now is. */
void stream_pass(struct passage *p)
{
	segment_lift_ttl(&p->segment);
	if (p->segment.changed)
		segment_finish(&p->segment);
	p->core->io.length = (uint32_t)p->segment.length;
	verdict(p, p->segment.changed ? CORE_REPLACE : CORE_PASS);
}

struct core_event *stream_deny(struct passage *p, enum reason reason)
{
	struct core_event *e =
		event_add(p->core, p->flow, p->conduit->number, CORE_EVENT_DENIED, reason);
	const struct segment *s = &p->segment;

	e->to_device = p->from_server;
	e->server_port = p->from_server ? s->source_port : s->target_port;
	return e;
}

static void deny_and_reset(struct passage *p, enum reason reason)
{
	stream_deny(p, reason)->action = CORE_ACTION_RESET;
	made_resets(p->core, p->conduit, p->flow);
}

/* ---- resets ------------------------------------------------------------------------------------------- */

static void end_flow(struct passage *p)
{
	if (p->flow->state == FLOW_ENDED)
		return;
	p->flow->state = FLOW_ENDED;
	p->flow->heard = p->core->io.now;
	event_add(p->core, p->flow, p->conduit->number, CORE_EVENT_CLOSED, REASON_NONE)->action =
		CORE_ACTION_NONE;
}

/* The number at which the receiver goes on: it does not have what is withheld. */
static uint32_t awaited(const struct half *h, uint32_t seq)
{
	return h->withheld && seq_before(h->sent, seq) ? h->sent : seq;
}

/* The receiver judges by exact number whether a reset counts (RFC 5961); so does the gate. */
static void reset_seen(struct passage *p)
{
	struct half *h = p->sender;
	struct segment *s = &p->segment;

	if (!h->open) {
		/* The device refuses the connection. */
		if (p->from_server || s->ack != p->receiver->nxt)
			return;
		end_flow(p);
		segment_keep(s, 0, 0);
		stream_pass(p);
		return;
	}
	if (s->seq - h->una > (h->nxt - h->una) + SEQ_WINDOW)
		return;
	if (s->seq == h->nxt)
		end_flow(p);
	segment_keep(s, 0, 0);
	segment_set_seq(s, half_out(h, awaited(h, s->seq), true));
	if (s->flags & TCP_ACK && p->receiver->open)
		segment_set_ack(s, half_in(p->receiver, s->ack));
	stream_pass(p);
}

/* ---- acknowledgements ------------------------------------------------------------------------------------ */

static void translate_sacks(struct passage *p)
{
	struct segment *s = &p->segment;
	const struct half *h = p->receiver;
	uint32_t last = half_out(h, h->nxt, true);

	for (unsigned i = 0; i < s->sack_count; i++) {
		uint32_t left = segment_sack(s, i, 0), right = segment_sack(s, i, 1);
		uint32_t in_left = half_in(h, left), in_right = half_in(h, right);

		/* One that begins where the acknowledgement ends lies behind bytes of the gate's own. */
		if (seq_before(last, right) || !seq_before(in_left, in_right) || in_left == h->una) {
			segment_drop_sacks(s);
			return;
		}
		if (in_left == left && in_right == right)
			continue;
		segment_set_sack(s, i, 0, in_left);
		segment_set_sack(s, i, 1, in_right);
	}
}

/* False: it acknowledges what was never sent. *ret_news: it acknowledges something new. */
static bool acknowledge(struct passage *p, bool *ret_news)
{
	struct half *h = p->receiver;
	uint32_t before = h->una, out_before = h->una + h->shift;
	uint32_t ack = p->segment.ack;

	if (!h->open || seq_before(half_out(h, h->nxt, true), ack))
		return false;
	if (!seq_before(ack, h->una + h->shift))
		half_acknowledge(h, &p->core->pool, ack);
	*ret_news = h->una != before;
	if (p->from_server && h->una + h->shift != out_before)
		refusal_progress(p->core, p->conduit, p->flow);
	segment_set_ack(&p->segment, h->una);
	if (p->segment.sack_count)
		translate_sacks(p);
	return true;
}

/* ---- data ------------------------------------------------------------------------------------------------- */

/* No data: an acknowledgement, or a keep-alive probe one byte behind. */
static void pass_empty(struct passage *p)
{
	const struct half *h = p->sender;
	uint32_t seq = p->segment.seq;

	if (seq_before(seq, h->una))
		segment_set_seq(&p->segment, h->una + h->shift - 1);
	else
		segment_set_seq(&p->segment, half_out(h, awaited(h, seq), true));
	stream_pass(p);
}

/* Everything in it was acknowledged before: without its bytes it makes the receiver say so again. */
static void pass_probe(struct passage *p)
{
	segment_keep(&p->segment, 0, 0);
	segment_set_flags(&p->segment, (uint8_t)(p->segment.flags & ~TCP_FIN));
	segment_set_seq(&p->segment, p->sender->una + p->sender->shift - 1);
	stream_pass(p);
}

/* Does what was sent again equal what was inspected, as far as it is still known? */
static bool repeats_truly(const struct passage *p)
{
	const struct segment *s = &p->segment;
	const struct store *kept = &p->sender->store;
	uint32_t from = seq_before(s->seq, kept->base) ? kept->base : s->seq;
	uint32_t end = s->seq + (uint32_t)s->payload_length;
	uint32_t until = kept->base + kept->length;

	if (seq_before(end, until))
		until = end;
	if (!seq_before(from, until))
		return true;
	return store_equals(kept, &p->core->pool, from, s->bytes + s->payload + (from - s->seq),
			    until - from);
}

/* A keep-alive probe may carry one byte of any value, one behind what was acknowledged (RFC 9293, 3.8.4). */
static bool keeps_alive(const struct passage *p)
{
	return p->segment.payload_length == 1 && p->segment.seq + 1 == p->sender->una &&
	       !(p->segment.flags & TCP_FIN);
}

/* A stream has one end: no data behind it or in its FIN's own place, and no other FIN. */
static bool moves_end(const struct half *h, uint32_t end, bool fin)
{
	uint32_t last = h->nxt - 1;

	return h->fin && (seq_before(last, end) || (fin && end != last));
}

/* Takes in the bytes that are new and decides on the messages in them. */
static enum outcome take_in(struct passage *p)
{
	struct segment *s = &p->segment;
	struct half *h = p->sender;
	uint32_t fresh = h->nxt;
	uint32_t end = s->seq + (uint32_t)s->payload_length;
	enum outcome outcome;

	if (!seq_before(fresh, end))
		return OUTCOME_ON;
	store_truncate(&h->store, &p->core->pool, fresh); /* what was held has come again */
	if (!store_append(&h->store, &p->core->pool, s->bytes + s->payload + (fresh - s->seq), end - fresh))
		return OUTCOME_STOP;
	h->nxt = end;
	outcome = messages_decide(p, fresh);
	if (outcome == OUTCOME_STOP) {
		h->nxt = seq_before(h->frame, fresh) ? fresh : h->frame;
		store_truncate(&h->store, &p->core->pool, h->nxt + (p->from_server ? HELD_MAX : 0));
	}
	return outcome;
}

/* How far the packet's data may go in one segment: to what was decided, not across an insertion. */
static uint32_t sendable_until(const struct half *h, uint32_t start, uint32_t end)
{
	uint32_t decided = h->withheld ? h->frame : h->nxt;
	uint32_t until = seq_before(decided, end) ? decided : end;

	for (unsigned i = 0; i < h->edit_count; i++)
		if (h->edits[i].inserted && seq_before(start, h->edits[i].at) &&
		    seq_before(h->edits[i].at, until))
			until = h->edits[i].at;
	return until;
}

/* Cuts what was taken out of the stream out of the packet; its data is then the bytes start .. until. */
static void cut_removed(struct passage *p, uint32_t start, uint32_t until)
{
	const struct half *h = p->sender;

	for (unsigned i = h->edit_count; i-- > 0;) {
		uint32_t from = h->edits[i].at, to = from + h->edits[i].removed;

		from = seq_before(from, start) ? start : from;
		to = seq_before(until, to) ? until : to;
		if (seq_before(from, to))
			segment_cut(&p->segment, from - start, to - from);
	}
}

/* Sends on what the packet brought, less what was taken out, in the receiver's numbers. */
static void send_on(struct passage *p, bool fin, bool news)
{
	struct segment *s = &p->segment;
	struct half *h = p->sender;
	uint32_t end = s->seq + (uint32_t)s->payload_length;
	uint32_t start = seq_before(s->seq, h->una) ? h->una : s->seq;
	bool had_data = s->payload_length != 0;
	uint32_t until;

	if (p->released && seq_before(start, p->released_until))
		start = p->released_until;
	if (seq_before(end, start)) /* or una stands behind the sender's FIN */
		start = end;
	until = sendable_until(h, start, end);
	fin = fin && until == end;
	if (seq_before(h->sent, until + fin))
		h->sent = until + fin;
	if (seq_before(until, start)) /* all of it is withheld */
		until = start;
	segment_keep(s, start - s->seq, until - start);
	cut_removed(p, start, until);
	if (!fin)
		segment_set_flags(s, (uint8_t)(s->flags & ~TCP_FIN));
	if (had_data && s->payload_length == 0 && !fin && !news)
		return;
	segment_set_seq(s, half_out(h, awaited(h, start), true));
	stream_pass(p);
}

/* The gate has taken bytes out: their sender is told so, unless a reply made since has done it already. */
static void confirm_removed(struct passage *p, uint32_t una_before, uint32_t made_before)
{
	const struct core_io *io = &p->core->io;

	for (uint32_t i = made_before; i < io->made_count; i++)
		if (io->made[i].to_device != p->from_server)
			return;
	if (p->sender->una != una_before)
		made_ack(p->core, p->conduit, p->flow, !p->from_server);
}

/* A withheld message whose sender repeats itself, or is done, goes as it is. */
static void release(struct passage *p, bool fresh, bool fin)
{
	const struct half *h = p->sender;

	if (h->withheld && (!fresh || fin))
		messages_release(p, h->nxt, (uint8_t)(p->flow->hasty + 1));
	if (p->released)
		made_withheld(p->core, p->conduit, p->flow, p->released_until);
}

static void data_seen(struct passage *p, bool news)
{
	struct segment *s = &p->segment;
	struct half *h = p->sender;
	bool fin = s->flags & TCP_FIN;
	uint32_t end = s->seq + (uint32_t)s->payload_length;
	bool fresh = seq_before(h->nxt, end);
	uint32_t una_before = h->una, made_before = p->core->io.made_count;

	if (seq_before(h->nxt, s->seq))
		return; /* a gap: the sender will fill it */
	if (!keeps_alive(p) && (moves_end(h, end, fin) || !repeats_truly(p))) {
		deny_and_reset(p, REASON_INCONSISTENT_RETRANSMISSION);
		return;
	}
	if (!seq_before(h->una, end + fin)) {
		pass_probe(p);
		return;
	}
	if (take_in(p) == OUTCOME_RESET)
		return;
	release(p, fresh, fin);
	if (fin && !h->fin && h->nxt == end) {
		h->fin = true;
		h->nxt++;
		h->frame = h->nxt;
	}
	send_on(p, fin && h->fin, news);
	refusal_flush(p->core, p->conduit, p->flow);
	confirm_removed(p, una_before, made_before);
}

/*
 * A reply has made room: the requests that were held go their way as if the server had just sent them again. It
 * would do so only after a time-out, which doubles each time that no whole segment is acknowledged.
 */
static void decide_held(const struct passage *p)
{
	struct core_io *io = &p->core->io;
	struct passage held = { .core = p->core, .conduit = p->conduit, .flow = p->flow, .from_server = true,
				.sender = &p->flow->request, .receiver = &p->flow->reply };
	uint8_t bytes[CORE_MADE_BYTES];
	uint32_t length = io->length, decided = io->verdict;
	size_t size = made_held(p->core, p->conduit, p->flow, bytes);

	if (io->made_count + MADE_FOR_HELD > CORE_MADE_MAX ||
	    segment_read(bytes, size, &held.segment) != REASON_NONE)
		return;
	verdict(&held, CORE_DROP);
	data_seen(&held, false);
	if (io->verdict != CORE_DROP)
		made_packet(p->core, p->conduit, p->flow, bytes, io->length);
	io->length = length;
	io->verdict = decided;
}

/* ---- the way of a packet ------------------------------------------------------------------------------- */

static void remember(struct passage *p)
{
	struct half *h = p->sender;

	p->flow->heard = p->core->io.now;
	h->window = p->segment.window;
	if (h->timestamps && p->segment.timestamps)
		h->tsval = segment_tsval(&p->segment);
}

static void established(struct passage *p)
{
	bool news = false;

	if (!p->sender->open || !acknowledge(p, &news))
		return;
	remember(p);
	if (p->from_server) /* the old connection goes on: a server that opened again knows it no more */
		p->flow->reopening = false;
	if (p->segment.payload_length || p->segment.flags & TCP_FIN)
		data_seen(p, news);
	else
		pass_empty(p);
	if (!p->from_server && p->flow->state == FLOW_OPEN && half_held(&p->flow->request))
		decide_held(p);
}

void stream_packet(struct passage *p)
{
	struct segment *s = &p->segment;

	p->flow = flow_find(&p->core->table, p->conduit->number,
			    p->from_server ? s->source_port : s->target_port);
	if (p->flow) {
		p->sender = p->from_server ? &p->flow->request : &p->flow->reply;
		p->receiver = p->from_server ? &p->flow->reply : &p->flow->request;
	}
	if (s->flags & TCP_SYN) {
		if (p->from_server)
			opening_server_syn(p);
		else
			opening_device_syn(p);
	} else if (!p->flow) {
		if (s->flags & TCP_RST)
			return;
		stream_deny(p, REASON_UNKNOWN_CONNECTION)->action = CORE_ACTION_RESET;
		made_stray_resets(p->core, p->conduit, s, p->from_server);
	} else if (s->flags & TCP_RST) {
		reset_seen(p);
	} else if (p->flow->state == FLOW_OPENING && !p->from_server) {
		/* It holds an older connection of these ports: told so, it will take the next SYN. */
		stream_deny(p, REASON_UNKNOWN_CONNECTION)->action = CORE_ACTION_RESET;
		made_reset_back(p->core, p->conduit, s, false);
	} else if (p->flow->reset) {
		made_stray_resets(p->core, p->conduit, s, p->from_server);
	} else {
		established(p);
	}
}

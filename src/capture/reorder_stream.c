/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/reorder_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WAITING_MAX (1u << 20)   /* bytes of one stream behind a hole */
#define WAITING_COUNT_MAX 4096u  /* and their segments */
#define HELD_MAX (64u << 20)     /* bytes of all streams */
#define PATIENCE_SECONDS 60      /* of capture time, for a hole */
#define PATIENCE_SEGMENTS 16u    /* of the connection, after the receiver acknowledged the hole */
#define JUMP_MAX (16 << 20)      /* a sequence number further off begins anew */

/* ---- events, in order of frames ---- */

/*
 * Holds an event behind those of its frame and before; ends and forgettings keep their place too.
 */
int reorder_hold(struct reorder *r, struct connection *connection, const struct reorder_event *event)
{
	struct held *held = malloc(sizeof(*held) + event->length);
	struct held *after = r->last;

	if (!held)
		return -ENOMEM;
	held->connection = connection;
	held->event = *event;
	if (event->length)
		memcpy(held->bytes, event->bytes, event->length);
	held->event.bytes = held->bytes;
	while (after && after->event.frame > event->frame)
		after = after->previous;
	held->previous = after;
	held->next = after ? after->next : r->first;
	*(held->previous ? &held->previous->next : &r->first) = held;
	*(held->next ? &held->next->previous : &r->last) = held;
	r->held_bytes += event->length;
	return 0;
}

/* The frame of the oldest segment behind a hole; later events must not overtake it. */
static uint64_t oldest_waiting(const struct reorder *r)
{
	uint64_t oldest = UINT64_MAX;

	for (const struct connection *c = r->stalled; c; c = c->stalled_next)
		for (size_t side = 0; side < 2; side++) {
			const struct stream *s = &c->streams[side];

			if (s->waiting && s->waiting_since < oldest)
				oldest = s->waiting_since;
		}
	return oldest;
}

void reorder_release(struct reorder *r)
{
	uint64_t limit = oldest_waiting(r);

	while (r->first && r->first->event.frame < limit) {
		struct held *held = r->first;

		r->first = held->next;
		*(held->next ? &held->next->previous : &r->last) = NULL;
		r->held_bytes -= held->event.length;
		r->deliver(r->context, &held->connection->flow, &held->event);
		if (held->event.kind == REORDER_FORGOTTEN)
			free(held->connection);
		free(held);
	}
}

/* ---- holes ---- */

static void mark_stalled(struct reorder *r, struct connection *c)
{
	if (c->stalled)
		return;
	c->stalled = true;
	c->stalled_next = r->stalled;
	r->stalled = c;
}

static void unmark_stalled(struct reorder *r, struct connection *c)
{
	struct connection **at = &r->stalled;

	if (!c->stalled || c->streams[0].waiting || c->streams[1].waiting)
		return;
	while (*at != c)
		at = &(*at)->stalled_next;
	*at = c->stalled_next;
	c->stalled = false;
}

static int hold_run(struct reorder *r, struct connection *c, unsigned side,
		    struct reorder_event *event)
{
	struct stream *s = &c->streams[side];
	int err;

	event->kind = REORDER_BYTES;
	event->side = side;
	err = reorder_hold(r, c, event);
	s->next += (uint32_t)event->length;
	s->acknowledged_at = 0;
	return err;
}

/* Delivers the first of what waits, as of `event`'s frame and time. */
static int hold_waiting(struct reorder *r, struct connection *c, unsigned side,
			struct reorder_event *event)
{
	struct stream *s = &c->streams[side];
	struct waiting *w = s->waiting;
	int err;

	s->waiting = w->next;
	s->waiting_bytes -= w->length;
	s->waiting_count--;
	r->held_bytes -= w->length;
	event->bytes = w->bytes;
	event->length = w->length;
	err = hold_run(r, c, side, event);
	free(w);
	return err;
}

/* To be called when the front of what waits has been delivered. */
static void settle(struct reorder *r, struct connection *c, unsigned side)
{
	struct stream *s = &c->streams[side];

	s->waiting_since = UINT64_MAX;
	for (const struct waiting *w = s->waiting; w; w = w->next)
		s->waiting_since = w->frame < s->waiting_since ? w->frame : s->waiting_since;
	unmark_stalled(r, c);
}

/* Delivers what follows s->next without a hole, as of the frame that filled it. */
static int deliver_filled(struct reorder *r, struct connection *c, unsigned side, uint64_t frame,
			  struct timespec time)
{
	struct stream *s = &c->streams[side];
	int err = 0;

	if (!s->waiting || s->waiting->sequence != s->next)
		return 0;
	while (!err && s->waiting && s->waiting->sequence == s->next) {
		struct reorder_event event = { .frame = frame, .time = time };

		err = hold_waiting(r, c, side, &event);
	}
	settle(r, c, side);
	return err;
}

/* Gives the first hole of a stream up: what is behind it keeps its own frames. */
static int skip_hole(struct reorder *r, struct connection *c, unsigned side)
{
	struct stream *s = &c->streams[side];
	uint32_t missing = s->waiting->sequence - s->next;
	int err = 0;

	s->next = s->waiting->sequence;
	while (!err && s->waiting && s->waiting->sequence == s->next) {
		struct reorder_event event = { .frame = s->waiting->frame, .time = s->waiting->time,
					       .missing = missing };

		missing = 0;
		err = hold_waiting(r, c, side, &event);
	}
	settle(r, c, side);
	return err;
}

int reorder_skip_all(struct reorder *r, struct connection *c)
{
	int err = 0;

	for (unsigned side = 0; side < 2; side++)
		while (!err && c->streams[side].waiting)
			err = skip_hole(r, c, side);
	return err;
}

static bool out_of_patience(const struct connection *c, const struct stream *s, struct timespec now)
{
	if (s->waiting_bytes > WAITING_MAX || s->waiting_count > WAITING_COUNT_MAX)
		return true;
	if (s->acknowledged_at && c->segments - s->acknowledged_at >= PATIENCE_SEGMENTS)
		return true;
	return now.tv_sec - s->waiting->time.tv_sec > PATIENCE_SECONDS;
}

int reorder_skip_hopeless(struct reorder *r, struct timespec now)
{
	struct connection *next;
	int err = 0;

	for (struct connection *c = r->stalled; c && !err; c = next) {
		next = c->stalled_next;
		for (unsigned side = 0; side < 2; side++)
			while (!err && c->streams[side].waiting &&
			       (r->held_bytes > HELD_MAX ||
				out_of_patience(c, &c->streams[side], now)))
				err = skip_hole(r, c, side);
	}
	return err;
}

/* ---- bytes ---- */

/* Keeps the parts of [sequence, sequence + length) that do not wait already. */
static int keep_waiting(struct reorder *r, struct stream *s, uint32_t sequence,
			const uint8_t *bytes, size_t length, uint64_t frame, struct timespec time)
{
	struct waiting **at = &s->waiting;

	while (length > 0) {
		struct waiting *w;
		size_t part = length;

		/* step over what lies before, cut off what is there already */
		while (*at && (int32_t)((*at)->sequence + (uint32_t)(*at)->length - sequence) <= 0)
			at = &(*at)->next;
		if (*at && (int32_t)((*at)->sequence - sequence) <= 0) {
			size_t there = (*at)->sequence + (uint32_t)(*at)->length - sequence;

			there = there < length ? there : length;
			sequence += (uint32_t)there;
			bytes += there;
			length -= there;
			continue;
		}
		if (*at && (*at)->sequence - sequence < length)
			part = (*at)->sequence - sequence;
		w = malloc(sizeof(*w) + part);
		if (!w)
			return -ENOMEM;
		*w = (struct waiting){ *at, sequence, part, frame, time };
		memcpy(w->bytes, bytes, part);
		*at = w;
		s->waiting_bytes += part;
		if (s->waiting_count++ == 0)
			s->waiting_since = frame;
		r->held_bytes += part;
		sequence += (uint32_t)part;
		bytes += part;
		length -= part;
	}
	return 0;
}

int reorder_bytes(struct reorder *r, struct connection *c, unsigned side,
		     const struct tcp_segment *segment, uint64_t frame, struct timespec time)
{
	struct stream *s = &c->streams[side];
	uint32_t sequence = segment->sequence + (segment->flags & SEGMENT_SYN ? 1 : 0);
	struct reorder_event event = { .frame = frame, .time = time, .bytes = segment->payload,
				       .length = segment->length };
	int32_t ahead;
	int err = 0;

	if (!s->known) {
		s->known = true;
		s->next = sequence;
	}
	ahead = (int32_t)(sequence - s->next);
	if (ahead > JUMP_MAX || ahead < -JUMP_MAX) {
		while (!err && s->waiting)
			err = skip_hole(r, c, side);
		s->next = sequence;
		event.missing = 1;
		ahead = 0;
	}
	if (err || (ahead < 0 && (uint32_t)-ahead >= event.length))
		return err;
	if (ahead > 0) {
		mark_stalled(r, c);
		return keep_waiting(r, s, sequence, event.bytes, event.length, frame, time);
	}
	event.bytes += -ahead;
	event.length -= (size_t)-ahead;
	/* what waits already came first and stays */
	if (s->waiting && s->waiting->sequence - s->next < event.length) {
		err = keep_waiting(r, s, s->next, event.bytes, event.length, frame, time);
		return err ? err : deliver_filled(r, c, side, frame, time);
	}
	err = hold_run(r, c, side, &event);
	return err ? err : deliver_filled(r, c, side, frame, time);
}

void reorder_acknowledged(struct connection *c, unsigned sender, uint32_t acknowledged)
{
	struct stream *s = &c->streams[!sender];

	if (s->waiting && !s->acknowledged_at &&
	    (int32_t)(acknowledged - s->waiting->sequence) >= 0)
		s->acknowledged_at = c->segments;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/reorder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 4096u
#define FLOWS_MAX 65536u
#define WAITING_MAX (1u << 20)   /* bytes of one stream behind a hole */
#define WAITING_COUNT_MAX 4096u  /* and their segments */
#define HELD_MAX (64u << 20)     /* bytes of all streams */
#define PATIENCE_SECONDS 60      /* of capture time, for a hole */
#define PATIENCE_SEGMENTS 16u    /* of the connection, after the receiver acknowledged the hole */
#define JUMP_MAX (16 << 20)      /* a sequence number further off begins anew */

/* Bytes that came before their predecessors. */
struct waiting {
	struct waiting *next; /* by sequence, without overlap */
	uint32_t sequence;
	size_t length;
	uint64_t frame;
	struct timespec time;
	uint8_t bytes[];
};

struct stream {
	bool known;               /* next is set */
	bool finished;            /* FIN seen */
	uint32_t initial;         /* sequence of the SYN, when flow.opened */
	uint32_t next;            /* sequence of the next byte to deliver */
	struct waiting *waiting;
	size_t waiting_bytes;
	size_t waiting_count;
	uint64_t waiting_since;   /* smallest frame of those that wait */
	uint64_t acknowledged_at; /* segments so far when the hole was acknowledged; 0 = not */
};

struct connection {
	struct reorder_flow flow;
	struct stream streams[2];
	struct connection *bucket_next;
	struct connection *older, *newer; /* by last use */
	struct connection *stalled_next;  /* of those with a hole */
	bool stalled;
	bool ended;
	uint64_t segments;
};

/* An event that may have to wait for a hole elsewhere, so that events leave in order. */
struct held {
	struct held *next, *previous;
	struct connection *connection;
	struct reorder_event event;
	uint8_t bytes[];
};

struct reorder {
	void (*deliver)(void *context, struct reorder_flow *flow,
			const struct reorder_event *event);
	void *context;
	struct connection *buckets[BUCKETS];
	struct connection *oldest, *newest;
	struct connection *stalled;
	struct held *first, *last;
	size_t flow_count;
	size_t held_bytes; /* waiting and held */
};

struct reorder *reorder_new(void (*deliver)(void *context, struct reorder_flow *flow,
					    const struct reorder_event *event),
			    void *context)
{
	struct reorder *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->deliver = deliver;
	r->context = context;
	return r;
}

/* ---- events, in order of frames ---- */

/*
 * Holds an event behind those of its frame and before; ends and forgettings keep their place too.
 */
static int hold(struct reorder *r, struct connection *connection, const struct reorder_event *event)
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

static void release(struct reorder *r)
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
	err = hold(r, c, event);
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

static int skip_holes(struct reorder *r, struct connection *c)
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

static int skip_hopeless(struct reorder *r, struct timespec now)
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

static int add_bytes(struct reorder *r, struct connection *c, unsigned side,
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

/* The receiver has what the capture lacks: nobody will send it again. */
static void note_acknowledgement(struct connection *c, unsigned sender, uint32_t acknowledged)
{
	struct stream *s = &c->streams[!sender];

	if (s->waiting && !s->acknowledged_at &&
	    (int32_t)(acknowledged - s->waiting->sequence) >= 0)
		s->acknowledged_at = c->segments;
}

/* ---- connections ---- */

static size_t bucket_of(const struct tcp_segment *segment)
{
	/* the same for both directions */
	uint32_t h = (uint32_t)(segment->source.port + segment->target.port) * 2654435761u;

	for (size_t i = 0; i < 16; i++)
		h = h * 31 + segment->source.address[i] + segment->target.address[i];
	return h % BUCKETS;
}

/* Sets *ret_side to the sender's index. */
static struct connection *find_connection(struct reorder *r, const struct tcp_segment *segment,
					  unsigned *ret_side)
{
	for (struct connection *c = r->buckets[bucket_of(segment)]; c; c = c->bucket_next)
		for (unsigned side = 0; side < 2; side++)
			if (endpoint_equal(&c->flow.ends[side], &segment->source) &&
			    endpoint_equal(&c->flow.ends[!side], &segment->target)) {
				*ret_side = side;
				return c;
			}
	return NULL;
}

static void unlink_age(struct reorder *r, struct connection *c)
{
	*(c->older ? &c->older->newer : &r->oldest) = c->newer;
	*(c->newer ? &c->newer->older : &r->newest) = c->older;
}

static void link_newest(struct reorder *r, struct connection *c)
{
	c->older = r->newest;
	c->newer = NULL;
	*(r->newest ? &r->newest->newer : &r->oldest) = c;
	r->newest = c;
}

/* Takes a connection out of the table; the memory goes with its last event. */
static int forget(struct reorder *r, struct connection *c, uint64_t frame, struct timespec time)
{
	struct tcp_segment tuple = { .source = c->flow.ends[0], .target = c->flow.ends[1] };
	struct connection **at = &r->buckets[bucket_of(&tuple)];
	struct reorder_event event = { .kind = REORDER_FORGOTTEN, .frame = frame, .time = time };
	int err = skip_holes(r, c);

	while (*at != c)
		at = &(*at)->bucket_next;
	*at = c->bucket_next;
	unlink_age(r, c);
	r->flow_count--;
	if (!err)
		err = hold(r, c, &event);
	if (err)
		free(c);
	return err;
}

static int begin(struct reorder *r, const struct tcp_segment *segment, uint64_t frame,
		 struct timespec time, struct connection **ret)
{
	bool answers = (segment->flags & SEGMENT_SYN) && (segment->flags & SEGMENT_ACK);
	struct reorder_event event = { .kind = REORDER_OPENED, .frame = frame, .time = time };
	struct connection *c;
	int err;

	if (r->flow_count == FLOWS_MAX) {
		err = forget(r, r->oldest, frame, time);
		if (err)
			return err;
	}
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->flow.ends[answers] = segment->source;
	c->flow.ends[!answers] = segment->target;
	c->flow.opened = segment->flags & SEGMENT_SYN;
	c->bucket_next = r->buckets[bucket_of(segment)];
	r->buckets[bucket_of(segment)] = c;
	link_newest(r, c);
	r->flow_count++;
	*ret = c;
	return hold(r, c, &event);
}

/* A SYN that does not repeat the one seen begins another connection on the same ports. */
static bool begins_anew(const struct connection *c, unsigned side,
			const struct tcp_segment *segment)
{
	const struct stream *s = &c->streams[side];

	if (!(segment->flags & SEGMENT_SYN) || (segment->flags & SEGMENT_ACK))
		return false;
	return c->ended || !c->flow.opened || (s->known && s->initial != segment->sequence);
}

static void note_syn(struct connection *c, unsigned side, const struct tcp_segment *segment)
{
	struct stream *s = &c->streams[side];

	if (!(segment->flags & SEGMENT_SYN) || s->known)
		return;
	s->known = true;
	s->initial = segment->sequence;
	s->next = segment->sequence + 1;
}

static int note_end(struct reorder *r, struct connection *c, unsigned side,
		    const struct tcp_segment *segment, uint64_t frame, struct timespec time)
{
	struct reorder_event event = { .kind = REORDER_ENDED, .side = side, .frame = frame,
				       .time = time };

	if (segment->flags & SEGMENT_FIN)
		c->streams[side].finished = true;
	if (c->ended || !(segment->flags & SEGMENT_RST ||
			  (c->streams[0].finished && c->streams[1].finished)))
		return 0;
	c->ended = true;
	return hold(r, c, &event);
}

int reorder_add(struct reorder *r, const struct tcp_segment *segment, uint64_t frame,
		struct timespec time)
{
	unsigned side = 0;
	struct connection *c = find_connection(r, segment, &side);
	int err = 0;

	if (c && begins_anew(c, side, segment)) {
		err = forget(r, c, frame, time);
		c = NULL;
	}
	if (!err && !c) {
		err = begin(r, segment, frame, time, &c);
		side = c && !endpoint_equal(&c->flow.ends[0], &segment->source);
	}
	if (err)
		return err;
	unlink_age(r, c);
	link_newest(r, c);
	c->segments++;
	note_syn(c, side, segment);
	if (segment->flags & SEGMENT_ACK)
		note_acknowledgement(c, side, segment->acknowledgement);
	if (segment->length > 0 && !(segment->flags & SEGMENT_RST))
		err = add_bytes(r, c, side, segment, frame, time);
	if (!err)
		err = note_end(r, c, side, segment, frame, time);
	if (!err)
		err = skip_hopeless(r, time);
	if (!err)
		release(r);
	return err;
}

int reorder_finish(struct reorder *r)
{
	struct timespec end = { 0 };
	int err = 0;

	/* every hole first: the events behind it are older than the end */
	for (struct connection *c = r->oldest; c && !err; c = c->newer)
		err = skip_holes(r, c);
	while (!err && r->oldest)
		err = forget(r, r->oldest, UINT64_MAX - 1, end);
	if (!err)
		release(r);
	return err;
}

static void free_waiting(struct connection *c)
{
	for (size_t side = 0; side < 2; side++)
		while (c->streams[side].waiting) {
			struct waiting *w = c->streams[side].waiting;

			c->streams[side].waiting = w->next;
			free(w);
		}
}

void reorder_free(struct reorder *r)
{
	if (!r)
		return;
	while (r->first) {
		struct held *held = r->first;

		r->first = held->next;
		if (held->event.kind == REORDER_FORGOTTEN)
			free(held->connection);
		free(held);
	}
	while (r->oldest) {
		struct connection *c = r->oldest;

		unlink_age(r, c);
		free_waiting(c);
		free(c);
	}
	free(r);
}

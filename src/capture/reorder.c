/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/reorder.h"

#include <errno.h>
#include <stdlib.h>

#include "capture/reorder_stream.h"

#define FLOWS_MAX 65536u

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
	int err = reorder_skip_all(r, c);

	while (*at != c)
		at = &(*at)->bucket_next;
	*at = c->bucket_next;
	unlink_age(r, c);
	r->flow_count--;
	if (!err)
		err = reorder_hold(r, c, &event);
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
	return reorder_hold(r, c, &event);
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
	return reorder_hold(r, c, &event);
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
		reorder_acknowledged(c, side, segment->acknowledgement);
	if (segment->length > 0 && !(segment->flags & SEGMENT_RST))
		err = reorder_bytes(r, c, side, segment, frame, time);
	if (!err)
		err = note_end(r, c, side, segment, frame, time);
	if (!err)
		err = reorder_skip_hopeless(r, time);
	if (!err)
		reorder_release(r);
	return err;
}

int reorder_finish(struct reorder *r)
{
	struct timespec end = { 0 };
	int err = 0;

	/* every hole first: the events behind it are older than the end */
	for (struct connection *c = r->oldest; c && !err; c = c->newer)
		err = reorder_skip_all(r, c);
	while (!err && r->oldest)
		err = forget(r, r->oldest, UINT64_MAX - 1, end);
	if (!err)
		reorder_release(r);
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

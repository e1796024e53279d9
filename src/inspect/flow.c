/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/flow.h"

#define EVICTION_LOOKS 256u
#define LATE 1000000000ull /* ns: how long packets of a connection that ended may still come */

/* The table starts zeroed: chain the free list on first use. */
static void make_ready(struct flow_table *t)
{
	for (unsigned i = 0; i < FLOW_BUCKETS; i++)
		t->buckets[i] = NO_FLOW;
	for (unsigned i = 0; i < CORE_FLOWS_MAX; i++)
		t->flows[i].next = (uint16_t)(i + 1 < CORE_FLOWS_MAX ? i + 1 : NO_FLOW);
	t->free = 0;
	t->ready = true;
}

static uint16_t *bucket_of(struct flow_table *t, uint32_t conduit, uint16_t port)
{
	uint32_t h = (conduit * 65536u + port) * 2654435761u;

	if (!t->ready)
		make_ready(t);
	return &t->buckets[h >> 19 & (FLOW_BUCKETS - 1)];
}

struct flow *flow_find(struct flow_table *t, uint32_t conduit, uint16_t server_port)
{
	uint16_t i = *bucket_of(t, conduit, server_port);

	while (i != NO_FLOW && (t->flows[i].conduit != conduit || t->flows[i].server_port != server_port))
		i = t->flows[i].next;
	return i == NO_FLOW ? NULL : &t->flows[i];
}

/* What may have carried data is remembered a little, so that nobody puts other bytes behind them. */
static bool gives_way(const struct flow *f, uint64_t idle)
{
	bool carried = f->former.known || (f->reply.open && f->reply.una != f->reply.isn);

	return (f->state == FLOW_ENDED || flow_half_open(f) || flow_closed(f)) &&
	       (!carried || idle > LATE);
}

/*
 * Whoever can open connections, or pretend to, could else hold all places with openings that nobody
 * finishes. The hand goes round, so the oldest gives way first; a few looks a call bound the cost.
 */
static void make_place(struct flow_table *t, struct pool *pool, uint64_t now)
{
	for (unsigned looks = 0; looks < EVICTION_LOOKS && t->free == NO_FLOW; looks++) {
		struct flow *f = &t->flows[t->hand];

		t->hand = (uint16_t)((t->hand + 1) % CORE_FLOWS_MAX);
		if (gives_way(f, now - f->heard))
			flow_remove(t, pool, f);
	}
}

struct flow *flow_add(struct flow_table *t, struct pool *pool, uint64_t now, uint32_t conduit,
		      uint16_t server_port)
{
	uint16_t *bucket = bucket_of(t, conduit, server_port);
	uint16_t i;
	struct flow *f;

	make_place(t, pool, now);
	i = t->free;
	if (i == NO_FLOW)
		return NULL;
	f = &t->flows[i];
	t->free = f->next;
	*f = (struct flow){ .state = FLOW_OPENING, .conduit = conduit, .server_port = server_port,
			    .heard = now, .next = *bucket };
	*bucket = i;
	t->used++;
	return f;
}

static void give_refusal(struct pool *pool, struct refusal *r)
{
	if (r->length)
		chunk_give(pool, r->chunk);
	r->length = 0;
}

void flow_drop_ask(struct flow *f, struct pool *pool, unsigned i)
{
	if (f->asks[i].state == ASK_DENIED)
		give_refusal(pool, &f->asks[i].refusal);
	f->ask_count--;
	__builtin_memmove(&f->asks[i], &f->asks[i + 1], (f->ask_count - i) * sizeof(f->asks[0]));
}

void flow_remove(struct flow_table *t, struct pool *pool, struct flow *f)
{
	uint16_t self = (uint16_t)(f - t->flows);
	uint16_t *link = bucket_of(t, f->conduit, f->server_port);

	half_clear(&f->request, pool);
	half_clear(&f->reply, pool);
	give_refusal(pool, &f->denied);
	symbols_forget(&t->symbols, &f->symbols);
	while (f->ask_count)
		flow_drop_ask(f, pool, f->ask_count - 1);
	while (*link != self)
		link = &t->flows[*link].next;
	*link = f->next;
	f->state = FLOW_FREE;
	f->next = t->free;
	t->free = self;
	t->used--;
}

bool flow_half_open(const struct flow *f)
{
	return f->state == FLOW_OPENING || (f->state == FLOW_OPEN && f->reply.una == f->reply.isn);
}

struct opening flow_opening(const struct flow *f)
{
	if (!f->reply.open)
		return f->former;
	return (struct opening){ true, f->request.isn, f->reply.isn };
}

bool flow_closed(const struct flow *f)
{
	return f->request.fin && f->reply.fin;
}

uint32_t flow_count(const struct flow_table *t, uint32_t conduit)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < CORE_FLOWS_MAX; i++)
		n += t->flows[i].state != FLOW_FREE && t->flows[i].state != FLOW_ENDED &&
		     t->flows[i].conduit == conduit && !flow_closed(&t->flows[i]);
	return n;
}

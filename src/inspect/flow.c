/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/flow.h"

#define EVICTION_LOOKS 256u
#define LATE 1000000000ull /* ns: how long packets of a connection that ended may still come */

/* Buckets and lists hold position + 1, so that a zeroed table is an empty one. */
static uint16_t *bucket_of(struct flow_table *t, uint32_t conduit, uint16_t port)
{
	uint32_t h = (conduit * 65536u + port) * 2654435761u;

	return &t->buckets[h >> 19 & (FLOW_BUCKETS - 1)];
}

struct flow *flow_find(struct flow_table *t, uint32_t conduit, uint16_t server_port)
{
	uint16_t at = *bucket_of(t, conduit, server_port);

	while (at && (t->flows[at - 1].conduit != conduit || t->flows[at - 1].server_port != server_port))
		at = t->flows[at - 1].next;
	return at ? &t->flows[at - 1] : NULL;
}

/*
 * One that was given back, else one that was never used: memory is only touched when it is needed. The table
 * must not be full.
 */
static uint16_t take(struct flow_table *t)
{
	uint16_t at = t->free;

	if (at)
		t->free = t->flows[at - 1].next;
	else
		at = ++t->fresh;
	return at;
}

static bool is_full(const struct flow_table *t)
{
	return !t->free && t->fresh == CORE_FLOWS_MAX;
}

static bool lacks_place(const struct flow_table *t, bool enip)
{
	return is_full(t) || (enip && enip_flows_full(&t->enip));
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
static void make_place(struct flow_table *t, struct pool *pool, uint64_t now, bool enip)
{
	for (unsigned looks = 0; looks < EVICTION_LOOKS && lacks_place(t, enip); looks++) {
		struct flow *f = &t->flows[t->hand];

		t->hand = (uint16_t)((t->hand + 1) % t->fresh);
		if (f->state != FLOW_FREE && (is_full(t) || f->enip) && gives_way(f, now - f->heard))
			flow_remove(t, pool, f);
	}
}

struct flow *flow_add(struct flow_table *t, struct pool *pool, uint64_t now,
		      const struct program_conduit *c, uint16_t server_port)
{
	uint16_t *bucket = bucket_of(t, c->number, server_port);
	bool enip = c->protocol == PROGRAM_ETHERNET_IP;
	struct flow *f;
	uint16_t at;

	make_place(t, pool, now, enip);
	if (lacks_place(t, enip))
		return NULL;
	at = take(t);
	f = &t->flows[at - 1];
	*f = (struct flow){ .state = FLOW_OPENING, .conduit = c->number, .server_port = server_port,
			    .heard = now, .next = *bucket,
			    .enip = enip ? enip_flow_take(&t->enip) : NULL };
	*bucket = at;
	t->used++;
	return f;
}

static void give_refusal(struct pool *pool, struct refusal *r)
{
	if (r->length)
		chain_give(pool, r->chain);
	r->length = 0;
}

void flow_keep_asked(struct flow *f, struct ask *ask, const union asked *asked)
{
	if (f->enip)
		ask->enip = enip_flow_keep(f->enip, &asked->enip);
	else
		ask->modbus = asked->modbus;
}

void flow_refuse_ask(struct flow *f, unsigned i, struct refusal refusal)
{
	if (f->enip)
		enip_flow_forget(f->enip, f->asks[i].enip);
	f->asks[i].state = ASK_DENIED;
	f->asks[i].refusal = refusal;
}

void flow_drop_ask(struct flow *f, struct pool *pool, unsigned i)
{
	if (f->asks[i].state == ASK_DENIED)
		give_refusal(pool, &f->asks[i].refusal);
	else if (f->enip)
		enip_flow_forget(f->enip, f->asks[i].enip);
	f->ask_count--;
	__builtin_memmove(&f->asks[i], &f->asks[i + 1], (f->ask_count - i) * sizeof(f->asks[0]));
}

void flow_remove(struct flow_table *t, struct pool *pool, struct flow *f)
{
	uint16_t self = (uint16_t)(f - t->flows + 1);
	uint16_t *link = bucket_of(t, f->conduit, f->server_port);

	half_clear(&f->request, pool);
	half_clear(&f->reply, pool);
	give_refusal(pool, &f->denied);
	while (f->ask_count)
		flow_drop_ask(f, pool, f->ask_count - 1);
	if (f->enip)
		enip_flow_give(&t->enip, &t->symbols, f->enip);
	while (*link != self)
		link = &t->flows[*link - 1].next;
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

	for (unsigned i = 0; i < t->fresh; i++)
		n += t->flows[i].state != FLOW_FREE && t->flows[i].state != FLOW_ENDED &&
		     t->flows[i].conduit == conduit && !flow_closed(&t->flows[i]);
	return n;
}

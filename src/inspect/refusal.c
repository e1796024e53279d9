/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/state.h"

#define SECOND 1000000000ull
#define RESEND_FIRST (SECOND / 5)
#define RESENDS_MAX 8u     /* then the flow is reset */
#define TURN_WAIT SECOND   /* how long an error reply waits for an older request's reply */

bool refusal_keep(struct pool *pool, const uint8_t *bytes, uint32_t length, struct refusal *ret)
{
	uint32_t chain = length ? chain_write(pool, bytes, length) : 0;

	*ret = (struct refusal){ 0 };
	if (length && !chain)
		return false;
	if (chain)
		*ret = (struct refusal){ (uint16_t)chain, (uint16_t)length };
	return true;
}

bool refusal_may_go(const struct core_state *core, const struct flow *f)
{
	const struct half *h = &f->reply;

	return h->open && !h->fin && !h->swallow && h->frame == h->nxt && half_can_edit(h) && !f->unsent &&
	       made_has_room(&core->io);
}

/* The insertion that was made last, or NULL. */
static const struct edit *last_inserted(const struct half *h)
{
	for (unsigned i = h->edit_count; i-- > 0;)
		if (h->edits[i].inserted)
			return &h->edits[i];
	return NULL;
}

/* Sends on what the places for packets did not suffice for. */
static void send_unsent(struct core_state *core, const struct program_conduit *c, struct flow *f)
{
	const struct edit *e = last_inserted(&f->reply);
	uint32_t from;

	if (!e || e->inserted < f->unsent) { /* the server claims to have what was never sent */
		f->unsent = 0;
		return;
	}
	from = made_inserted(core, c, f, (unsigned)(e - f->reply.edits), e->inserted - f->unsent);
	f->unsent = (uint16_t)(e->inserted - from);
}

void refusal_send(struct core_state *core, const struct program_conduit *c, struct flow *f,
		  struct refusal *r)
{
	half_insert(&f->reply, r->chain, r->length);
	f->unsent = r->length;
	r->length = 0;
	send_unsent(core, c, f);
	f->resends = 0;
	f->resend_at = core->io.now + RESEND_FIRST;
}

void refusal_flush(struct core_state *core, const struct program_conduit *c, struct flow *f)
{
	unsigned i = 0;

	while (i < f->ask_count) {
		struct ask *ask = &f->asks[i];

		if (ask->state == ASK_PENDING) {
			if (core->io.now - ask->since < TURN_WAIT)
				return;
			i++;
			continue;
		}
		if (!refusal_may_go(core, f))
			return;
		refusal_send(core, c, f, &ask->refusal);
		flow_drop_ask(f, &core->pool, i);
	}
}

void refusal_progress(struct core_state *core, const struct program_conduit *c, struct flow *f)
{
	f->resends = 0;
	if (f->resend_at)
		f->resend_at = core->io.now + RESEND_FIRST;
	if (f->unsent)
		send_unsent(core, c, f);
}

/* Everything of the gate's own that the server still lacks, as far as there are places for packets. */
static void send_again(struct core_state *core, const struct program_conduit *c, struct flow *f)
{
	const struct edit *last = last_inserted(&f->reply);

	for (unsigned i = 0; i < f->reply.edit_count; i++) {
		const struct edit *e = &f->reply.edits[i];
		uint32_t sent = e->inserted ? made_inserted(core, c, f, i, 0) : 0;

		if (e == last && f->unsent > e->inserted - sent)
			f->unsent = (uint16_t)(e->inserted - sent);
	}
}

void refusal_resend(struct core_state *core, const struct program_conduit *c, struct flow *f)
{
	if (!f->resend_at || core->io.now < f->resend_at)
		return;
	f->resend_at = 0;
	if (!last_inserted(&f->reply))
		return;
	if (++f->resends > RESENDS_MAX) {
		event_add(core, f, c->number, CORE_EVENT_CLOSED, REASON_NONE)->action = CORE_ACTION_RESET;
		made_resets(core, c, f);
		return;
	}
	send_again(core, c, f);
	f->resend_at = core->io.now + (RESEND_FIRST << f->resends);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/app.h"
#include "inspect/state.h"

#define SECOND 1000000000ull
#define HASTY_MAX 3u           /* messages that did not get whole, then no more of the connection wait */
#define ASK_STALE (5 * SECOND) /* an unanswered request may be forgotten when its place is needed */

/* The message, or the beginning of one, that is being decided on; the first two members are its packet's. */
struct arrival {
	const struct app *app;
	struct question_context question;
	const uint8_t *bytes;
	uint32_t available;   /* bytes of it that have arrived, and of what follows it */
	uint32_t size;        /* of the whole message, 0 = not known yet */
	bool left;            /* bytes of it have left the gate with earlier packets */
	struct decision decision;
};

/* ---- requests that wait for a reply ---------------------------------------------------------------- */

/*
 * Makes a free place, if need be at the cost of a request that the device has left unanswered for long. What is
 * only observed is never held up: the oldest gives way, and its reply is recorded as one that nobody asked for.
 */
static bool ask_room(struct passage *p)
{
	uint64_t patience = p->conduit->mode == PROGRAM_OBSERVE ? 0 : ASK_STALE;
	struct flow *f = p->flow;

	if (f->ask_count < OUTSTANDING_MAX)
		return true;
	for (unsigned i = 0; i < f->ask_count; i++) {
		if (f->asks[i].state == ASK_PENDING && p->core->io.now - f->asks[i].since >= patience) {
			flow_drop_ask(f, &p->core->pool, i);
			return true;
		}
	}
	return false;
}

static struct ask *ask_add(struct passage *p, enum ask_state state, uint32_t rule)
{
	struct ask *ask = &p->flow->asks[p->flow->ask_count++];

	ask->state = (uint8_t)state;
	ask->any_transaction = false;
	ask->rule = rule;
	ask->since = p->core->io.now;
	return ask;
}

static void ask_pending(struct passage *p, const struct decision *d)
{
	struct ask *ask;

	if (d->unanswered)
		return;
	ask = ask_add(p, ASK_PENDING, d->rule);
	ask->any_transaction = d->any_transaction;
	flow_keep_asked(p->flow, ask, &d->asked);
}

/* ---- error replies ----------------------------------------------------------------------------------- */

/* The error reply to a denied request, if it has one. False: there is no memory for it now. */
static bool write_refusal(struct passage *p, const struct arrival *a, struct refusal *ret)
{
	uint8_t reply[INSERTED_MAX];
	uint32_t there = a->size < a->available ? a->size : a->available;

	return refusal_keep(&p->core->pool, reply, a->app->error(&a->decision, a->bytes, there, reply), ret);
}

/* ---- records ------------------------------------------------------------------------------------------- */

static struct core_event *note(struct passage *p, const struct decision *d, enum core_event_kind kind,
			       enum core_action action)
{
	struct core_event *e = event_add(p->core, p->flow, p->conduit->number, kind, d->reason);
	struct core_event facts = *e;

	if (d->fields.has)
		*e = d->fields;
	e->conduit = facts.conduit;
	e->kind = facts.kind;
	e->reason = facts.reason;
	e->server_port = facts.server_port;
	e->rule = d->rule;
	e->action = (uint8_t)action;
	e->to_device = p->from_server;
	return e;
}

/* A denied message, now that all is known of it. */
static void count_denial(struct passage *p, struct core_event *e)
{
	struct core_event what = *e;

	e->counted = true;
	uses_count(p->core, &what, e->action == CORE_ACTION_OBSERVED);
}

/* A message that goes on as a whole: its requests were not noted, or are not what is wrong with it. */
static void count_whole(struct passage *p, const struct decision *d)
{
	struct core_event what = { 0 };

	if (d->fields.has)
		what = d->fields;
	what.conduit = p->conduit->number;
	what.rule = use_rule(d->rule, d->reason, p->conduit);
	what.reason = (uint16_t)d->reason;
	what.to_device = true;
	uses_count(p->core, &what, d->reason != REASON_NONE);
}

static void count_uses(struct passage *p, const struct decision *d)
{
	const struct use_notes *notes = &p->core->use_notes;

	if (notes->count && (d->reason == REASON_NONE || notes->denied))
		uses_count_noted(p->core);
	else
		count_whole(p, d);
}

static void count_bytes(struct passage *p, const struct arrival *a)
{
	if (a->decision.rule != CORE_NO_RULE)
		p->core->totals.rules[a->decision.rule].bytes += a->size;
}

/* ---- what becomes of a message --------------------------------------------------------------------------- */

/* Does the gate answer the request: one that is denied, or whose reply is withdrawn? */
static bool replies(const struct passage *p, const struct decision *d)
{
	return (p->from_server || d->withdrawn) && p->conduit->on_violation == PROGRAM_REPLY;
}

/* Nothing of this stream can be trusted any more: both sides start again. */
static enum outcome reset(struct passage *p, const struct arrival *a)
{
	const struct decision *d = &a->decision;
	struct refusal refusal;
	struct core_event *e;

	if (replies(p, d) && !d->malformed && !d->unanswerable && refusal_may_go(p->core, p->flow) &&
	    write_refusal(p, a, &refusal) && refusal.length)
		refusal_send(p->core, p->conduit, p->flow, &refusal);
	e = note(p, d, CORE_EVENT_DENIED, CORE_ACTION_RESET);
	if (p->from_server && a->left && !d->malformed) {
		e->cause = e->reason;
		e->reason = REASON_DENIED_AFTER_PARTIAL;
	}
	count_denial(p, e);
	made_resets(p->core, p->conduit, p->flow);
	return OUTCOME_RESET;
}

/* What the protocol learns from a message that goes on. */
static void learn(struct passage *p, const struct arrival *a)
{
	const struct passing m = {
		.flow = p->flow, .symbols = &p->core->table.symbols,
		.cyclics = &p->core->cyclics, .now = p->core->io.now,
		.request = p->from_server, .bytes = a->bytes, .length = a->size,
		.decision = &a->decision,
	};

	a->app->passes(&m);
}

void messages_release(struct passage *p, uint32_t until, uint8_t hasty)
{
	p->sender->withheld = false;
	p->flow->hasty = hasty;
	p->released = true;
	p->released_until = until;
}

static enum outcome allow(struct passage *p, const struct arrival *a)
{
	const struct decision *d = &a->decision;

	if (p->from_server) {
		ask_pending(p, d);
		request_count(p->core, d->rule, true);
		count_uses(p, d);
	}
	count_bytes(p, a);
	if (a->app->passes)
		learn(p, a);
	if (!p->from_server)
		flow_drop_ask(p->flow, &p->core->pool, d->answered);
	if (p->core->io.trace)
		note(p, d, CORE_EVENT_ALLOWED, CORE_ACTION_NONE);
	half_advance(p->sender, &p->core->pool, p->sender->frame + a->size);
	if (p->sender->withheld)
		messages_release(p, p->sender->frame, 0);
	return OUTCOME_ON;
}

/* Mode observe: recorded and let through. Where no message can be found the looking into this stream ends. */
static enum outcome observe(struct passage *p, struct arrival *a)
{
	const struct decision *d = &a->decision;
	struct core_event *e;

	e = note(p, d, CORE_EVENT_DENIED, CORE_ACTION_OBSERVED);
	if (!p->from_server || d->malformed)
		count_denial(p, e);
	if (a->size == 0) {
		p->flow->passthrough = true;
		half_advance(p->sender, &p->core->pool, p->sender->nxt);
		return OUTCOME_ON;
	}
	if (p->from_server && !d->malformed) {
		ask_pending(p, d);
		request_count(p->core, d->rule, false);
		e->counted = true;
		count_uses(p, d);
	}
	count_bytes(p, a);
	half_advance(p->sender, &p->core->pool, p->sender->frame + a->size);
	return OUTCOME_ON;
}

static bool must_reset(const struct passage *p, const struct arrival *a)
{
	if (a->decision.malformed || a->left)
		return true;
	return (p->from_server || a->decision.withdrawn) && p->conduit->on_violation == PROGRAM_RESET;
}

/* Instead of its reply the request gets the refusal, in its turn. */
static void withdraw(struct passage *p, unsigned answered, struct refusal refusal)
{
	if (refusal.length)
		flow_refuse_ask(p->flow, answered, refusal);
	else
		flow_drop_ask(p->flow, &p->core->pool, answered);
}

/* A denied message of known size: its bytes are taken out, those that have arrived and those to come. */
static enum outcome deny(struct passage *p, struct arrival *a)
{
	const struct decision *d = &a->decision;
	struct refusal refusal = { 0 };
	bool resets = must_reset(p, a);

	if (!resets && replies(p, d) && !d->unanswered && !write_refusal(p, a, &refusal))
		return OUTCOME_STOP;
	if (p->from_server)
		request_count(p->core, d->rule, false);
	if (resets)
		return reset(p, a);
	count_denial(p, note(p, d, CORE_EVENT_DENIED,
			     refusal.length ? CORE_ACTION_REPLIED : CORE_ACTION_DROPPED));
	p->sender->swallow = a->size;
	p->sender->withheld = false;
	if (p->from_server)
		p->flow->denied = refusal;
	else if (d->withdrawn)
		withdraw(p, d->answered, refusal);
	return OUTCOME_ON;
}

/* Takes out what has arrived of a denied message; behind its last byte the reply is queued. */
static void swallow(struct passage *p, uint32_t available)
{
	struct half *h = p->sender;
	uint32_t n = h->swallow < available ? h->swallow : available;

	half_remove(h, &p->core->pool, n);
	h->swallow -= n;
	if (h->swallow == 0 && p->from_server && p->flow->denied.length) {
		ask_add(p, ASK_DENIED, CORE_NO_RULE)->refusal = p->flow->denied;
		p->flow->denied.length = 0;
	}
}

/* ---- decisions --------------------------------------------------------------------------------------------- */

static void decide_whole(struct passage *p, struct arrival *a)
{
	if (!p->from_server) {
		a->app->reply(&a->question, a->bytes, a->size, &a->decision);
		return;
	}
	uses_forget(p->core);
	a->app->request(&a->question, a->bytes, a->size, &a->decision);
	if (a->decision.reason == REASON_NONE && !request_rate_allows(p->core, p->conduit))
		a->decision.reason = REASON_RATE_EXCEEDED;
}

static void decide_start(struct passage *p, struct arrival *a)
{
	if (p->from_server)
		a->app->request_start(&a->question, a->bytes, a->available, &a->decision);
	else
		a->app->reply_start(p->flow, a->bytes, a->available, &a->decision);
}

/* The bytes from `frame` on: in the packet when they all came with it, else put together from the store. */
static const uint8_t *gather(struct passage *p, uint32_t fresh, uint32_t length)
{
	const struct segment *s = &p->segment;
	struct half *h = p->sender;

	if (!seq_before(h->frame, fresh))
		return s->bytes + s->payload + (h->frame - s->seq);
	store_read(&h->store, &p->core->pool, h->frame, p->core->scratch, length);
	return p->core->scratch;
}

/* Room for what deciding may need: a place for the reply, and changes of the stream. */
static bool room_to_decide(struct passage *p)
{
	return half_can_edit(p->sender) && (!p->from_server || ask_room(p));
}

static void arrival_init(struct passage *p, struct arrival *a)
{
	a->app = app_of(p->conduit->protocol);
	a->question = (struct question_context){
		.program = &p->core->program, .conduit = p->conduit, .flow = p->flow,
		.symbols = &p->core->table.symbols, .cyclics = &p->core->cyclics,
		.time = { p->core->io.wall, p->flow->opened },
		.now = p->core->io.now,
		.recorded = p->core->io.trace || p->conduit->requests_per_second,
		.core = p->core,
	};
}

/* Goes on to the message at `frame`. */
static void arrival_next(struct passage *p, uint32_t fresh, struct arrival *a)
{
	struct half *h = p->sender;

	a->available = h->nxt - h->frame;
	if (a->available > a->app->largest)
		a->available = a->app->largest;
	a->left = seq_before(h->frame, h->sent);
	a->bytes = gather(p, fresh, a->available);
}

/*
 * Of a message that carries others a denied one may come last, when the device holds the half of them: it waits until
 * it is whole. Unless its sender waits for an acknowledgement before it goes on, as some do.
 */
static bool waits(const struct passage *p, const struct arrival *a)
{
	return a->decision.carries && !a->left && a->size && p->flow->hasty < HASTY_MAX &&
	       made_withheld_fits(p->flow, a->size);
}

/* Decides on the message at `frame`; *ret_more says whether another may follow it. */
static enum outcome decide_next(struct passage *p, uint32_t fresh, struct arrival *a, bool *ret_more)
{
	bool observing = p->conduit->mode == PROGRAM_OBSERVE;
	enum reason framing;
	size_t size;

	arrival_next(p, fresh, a);
	framing = a->app->frame(a->bytes, a->available, &size);
	a->size = (uint32_t)size;
	*ret_more = true;
	if (framing != REASON_NONE) {
		decision_malformed(&a->decision, framing);
	} else if (a->size && a->size <= a->available) {
		decide_whole(p, a);
	} else {
		decide_start(p, a);
		*ret_more = a->decision.reason != REASON_NONE && !observing;
		p->sender->withheld = !*ret_more && !observing && waits(p, a);
		if (!*ret_more)
			return OUTCOME_ON;
		/* How much to take out, or what to answer, is not known. */
		a->left |= a->size == 0 || (replies(p, &a->decision) && a->decision.unanswerable);
	}
	if (a->decision.reason == REASON_NONE)
		return allow(p, a);
	return observing ? observe(p, a) : deny(p, a);
}

enum outcome messages_decide(struct passage *p, uint32_t fresh)
{
	struct half *h = p->sender;
	enum outcome outcome = OUTCOME_ON;
	struct arrival a;
	bool more = true;

	arrival_init(p, &a);
	if (p->flow->passthrough)
		half_advance(h, &p->core->pool, h->nxt);
	while (outcome == OUTCOME_ON && more && h->frame != h->nxt) {
		if (!room_to_decide(p))
			return OUTCOME_STOP;
		if (h->swallow)
			swallow(p, h->nxt - h->frame);
		else
			outcome = decide_next(p, fresh, &a, &more);
	}
	return outcome;
}

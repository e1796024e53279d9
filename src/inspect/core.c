/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/core.h"

#include <stddef.h>

#include "inspect/state.h"
#include "protocol/bytes.h"
#include "protocol/datagram.h"

#ifdef CORE_WASM
#define EXPORT(name) __attribute__((export_name(#name)))
#else
#define EXPORT(name)
#endif

#define SECOND 1000000000ull
#define OPENING_LIMIT (30 * SECOND)  /* without an answer of the device */
#define ENDED_LIMIT (10 * SECOND)    /* for what is still on its way */
#define CLOSED_LIMIT (60 * SECOND)   /* both sides have closed, or the server never answered the device */
#define CLOSING_LIMIT (600 * SECOND) /* one side has closed */
#define IDLE_LIMIT (24 * 3600 * SECOND)

static struct core_state state;

EXPORT(core_io)
struct core_io *core_io(void)
{
	return &state.io;
}

EXPORT(core_totals)
struct core_totals *core_totals(void)
{
	return &state.totals;
}

EXPORT(core_uses)
struct core_uses *core_uses(void)
{
	return &state.uses;
}

EXPORT(core_program_area)
uint8_t *core_program_area(void)
{
	return state.programs[state.slab ^ 1];
}

static void clear_output(struct core_io *io)
{
	io->verdict = CORE_DROP;
	io->made_count = 0;
	io->event_count = 0;
	io->events_lost = 0;
	io->more = 0;
}

/* A number may have passed to another conduit: the addresses tell. */
static bool same_conduit(const struct program_conduit *a, const struct program_conduit *b)
{
	return a && b && a->port == b->port && a->family == b->family &&
	       a->protocol == b->protocol && bytes_equal(a->server, b->server, 16) &&
	       bytes_equal(a->device, b->device, 16);
}

/* The counts of a rule that stays go to its new position. */
static void carry_counts(const struct program_conduit *c, const struct program_conduit *old)
{
	for (uint32_t i = c->rules.first; i < c->rules.first + c->rules.count; i++)
		for (uint32_t j = old->rules.first; j < old->rules.first + old->rules.count; j++)
			if (state.program.rules[i].key == state.before.rules[j].key)
				state.totals.rules[i] = state.counts[j];
}

static void carry_all_counts(void)
{
	struct core_rule_count *rules = state.totals.rules;
	uint32_t before = state.before.header ? state.before.header->rules.count : 0;

	__builtin_memcpy(state.counts, rules, before * sizeof(*rules));
	__builtin_memset(rules, 0, before * sizeof(*rules)); /* those behind are zero */
	for (uint32_t i = 0; i < state.program.header->conduits.count; i++) {
		const struct program_conduit *c = &state.program.conduits[i];
		const struct program_conduit *old = program_conduit(&state.before, c->number);

		if (same_conduit(c, old))
			carry_counts(c, old);
	}
}

/* The same for a row of the table of uses. */
static bool carry_use(struct core_use *use)
{
	const struct program_conduit *c = program_conduit(&state.program, use->what.conduit);
	uint32_t old = use->what.rule;

	if (!same_conduit(c, program_conduit(&state.before, use->what.conduit)))
		return false;
	if (old == CORE_NO_RULE)
		return true;
	for (uint32_t i = c->rules.first; i < c->rules.first + c->rules.count; i++) {
		if (state.program.rules[i].key == state.before.rules[old].key) {
			use->what.rule = i;
			return true;
		}
	}
	return false;
}

/* An answer must not pass to the conduit that has the number now. */
static void forget_listings(void)
{
	for (unsigned i = 0; i < LISTINGS_MAX; i++) {
		uint32_t conduit = state.listings.items[i].conduit;

		if (conduit && !same_conduit(program_conduit(&state.before, conduit),
					     program_conduit(&state.program, conduit)))
			listing_forget(&state.listings, conduit);
	}
}

EXPORT(core_program_load)
uint32_t core_program_load(uint32_t length)
{
	struct program fresh;

	if (length > PROGRAM_MAX ||
	    !program_open(core_program_area(), length, CORE_RULES_MAX, &fresh))
		return 0;
	state.before = state.program;
	state.program = fresh;
	state.slab ^= 1;
	state.sweep_next = state.sweep_cyclics = 0;
	state.totals.generation++;
	carry_all_counts();
	uses_carry(&state, carry_use);
	forget_listings();
	return 1;
}

/* Rule positions change with the program; a reply that is still to come is counted for none. */
static void forget_rules(struct flow *f)
{
	for (unsigned i = 0; i < f->ask_count; i++)
		f->asks[i].rule = CORE_NO_RULE;
}

/* Why the flow cannot go on under the program now in force; REASON_NONE: it can. */
static enum reason sweep_reason(const struct flow *f, const struct program_conduit *old)
{
	const struct program_conduit *now = program_conduit(&state.program, f->conduit);

	if (!same_conduit(old, now))
		return REASON_REVOKED;
	/* It was only observed, and where its messages begin is not known. */
	return f->passthrough && now->mode != PROGRAM_OBSERVE ? REASON_MALFORMED_FRAME : REASON_NONE;
}

static void sweep_flow(struct flow *f)
{
	const struct program_conduit *old = program_conduit(&state.before, f->conduit);
	enum reason reason = sweep_reason(f, old);

	forget_rules(f);
	if (reason == REASON_NONE)
		return;
	if (old && f->state == FLOW_OPEN && !flow_closed(f)) {
		struct core_event *e = event_add(&state, f, f->conduit, CORE_EVENT_CLOSED, reason);

		e->action = CORE_ACTION_RESET;
		made_resets(&state, old, f);
	}
	flow_remove(&state.table, &state.pool, f);
}

/* False: there is more to do. */
static bool sweep_cyclics(void)
{
	for (; state.sweep_cyclics < state.cyclics.fresh; state.sweep_cyclics++) {
		struct cyclic *c = &state.cyclics.items[state.sweep_cyclics];
		const struct program_conduit *old = program_conduit(&state.before, c->conduit);
		const struct program_conduit *now = program_conduit(&state.program, c->conduit);

		if (state.io.event_count == CORE_EVENTS_MAX)
			return false;
		if (c->state != CYCLIC_FREE)
			cyclic_sweep(&state, now, old, same_conduit(old, now), c);
	}
	return true;
}

static void count_connections(void)
{
	state.totals.flows_now = state.table.used;
	state.totals.cyclics_now = state.cyclics.open;
}

EXPORT(core_sweep)
void core_sweep(void)
{
	clear_output(&state.io);
	for (; state.sweep_next < state.table.fresh; state.sweep_next++) {
		if (!made_has_room(&state.io)) {
			state.io.more = 1;
			return;
		}
		if (state.table.flows[state.sweep_next].state != FLOW_FREE)
			sweep_flow(&state.table.flows[state.sweep_next]);
	}
	state.io.more = !sweep_cyclics();
	count_connections();
}

static bool between(const struct segment *s, const uint8_t *source, const uint8_t *target, unsigned size)
{
	return bytes_equal(segment_source(s), source, size) && bytes_equal(segment_target(s), target, size);
}

/* Which way the packet of this conduit goes; false: it is not the conduit's. */
static bool find_direction(struct passage *p)
{
	const struct program_conduit *c = p->conduit;
	const struct segment *s = &p->segment;
	unsigned size = c->family == 4 ? 4 : 16;

	if (s->family != c->family)
		return false;
	p->from_server = s->target_port == c->port && between(s, c->server, c->device, size);
	return p->from_server || (s->source_port == c->port && between(s, c->device, c->server, size));
}

static enum reason open_passage(struct passage *p)
{
	struct core_io *io = &state.io;
	enum reason reason;

	p->conduit = program_conduit(&state.program, io->mark & MARK_CONDUIT);
	if (!p->conduit || io->length > CORE_PACKET_MAX)
		return REASON_NO_RULE;
	reason = segment_read(io->packet, io->length, &p->segment);
	if (reason == REASON_NONE && !find_direction(p))
		reason = REASON_NO_RULE;
	return reason;
}

static void decide(struct passage *p)
{
	enum reason reason = open_passage(p);

	if (reason == REASON_NONE)
		stream_packet(p);
	else
		event_add(&state, NULL, state.io.mark & MARK_CONDUIT, CORE_EVENT_DENIED, reason);
}

EXPORT(core_packet)
void core_packet(void)
{
	struct core_io *io = &state.io;
	struct passage p; /* segment_read() fills in the largest part of it */

	p.core = &state;
	p.flow = NULL;
	p.released = false;
	clear_output(io);
	state.totals.packets++;
	if (!(io->mark & MARK_CONDUIT))
		related_packet(&state);
	else if (datagram_is(io->packet, io->length))
		datagram_packet(&state);
	else
		decide(&p);
	if (io->verdict == CORE_DROP)
		state.totals.dropped++;
	else
		state.totals.passed++;
	count_connections();
}

/* ---- time ----------------------------------------------------------------------------------------------- */

static uint64_t open_limit(const struct flow *f)
{
	if (flow_closed(f) || flow_half_open(f))
		return CLOSED_LIMIT;
	return f->request.fin || f->reply.fin ? CLOSING_LIMIT : IDLE_LIMIT;
}

static bool flow_over(const struct flow *f, uint64_t idle)
{
	switch ((enum flow_state)f->state) {
	case FLOW_FREE:
		return false;
	case FLOW_OPENING:
		return idle > OPENING_LIMIT;
	case FLOW_ENDED:
		return idle > ENDED_LIMIT;
	case FLOW_OPEN:
		return idle > open_limit(f);
	}
	return true;
}

static void tick_flow(struct flow *f)
{
	const struct program_conduit *c = program_conduit(&state.program, f->conduit);

	if (!c || flow_over(f, state.io.now - f->heard)) {
		flow_remove(&state.table, &state.pool, f);
		return;
	}
	if (f->state != FLOW_OPEN)
		return;
	refusal_resend(&state, c, f);
	if (f->state == FLOW_OPEN)
		refusal_flush(&state, c, f);
}

EXPORT(core_tick)
void core_tick(void)
{
	clear_output(&state.io);
	for (; state.tick_next < state.table.fresh; state.tick_next++) {
		if (!made_has_room(&state.io)) {
			state.io.more = 1;
			return;
		}
		if (state.table.flows[state.tick_next].state != FLOW_FREE)
			tick_flow(&state.table.flows[state.tick_next]);
	}
	state.tick_next = 0;
	cyclic_tick(&state);
	count_connections();
}

EXPORT(core_clear)
void core_clear(void)
{
	/* nothing reads a program that was not loaded since */
	__builtin_memset(&state, 0, offsetof(struct core_state, programs));
}

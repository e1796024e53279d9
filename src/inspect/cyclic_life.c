/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/cyclic_judge.h"
#include "inspect/state.h"

#define LATE 1000000000ull /* ns: how long a device's packets may still come after a connection ended */

/* ---- packets ----------------------------------------------------------------------------------------------- */

/* Another rule may permit it when its own is closed; then it is that rule's from now on. */
static enum reason still_permitted(struct core_state *core, const struct program_conduit *conduit, struct cyclic *c)
{
	const struct program_time time = { core->io.wall, c->opened };
	struct match match;

	if (c->rule != CORE_NO_RULE &&
	    program_rule_serves(&core->program, &core->program.rules[c->rule], time) == REASON_NONE)
		return REASON_NONE;
	cyclic_judge_again(&core->program, conduit, c, core->io.wall, &match);
	if (match.reason == REASON_NONE)
		c->rule = match.rule;
	return match.reason;
}

/*
 * The device begins to send when it answers, and ends when it has answered: by UDP that may overtake the
 * answer, or come behind it.
 */
static bool is_late(const struct cyclic *c, enum cyclic_way way, uint64_t now)
{
	return way == CYCLIC_T_O && (c->state == CYCLIC_OPENING || (c->reason == REASON_NONE && now - c->since < LATE));
}

static void decide(struct core_state *core, const struct program_conduit *conduit, struct cyclic *c,
		   enum cyclic_way way, const struct enip_io *packet, struct cyclic_verdict *ret)
{
	uint64_t now = core->io.now;
	enum reason reason;

	ret->rule = c->rule;
	if (c->state != CYCLIC_OPEN) {
		ret->reason = c->reason ? (enum reason)c->reason : REASON_CONNECTION_NOT_ALLOWED;
		ret->late = is_late(c, way, now);
		return;
	}
	reason = cyclic_over(c, now) ? REASON_TIMED_OUT : still_permitted(core, conduit, c);
	if (reason != REASON_NONE)
		cyclic_end(&core->cyclics, c, reason, now);
	else
		reason = cyclic_take(c, way, packet, now);
	ret->reason = reason;
}

struct cyclic_verdict cyclic_packet(struct core_state *core, const struct program_conduit *c, bool from_server,
				    const struct enip_io *packet)
{
	struct cyclic_verdict verdict = { .reason = REASON_CONNECTION_NOT_ALLOWED, .rule = CORE_NO_RULE };
	enum cyclic_way way = from_server ? CYCLIC_O_T : CYCLIC_T_O;
	struct cyclic *found = cyclic_find(&core->cyclics, c->number, way, packet->connection);

	if (found)
		decide(core, c, found, way, packet, &verdict);
	return verdict;
}

/* ---- time -------------------------------------------------------------------------------------------------- */

static void tell(struct core_state *core, struct cyclic *c, enum core_event_kind kind)
{
	struct core_event *e = event_add(core, NULL, c->conduit, kind, (enum reason)c->reason);

	e->action = CORE_ACTION_NONE;
	e->server_port = c->server_port;
	e->rule = kind == CORE_EVENT_OPENED ? c->rule : CORE_NO_RULE;
	e->has = CORE_HAS_CONNECTION;
	e->connection = c->ways[CYCLIC_O_T].id;
	c->told = true;
}

static void watch(struct core_state *core, struct cyclic *c)
{
	if (c->state == CYCLIC_OPEN && cyclic_over(c, core->io.now))
		cyclic_end(&core->cyclics, c, REASON_TIMED_OUT, core->io.now);
	if (c->state == CYCLIC_OPEN && !c->told)
		tell(core, c, CORE_EVENT_OPENED);
	else if (c->state == CYCLIC_CLOSED && !c->told)
		tell(core, c, CORE_EVENT_CLOSED);
}

void cyclic_tick(struct core_state *core)
{
	struct cyclics *t = &core->cyclics;

	for (unsigned i = 0; i < t->fresh && core->io.event_count < CORE_EVENTS_MAX; i++) {
		watch(core, &t->items[t->told_next % t->fresh]);
		t->told_next = (uint16_t)((t->told_next + 1u) % t->fresh);
	}
}

/* ---- a new policy ------------------------------------------------------------------------------------------ */

static void revoke(struct core_state *core, struct cyclic *c, bool known)
{
	bool was_open = c->state == CYCLIC_OPEN;

	cyclic_end(&core->cyclics, c, REASON_REVOKED, core->io.now);
	if (was_open && known)
		tell(core, c, CORE_EVENT_CLOSED);
}

/*
 * Another conduit has its number now, or none: it is forgotten. Otherwise the new rules are asked as if it
 * were opened now, but for reviews: those count from when it was.
 */
void cyclic_sweep(struct core_state *core, const struct program_conduit *now, const struct program_conduit *old,
		  bool same, struct cyclic *c)
{
	struct match match;

	if (!same) {
		revoke(core, c, old != NULL);
		cyclic_forget(&core->cyclics, c);
		return;
	}
	cyclic_judge_again(&core->program, now, c, core->io.wall, &match);
	c->rule = match.reason == REASON_NONE ? match.rule : CORE_NO_RULE;
	if (match.reason != REASON_NONE)
		revoke(core, c, true);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/state.h"

struct core_event *event_add(struct core_state *core, const struct flow *flow, uint32_t conduit,
			     enum core_event_kind kind, enum reason reason)
{
	static struct core_event thrown_away;
	struct core_io *io = &core->io;
	struct core_event *e = &thrown_away;

	if (io->event_count < CORE_EVENTS_MAX)
		e = &io->events[io->event_count++];
	else
		io->events_lost++;
	*e = (struct core_event){
		.conduit = conduit,
		.rule = CORE_NO_RULE,
		.kind = (uint16_t)kind,
		.reason = (uint16_t)reason,
		.action = CORE_ACTION_DROPPED,
		.server_port = flow ? flow->server_port : 0,
	};
	return e;
}

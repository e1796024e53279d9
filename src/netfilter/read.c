/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/read.h"

#include <errno.h>

#include "netfilter/link.h"
#include "netfilter/rows.h"
#include "netfilter/state.h"

#define ATTEMPTS 8 /* while others change the ruleset */

static void take_conduits(const struct state *state, enum shape_set_id id, struct netfilter_counts *ret)
{
	for (size_t i = 0; i < state->rows[id].count; i++) {
		const struct row *row = &state->rows[id].items[i];
		struct netfilter_conduit *c = &ret->conduits[ret->conduit_count++];

		rows_conduit(id, row, &c->conduit);
		c->packets = row->packets;
		c->bytes = row->bytes;
	}
}

static void take_state(const struct state *state, struct arena *arena, struct netfilter_counts *ret)
{
	size_t most = state->rows[SHAPE_CONDUITS4].count + state->rows[SHAPE_CONDUITS6].count;

	*ret = (struct netfilter_counts){ .in_force = state->frame, .drop_count = SHAPE_DROPS };
	ret->conduits = arena_array(arena, most + 1, sizeof(*ret->conduits));
	ret->drops = arena_array(arena, SHAPE_DROPS, sizeof(*ret->drops));
	take_conduits(state, SHAPE_CONDUITS4, ret);
	take_conduits(state, SHAPE_CONDUITS6, ret);
	for (size_t i = 0; i < SHAPE_DROPS; i++)
		ret->drops[i] = (struct netfilter_drops){ .reason = shape_drops[i].reason,
							  .packets = state->drops[i].packets,
							  .bytes = state->drops[i].bytes };
}

int netfilter_read(struct arena *arena, struct netfilter_counts *ret)
{
	struct link link;
	struct state state;
	int error = link_open(&link);

	if (error)
		return error;
	error = -EINTR;
	for (int i = 0; i < ATTEMPTS && error == -EINTR; i++)
		error = state_read(&link, arena, NULL, &state);
	link_close(&link);
	if (!error)
		take_state(&state, arena, ret);
	return error;
}

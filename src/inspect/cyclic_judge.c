/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/cyclic_judge.h"

#include "inspect/core.h"
#include "protocol/bytes.h"

/* Is it the address of one of the conduit's hosts, or left open? These items have IPv4 addresses only. */
static bool is_own_address(const struct program_conduit *c, uint32_t address)
{
	return address == 0 ||
	       (c->family == 4 && (address == get_be32(c->server) || address == get_be32(c->device)));
}

/* Where the packets are to go, if the message says so. */
static bool sockets_fit(const struct program_conduit *c, const struct enip_message *m)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct enip_socket *s = &m->sockets[i];

		if (s->present && (!is_own_address(c, s->address) || (s->port != 0 && s->port != ENIP_IO_PORT)))
			return false;
	}
	return true;
}

static bool size_is_possible(const struct cip_direction *d, uint16_t head)
{
	return d->size >= head && d->size <= CYCLIC_DATA_MAX;
}

/* What no rule can permit. */
static enum reason check_open(const struct question_context *q, const struct enip_message *m,
			      const struct cip_open *open)
{
	uint16_t head = cip_cyclic_head(open->transport_class);
	uint8_t route[CYCLIC_ROUTE_MAX];

	if (open->o_t.type == CIP_MULTICAST || open->t_o.type == CIP_MULTICAST)
		return REASON_MULTICAST;
	if (open->o_t.type != CIP_POINT_TO_POINT || open->t_o.type != CIP_POINT_TO_POINT ||
	    open->o_t.redundant_owner || open->t_o.redundant_owner || !sockets_fit(q->conduit, m) ||
	    (open->route && !cip_route_write(&open->path, open->route, route, sizeof(route))) ||
	    cyclic_id_taken(q->cyclics, q->conduit->number, open->t_o.id, &open->triad, q->now))
		return REASON_CONNECTION_NOT_ALLOWED;
	if (open->o_t.rpi == 0 || open->t_o.rpi == 0)
		return REASON_INTERVAL_NOT_ALLOWED;
	if (!size_is_possible(&open->o_t, head) || !size_is_possible(&open->t_o, head))
		return REASON_SIZE_MISMATCH;
	return cyclic_has_room(q->cyclics, q->conduit->number, q->now) ? REASON_NONE : REASON_CONNECTIONS_EXCEEDED;
}

void cyclic_judge(const struct question_context *q, const struct cip_question *question,
		  const struct enip_message *m, const struct cip_open *open, struct match *ret)
{
	struct cip_cyclic asked;

	*ret = (struct match){ REASON_CONNECTION_NOT_ALLOWED, CORE_NO_RULE };
	if (!cip_cyclic(open, &asked))
		return;
	match_cip_cyclic(question, &asked, ret);
	if (ret->reason == REASON_NONE)
		ret->reason = check_open(q, m, open);
}

enum reason cyclic_judge_answer(const struct question_context *q, uint32_t number, const struct enip_message *m,
				const struct cip_reply *reply)
{
	const struct cyclic *c = cyclic_opening_of(q->cyclics, number);
	struct cip_opened opened;

	if (reply->status != CIP_STATUS_SUCCESS || !c)
		return REASON_NONE;
	if (cip_opened(reply, &opened) != REASON_NONE || opened.t_o_id != c->ways[CYCLIC_T_O].id ||
	    !sockets_fit(q->conduit, m))
		return REASON_REPLY_MISMATCH;
	return REASON_NONE;
}

void cyclic_judge_again(const struct program *program, const struct program_conduit *conduit,
			const struct cyclic *c, int64_t wall, struct match *ret)
{
	struct cip_path route;
	const struct cip_question question = {
		.program = program, .conduit = conduit, .time = { wall, c->opened }, .routes = { &route },
	};

	*ret = (struct match){ REASON_CONNECTION_NOT_ALLOWED, CORE_NO_RULE };
	if (cip_path(c->route, c->route_length, &route) == REASON_NONE)
		match_cip_cyclic(&question, &c->asked, ret);
}

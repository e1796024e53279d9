/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/state.h"
#include "protocol/bytes.h"
#include "protocol/icmp.h"

static bool quotes(const struct icmp_error *e, const struct program_conduit *c, bool from_server)
{
	size_t size = c->family == 4 ? 4 : 16;
	const uint8_t *source = from_server ? c->server : c->device;
	const uint8_t *target = from_server ? c->device : c->server;

	return e->family == c->family && (from_server ? e->target_port : e->source_port) == c->port &&
	       bytes_equal(icmp_quoted_source(e), source, size) &&
	       bytes_equal(icmp_quoted_target(e), target, size);
}

/* The half whose sender's segment is quoted, or NULL. All conduits are tried: the kernel limits the rate. */
static const struct half *find_half(struct core_state *core, const struct icmp_error *e)
{
	uint32_t count = core->program.header ? core->program.header->conduits.count : 0;

	for (uint32_t i = 0; i < count; i++) {
		const struct program_conduit *c = &core->program.conduits[i];
		bool from_server = quotes(e, c, true);
		struct flow *f;

		if (!from_server && !quotes(e, c, false))
			continue;
		f = flow_find(&core->table, c->number, from_server ? e->source_port : e->target_port);
		if (f)
			return from_server ? &f->request : &f->reply;
	}
	return NULL;
}

void related_packet(struct core_state *core)
{
	struct core_io *io = &core->io;
	struct icmp_error e;
	const struct half *h;

	if (io->length > CORE_PACKET_MAX || icmp_read(io->packet, io->length, &e) != REASON_NONE)
		return;
	h = find_half(core, &e);
	/* Only what is on its way can have met an error (RFC 5927, 4.1). */
	if (!h || !h->open || seq_before(e.seq, h->una + h->shift) ||
	    !seq_before(e.seq, half_out(h, h->sent, true)))
		return;
	icmp_finish(&e, half_in(h, e.seq));
	io->length = (uint32_t)e.length;
	io->verdict = CORE_REPLACE;
}

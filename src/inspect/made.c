/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/state.h"

#define SECOND 1000000000ull
#define SILENT (10 * SECOND)   /* without a packet of either side */
#define PROBE_AGAIN SECOND
#define TIMESTAMPS 12u         /* bytes of TCP options */
#define SMALLEST_MSS 536u      /* of who names none (RFC 9293, 3.7.1) */
#define WITHHELD_PIECES 5u     /* of the places there are */
#define PIECE_MAX HELD_MAX     /* data of one packet: CORE_MADE_BYTES less the largest headers */

static void address(const struct program_conduit *c, uint16_t server_port, bool to_device,
		    struct segment_parts *parts)
{
	parts->family = c->family;
	parts->source = to_device ? c->server : c->device;
	parts->target = to_device ? c->device : c->server;
	parts->source_port = to_device ? server_port : c->port;
	parts->target_port = to_device ? c->port : server_port;
}

/* The next free place, with the tuple in it; NULL when there is none. It is taken by a made_count++. */
static struct core_made *place(struct core_state *core, const struct program_conduit *c,
			       uint16_t server_port, bool to_device)
{
	struct core_io *io = &core->io;
	struct core_made *made = &io->made[io->made_count];

	if (io->made_count == CORE_MADE_MAX)
		return NULL;
	made->conduit = c->number;
	made->server_port = server_port;
	made->to_device = to_device;
	return made;
}

static void make(struct core_state *core, const struct program_conduit *c, uint16_t server_port,
		 bool to_device, struct segment_parts *parts)
{
	struct core_made *made = place(core, c, server_port, to_device);

	if (!made)
		return;
	address(c, server_port, to_device, parts);
	made->length = (uint32_t)segment_build(parts, made->bytes, CORE_MADE_BYTES);
	if (made->length)
		core->io.made_count++;
}

/* What a segment of this flow says beside its own content, in the name of the sender of `from`. */
static struct segment_parts flow_parts(const struct half *from, const struct half *to, uint8_t flags)
{
	return (struct segment_parts){
		.seq = half_out(from, from->sent, true),
		.ack = to->una,
		.flags = flags,
		.window = from->window,
		.timestamps = from->timestamps && to->timestamps,
		.tsval = from->tsval,
		.tsecr = to->tsval,
	};
}

/* How much data the sender of `half` takes in one packet. */
static uint32_t piece_max(const struct half *half)
{
	uint32_t most = (half->mss > TIMESTAMPS ? half->mss : SMALLEST_MSS) - TIMESTAMPS;

	return most < PIECE_MAX ? most : PIECE_MAX;
}

/* The receiver's number of the first byte of an insertion; several may stand at one place. */
static uint32_t inserted_seq(const struct half *h, unsigned i)
{
	uint32_t seq = half_out(h, h->edits[i].at, false);

	for (unsigned j = 0; j < i; j++)
		if (h->edits[j].at == h->edits[i].at)
			seq += h->edits[j].inserted;
	return seq;
}

uint32_t made_inserted(struct core_state *core, const struct program_conduit *c, const struct flow *f,
		       unsigned i, uint32_t from)
{
	struct segment_parts parts = flow_parts(&f->reply, &f->request, TCP_PSH | TCP_ACK);
	uint32_t first = inserted_seq(&f->reply, i), most = piece_max(&f->request);
	const struct edit *e = &f->reply.edits[i];
	uint8_t data[PIECE_MAX];

	while (from < e->inserted && made_has_room(&core->io)) {
		parts.payload_length = e->inserted - from < most ? e->inserted - from : most;
		chain_read(&core->pool, e->chain, from, data, parts.payload_length);
		parts.seq = first + from;
		parts.payload = data;
		make(core, c, f->server_port, false, &parts);
		from += (uint32_t)parts.payload_length;
	}
	return from;
}

size_t made_held(const struct core_state *core, const struct program_conduit *c, const struct flow *f,
		 uint8_t out[static CORE_MADE_BYTES])
{
	const struct half *h = &f->request;
	struct segment_parts parts = flow_parts(h, &f->reply, TCP_PSH | TCP_ACK);
	uint32_t most = piece_max(&f->reply), count = half_held(h);
	uint8_t data[PIECE_MAX];

	if (count > most)
		count = most;
	store_read(&h->store, &core->pool, h->nxt, data, count);
	parts.seq = h->nxt;
	parts.payload = data;
	parts.payload_length = count;
	address(c, f->server_port, true, &parts);
	return segment_build(&parts, out, CORE_MADE_BYTES);
}

bool made_withheld_fits(const struct flow *f, uint32_t size)
{
	return size <= WITHHELD_PIECES * piece_max(&f->reply);
}

void made_withheld(struct core_state *core, const struct program_conduit *c, struct flow *f, uint32_t until)
{
	struct segment_parts parts = flow_parts(&f->request, &f->reply, TCP_PSH | TCP_ACK);
	struct half *h = &f->request;
	uint8_t data[PIECE_MAX];

	for (uint32_t count; seq_before(h->sent, until) && made_has_room(&core->io); h->sent += count) {
		count = until - h->sent < piece_max(&f->reply) ? until - h->sent : piece_max(&f->reply);
		store_read(&h->store, &core->pool, h->sent, data, count);
		parts.seq = half_out(h, h->sent, true);
		parts.payload = data;
		parts.payload_length = count;
		make(core, c, f->server_port, true, &parts);
	}
}

void made_packet(struct core_state *core, const struct program_conduit *c, const struct flow *f,
		 const uint8_t *bytes, size_t length)
{
	struct core_made *made = place(core, c, f->server_port, true);

	if (!made)
		return;
	__builtin_memcpy(made->bytes, bytes, length);
	made->length = (uint32_t)length;
	core->io.made_count++;
}

void made_ack(struct core_state *core, const struct program_conduit *c, const struct flow *f,
	      bool to_device)
{
	const struct half *from = to_device ? &f->request : &f->reply;
	const struct half *to = to_device ? &f->reply : &f->request;
	struct segment_parts parts = flow_parts(from, to, TCP_ACK);

	make(core, c, f->server_port, to_device, &parts);
}

void made_probes(struct core_state *core, const struct program_conduit *c)
{
	uint64_t now = core->io.now;

	for (unsigned i = 0; i < core->table.fresh && core->io.made_count < CORE_MADE_MAX; i++) {
		struct flow *f = &core->table.flows[i];

		if (f->state != FLOW_OPEN || f->conduit != c->number || now - f->heard < SILENT ||
		    now - f->probed < PROBE_AGAIN)
			continue;
		f->probed = now;
		made_ack(core, c, f, false);
	}
}

void made_resets(struct core_state *core, const struct program_conduit *c, struct flow *f)
{
	struct segment_parts to_server = flow_parts(&f->reply, &f->request, TCP_RST | TCP_ACK);
	struct segment_parts to_device = flow_parts(&f->request, &f->reply, TCP_RST | TCP_ACK);

	/* The server has sent all of this; an acknowledgement of it makes the reset acceptable. */
	to_server.ack = f->request.nxt;
	make(core, c, f->server_port, false, &to_server);
	make(core, c, f->server_port, true, &to_device);
	f->state = FLOW_ENDED;
	f->reset = true;
}

void made_reset_back(struct core_state *core, const struct program_conduit *c,
		     const struct segment *s, bool from_server)
{
	uint16_t server_port = from_server ? s->source_port : s->target_port;
	uint32_t end = s->seq + (uint32_t)s->payload_length + (s->flags & TCP_FIN ? 1 : 0);
	struct segment_parts back = { .seq = s->ack, .ack = end, .flags = TCP_RST | TCP_ACK };

	make(core, c, server_port, !from_server, &back);
}

void made_stray_resets(struct core_state *core, const struct program_conduit *c,
		       const struct segment *s, bool from_server)
{
	uint16_t server_port = from_server ? s->source_port : s->target_port;
	struct segment_parts on = { .seq = s->seq, .ack = s->ack, .flags = TCP_RST | TCP_ACK };

	made_reset_back(core, c, s, from_server);
	make(core, c, server_port, from_server, &on);
}

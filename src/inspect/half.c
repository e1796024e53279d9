/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/half.h"

void half_open(struct half *h, struct pool *pool, uint32_t isn)
{
	half_clear(h, pool);
	*h = (struct half){ .isn = isn, .una = isn, .nxt = isn + 1, .sent = isn + 1,
			     .frame = isn + 1, .open = true };
	store_init(&h->store, isn + 1);
}

void half_clear(struct half *h, struct pool *pool)
{
	store_clear(&h->store, pool);
	for (unsigned i = 0; i < h->edit_count; i++)
		if (h->edits[i].inserted)
			chain_give(pool, h->edits[i].chain);
	h->edit_count = 0;
}

/* What one change adds to the receiver's number of `in`. */
static uint32_t edit_shift(const struct edit *e, uint32_t in, bool after)
{
	uint32_t past = in - e->at;

	if (seq_before(in, e->at))
		return 0;
	if (e->inserted)
		return past || after ? e->inserted : 0;
	return past < e->removed ? -past : -e->removed;
}

uint32_t half_out(const struct half *h, uint32_t in, bool after)
{
	uint32_t out = in + h->shift;

	for (unsigned i = 0; i < h->edit_count; i++)
		out += edit_shift(&h->edits[i], in, after);
	return out;
}

uint32_t half_in(const struct half *h, uint32_t out)
{
	uint32_t in = h->una;
	uint32_t left = out - (h->una + h->shift);

	if ((int32_t)left < 0)
		return h->una;
	for (unsigned i = 0; i < h->edit_count; i++) {
		const struct edit *e = &h->edits[i];
		uint32_t gap = e->at - in;

		if (left < gap)
			break;
		left -= gap;
		in = e->at + e->removed;
		if (left < e->inserted)
			return in;
		left -= e->inserted;
	}
	return in + left;
}

static void drop_unneeded(struct half *h, struct pool *pool)
{
	uint32_t keep = seq_before(h->una - HISTORY, h->frame) ? h->una - HISTORY : h->frame;

	if (seq_before(h->store.base, keep))
		store_drop(&h->store, pool, keep);
}

/* Forgets the oldest change: it is part of `shift` from now on. */
static void fold_edit(struct half *h, struct pool *pool)
{
	struct edit *e = &h->edits[0];

	h->shift += e->inserted - e->removed;
	if (e->inserted)
		chain_give(pool, e->chain);
	h->edit_count--;
	__builtin_memmove(e, e + 1, h->edit_count * sizeof(*e));
}

static bool edit_passed(const struct half *h, const struct edit *e, uint32_t in, uint32_t out)
{
	if (e->removed)
		return !seq_before(in, e->at + e->removed);
	return !seq_before(in, e->at) && !seq_before(out, e->at + h->shift + e->inserted);
}

/* What has arrived of the insertion in front counts chunk by chunk: it is not sent again. */
static void fold_chunks(struct half *h, struct pool *pool, uint32_t in, uint32_t out)
{
	struct edit *e = &h->edits[0];

	while (h->edit_count && e->at == in && e->inserted > CHUNK_BYTES &&
	       out - (in + h->shift) >= CHUNK_BYTES) {
		e->chain = (uint16_t)chain_behead(pool, e->chain);
		e->inserted = (uint16_t)(e->inserted - CHUNK_BYTES);
		h->shift += CHUNK_BYTES;
	}
}

void half_acknowledge(struct half *h, struct pool *pool, uint32_t out)
{
	uint32_t in = half_in(h, out);

	while (h->edit_count && edit_passed(h, &h->edits[0], in, out))
		fold_edit(h, pool);
	fold_chunks(h, pool, in, out);
	h->una = in;
	drop_unneeded(h, pool);
}

bool half_can_edit(const struct half *h)
{
	return h->edit_count < EDITS_MAX;
}

void half_remove(struct half *h, struct pool *pool, uint32_t count)
{
	struct edit *last = h->edit_count ? &h->edits[h->edit_count - 1] : NULL;

	if (last && last->removed && last->at + last->removed == h->frame)
		last->removed += count;
	else
		h->edits[h->edit_count++] = (struct edit){ .at = h->frame, .removed = count };
	half_advance(h, pool, h->frame + count);
	half_acknowledge(h, pool, h->una + h->shift);
}

void half_insert(struct half *h, uint16_t chain, uint16_t count)
{
	h->edits[h->edit_count++] = (struct edit){ .at = h->nxt, .inserted = count, .chain = chain };
}

uint32_t half_held(const struct half *h)
{
	uint32_t end = h->store.base + h->store.length;

	return seq_before(h->nxt, end) ? end - h->nxt : 0;
}

void half_advance(struct half *h, struct pool *pool, uint32_t frame)
{
	h->frame = frame;
	drop_unneeded(h, pool);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/cyclic.h"

#include "protocol/bytes.h"

#define MICROSECOND 1000ull           /* ns */
#define SECOND 1000000000ull
#define OPENING_LIMIT (10 * SECOND)   /* an answer that comes later counts no more */
#define FIRST_PACKET (10 * SECOND)    /* that long receivers wait at least for the first one */
/*
 * The gate gives up later than the peers do: what it takes for silence may be its own delay, and a
 * connection that they still have must not end here.
 */
#define GRACE SECOND

/* ---- by id ------------------------------------------------------------------------------------------------- */

/* Buckets and chains hold position + 1, so that a zeroed table is an empty one. */
static unsigned bucket_of(uint32_t conduit, uint32_t id)
{
	return (conduit * 31u + id) * 2654435761u >> 22 & (CYCLIC_BUCKETS - 1);
}

static void link_way(struct cyclics *t, struct cyclic *c, enum cyclic_way way)
{
	uint16_t *bucket = &t->buckets[way][bucket_of(c->conduit, c->ways[way].id)];

	c->ways[way].next = *bucket;
	*bucket = (uint16_t)(c - t->items + 1);
}

/* It may not be linked: one that was never opened has no O->T id. */
static void unlink_way(struct cyclics *t, struct cyclic *c, enum cyclic_way way)
{
	uint16_t *at = &t->buckets[way][bucket_of(c->conduit, c->ways[way].id)];
	uint16_t self = (uint16_t)(c - t->items + 1);

	while (*at && *at != self)
		at = &t->items[*at - 1].ways[way].next;
	if (*at)
		*at = c->ways[way].next;
}

struct cyclic *cyclic_find(struct cyclics *t, uint32_t conduit, enum cyclic_way way, uint32_t id)
{
	uint16_t at = t->buckets[way][bucket_of(conduit, id)];
	struct cyclic *found = NULL;

	for (; at; at = t->items[at - 1].ways[way].next) {
		struct cyclic *c = &t->items[at - 1];

		if (c->conduit != conduit || c->ways[way].id != id)
			continue;
		if (c->state == CYCLIC_OPEN)
			return c;
		found = c;
	}
	return found;
}

/* ---- places ------------------------------------------------------------------------------------------------ */

bool cyclic_over(const struct cyclic *c, uint64_t now)
{
	if (c->state == CYCLIC_OPENING)
		return now - c->since > OPENING_LIMIT;
	for (unsigned way = 0; way < 2 && c->state == CYCLIC_OPEN; way++) {
		const struct cyclic_direction *d = &c->ways[way];
		uint64_t limit = d->heard || d->patience > FIRST_PACKET ? d->patience : FIRST_PACKET;

		if (now - d->since > limit + GRACE)
			return true;
	}
	return false;
}

static bool is_busy(const struct cyclic *c, uint64_t now)
{
	return (c->state == CYCLIC_OPENING && !cyclic_over(c, now)) || c->state == CYCLIC_OPEN;
}

/* A free place, else the one that has been out of use for longest; NULL: all are in use. */
static struct cyclic *find_place(struct cyclics *t, uint64_t now)
{
	struct cyclic *found = NULL;

	for (unsigned i = 0; i < t->fresh; i++) {
		struct cyclic *c = &t->items[i];

		if (c->state == CYCLIC_FREE)
			return c;
		if (!is_busy(c, now) && (!found || c->since < found->since))
			found = c;
	}
	/* Memory that was never used is taken before the memory of what is over. */
	return t->fresh < CYCLICS_MAX ? &t->items[t->fresh++] : found;
}

bool cyclic_has_room(const struct cyclics *t, uint32_t conduit, uint64_t now)
{
	unsigned all = 0, same = 0;

	for (unsigned i = 0; i < t->fresh; i++) {
		bool busy = is_busy(&t->items[i], now);

		all += busy;
		same += busy && t->items[i].conduit == conduit;
	}
	return all < CYCLICS_MAX && same < CYCLICS_OF_CONDUIT;
}

void cyclic_forget(struct cyclics *t, struct cyclic *c)
{
	if (c->state == CYCLIC_OPEN)
		t->open--;
	for (unsigned way = 0; way < 2 && c->state != CYCLIC_FREE; way++)
		unlink_way(t, c, (enum cyclic_way)way);
	c->state = CYCLIC_FREE;
}

static void enter(struct cyclic *c, enum cyclic_state state, uint64_t now)
{
	c->state = (uint8_t)state;
	c->since = now;
	c->told = false;
}

void cyclic_end(struct cyclics *t, struct cyclic *c, enum reason reason, uint64_t now)
{
	if (c->state != CYCLIC_OPEN)
		return;
	t->open--;
	c->reason = (uint16_t)reason;
	enter(c, CYCLIC_CLOSED, now);
}

/* ---- opening ----------------------------------------------------------------------------------------------- */

uint32_t cyclic_next_number(const struct cyclics *t)
{
	return CYCLIC_NUMBER | (t->numbers + 1);
}

bool cyclic_id_taken(const struct cyclics *t, uint32_t conduit, uint32_t t_o_id,
		     const struct cip_triad *triad, uint64_t now)
{
	uint16_t at = t->buckets[CYCLIC_T_O][bucket_of(conduit, t_o_id)];

	for (; at; at = t->items[at - 1].ways[CYCLIC_T_O].next) {
		const struct cyclic *c = &t->items[at - 1];

		if (c->conduit == conduit && c->ways[CYCLIC_T_O].id == t_o_id && is_busy(c, now) &&
		    !cip_triad_equal(&c->triad, triad))
			return true;
	}
	return false;
}

static struct cyclic_direction direction_of(const struct cip_direction *d)
{
	return (struct cyclic_direction){ .id = d->id, .size = d->size, .variable = d->variable };
}

void cyclic_opening(struct cyclics *t, const struct cyclic_opener *by, const struct cip_open *open,
		    const struct cip_cyclic *asked)
{
	struct cyclic *c = find_place(t, by->now);

	if (!c)
		return;
	cyclic_forget(t, c);
	*c = (struct cyclic){
		.head = (uint8_t)cip_cyclic_head(open->transport_class),
		.server_port = by->server_port, .multiplier = open->multiplier,
		.number = cyclic_next_number(t), .conduit = by->conduit, .rule = by->rule,
		.opened = by->opened, .triad = open->triad, .asked = *asked,
		.ways = { direction_of(&open->o_t), direction_of(&open->t_o) },
	};
	t->numbers = c->number & ~CYCLIC_NUMBER;
	c->route_length = (uint8_t)cip_route_write(&open->path, open->route, c->route, CYCLIC_ROUTE_MAX);
	c->ways[CYCLIC_O_T].patience = MICROSECOND * open->o_t.rpi * open->multiplier;
	c->ways[CYCLIC_T_O].patience = MICROSECOND * open->t_o.rpi * open->multiplier;
	enter(c, CYCLIC_OPENING, by->now);
	link_way(t, c, CYCLIC_T_O);
}

static struct cyclic *find_opening(struct cyclics *t, uint32_t number)
{
	for (unsigned i = 0; i < t->fresh; i++)
		if (t->items[i].state == CYCLIC_OPENING && t->items[i].number == number)
			return &t->items[i];
	return NULL;
}

const struct cyclic *cyclic_opening_of(const struct cyclics *t, uint32_t number)
{
	for (unsigned i = 0; i < t->fresh; i++)
		if (t->items[i].state == CYCLIC_OPENING && t->items[i].number == number)
			return &t->items[i];
	return NULL;
}

static bool same_way(const struct cyclic *a, const struct cyclic *b)
{
	return cip_triad_equal(&a->triad, &b->triad) && a->route_length == b->route_length &&
	       bytes_equal(a->route, b->route, a->route_length);
}

/* The device knows of one connection with that id, or that triad: the new one. */
static void end_former(struct cyclics *t, const struct cyclic *fresh, uint32_t o_t_id, uint64_t now)
{
	for (unsigned i = 0; i < t->fresh; i++) {
		struct cyclic *c = &t->items[i];

		if (c->conduit == fresh->conduit && c->state == CYCLIC_OPEN &&
		    (c->ways[CYCLIC_O_T].id == o_t_id || same_way(c, fresh)))
			cyclic_end(t, c, REASON_NONE, now);
	}
}

/* The actual packet interval; a device that does not tell keeps to the one that was asked for. */
static void begin_way(struct cyclic_direction *d, uint32_t api, uint16_t multiplier, uint64_t now)
{
	if (api)
		d->patience = MICROSECOND * api * multiplier;
	d->since = now;
}

void cyclic_opened(struct cyclics *t, uint32_t number, const struct cip_opened *opened, uint64_t now)
{
	struct cyclic *c = find_opening(t, number);

	if (!c)
		return;
	end_former(t, c, opened->o_t_id, now);
	c->ways[CYCLIC_O_T].id = opened->o_t_id;
	begin_way(&c->ways[CYCLIC_O_T], opened->o_t_api, c->multiplier, now);
	begin_way(&c->ways[CYCLIC_T_O], opened->t_o_api, c->multiplier, now);
	enter(c, CYCLIC_OPEN, now);
	link_way(t, c, CYCLIC_O_T);
	t->open++;
}

void cyclic_refused(struct cyclics *t, uint32_t number)
{
	struct cyclic *c = find_opening(t, number);

	if (c)
		cyclic_forget(t, c);
}

/* ---- closing ----------------------------------------------------------------------------------------------- */

uint32_t cyclic_to_close(const struct cyclics *t, uint32_t conduit, const struct cip_close *close)
{
	uint8_t route[CYCLIC_ROUTE_MAX];
	size_t length = cip_route_write(&close->path, close->route, route, sizeof(route));
	uint32_t number = 0;

	if (close->route && !length)
		return 0;
	for (unsigned i = 0; i < t->fresh; i++) {
		const struct cyclic *c = &t->items[i];

		if (c->state == CYCLIC_FREE || c->conduit != conduit || !cip_triad_equal(&c->triad, &close->triad) ||
		    c->route_length != length || !bytes_equal(c->route, route, length))
			continue;
		if (c->state == CYCLIC_OPEN)
			return c->number;
		number = c->number;
	}
	return number;
}

void cyclic_closed(struct cyclics *t, uint32_t number, uint64_t now)
{
	for (unsigned i = 0; i < t->fresh; i++)
		if (t->items[i].state == CYCLIC_OPEN && t->items[i].number == number)
			cyclic_end(t, &t->items[i], REASON_NONE, now);
}

/* ---- packets ----------------------------------------------------------------------------------------------- */

/* Without application data a packet says "idle", or that its sender lives (CIP volume 1, 3-6.1). */
static bool size_fits(const struct cyclic *c, const struct cyclic_direction *d, uint16_t length)
{
	return length == d->size || length == c->head || (d->variable && length > c->head && length < d->size);
}

enum reason cyclic_take(struct cyclic *c, enum cyclic_way way, const struct enip_io *packet, uint64_t now)
{
	struct cyclic_direction *d = &c->ways[way];

	if (!size_fits(c, d, packet->length))
		return REASON_SIZE_MISMATCH;
	if (d->heard && (int32_t)(packet->encap_sequence - d->sequence) <= 0)
		return REASON_OLD_SEQUENCE;
	d->heard = true;
	d->sequence = packet->encap_sequence;
	d->since = now;
	return REASON_NONE;
}

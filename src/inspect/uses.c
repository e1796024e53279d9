/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/uses.h"

#include <stddef.h>

#include "inspect/state.h"

#define LOOKS_MAX 16u /* at rows that might give way, for one that wants in */
#define DENIED_MAX (CORE_USES_MAX / 2)
#define HEAD offsetof(struct core_event, route) /* what of an event is no text */

_Static_assert(HEAD % sizeof(uint64_t) == 0 && (CORE_ROUTE_MAX + 1) % sizeof(uint64_t) == 0 &&
	       (CORE_TAG_MAX + 1) % sizeof(uint64_t) == 0, "the parts of an event are no whole words");
_Static_assert(CORE_USES_MAX < UINT16_MAX, "a row's number does not fit");

struct core_event *parts_add(struct parts *parts)
{
	struct core_event *part;

	if (!parts || parts->count == CIP_PARTS_MAX)
		return NULL;
	part = &parts->items[parts->count++];
	*part = (struct core_event){ 0 };
	return part;
}

/* ---- what is the same ---- */

static void make_key(bool observed, struct core_event *ret)
{
	ret->kind = ret->reason == REASON_NONE ? CORE_EVENT_ALLOWED : CORE_EVENT_DENIED;
	ret->action = observed ? CORE_ACTION_OBSERVED : CORE_ACTION_NONE;
	ret->cause = 0;
	ret->server_port = 0;
	ret->transaction = 0;
	ret->value = 0;
	ret->connection = 0;
	ret->sequence = 0;
	ret->has &= ~(CORE_HAS_VALUE | CORE_HAS_SEQUENCE);
	ret->counted = 0;
}

/* Of texts, too, whole words are looked at: what is behind them is zero. */
static uint64_t hash_words(uint64_t h, const void *bytes, size_t size)
{
	const uint8_t *p = bytes;
	uint64_t word;

	for (size_t i = 0; i < size; i += sizeof(word)) {
		__builtin_memcpy(&word, p + i, sizeof(word));
		h = (h ^ word) * 0x9e3779b97f4a7c15u;
		h ^= h >> 32;
	}
	return h;
}

static bool same_words(const void *a, const void *b, size_t size)
{
	const uint8_t *p = a, *q = b;
	uint64_t x, y;

	for (size_t i = 0; i < size; i += sizeof(x)) {
		__builtin_memcpy(&x, p + i, sizeof(x));
		__builtin_memcpy(&y, q + i, sizeof(y));
		if (x != y)
			return false;
	}
	return true;
}

static uint32_t chain_of(const struct core_event *key)
{
	uint64_t h = hash_words(0, key, HEAD);

	h = hash_words(h, key->route, key->route_length);
	return (uint32_t)(hash_words(h, key->tag, key->tag_length) % USE_CHAINS);
}

static bool same(const struct core_event *a, const struct core_event *b)
{
	return same_words(a, b, HEAD) && same_words(a->route, b->route, a->route_length) &&
	       same_words(a->tag, b->tag, a->tag_length);
}

/* ---- rows ---- */

static struct core_use *find(struct core_state *core, const struct core_event *key, uint32_t chain)
{
	for (uint32_t i = core->use_index.chains[chain]; i; i = core->uses.rows[i - 1].next)
		if (same(&core->uses.rows[i - 1].what, key))
			return &core->uses.rows[i - 1];
	return NULL;
}

static bool is_denial(const struct core_use *use)
{
	return use->what.kind == CORE_EVENT_DENIED && use->what.action != CORE_ACTION_OBSERVED;
}

static void release(struct core_state *core, uint32_t row)
{
	struct core_use *use = &core->uses.rows[row];
	uint32_t chain = chain_of(&use->what), after = use->next;
	uint32_t i = core->use_index.chains[chain];

	if (i == row + 1) {
		core->use_index.chains[chain] = (uint16_t)after;
	} else {
		while (core->uses.rows[i - 1].next != row + 1)
			i = core->uses.rows[i - 1].next;
		core->uses.rows[i - 1].next = after;
	}
	core->uses.denied -= is_denial(use);
	use->count = 0;
}

/* Has it been read since it last counted? */
static bool may_go(const struct core_state *core, const struct core_use *use)
{
	return use->count == 0 || (core->io.taken <= core->totals.packets && use->touched < core->io.taken);
}

/* A row that may give way, or CORE_USES_MAX. Denials, which anybody can make, only push out each other once they have half. */
static uint32_t find_room(struct core_state *core, bool denial)
{
	bool full = denial && core->uses.denied >= DENIED_MAX;

	if (!full && core->uses.used < CORE_USES_MAX)
		return core->uses.used++;
	for (unsigned i = 0; i < LOOKS_MAX; i++) {
		uint32_t row = core->use_index.hand++ % CORE_USES_MAX;
		struct core_use *use = &core->uses.rows[row];

		if (row >= core->uses.used || !may_go(core, use) || (full && !is_denial(use)))
			continue;
		if (use->count)
			release(core, row);
		return row;
	}
	return CORE_USES_MAX;
}

static struct core_use *make(struct core_state *core, const struct core_event *key, uint32_t chain)
{
	bool denial = key->kind == CORE_EVENT_DENIED && key->action != CORE_ACTION_OBSERVED;
	uint32_t row = find_room(core, denial);
	struct core_use *use;

	if (row == CORE_USES_MAX)
		return NULL;
	use = &core->uses.rows[row];
	*use = (struct core_use){ .what = *key, .next = core->use_index.chains[chain], .born = core->io.now,
				  .first = core->io.wall };
	core->use_index.chains[chain] = (uint16_t)(row + 1);
	core->uses.denied += denial;
	return use;
}

void uses_count(struct core_state *core, struct core_event *what, bool observed)
{
	struct core_use *use;
	uint32_t chain;

	make_key(observed, what);
	chain = chain_of(what);
	use = find(core, what, chain);
	if (!use)
		use = make(core, what, chain);
	if (!use) {
		if (what->rule != CORE_NO_RULE)
			core->totals.rules[what->rule].other++;
		return;
	}
	use->count++;
	use->touched = core->totals.packets;
	use->last = core->io.wall;
}

/* ---- another program ---- */

static void enter(struct core_state *core, uint32_t row)
{
	struct core_use *use = &core->uses.rows[row];
	uint32_t chain = chain_of(&use->what);

	use->next = core->use_index.chains[chain];
	core->use_index.chains[chain] = (uint16_t)(row + 1);
	core->uses.denied += is_denial(use);
}

void uses_carry(struct core_state *core, bool (*stays)(struct core_use *use))
{
	core->use_index = (struct use_index){ 0 };
	core->uses.denied = 0;
	for (uint32_t i = 0; i < core->uses.used; i++) {
		struct core_use *use = &core->uses.rows[i];

		if (use->count && stays(use))
			enter(core, i);
		else
			use->count = 0;
	}
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/uses.h"

#include <stddef.h>

#include "inspect/state.h"
#include "protocol/bytes.h"

#define LOOKS_MAX 16u /* at rows that might give way, for one that wants in */
#define DENIED_MAX (CORE_USES_MAX / 2)
#define HEAD offsetof(struct core_event, route) /* what of an event is no text */

_Static_assert(HEAD % sizeof(uint64_t) == 0 && (CORE_ROUTE_MAX + 1) % sizeof(uint64_t) == 0 &&
	       (CORE_TAG_MAX + 1) % sizeof(uint64_t) == 0, "the parts of an event are no whole words");
_Static_assert(CORE_USES_MAX < UINT16_MAX, "a row's number does not fit");

/* ---- what is the same ---- */

static void generalise(bool observed, struct core_event *ret)
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

static uint64_t word_at(const uint8_t *p)
{
	uint64_t word;

	__builtin_memcpy(&word, p, sizeof(word));
	return word;
}

/* Of texts, too, whole words are looked at: what is behind them is zero. */
static uint64_t hash_words(uint64_t h, const void *bytes, size_t size)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < size; i += sizeof(h))
		h = use_digest(h, word_at(p + i));
	return h;
}

static bool same_words(const void *a, const void *b, size_t size)
{
	const uint8_t *p = a, *q = b;

	for (size_t i = 0; i < size; i += sizeof(uint64_t))
		if (word_at(p + i) != word_at(q + i))
			return false;
	return true;
}

static uint32_t chain_of_event(const struct core_event *key)
{
	uint64_t h = hash_words(0, key, HEAD);

	h = hash_words(h, key->route, key->route_length);
	return (uint32_t)(hash_words(h, key->tag, key->tag_length) % USE_CHAINS);
}

static bool same_event(const struct core_event *a, const struct core_event *b)
{
	return same_words(a, b, HEAD) && same_words(a->route, b->route, a->route_length) &&
	       same_words(a->tag, b->tag, a->tag_length);
}

static size_t kept(const struct use_key *key)
{
	size_t length = (uint16_t)(key->words[1] >> 16);

	return length < USE_BYTES_MAX ? length : USE_BYTES_MAX;
}

/* Less than a word from its end on the last one is looked at, some of it again. */
static uint64_t hash_bytes(uint64_t h, const uint8_t *p, size_t size)
{
	size_t i = 0;

	for (; i + sizeof(h) <= size; i += sizeof(h))
		h = use_digest(h, word_at(p + i));
	if (i && i < size)
		return use_digest(h, word_at(p + size - sizeof(h)));
	for (; i < size; i++)
		h = use_digest(h, p[i]);
	return h;
}

static inline bool same_bytes(const uint8_t *a, const uint8_t *b, size_t size)
{
	size_t i = 0;

	for (; i + sizeof(uint64_t) <= size; i += sizeof(uint64_t))
		if (word_at(a + i) != word_at(b + i))
			return false;
	if (i)
		return word_at(a + size - sizeof(uint64_t)) == word_at(b + size - sizeof(uint64_t));
	return bytes_equal(a, b, size);
}

static uint32_t chain_of_key(const struct use_key *key)
{
	return (uint32_t)(hash_bytes(hash_words(0, key->words, sizeof(key->words)), key->bytes, kept(key)) % USE_CHAINS);
}

static inline bool same_key(const struct use_slot *slot, const struct use_key *key)
{
	uint64_t other = 0;

	for (unsigned i = 0; i < USE_WORDS; i++)
		other |= slot->words[i] ^ key->words[i];
	return !other && same_bytes(slot->bytes, key->bytes, kept(key));
}

/* ---- rows ---- */

static bool is_denial(const struct core_event *what)
{
	return what->kind == CORE_EVENT_DENIED && what->action != CORE_ACTION_OBSERVED;
}

static bool is_free(const struct core_use *use)
{
	return use->what.kind == 0;
}

static void enter(struct core_state *core, uint32_t row, uint32_t chain)
{
	struct use_slot *slot = &core->use_index.slots[row];

	slot->chain = (uint16_t)chain;
	slot->next = core->use_index.chains[chain];
	core->use_index.chains[chain] = (uint16_t)(row + 1);
	core->uses.denied += is_denial(&core->uses.rows[row].what);
}

static void release(struct core_state *core, uint32_t row)
{
	struct use_slot *slots = core->use_index.slots;
	uint16_t *at = &core->use_index.chains[slots[row].chain];

	while (*at != row + 1)
		at = &slots[*at - 1].next;
	*at = slots[row].next;
	core->uses.denied -= is_denial(&core->uses.rows[row].what);
}

/* Has it been read since it last counted? What this packet is about stays. */
static bool may_go(const struct core_state *core, const struct core_use *use)
{
	if (is_free(use))
		return true;
	return use->touched != core->totals.packets &&
	       (use->count == 0 || (core->io.taken <= core->totals.packets && use->touched < core->io.taken));
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

		if (row >= core->uses.used || !may_go(core, use) || (full && !is_denial(&use->what)))
			continue;
		if (!is_free(use))
			release(core, row);
		return row;
	}
	return CORE_USES_MAX;
}

/* A row for what was not counted before, or CORE_USES_MAX. */
static uint32_t make(struct core_state *core, const struct core_event *what, uint32_t chain)
{
	uint32_t row = find_room(core, is_denial(what));

	if (row == CORE_USES_MAX)
		return row;
	core->uses.rows[row] = (struct core_use){ .what = *what, .born = core->io.now };
	core->use_index.slots[row] = (struct use_slot){ 0 };
	enter(core, row, chain);
	return row;
}

static inline void count(struct core_state *core, uint32_t row)
{
	struct core_use *use = &core->uses.rows[row];

	if (use->count++ == 0)
		use->first = core->io.wall;
	use->touched = core->totals.packets;
	use->last = core->io.wall;
}

static void count_other(struct core_state *core, uint32_t rule)
{
	if (rule != CORE_NO_RULE)
		core->totals.rules[rule].other++;
}

/* ---- by event ---- */

static uint32_t find_event(const struct core_state *core, const struct core_event *what, uint32_t chain)
{
	uint32_t i = core->use_index.chains[chain];

	while (i && !same_event(&core->uses.rows[i - 1].what, what))
		i = core->use_index.slots[i - 1].next;
	return i ? i - 1 : CORE_USES_MAX;
}

void uses_count(struct core_state *core, struct core_event *what, bool observed)
{
	uint32_t chain, row;

	generalise(observed, what);
	chain = chain_of_event(what);
	row = find_event(core, what, chain);
	if (row == CORE_USES_MAX)
		row = make(core, what, chain);
	if (row == CORE_USES_MAX)
		count_other(core, what->rule);
	else
		count(core, row);
}

/* ---- by key ---- */

static uint32_t find_key(const struct core_state *core, const struct use_key *key, uint32_t chain)
{
	uint32_t i = core->use_index.chains[chain];

	while (i && !same_key(&core->use_index.slots[i - 1], key))
		i = core->use_index.slots[i - 1].next;
	return i ? i - 1 : CORE_USES_MAX;
}

static uint32_t make_of_key(struct core_state *core, const struct use_key *key, uint32_t chain, use_teller *tell,
			    const void *context)
{
	struct core_event what = { 0 };
	uint32_t row;

	tell(context, &what);
	what.conduit = (uint32_t)key->words[0];
	what.rule = (uint32_t)(key->words[0] >> 32);
	what.reason = (uint16_t)key->words[1];
	what.to_device = true;
	generalise(what.reason != REASON_NONE, &what);
	row = make(core, &what, chain);
	if (row == CORE_USES_MAX)
		return row;
	__builtin_memcpy(core->use_index.slots[row].words, key->words, sizeof(key->words));
	if (kept(key))
		__builtin_memcpy(core->use_index.slots[row].bytes, key->bytes, kept(key));
	return row;
}

/* Kept apart, so that the usual way through uses_note() is short. */
__attribute__((noinline)) static uint32_t find_or_make(struct core_state *core, const struct use_key *key,
						       use_teller *tell, const void *context)
{
	struct use_index *index = &core->use_index;
	uint32_t chain = chain_of_key(key), row = find_key(core, key, chain);

	if (row == CORE_USES_MAX)
		row = make_of_key(core, key, chain, tell, context);
	if (row != CORE_USES_MAX)
		index->slots[index->last].follower = (uint16_t)row;
	return row;
}

/* Requests come in the same order again and again: the one that followed the last one is tried first. */
void uses_note(struct core_state *core, const struct use_key *key, use_teller *tell, const void *context)
{
	struct use_notes *notes = &core->use_notes;
	struct use_index *index = &core->use_index;
	uint32_t row = index->slots[index->last].follower;

	if (notes->count == CIP_PARTS_MAX)
		return;
	if (!same_key(&index->slots[row], key))
		row = find_or_make(core, key, tell, context);
	notes->denied |= (uint16_t)key->words[1] != REASON_NONE;
	notes->items[notes->count++] = (struct use_note){ .rule = (uint32_t)(key->words[0] >> 32), .row = row };
	if (row == CORE_USES_MAX)
		return;
	index->last = (uint16_t)row;
	core->uses.rows[row].touched = core->totals.packets;
}

void uses_forget(struct core_state *core)
{
	core->use_notes.count = 0;
	core->use_notes.denied = false;
}

void uses_count_noted(struct core_state *core)
{
	const struct use_notes *notes = &core->use_notes;

	for (uint32_t i = 0; i < notes->count; i++) {
		if (notes->items[i].row == CORE_USES_MAX)
			count_other(core, notes->items[i].rule);
		else
			count(core, notes->items[i].row);
	}
}

/* ---- another program ---- */

/* Its rule has another position now. */
static void enter_again(struct core_state *core, uint32_t row)
{
	struct use_slot *slot = &core->use_index.slots[row];
	const struct core_event *what = &core->uses.rows[row].what;
	struct use_key key = { .bytes = slot->bytes };

	if (!slot->words[0]) {
		enter(core, row, chain_of_event(what));
		return;
	}
	slot->words[0] = what->conduit | (uint64_t)what->rule << 32;
	__builtin_memcpy(key.words, slot->words, sizeof(key.words));
	enter(core, row, chain_of_key(&key));
}

static void set_free(struct core_state *core, uint32_t row)
{
	core->uses.rows[row] = (struct core_use){ 0 };
	core->use_index.slots[row] = (struct use_slot){ 0 };
}

void uses_carry(struct core_state *core, bool (*stays)(struct core_use *use))
{
	__builtin_memset(core->use_index.chains, 0, sizeof(core->use_index.chains));
	core->uses.denied = 0;
	for (uint32_t i = 0; i < core->uses.used; i++) {
		if (core->uses.rows[i].count && stays(&core->uses.rows[i]))
			enter_again(core, i);
		else
			set_free(core, i);
	}
}

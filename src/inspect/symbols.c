/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/symbols.h"

#include "protocol/bytes.h"

static uint32_t bucket_of(const struct symbol_key *k)
{
	uint64_t h = (k->owner * 31 + k->scope) * 0x9e3779b97f4a7c15ull + k->instance;

	return (uint32_t)((h * 0x9e3779b97f4a7c15ull) >> 50);
}
_Static_assert(SYMBOLS_BUCKETS == 1u << 14, "bucket_of() answers with 14 bits");

static bool same_key(const struct symbol_key *a, const struct symbol_key *b)
{
	return a->owner == b->owner && a->scope == b->scope && a->instance == b->instance;
}

const struct symbol *symbols_find(const struct symbols *t, const struct symbol_key *key)
{
	uint16_t at = t->buckets[bucket_of(key)];

	while (at && !same_key(&t->rows[at - 1].key, key))
		at = t->rows[at - 1].next;
	return at ? &t->rows[at - 1] : NULL;
}

static uint16_t take(struct symbols *t)
{
	uint16_t at = t->free;

	if (at)
		t->free = t->rows[at - 1].next;
	else if (t->fresh < SYMBOLS_MAX)
		at = ++t->fresh;
	return at;
}

static struct symbol *add(struct symbols *t, struct symbol_list *list, const struct symbol_key *key)
{
	uint16_t *bucket = &t->buckets[bucket_of(key)];
	uint16_t at = list->count < SYMBOLS_FLOW_MAX ? take(t) : 0;
	struct symbol *row;

	if (!at)
		return NULL;
	row = &t->rows[at - 1];
	row->key = *key;
	row->next = *bucket;
	row->sibling = list->first;
	*bucket = list->first = at;
	list->count++;
	return row;
}

void symbols_relist(struct symbols *t, const struct symbol_list *list, uint64_t scope)
{
	for (uint16_t at = list->first; at; at = t->rows[at - 1].sibling)
		if (t->rows[at - 1].key.scope == scope)
			t->rows[at - 1].stale = true;
}

bool symbols_learn(struct symbols *t, struct symbol_list *list, const struct symbol_key *key,
		   const uint8_t *name, size_t length)
{
	const struct symbol *known = symbols_find(t, key);
	struct symbol *row = known ? &t->rows[known - t->rows] : add(t, list, key);
	/* A name too long to be kept stands for no tag: what the number stood for before is not it. */
	uint8_t kept = (uint8_t)(length <= SYMBOL_NAME_MAX ? length : 0);
	bool other;

	if (!row)
		return false;
	other = known && (row->length != kept || !bytes_equal(row->name, name, kept));
	row->length = kept;
	row->stale = false;
	__builtin_memcpy(row->name, name, kept);
	return other;
}

static void unlink_row(struct symbols *t, uint16_t at)
{
	uint16_t *link = &t->buckets[bucket_of(&t->rows[at - 1].key)];

	while (*link != at)
		link = &t->rows[*link - 1].next;
	*link = t->rows[at - 1].next;
}

static void give(struct symbols *t, uint16_t at)
{
	unlink_row(t, at);
	t->rows[at - 1].next = t->free;
	t->free = at;
}

void symbols_forget(struct symbols *t, struct symbol_list *list)
{
	while (list->first) {
		uint16_t at = list->first;
		struct symbol *row = &t->rows[at - 1];

		list->first = row->sibling;
		give(t, at);
	}
	list->count = 0;
}

void symbols_drop_stale(struct symbols *t, struct symbol_list *list, uint64_t scope)
{
	uint16_t *link = &list->first;

	while (*link) {
		uint16_t at = *link;
		struct symbol *row = &t->rows[at - 1];

		if (!row->stale || row->key.scope != scope) {
			link = &row->sibling;
			continue;
		}
		*link = row->sibling;
		give(t, at);
		list->count--;
	}
}

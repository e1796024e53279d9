/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/timetables.h"

#include <string.h>

#define FIRST_SLOTS 64u
#define HASH_START 2166136261u

struct timetable_of {
	const struct rule *rule; /* the first of them; NULL: a free slot */
	struct timetable *timetable;
};

/* FNV-1a. */
static uint32_t hash_bytes(uint32_t hash, const void *data, size_t size)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ p[i]) * 16777619u;
	return hash;
}

void timetables_init(struct timetables *t, const struct site *site, struct arena *arena)
{
	*t = (struct timetables){ .site = site, .arena = arena, .slot_count = FIRST_SLOTS,
				  .rule_slots = FIRST_SLOTS };
	t->slots = arena_array(arena, t->slot_count, sizeof(struct timetable *));
	t->items = arena_array(arena, t->slot_count, sizeof(struct timetable *));
	t->rules = arena_array(arena, t->rule_slots, sizeof(*t->rules));
	t->taken = arena_array(arena, TIMETABLES_MAX + 1, sizeof(*t->taken));
}

/* ---- by windows ---- */

static bool same_windows(const struct timetable *t, uint32_t hash, const struct window_list *list)
{
	return t->hash == hash && t->windows.count == list->count &&
	       (!list->count || !memcmp(t->windows.items, list->items, list->count * sizeof(*list->items)));
}

static struct timetable **slot_of(const struct timetables *t, uint32_t hash, const struct window_list *list)
{
	size_t at = hash & (t->slot_count - 1);

	while (t->slots[at] && !same_windows(t->slots[at], hash, list))
		at = (at + 1) & (t->slot_count - 1);
	return &t->slots[at];
}

static void grow_slots(struct timetables *t)
{
	struct timetable **items = arena_array(t->arena, 2 * t->slot_count, sizeof(*items));

	memcpy(items, t->items, t->count * sizeof(struct timetable *));
	t->items = items;
	t->slot_count *= 2;
	t->slots = arena_array(t->arena, t->slot_count, sizeof(struct timetable *));
	for (size_t i = 0; i < t->count; i++)
		*slot_of(t, items[i]->hash, &items[i]->windows) = items[i];
}

static struct timetable *intern(struct timetables *t, const struct window_list *list)
{
	uint32_t hash = hash_bytes(HASH_START, list->items, list->count * sizeof(*list->items));
	struct timetable **slot = slot_of(t, hash, list), *new = *slot;

	if (new)
		return new;
	new = arena_alloc(t->arena, sizeof(*new));
	*new = (struct timetable){ .windows = *list, .hash = hash };
	t->items[t->count++] = *slot = new;
	if (2 * t->count == t->slot_count)
		grow_slots(t);
	return new;
}

/* ---- by rule: what is written is compared, before it is unrolled ---- */

static uint32_t hash_rule(const struct rule *rule)
{
	uint32_t hash = hash_bytes(HASH_START, &rule->expires, sizeof(rule->expires));

	hash = hash_bytes(hash, &rule->until, sizeof(rule->until));
	return hash_bytes(hash, rule->schedules, rule->schedule_count * sizeof(*rule->schedules));
}

static bool same_times(const struct rule *a, const struct rule *b)
{
	return a->expires == b->expires && a->until == b->until && a->schedule_count == b->schedule_count &&
	       (!a->schedule_count ||
		!memcmp(a->schedules, b->schedules, a->schedule_count * sizeof(*a->schedules)));
}

static struct timetable_of *rule_slot(const struct timetables *t, const struct rule *rule)
{
	size_t at = hash_rule(rule) & (t->rule_slots - 1);

	while (t->rules[at].rule && !same_times(t->rules[at].rule, rule))
		at = (at + 1) & (t->rule_slots - 1);
	return &t->rules[at];
}

static void grow_rules(struct timetables *t)
{
	struct timetable_of *old = t->rules;
	size_t count = t->rule_slots;

	t->rule_slots *= 2;
	t->rules = arena_array(t->arena, t->rule_slots, sizeof(*t->rules));
	for (size_t i = 0; i < count; i++)
		if (old[i].rule)
			*rule_slot(t, old[i].rule) = old[i];
}

struct timetable *timetable_of_rule(struct timetables *t, const struct rule *rule)
{
	struct timetable_of *slot;
	struct window_list list;

	if (!rule_has_windows(rule))
		return NULL;
	slot = rule_slot(t, rule);
	if (slot->rule)
		return slot->timetable;
	rule_windows(t->site, rule, t->arena, &list);
	*slot = (struct timetable_of){ rule, intern(t, &list) };
	if (2 * ++t->rule_count > t->rule_slots)
		grow_rules(t);
	return slot->timetable;
}

/* ---- by conduit ---- */

static struct timetable *join(struct timetables *t, const struct conduit *conduit, size_t total)
{
	struct window_list list = { .items = arena_array(t->arena, total + 1, sizeof(*list.items)) };

	for (size_t i = 0; i < conduit->count; i++) {
		const struct window_list *one = &timetable_of_rule(t, conduit->rules[i])->windows;

		memcpy(list.items + list.count, one->items, one->count * sizeof(*one->items));
		list.count += one->count;
	}
	windows_join(&list);
	return intern(t, &list);
}

struct timetable *timetable_of_conduit(struct timetables *t, const struct conduit *conduit)
{
	struct timetable *found = timetable_of_rule(t, conduit->rules[0]);
	size_t total = 0;
	bool differ = false;

	for (size_t i = 0; i < conduit->count; i++) {
		const struct timetable *one = timetable_of_rule(t, conduit->rules[i]);

		if (!one)
			return NULL;
		total += one->windows.count;
		differ |= one != found;
	}
	if (differ)
		found = join(t, conduit, total);
	found->used = true;
	return found;
}

/* ---- numbers ---- */

void timetable_keep_number(struct timetables *t, struct timetable *timetable, uint32_t number)
{
	if (timetable->number || !number || number > TIMETABLES_MAX || t->taken[number])
		return;
	timetable->number = number;
	t->taken[number] = true;
}

size_t timetables_number(struct timetables *t)
{
	uint32_t next = 1;
	size_t used = 0;

	for (size_t i = 0; i < t->count; i++) {
		used += t->items[i]->used;
		if (!t->items[i]->used || t->items[i]->number)
			continue;
		while (next <= TIMETABLES_MAX && t->taken[next])
			next++;
		t->items[i]->number = next <= TIMETABLES_MAX ? next++ : 0;
	}
	return used;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/ledger_meters.h"

#include <stdlib.h>
#include <string.h>

#include "record/ledger_key.h"

static struct meter *probe(struct meter *slots, size_t slot_count, uint64_t hash, unsigned source,
			   const char *key)
{
	size_t i = hash & (slot_count - 1);

	while (slots[i].hash && !(slots[i].hash == hash && slots[i].source == source &&
				  strcmp(slots[i].key, key) == 0))
		i = (i + 1) & (slot_count - 1);
	return &slots[i];
}

/* Moves those that are to be kept into a table of that size. */
static bool rebuild(struct meters *m, size_t slot_count, bool (*keep)(const struct meters *, const struct meter *))
{
	struct meter *slots = calloc(slot_count, sizeof(*slots));

	if (!slots)
		return false;
	m->used = 0;
	for (size_t i = 0; i < m->slot_count; i++) {
		struct meter *old = &m->slots[i];

		if (!old->hash)
			continue;
		if (keep(m, old)) {
			*probe(slots, slot_count, old->hash, old->source, old->key) = *old;
			m->used++;
		} else {
			free(old->key);
		}
	}
	free(m->slots);
	m->slots = slots;
	m->slot_count = slot_count;
	return true;
}

static bool keep_all(const struct meters *m, const struct meter *meter)
{
	return true;
}

static bool was_named(const struct meters *m, const struct meter *meter)
{
	return meter->source != m->source || meter->round == m->round || meter->first;
}

static bool make_room(struct meters *m)
{
	if (m->used >= METERS_MAX)
		return false;
	if (2 * (m->used + 1) <= m->slot_count)
		return true;
	return rebuild(m, m->slot_count ? 2 * m->slot_count : 256, keep_all);
}

/* New ones begin at 0. NULL: no room. */
static struct meter *find_or_make(struct meters *m, unsigned source, const struct ledger_subject *subject)
{
	char key[LEDGER_KEY_MAX];
	uint64_t hash = ledger_key_pack(subject, source, key);
	struct meter *meter = m->slot_count ? probe(m->slots, m->slot_count, hash, source, key) : NULL;

	if (meter && meter->hash)
		return meter;
	if (!make_room(m))
		return NULL;
	meter = probe(m->slots, m->slot_count, hash, source, key);
	*meter = (struct meter){ .hash = hash, .source = (uint16_t)source, .key = strdup(key) };
	if (!meter->key) {
		meter->hash = 0;
		return NULL;
	}
	m->used++;
	return meter;
}

void meters_begin(struct meters *m, unsigned source, uint64_t witness)
{
	m->source = source;
	m->round++;
	if (witness < m->witness[source])
		for (size_t i = 0; i < m->slot_count; i++)
			if (m->slots[i].hash && m->slots[i].source == source)
				m->slots[i].count = m->slots[i].bytes = 0;
	m->witness[source] = witness;
}

bool meters_read(struct meters *m, const struct ledger_subject *subject, uint64_t *count, uint64_t *bytes)
{
	struct meter *meter = find_or_make(m, m->source, subject);
	uint64_t now_count = *count, now_bytes = *bytes;

	if (!meter)
		return false;
	if (now_count >= meter->count && now_bytes >= meter->bytes) {
		*count = now_count - meter->count;
		*bytes = now_bytes - meter->bytes;
	}
	meter->count = now_count;
	meter->bytes = now_bytes;
	meter->round = m->round;
	return true;
}

/* The table is built anew only when something is to be forgotten. */
void meters_end(struct meters *m)
{
	for (size_t i = 0; i < m->slot_count; i++)
		if (m->slots[i].hash && !was_named(m, &m->slots[i])) {
			rebuild(m, m->slot_count, was_named);
			return;
		}
}

void meters_set_first(struct meters *m, const struct ledger_subject *subject, uint64_t count, uint64_t bytes)
{
	struct meter *meter = find_or_make(m, LEDGER_KERNEL, subject);

	if (!meter)
		return;
	meter->count = meter->first_count = count;
	meter->bytes = meter->first_bytes = bytes;
	meter->first = true;
}

struct meter *meters_find(struct meters *m, const struct ledger_subject *subject)
{
	char key[LEDGER_KEY_MAX];
	uint64_t hash = ledger_key_pack(subject, LEDGER_KERNEL, key);
	struct meter *meter = m->slot_count ? probe(m->slots, m->slot_count, hash, LEDGER_KERNEL, key) : NULL;

	return meter && meter->hash ? meter : NULL;
}

void meters_free(struct meters *m)
{
	for (size_t i = 0; i < m->slot_count; i++)
		free(m->slots[i].key);
	free(m->slots);
	*m = (struct meters){ 0 };
}

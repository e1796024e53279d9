/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/ledger_batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "record/ledger_key.h"

int batch_init(struct batch *batch, size_t most)
{
	*batch = (struct batch){ .most = most, .slot_count = 16 };
	while (batch->slot_count < 2 * most)
		batch->slot_count *= 2;
	batch->slots = calloc(batch->slot_count, sizeof(*batch->slots));
	batch->moments = calloc(LEDGER_MOMENTS, sizeof(*batch->moments));
	return batch->slots && batch->moments ? 0 : -ENOMEM;
}

/* ---- counts ---- */

static int64_t floor_to(int64_t now, uint32_t seconds)
{
	return now - now % seconds;
}

/* Its slot, or the free one where it belongs. */
static struct batch_entry *find(struct batch *batch, uint64_t hash, const char *key, int64_t start,
				uint32_t seconds)
{
	size_t mask = batch->slot_count - 1;
	size_t i = (hash ^ (uint64_t)start / LEDGER_HOUR) & mask;

	for (;; i = (i + 1) & mask) {
		struct batch_entry *e = &batch->slots[i];

		if (!e->hash || (e->hash == hash && e->start == start && e->seconds == seconds &&
				 strcmp(e->key, key) == 0))
			return e;
	}
}

static bool has_room(const struct batch *batch, enum ledger_kind kind)
{
	return batch->used < batch->most && (kind != LEDGER_ATTEMPT || batch->attempts < batch->most / 2);
}

static struct batch_entry *take(struct batch *batch, struct batch_entry *free_slot,
				const struct batch_entry *entry, const struct ledger_subject *subject)
{
	char *key = has_room(batch, subject->kind) ? strdup(entry->key) : NULL;

	if (!key)
		return NULL;
	*free_slot = *entry;
	free_slot->key = key;
	free_slot->note = subject->note ? strndup(subject->note, LEDGER_NOTE_MAX) : NULL;
	batch->used++;
	batch->attempts += subject->kind == LEDGER_ATTEMPT;
	return free_slot;
}

static struct batch_entry *place(struct batch *batch, const struct ledger_subject *subject, int64_t now)
{
	char key[LEDGER_KEY_MAX];
	struct batch_entry new = { .hash = ledger_key_pack(subject, 0, key), .key = key, .first = now,
				   .last = now, .seconds = LEDGER_HOUR };
	struct batch_entry *e;

	new.start = floor_to(now, LEDGER_HOUR);
	e = find(batch, new.hash, key, new.start, new.seconds);
	if (e->hash || batch->used < batch->most / 2)
		return e->hash ? e : take(batch, e, &new, subject);
	new.seconds = LEDGER_DAY;
	new.start = floor_to(now, LEDGER_DAY);
	e = find(batch, new.hash, key, new.start, new.seconds);
	return e->hash ? e : take(batch, e, &new, subject);
}

void batch_add(struct batch *batch, const struct ledger_subject *subject, uint64_t count, uint64_t bytes,
	       int64_t now)
{
	struct batch_entry *e = place(batch, subject, now < 0 ? 0 : now);

	if (!e) {
		batch->lost += count;
		return;
	}
	e->first = now < e->first ? now : e->first;
	e->last = now > e->last ? now : e->last;
	e->count += count;
	e->bytes += bytes;
}

/* ---- moments ---- */

static char *copy_text(const char *text)
{
	return strndup(text ? text : "", LEDGER_TEXT_MAX);
}

static void forget_moment(struct ledger_moment *m)
{
	free((char *)(uintptr_t)m->kind);
	free((char *)(uintptr_t)m->part);
	free((char *)(uintptr_t)m->text);
	free((char *)(uintptr_t)m->digest);
}

void batch_add_moment(struct batch *batch, const struct ledger_moment *moment)
{
	struct ledger_moment *m = &batch->moments[batch->moment_count];

	if (batch->moment_count == LEDGER_MOMENTS) {
		batch->lost++;
		return;
	}
	*m = (struct ledger_moment){ .time = moment->time, .kind = copy_text(moment->kind),
				     .part = copy_text(moment->part), .text = copy_text(moment->text),
				     .digest = copy_text(moment->digest) };
	batch->moment_count++;
}

/* ---- empty ---- */

void batch_clear(struct batch *batch)
{
	for (size_t i = 0; i < batch->slot_count && batch->used; i++) {
		free(batch->slots[i].key);
		free(batch->slots[i].note);
		batch->slots[i] = (struct batch_entry){ 0 };
	}
	for (size_t i = 0; i < batch->moment_count; i++)
		forget_moment(&batch->moments[i]);
	batch->used = batch->attempts = batch->moment_count = 0;
	batch->lost = 0;
}

void batch_free(struct batch *batch)
{
	if (batch->slots && batch->moments)
		batch_clear(batch);
	free(batch->slots);
	free(batch->moments);
	*batch = (struct batch){ 0 };
}

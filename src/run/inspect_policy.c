/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/inspect_policy.h"

#include <stdalign.h>
#include <string.h>

struct held {
	alignas(8) uint8_t bytes[PROGRAM_MAX];
	size_t length; /* 0 = none */
};

/* Static: after confinement there is no way to get memory. Pages that no program needs stay untouched. */
static struct held store[2];
static unsigned newest;

static bool table_fits(const struct program_table *table, size_t row, size_t length)
{
	return table->offset % 8 == 0 && table->offset <= length &&
	       table->count <= (length - table->offset) / row;
}

static bool holds_together(const struct held *held)
{
	const struct program_header *header = (const struct program_header *)(const void *)held->bytes;

	return held->length >= sizeof(*header) && header->magic == PROGRAM_MAGIC &&
	       header->version == PROGRAM_VERSION && header->size == held->length &&
	       table_fits(&header->index, sizeof(uint32_t), held->length) &&
	       table_fits(&header->conduits, sizeof(struct program_conduit), held->length) &&
	       table_fits(&header->rules, sizeof(struct program_rule), held->length);
}

bool policy_load(const void *program, size_t length)
{
	struct held *next = &store[!newest];

	next->length = 0;
	if (length > sizeof(next->bytes))
		return false;
	memcpy(next->bytes, program, length);
	next->length = length;
	if (!holds_together(next)) {
		next->length = 0;
		return false;
	}
	newest = !newest;
	return true;
}

void policy_revert(void)
{
	store[newest].length = 0;
	newest = !newest;
}

const void *policy_program(size_t *ret_length)
{
	*ret_length = store[newest].length;
	return *ret_length ? store[newest].bytes : NULL;
}

static const struct program_conduit *find(const struct held *held, uint32_t number)
{
	const struct program_header *header = (const struct program_header *)(const void *)held->bytes;
	const struct program_conduit *conduits;
	const uint32_t *index;

	if (!held->length || number >= header->index.count)
		return NULL;
	index = (const uint32_t *)(const void *)(held->bytes + header->index.offset);
	conduits = (const struct program_conduit *)(const void *)(held->bytes + header->conduits.offset);
	if (!index[number] || index[number] > header->conduits.count)
		return NULL;
	conduits += index[number] - 1;
	return conduits->number == number ? conduits : NULL;
}

const struct program_conduit *policy_conduit(uint32_t number)
{
	const struct program_conduit *conduit = find(&store[newest], number);

	return conduit ? conduit : find(&store[!newest], number);
}

const struct program_conduit *policy_conduit_before(uint32_t number)
{
	return find(&store[!newest], number);
}

uint32_t policy_rule_count(void)
{
	uint32_t most = 0;

	for (size_t i = 0; i < 2; i++) {
		const struct program_header *header =
			(const struct program_header *)(const void *)store[i].bytes;

		if (store[i].length && header->rules.count > most)
			most = header->rules.count;
	}
	return most;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as a match program: one that is accepted answers every question without a look outside its
 * block. Bytes behind the size that its header tells are a Modbus request that is asked of it as well.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "inspect/core.h"
#include "inspect/match_modbus.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const uint8_t questions[][12] = {
	{ 0, 1, 0, 0, 0, 6, 1, 3, 0, 5, 0, 2 },
	{ 0, 2, 0, 0, 0, 6, 1, 6, 0, 120, 5, 220 },
	{ 0, 3, 0, 0, 0, 6, 255, 1, 255, 255, 0, 1 },
	{ 0, 4, 0, 0, 0, 6, 0, 8, 0, 1, 0, 0 },
};

static void hold(bool promise)
{
	if (!promise)
		abort();
}

static void check_match(const struct program *p, const struct program_conduit *c, const struct match *m)
{
	hold(m->reason < REASON_COUNT);
	hold(m->rule == CORE_NO_RULE ||
	     (m->rule >= c->rules.first && m->rule - c->rules.first < c->rules.count));
	hold(m->reason != REASON_NONE || m->rule < p->header->rules.count);
}

static void ask(const struct program *p, const struct program_conduit *c, const uint8_t *frame, size_t len)
{
	const struct program_time now = { 1000, 900 };
	struct modbus_message m;
	struct match match;

	for (size_t n = 0; n < len && n < 16; n++) {
		enum modbus_have have = modbus_request_start(frame, n, &m);

		match_modbus_start(p, c, &m, have, now, &match);
		check_match(p, c, &match);
	}
	if (modbus_request(frame, len, &m) != REASON_NONE)
		return;
	match_modbus(p, c, &m, now, &match);
	check_match(p, c, &match);
}

static void ask_all(const struct program *p, const uint8_t *frame, size_t len)
{
	for (uint32_t number = 0; number <= p->header->index.count && number < 8; number++) {
		const struct program_conduit *c = program_conduit(p, number);

		if (!c)
			continue;
		hold(c->number == number && c->port != 0);
		for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
			ask(p, c, questions[i], sizeof(questions[0]));
		ask(p, c, frame, len);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	uint8_t *block = aligned_alloc(8, (size + 8) & ~(size_t)7);
	uint32_t told = 0;
	struct program p;

	hold(block != NULL);
	memcpy(block, bytes, size);
	if (program_open(block, size, CORE_RULES_MAX, &p)) {
		told = p.header->size;
		hold(told <= size && p.header->rules.count <= CORE_RULES_MAX);
		ask_all(&p, block + told, size - told);
	}
	free(block);
	return 0;
}

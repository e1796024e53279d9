/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as a match program: one that is accepted answers every question without a look outside its
 * block. Bytes behind the size that its header tells are a request that is asked of it as well, one of Modbus
 * and one of CIP.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "inspect/core.h"
#include "inspect/match_cip.h"
#include "inspect/match_modbus.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const uint8_t questions[][12] = {
	{ 0, 1, 0, 0, 0, 6, 1, 3, 0, 5, 0, 2 },
	{ 0, 2, 0, 0, 0, 6, 1, 6, 0, 120, 5, 220 },
	{ 0, 3, 0, 0, 0, 6, 255, 1, 255, 255, 0, 1 },
	{ 0, 4, 0, 0, 0, 6, 0, 8, 0, 1, 0, 0 },
};

/* Two tags, an object, one inside another, a data file. */
static const char *const cip_questions[] = {
	"\x4c\x07\x91\x05Line3\0\x91\x04Rate\x01\0",
	"\x4d\x04\x91\x06Recipe\xc4\0\x01\0\x01\0\0\0",
	"\x0e\x03\x20\x01\x24\x01\x30\x07",
	"\x0e\x05\x20\x68\x24\x01\x20\x6d\x24\x05\x30\x07",
	"\x4b\x02\x20\x67\x24\x01\x07\x34\x12\1\0\0\0\x0f\0\x01\0\xa2\x02\x07\x89\x09\0",
};
static const size_t cip_sizes[] = { 18, 16, 8, 12, 23 };

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

static void ask_cip(const struct program *p, const struct program_conduit *c, const void *cip, size_t len)
{
	struct cip_path route = { .count = 1,
				  .segments = { { .kind = CIP_SEGMENT_PORT, .number = 1, .length = 1,
						  .bytes = (const uint8_t *)"" } } };
	struct cip_question q = { .program = p, .conduit = c, .time = { 1000, 900 }, .routes = { &route } };
	struct cip_request r;
	struct match match;

	match_cip_identity(&q, &match);
	check_match(p, c, &match);
	match_cip_session(&q, &match);
	check_match(p, c, &match);
	match_cip_open(&q, &match);
	check_match(p, c, &match);
	if (cip_request(cip, len, &r) != REASON_NONE)
		return;
	q.tag = cip_path_names_tag(&r.path) ? &r.path : NULL;
	match_cip(&q, &r, &match);
	check_match(p, c, &match);
	q.routes[0] = NULL;
	q.start = true;
	match_cip(&q, &r, &match);
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
		for (size_t i = 0; i < sizeof(cip_sizes) / sizeof(cip_sizes[0]); i++)
			ask_cip(p, c, cip_questions[i], cip_sizes[i]);
		ask_cip(p, c, frame, len);
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

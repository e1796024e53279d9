/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* A match program made by hand for tests of the core: one conduit, two Modbus rules. */
#include <stddef.h>
#include <string.h>

#include "inspect/core.h"

#define LAB_CONDUIT 1u
#define LAB_PORT 502u

struct lab_program {
	struct program_header header;
	uint32_t index[2];
	struct program_conduit conduits[1];
	struct program_rule rules[2];
	struct program_entry entries[2];
	struct program_range ranges[2];
	struct program_value values[1];
};

static const uint8_t lab_server[16] = { 10, 1, 0, 2 };
static const uint8_t lab_device[16] = { 10, 2, 0, 2 };

#define LAB_TABLE(member)                                                                                \
	(struct program_table){ offsetof(struct lab_program, member),                                    \
				sizeof(((struct lab_program *)0)->member) /                              \
					sizeof(((struct lab_program *)0)->member[0]) }

/* Rule 0: read holding registers 0-99 of unit 1. Rule 1: write register 120 of unit 1, values 0-1500. */
static inline struct lab_program lab_program(void)
{
	struct lab_program p = {
		.header = { .magic = PROGRAM_MAGIC, .version = PROGRAM_VERSION, .size = sizeof(p),
			    .index = LAB_TABLE(index), .conduits = LAB_TABLE(conduits),
			    .rules = LAB_TABLE(rules), .windows = { sizeof(p.header), 0 },
			    .entries = LAB_TABLE(entries), .ranges = LAB_TABLE(ranges),
			    .values = LAB_TABLE(values) },
		.index = { 0, 1 },
		.conduits = { { .number = LAB_CONDUIT, .family = 4, .protocol = PROGRAM_MODBUS,
				.on_violation = PROGRAM_REPLY, .mode = PROGRAM_ENFORCE,
				.port = LAB_PORT, .rules = { 0, 2 } } },
		.rules = { { .entries = { 0, 1 } }, { .entries = { 1, 1 } } },
		.entries = { { .function = 3, .value_type = PROGRAM_UINT16, .units = { 2 },
			       .addresses = { 0, 1 } },
			     { .function = 6, .value_type = PROGRAM_UINT16, .units = { 2 },
			       .addresses = { 1, 1 }, .values = { 0, 1 } } },
		.ranges = { { 0, 99 }, { 120, 120 } },
		.values = { { 0, 1500 } },
	};

	memcpy(p.conduits[0].server, lab_server, 16);
	memcpy(p.conduits[0].device, lab_device, 16);
	return p;
}

/* A fresh core with this program in force; returns what core_program_load() said. */
static inline uint32_t lab_load(const struct lab_program *p)
{
	core_clear();
	memcpy(core_program_area(), p, sizeof(*p));
	return core_program_load(sizeof(*p));
}

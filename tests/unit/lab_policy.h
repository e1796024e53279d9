/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* A match program made by hand for tests of the core: one conduit, two rules of both protocols. */
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
	struct program_window windows[1]; /* a test's own */
	struct program_entry entries[2];
	struct program_range ranges[6];
	struct program_value values[1];
	_Alignas(8) struct program_cip cip[4];
	_Alignas(8) struct program_object objects[2]; /* the second is a test's own */
	_Alignas(8) struct program_tag tags[3];
	_Alignas(8) struct program_name names[4];
	_Alignas(8) struct program_hop hops[2]; /* the second is a test's own */
	_Alignas(8) struct program_span routes[2];
	_Alignas(8) uint8_t text[24]; /* the last bytes, too */
};

static const uint8_t lab_server[16] = { 10, 1, 0, 2 };
static const uint8_t lab_device[16] = { 10, 2, 0, 2 };

#define LAB_TABLE(member)                                                                                \
	(struct program_table){ offsetof(struct lab_program, member),                                    \
				sizeof(((struct lab_program *)0)->member) /                              \
					sizeof(((struct lab_program *)0)->member[0]) }

#define LAB_NONE { sizeof(struct program_header), 0 }

/*
 * Modbus: rule 0 reads holding registers 0-99 of unit 1, rule 1 writes register 120 of unit 1, values 0-1500.
 * EtherNet/IP: rule 0 reads the tags Line3.Rate and Counts[0-9] and attributes 1, 6 and 7 of the identity and
 * browses, rule 1 writes Recipe.*, values 0-1500; both at the device itself and by route 1/0.
 */
static inline struct lab_program lab_program(void)
{
	struct lab_program p = {
		.header = { .magic = PROGRAM_MAGIC, .version = PROGRAM_VERSION, .size = sizeof(p),
			    .index = LAB_TABLE(index), .conduits = LAB_TABLE(conduits),
			    .rules = LAB_TABLE(rules), .windows = LAB_TABLE(windows),
			    .entries = LAB_TABLE(entries), .ranges = LAB_TABLE(ranges),
			    .values = LAB_TABLE(values), .cip = LAB_TABLE(cip),
			    .objects = LAB_TABLE(objects), .tags = LAB_TABLE(tags), .names = LAB_TABLE(names), .files = LAB_NONE,
			    .hops = LAB_TABLE(hops), .routes = LAB_TABLE(routes),
			    .text = LAB_TABLE(text) },
		.index = { 0, 1 },
		.conduits = { { .number = LAB_CONDUIT, .family = 4, .protocol = PROGRAM_MODBUS,
				.on_violation = PROGRAM_REPLY, .mode = PROGRAM_ENFORCE,
				.port = LAB_PORT, .rules = { 0, 2 } } },
		.rules = { { .entries = { 0, 1 }, .cip = { 0, 3 } },
			   { .entries = { 1, 1 }, .cip = { 3, 1 } } },
		.entries = { { .function = 3, .value_type = PROGRAM_UINT16, .units = { 2 },
			       .addresses = { 0, 1 } },
			     { .function = 6, .value_type = PROGRAM_UINT16, .units = { 2 },
			       .addresses = { 1, 1 }, .values = { 0, 1 } } },
		.ranges = { { 0, 99 }, { 120, 120 }, { 1, 1 }, { 1, 1 }, { 6, 7 }, { 0, 9 } },
		.values = { { 0, 1500 } },
		.cip = { { .kind = CIP_READ_TAGS, .tags = { 0, 2 }, .routes = { 0, 2 } },
			 { .kind = CIP_SERVICE, .service = 14, .path = { 0, 1 }, .attributes = { 3, 2 },
			   .routes = { 0, 2 } },
			 { .kind = CIP_BROWSE_TAGS, .routes = { 0, 2 } },
			 { .kind = CIP_WRITE_TAGS, .tags = { 2, 1 }, .values = { 0, 1 },
			   .routes = { 0, 2 } } },
		.objects = { { .class = 1, .instances = { 2, 1 } } },
		.tags = { { .parts = { 0, 2 } }, { .parts = { 2, 1 } }, { .parts = { 3, 1 }, .rest = 1 } },
		.names = { { .name = { 0, 5 } }, { .name = { 5, 4 } },
			   { .name = { 9, 6 }, .dimension_count = 1, .dimensions = { { 0, 9 } } },
			   { .name = { 15, 6 } } },
		.hops = { { .port = 1, .link = { 21, 1 } }, { .port = 2, .link = { 21, 1 } } },
		.routes = { { 0, 0 }, { 0, 1 } },
		.text = "line3ratecountsrecipe\0",
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

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A core that lets everything through and has faults on purpose: a packet that ends with the bytes
 * FA 17 and a number makes it commit that fault. Only for tests; never part of the product.
 */
#include "inspect/core.h"

#define EXPORT(name) __attribute__((export_name(#name)))

enum fault { OUT_OF_BOUNDS = 1, RECURSION, UNREACHABLE, UNKNOWN_CONDUIT, GIANT_MADE, MANY_MADE, UNKNOWN_VERDICT,
	     GIANT_REPLACEMENT, FOREIGN_EVENT, REFUSING, ENDLESS };

static struct core_io io;
static struct core_totals totals;
static struct core_uses uses;
static uint8_t area[PROGRAM_MAX];
static volatile uint32_t depth;
static uint32_t refusing; /* every further program */

EXPORT(core_io) struct core_io *core_io(void)
{
	return &io;
}

EXPORT(core_program_area) uint8_t *core_program_area(void)
{
	return area;
}

EXPORT(core_totals) struct core_totals *core_totals(void)
{
	return &totals;
}

EXPORT(core_uses) struct core_uses *core_uses(void)
{
	return &uses;
}

EXPORT(core_program_load) uint32_t core_program_load(uint32_t length)
{
	totals.generation++;
	return !refusing;
}

static void clear(void)
{
	io.made_count = io.event_count = io.events_lost = io.more = 0;
	io.verdict = CORE_PASS;
}

EXPORT(core_sweep) void core_sweep(void)
{
	clear();
}

EXPORT(core_tick) void core_tick(void)
{
	clear();
}

EXPORT(core_clear) void core_clear(void)
{
	clear();
}

static uint32_t recurse(uint32_t n)
{
	depth += n;
	return n == 0xffffffffu ? 0 : recurse(n + 1) + depth;
}

static void commit(unsigned fault)
{
	switch (fault) {
	case OUT_OF_BOUNDS:
		*(volatile uint32_t *)0xf0000000u = 1;
		break;
	case RECURSION:
		depth = recurse(0);
		break;
	case UNREACHABLE:
		__builtin_trap();
	case UNKNOWN_CONDUIT:
		io.made_count = 1;
		io.made[0].conduit = 0x00abcdef;
		io.made[0].length = 40;
		break;
	case GIANT_MADE:
		io.made_count = 1;
		io.made[0].conduit = io.mark & MARK_CONDUIT;
		io.made[0].length = 0xfffffff0u;
		break;
	case MANY_MADE:
		io.made_count = 0x40000000u;
		break;
	case UNKNOWN_VERDICT:
		io.verdict = 77;
		break;
	case GIANT_REPLACEMENT:
		io.verdict = CORE_REPLACE;
		io.length = 0x7fffffffu;
		break;
	case FOREIGN_EVENT:
		io.event_count = 1;
		io.events[0] = (struct core_event){ .kind = CORE_EVENT_DENIED, .conduit = 0x00abcdef,
						    .rule = CORE_NO_RULE };
		break;
	case REFUSING:
		refusing = 1;
		break;
	case ENDLESS:
		for (;;)
			depth++;
	}
}

EXPORT(core_packet) void core_packet(void)
{
	const uint8_t *end = io.packet + io.length;

	clear();
	totals.packets++;
	totals.passed++;
	if (io.length >= 60 && end[-3] == 0xfa && end[-2] == 0x17)
		commit(end[-1]);
}

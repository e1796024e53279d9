/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Is a Modbus request allowed? It is when one entry of one open rule of its conduit covers all of it.
 * When not, the reason is that of the entry that came nearest.
 */
#include "inspect/program.h"
#include "protocol/modbus.h"

struct match {
	enum reason reason; /* REASON_NONE: allowed */
	uint32_t rule;      /* that allows it, or that came nearest; CORE_NO_RULE when none knows the function */
};

/* A whole request. */
void match_modbus(const struct program *p, const struct program_conduit *c,
		  const struct modbus_message *m, struct program_time time, struct match *ret);

/* A request of which only `have` is known: can it still become an allowed one? */
void match_modbus_start(const struct program *p, const struct program_conduit *c,
			const struct modbus_message *m, enum modbus_have have,
			struct program_time time, struct match *ret);

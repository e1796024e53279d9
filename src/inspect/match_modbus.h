/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Is a Modbus request allowed? It is when one entry of one open rule of its conduit covers all of it.
 * When not, the reason is that of the entry that came nearest.
 */
#include "inspect/match.h"
#include "inspect/program.h"
#include "protocol/modbus.h"

/* A whole request. */
void match_modbus(const struct program *p, const struct program_conduit *c,
		  const struct modbus_message *m, struct program_time time, struct match *ret);

/* A request of which only `have` is known: can it still become an allowed one? */
void match_modbus_start(const struct program *p, const struct program_conduit *c,
			const struct modbus_message *m, enum modbus_have have,
			struct program_time time, struct match *ret);

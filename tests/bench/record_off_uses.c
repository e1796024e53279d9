/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In place of src/inspect/uses.c, for tests/bench/record: counts nothing. */
#include "inspect/uses.h"

#include <stddef.h>

struct core_event *parts_add(struct parts *parts)
{
	return NULL;
}

void uses_count(struct core_state *core, struct core_event *what, bool observed)
{
}

void uses_carry(struct core_state *core, bool (*stays)(struct core_use *use))
{
}

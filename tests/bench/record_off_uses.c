/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In place of src/inspect/uses.c, for tests/bench/record: counts nothing. */
#include "inspect/uses.h"

void uses_note(struct core_state *core, const struct use_key *key, use_teller *tell, const void *context)
{
}

void uses_forget(struct core_state *core)
{
}

void uses_count_noted(struct core_state *core)
{
}

void uses_count(struct core_state *core, struct core_event *what, bool observed)
{
}

void uses_carry(struct core_state *core, bool (*stays)(struct core_use *use))
{
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Who is at the box, and what the change log says of what was done. */
#include "bundle/envelope.h"
#include "record/change_log.h"

/* The account's name, the one behind sudo where there is one. In the arena. */
const char *actor_user(struct arena *arena);

/* Everybody who signed. */
void actor_signers(const struct envelope *envelope, struct change *change);

/* Appends to the log; where that fails it says so on stderr, since what was done is done. */
void actor_record(const char *state, const struct change *change);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* What `plan` says, for people and for programs. */
#include "policy/diff.h"

void plan_print(const struct diff *diff, struct arena *arena);
void plan_write(const struct diff *diff, const char *site, const char *against);

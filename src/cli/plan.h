/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* What `plan` says, for people and for programs. */
#include "cli/site_input.h"
#include "policy/diff.h"

void plan_print(const struct diff *diff, struct arena *arena);
void plan_write(const struct diff *diff, const char *site, const char *against);

/* Compiles both and says what differs; `before` may be none. An exit code. */
int plan_compare(const struct context *context, struct site_input *before, struct site_input *after, int64_t at);

/* `against`, or what is in force when it is NULL. An exit code. */
int plan_read_before(const struct context *context, const char *command, const char *against, struct arena *arena,
		     struct site_input *ret);

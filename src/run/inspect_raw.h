/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Sends the packets that the gate makes, whose addresses judge.c has written. */
#include <stdbool.h>

#include "inspect/core.h"

/* False when the kernel did not take it; the gate's timers send again what is not acknowledged. */
bool raw_send(const struct core_made *made);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Modbus messages as lines of decode and replay; the members are listed in docs/decode.md. */
#include "cli/traffic.h"

bool modbus_plausible(const uint8_t *frame, size_t len, bool request, bool anywhere);
enum reason modbus_write(struct writer *w, const struct message *message);
enum reason modbus_print(FILE *out, const struct message *message);

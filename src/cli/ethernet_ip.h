/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* One EtherNet/IP message for decode and replay: see struct protocol (traffic.h). */
#include "cli/traffic.h"

bool enip_plausible(const uint8_t *frame, size_t len, bool request, bool anywhere);
enum reason enip_write(struct writer *w, const struct message *message);
enum reason enip_print(FILE *out, const struct message *message);

/* Datagrams of UDP 2222. */
enum reason enip_io_write(struct writer *w, const struct message *message);
enum reason enip_io_print(FILE *out, const struct message *message);

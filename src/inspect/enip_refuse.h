/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The answer to a denied EtherNet/IP request, as its client expects it: the CIP general status, or the
 * encapsulation's own status where no CIP reply can be.
 */
#include "inspect/app.h"

/* To the message p, at most INSERTED_MAX bytes; returns how many, 0: the command is never answered. */
uint32_t enip_refuse(const struct decision *d, const uint8_t *p, size_t len, uint8_t *out);

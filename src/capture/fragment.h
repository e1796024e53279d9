/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Puts fragmented IP datagrams of a capture together. The first copy of a byte wins. A fixed number
 * of datagrams is kept; the oldest unfinished one makes room.
 */
#include "capture/headers.h"

struct fragments;

/* NULL: no memory. */
struct fragments *fragments_new(void);

/*
 * Adds a fragment. True when its datagram is complete: *ret is the whole of it, its payload valid
 * until the next call.
 */
bool fragments_add(struct fragments *fragments, const struct ip_part *part, struct ip_part *ret);

void fragments_free(struct fragments *fragments);

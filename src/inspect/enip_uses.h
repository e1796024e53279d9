/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What tells one CIP request from another in the table of uses: its own bytes as far as they say what is asked for,
 * the way it takes, and the name behind a number. No text is written. Exact, but for requests of more than
 * USE_BYTES_MAX bytes and ways of more than two hops: what is more is told apart by a digest.
 */
#include "inspect/match_cip.h"
#include "inspect/uses.h"

/* The way through the backplane, behind both routes. */
uint64_t enip_use_way(const struct cip_path *const routes[2]);

/* `space` is where bytes are put together, for as long as the key is used. */
void enip_use_key(const struct cip_question *q, const struct cip_request *r, uint16_t command, uint64_t way,
		  uint32_t rule, enum reason reason, uint8_t space[static USE_BYTES_MAX], struct use_key *ret);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The sets and maps of the ruleset's text with their rows. Beside those of shape.h it has two of its own: nft
 * gives what an ICMP error quotes no types, so it cannot look that up in the maps of conduits; the text writes
 * the same rows once more, as plain numbers. Netlink looks in one map for both.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "policy/ruleset.h"

/* Inside the table: every set's declaration and its rows. */
void nft_sets_write(const struct ruleset *ruleset, FILE *out);

/* Behind the table, in the same transaction: rows for which one list would be too long for nft. */
void nft_sets_write_rest(const struct ruleset *ruleset, FILE *out);

/* The look-up of what an ICMP error quotes, "KEY map @NAME". reversed: it was sent by the device. */
void nft_put_quoted_look_up(FILE *out, uint32_t family, bool reversed);

/* Text inside quotes or a comment: nothing that ends it. */
void nft_put_plain(FILE *out, const char *text);

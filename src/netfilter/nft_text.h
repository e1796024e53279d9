/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The ruleset as text for `nft -f`, commented for reading; loading it replaces the gate's table in one
 * transaction and touches no other. The same ruleset gives the same bytes. Times are seconds UTC.
 */
#include <stdio.h>

#include "netfilter/shape.h"
#include "policy/ruleset.h"

/*
 * kernel: for which kernel; NULL writes the portable form with nft's `queue`. For a kernel without that
 * expression the text drops what should be inspected (nft cannot write the xtables target) and says so.
 * Write errors are left in the stream for the caller's ferror().
 */
void nft_text_write(const struct ruleset *ruleset, const struct netfilter_kernel *kernel, FILE *out);

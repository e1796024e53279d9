/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Gives up every right that the inspector does not need, for good: from then on the process holds
 * CAP_NET_ADMIN and nothing else, is nobody, dies with its parent, and can make only the system calls
 * that move packets. Anything else kills it.
 */
#include <sys/types.h>

/*
 * Descriptors below keep_first and from keep_end on are closed. Returns 0, or negative errno and the
 * step that failed in *ret_step (a literal): the caller must then end.
 */
__attribute__((warn_unused_result))
int inspect_confine(unsigned keep_first, unsigned keep_end, pid_t parent, const char **ret_step);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Starts gatehouse-inspect in one of its roles: by descriptor, with the descriptors of run/channel.h at their
 * numbers, no environment and no blocked signals.
 */
#include <sys/types.h>

#include "run/channel.h"

/*
 * The program beside the running one, to be opened once: a new version on disk is never mixed with the memory
 * layout of this one. A descriptor or negative errno.
 */
__attribute__((warn_unused_result)) int spawn_program(void);

/* fds: by enum inspect_descriptor, -1 = not given; they stay the caller's. role: INSPECT_KEEP and the like. */
__attribute__((warn_unused_result))
int spawn(int program_fd, const int fds[static INSPECT_END], const char *role, pid_t *ret_pid,
	  int *ret_pid_fd);

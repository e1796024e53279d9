/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Whole files: bounded reading and atomic replacement. Failures are negative errno values. */
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

/*
 * Reads a regular file of at most `max` bytes into the arena, with a NUL behind it. -EFBIG when it is
 * larger, -EINVAL when it is not a regular file.
 */
__attribute__((warn_unused_result))
int file_read(const char *path, size_t max, struct arena *arena, char **ret_bytes, size_t *ret_len);

/*
 * Replaces `path` by these bytes: written beside it, synced, renamed, the folder synced. A crash leaves
 * the old content or the new one. `mode` as for open().
 */
__attribute__((warn_unused_result))
int file_replace(const char *path, const void *bytes, size_t len, unsigned mode);

/* Removes what replacements that a crash cut short left in a folder. None must be under way there. */
void file_sweep(const char *folder);

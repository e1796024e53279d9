/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Bytes that nobody else may see: in memory that is locked, between guard pages, left out of core dumps,
 * and wiped when it is freed. Where the system does not allow that there is none.
 */
#include <stddef.h>
#include <stdint.h>

struct secret {
	uint8_t *bytes; /* NULL: none */
	size_t size;
};

/* -ENOMEM: no memory that can be locked (`ulimit -l`). */
__attribute__((warn_unused_result)) int secret_new(size_t size, struct secret *ret);
void secret_free(struct secret *secret);

#define SECRET_LINE_MAX 1024u
/*
 * A line from a descriptor, without its newline, byte by byte: what is behind it stays unread. -EMSGSIZE:
 * longer than SECRET_LINE_MAX; -ENODATA: nothing is there.
 */
__attribute__((warn_unused_result)) int secret_read_line(int fd, struct secret *ret);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* UTF-8, strictly (RFC 3629): for showing text that others wrote. Nothing here allocates. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Bytes of the character at p (1-4), of which `len` bytes are there, and its code point; 0 when no
 * valid character stands there.
 */
size_t utf8_next(const char *p, size_t len, uint32_t *ret_code);

/* Characters in len bytes of valid text. */
size_t utf8_count(const char *p, size_t len);

/* A character that would move a terminal's cursor or turn the direction of its text. */
bool utf8_is_control(uint32_t code);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Base64 with padding (RFC 4648, section 4), strictly: one text for one sequence of bytes. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

char *base64_encode(const void *bytes, size_t len, struct arena *arena);

/* With a NUL behind the bytes; NULL when the text is anything else. */
uint8_t *base64_decode(const char *text, struct arena *arena, size_t *ret_len);

/* Exactly `len` bytes. */
bool base64_decode_into(const char *text, uint8_t *ret, size_t len);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* SHA-256, as lower-case hexadecimal text: what names content in bundles, slots and the change log. */
#include <stdbool.h>
#include <stddef.h>

#define DIGEST_SIZE 65u /* 64 digits and a NUL */

void digest_of(const void *bytes, size_t len, char ret[static DIGEST_SIZE]);

/* Is it 64 lower-case hexadecimal digits? */
bool digest_is_one(const char *text);

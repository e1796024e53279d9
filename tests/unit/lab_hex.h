/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Messages written by hand, as hexadecimal text with spaces, in blocks of their exact size. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define TAG "9103 616263 00" /* the path of the tag abc */

static inline unsigned nibble(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static inline size_t bytes_of(const char *hex, uint8_t *out)
{
	size_t n = 0;

	for (; *hex; hex++) {
		if (*hex == ' ')
			continue;
		out[n++] = (uint8_t)(nibble(hex[0]) << 4 | nibble(hex[1]));
		hex++;
	}
	return n;
}

/* A copy that ends where its heap block ends, so that the sanitizer sees a read beyond it. */
static inline uint8_t *exactly(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	if (!copy)
		abort();
	memcpy(copy, bytes, len);
	return copy;
}

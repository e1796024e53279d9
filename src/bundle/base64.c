/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bundle/base64.h"

#include <sodium.h>
#include <string.h>

#define VARIANT sodium_base64_VARIANT_ORIGINAL

char *base64_encode(const void *bytes, size_t len, struct arena *arena)
{
	size_t size = sodium_base64_ENCODED_LEN(len, VARIANT);
	char *text = arena_alloc(arena, size);

	return sodium_bin2base64(text, size, bytes, len, VARIANT);
}

/* libsodium wants to say where it stopped, or fails on what is behind. */
static bool decode(const char *text, uint8_t *bytes, size_t most, size_t *ret_len)
{
	return sodium_base642bin(bytes, most, text, strlen(text), NULL, ret_len, NULL, VARIANT) == 0;
}

uint8_t *base64_decode(const char *text, struct arena *arena, size_t *ret_len)
{
	size_t most = strlen(text) / 4 * 3 + 3;
	uint8_t *bytes = arena_alloc(arena, most + 1);

	return decode(text, bytes, most, ret_len) ? bytes : NULL;
}

bool base64_decode_into(const char *text, uint8_t *ret, size_t len)
{
	size_t have;

	return decode(text, ret, len, &have) && have == len;
}

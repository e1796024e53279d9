/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bundle/digest.h"

#include <sodium.h>
#include <string.h>

void digest_of(const void *bytes, size_t len, char ret[static DIGEST_SIZE])
{
	unsigned char hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(hash, bytes, len);
	sodium_bin2hex(ret, DIGEST_SIZE, hash, sizeof(hash));
}

bool digest_is_one(const char *text)
{
	return strlen(text) == DIGEST_SIZE - 1 && strspn(text, "0123456789abcdef") == DIGEST_SIZE - 1;
}

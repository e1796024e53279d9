/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bundle/key.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

_Static_assert(KEY_SIZE == crypto_sign_PUBLICKEYBYTES && KEY_SIZE == crypto_sign_SEEDBYTES, "Ed25519");
_Static_assert(SIGNATURE_SIZE == crypto_sign_BYTES, "Ed25519");

void key_id(const struct public_key *key, char ret[static KEY_ID_SIZE])
{
	unsigned char hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(hash, key->bytes, sizeof(key->bytes));
	sodium_bin2hex(ret, KEY_ID_SIZE, hash, (KEY_ID_SIZE - 1) / 2);
}

bool key_id_is_one(const char *text)
{
	return strlen(text) == KEY_ID_SIZE - 1 && strspn(text, "0123456789abcdef") == KEY_ID_SIZE - 1;
}

bool key_is_usable(const struct public_key *key)
{
	return crypto_core_ed25519_is_valid_point(key->bytes) == 1;
}

/* The pair as libsodium signs with it. */
static int expand(const struct secret *seed, struct public_key *ret_public, struct secret *ret_pair)
{
	int r = secret_new(crypto_sign_SECRETKEYBYTES, ret_pair);

	if (r == 0)
		crypto_sign_seed_keypair(ret_public->bytes, ret_pair->bytes, seed->bytes);
	return r;
}

int key_from_seed(struct secret *seed, struct private_key *ret)
{
	struct secret pair;
	int r = expand(seed, &ret->public, &pair);

	if (r < 0) {
		secret_free(seed);
		return r;
	}
	secret_free(&pair);
	ret->seed = *seed;
	*seed = (struct secret){ 0 };
	return 0;
}

int key_make(struct private_key *ret)
{
	struct secret seed;
	int r = secret_new(KEY_SIZE, &seed);

	if (r < 0)
		return r;
	randombytes_buf(seed.bytes, seed.size);
	return key_from_seed(&seed, ret);
}

void key_free(struct private_key *key)
{
	secret_free(&key->seed);
}

int key_sign(const struct private_key *key, const void *message, size_t len,
	     uint8_t ret[static SIGNATURE_SIZE])
{
	struct public_key public;
	struct secret pair;
	int r = expand(&key->seed, &public, &pair);

	if (r < 0)
		return r;
	crypto_sign_detached(ret, NULL, message, len, pair.bytes);
	secret_free(&pair);
	return 0;
}

bool key_verify(const struct public_key *key, const void *message, size_t len,
		const uint8_t signature[static SIGNATURE_SIZE])
{
	return crypto_sign_verify_detached(signature, message, len, key->bytes) == 0;
}

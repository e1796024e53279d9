/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Ed25519 keys. A key's id is the first 128 bits of the SHA-256 of its public half, in hexadecimal. The private
 * half is a seed that lives in a struct secret and nowhere else.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundle/secret.h"

#define KEY_SIZE 32u        /* of a public key, and of a seed */
#define SIGNATURE_SIZE 64u
#define KEY_ID_SIZE 33u     /* 32 digits and a NUL */

struct public_key {
	uint8_t bytes[KEY_SIZE];
};

struct private_key {
	struct secret seed;
	struct public_key public;
};

void key_id(const struct public_key *key, char ret[static KEY_ID_SIZE]);
bool key_id_is_one(const char *text);

/* Is it a point of the curve that may be a key? A few are such that anybody can sign for them. */
bool key_is_usable(const struct public_key *key);

/* Makes one. Negative errno as of secret_new(). */
__attribute__((warn_unused_result)) int key_make(struct private_key *ret);

/* Takes a seed over; negative errno as above. The seed is freed in any case but success. */
__attribute__((warn_unused_result)) int key_from_seed(struct secret *seed, struct private_key *ret);
void key_free(struct private_key *key);

__attribute__((warn_unused_result))
int key_sign(const struct private_key *key, const void *message, size_t len,
	     uint8_t ret[static SIGNATURE_SIZE]);
bool key_verify(const struct public_key *key, const void *message, size_t len,
		const uint8_t signature[static SIGNATURE_SIZE]);

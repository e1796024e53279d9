/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Ed25519 keys in the form that other programs read and write (RFC 8410, in PEM): public keys as
 * SubjectPublicKeyInfo, private ones as PKCS #8 without a passphrase. Only this exact form is taken.
 */
#include "base/arena.h"
#include "bundle/key.h"

/* "-----BEGIN PUBLIC KEY-----", ... with a newline at the end. */
char *pem_public(const struct public_key *key, struct arena *arena);

/* PEM, or only what stands between its lines. */
bool pem_parse_public(const char *text, struct arena *arena, struct public_key *ret);

/* A seed out of "-----BEGIN PRIVATE KEY-----"; `text` is wiped. -EBADMSG: it is not one; else as secret_new(). */
__attribute__((warn_unused_result))
int pem_take_seed(char *text, size_t len, struct secret *ret);

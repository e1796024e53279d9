/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A DSSE envelope: a canonical payload, its type, and signatures over both. The file must be its own canonical form,
 * signatures sorted by key id and none twice, so that there is one file for one set of signatures. Who may
 * sign is the trust document's to say (bundle/judge.h).
 */
#include "base/arena.h"
#include "base/diag.h"
#include "bundle/digest.h"
#include "bundle/key.h"
#include "json/value.h"

#define ENVELOPE_MAX (64u << 20) /* bytes of a file */
#define SIGNATURES_MAX 32u

enum payload_type { PAYLOAD_BUNDLE, PAYLOAD_TRUST, PAYLOAD_DECISION, PAYLOAD_GRANT, PAYLOAD_IMAGE, PAYLOAD_TYPES };

/* "bundle", ... for messages. */
const char *payload_name(enum payload_type type);

struct signature {
	char key_id[KEY_ID_SIZE];
	uint8_t bytes[SIGNATURE_SIZE];
};

struct envelope {
	const char *file;            /* for findings */
	enum payload_type type;
	const char *payload;         /* canonical JSON, and a NUL behind it */
	size_t payload_len;
	const struct value *value;   /* the payload's, an object */
	const char *signed_bytes;    /* type and payload, as they are signed */
	size_t signed_len;
	struct signature signatures[SIGNATURES_MAX]; /* sorted by key_id */
	size_t signature_count;
	char digest[DIGEST_SIZE];    /* of the payload: who signs later changes the file, not this */
};

/* A new one, not signed; `payload` is any JSON text of it. False: it has no canonical form. */
bool envelope_make(enum payload_type type, const char *payload, struct arena *arena, struct envelope *ret);

/* Of bytes that were read; the text must outlive it. False with a finding. */
bool envelope_parse(const char *file, const char *text, size_t len, enum payload_type type,
		    struct arena *arena, struct diag_list *diags, struct envelope *ret);

/* Reads the file once. False with a finding. */
bool envelope_read(const char *path, enum payload_type type, struct arena *arena, struct diag_list *diags,
		   struct envelope *ret);

/* The file's bytes. */
char *envelope_text(const struct envelope *envelope, struct arena *arena, size_t *ret_len);

/* Puts a signature in, or in place of the key's former one. -ENOSPC: there are too many; else as key_sign(). */
__attribute__((warn_unused_result))
int envelope_sign(struct envelope *envelope, const struct private_key *key);

bool envelope_verify(const struct envelope *envelope, const struct signature *signature,
		     const struct public_key *key);

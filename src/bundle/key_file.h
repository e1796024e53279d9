/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A private key on disk: its seed sealed with a passphrase (Argon2id, XChaCha20-Poly1305), everything else of the
 * file authenticated with it. A file that others could read, or that is not the caller's, is not opened.
 */
#include "base/arena.h"
#include "base/diag.h"
#include "bundle/key.h"

#define PASSPHRASE_LEAST 12u /* bytes */

/* What trying one passphrase costs: memory and time. KEY_COST_NORMAL: 256 MiB and about a second. */
enum key_cost { KEY_COST_LOW = 1, KEY_COST_NORMAL, KEY_COST_HIGH };

/* -ENOMEM: not enough of it, or none that can be locked; -EEXIST: there is such a file; else negative errno. */
__attribute__((warn_unused_result))
int key_file_write(const char *path, const struct private_key *key, const struct secret *passphrase,
		   enum key_cost cost);

/* As above over a file that is there, all of it or nothing. */
__attribute__((warn_unused_result))
int key_file_rewrite(const char *path, const struct private_key *key, const struct secret *passphrase,
		     enum key_cost cost);

/* What can be seen without the passphrase. */
struct key_file {
	const char *path;
	struct public_key public;
	const struct value *value; /* the whole file */
};

/* False with a finding: "key-file" (what it is not, or whose), with what to do. */
bool key_file_read(const char *path, struct arena *arena, struct diag_list *diags, struct key_file *ret);

/* False with a finding: "passphrase" when it is another one, or "key-file". */
bool key_file_open(const struct key_file *file, const struct secret *passphrase, struct arena *arena,
		   struct diag_list *diags, struct private_key *ret);

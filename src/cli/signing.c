/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/signing.h"

#include <stdio.h>

#include "base/failure.h"
#include "base/file.h"
#include "bundle/key_file.h"
#include "bundle/trust_store.h"
#include "cli/passphrase.h"

bool signing_is_box(const struct context *context)
{
	if (!trust_store_exists(context->state))
		return false;
	fprintf(stderr, "gatehouse: this machine is a gate (%s/" TRUST_FILE " is there): private keys are made and used "
		"on the laptop of who signs, never here\n", context->state);
	return true;
}

bool signing_open(const char *path, int passphrase_fd, struct arena *arena, struct diag_list *diags,
		  struct private_key *ret)
{
	struct secret passphrase;
	struct key_file file;
	bool good;

	if (!key_file_read(path, arena, diags, &file) || !passphrase_ask(path, passphrase_fd, &passphrase))
		return false;
	good = key_file_open(&file, &passphrase, arena, diags, ret);
	secret_free(&passphrase);
	return good;
}

int signing_write(struct envelope *envelope, const struct private_key *key, const char *out, struct arena *arena)
{
	int r = envelope_sign(envelope, key);
	const char *text;
	size_t len;

	if (r < 0) {
		fprintf(stderr, "gatehouse: it cannot be signed: %s\n", failure_text(r));
		return EXIT_SYSTEM;
	}
	text = envelope_text(envelope, arena, &len);
	r = file_replace(out, text, len, 0644);
	if (r < 0)
		fprintf(stderr, "gatehouse: cannot write %s: %s\n", out, failure_text(r));
	return r < 0 ? EXIT_SYSTEM : EXIT_CLEAN;
}

int signing_sign(struct envelope *envelope, const char *key_path, int passphrase_fd, const char *out,
		 struct arena *arena, struct diag_list *diags)
{
	struct private_key key;
	int code;

	if (!signing_open(key_path, passphrase_fd, arena, diags, &key))
		return EXIT_FINDINGS;
	code = signing_write(envelope, &key, out, arena);
	key_free(&key);
	return code;
}

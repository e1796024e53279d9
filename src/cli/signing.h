/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* What every command does that signs something. All of it is done on a laptop. */
#include "bundle/envelope.h"
#include "cli/command.h"

/* A box that has a trust document is a gate, where no private key belongs: true, and said on stderr. */
bool signing_is_box(const struct context *context);

/* Reads a key file and opens it with the passphrase that is asked for. False: said, or with findings. */
bool signing_open(const char *path, int passphrase_fd, struct arena *arena, struct diag_list *diags,
		  struct private_key *ret);

/* Signs with a key and writes the envelope. An exit code; what is wrong was said. */
int signing_write(struct envelope *envelope, const struct private_key *key, const char *out, struct arena *arena);

/* Signs with a key file and writes the envelope. An exit code; what is wrong was said, or is a finding. */
int signing_sign(struct envelope *envelope, const char *key_path, int passphrase_fd, const char *out,
		 struct arena *arena, struct diag_list *diags);

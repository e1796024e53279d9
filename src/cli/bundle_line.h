/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* The line of `gatehouse bundle VERB`, and what the verbs that make bundles share. Inside cli/bundle*.c only. */
#include <stdint.h>

#include "bundle/key.h"
#include "cli/site_input.h"

struct bundle_line {
	const struct context *context;
	const char *file, *second; /* what stands there without an option */
	const char *out, *key, *trust_path, *against, *note, *last;
	int64_t serial, reset_from;
	int64_t valid; /* seconds */
	int passphrase_fd;
	struct arena arena;
	struct diag_list diags;
	struct site_input input;
};

/* Reads it; `two`: it wants two files. An exit code. */
int bundle_line_read(struct bundle_line *l, const struct context *context, int argc, char **argv, bool two);

/* Prints what was found and forgets everything; returns the code. */
int bundle_line_leave(struct bundle_line *l, int code);

/* Out of what l->input compiled to, with l's serial and note: l->input's envelope and bundle. An exit code. */
int bundle_make(struct bundle_line *l, const struct public_key *proposer);

/* The verb `update`. */
int bundle_update_run(const struct context *context, int argc, char **argv);

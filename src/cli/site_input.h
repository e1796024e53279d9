/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A site that a command is given: a folder, a bundle, or what is in force on this box. Functions return an exit code
 * and have said what is wrong, as "gatehouse COMMAND: ...".
 */
#include "bundle/bundle.h"
#include "cli/command.h"
#include "policy/compile.h"
#include "policy/documents.h"

struct site_input {
	const char *command; /* for messages */
	const char *name;    /* as it was given, or "what is in force" */
	struct arena *arena;
	struct diag_list diags;
	bool in_force;
	bool present;        /* there is one: of what is in force there may be none */
	struct documents documents;
	struct envelope *envelope; /* of a bundle; NULL: a folder */
	struct bundle *bundle;
	struct compiled compiled;  /* after site_input_compile() */
};

/* A folder or a bundle. The signatures of a bundle are not judged here. */
int site_input_read(struct site_input *input, const char *command, const char *path, struct arena *arena);

/* What is in force; that nothing is, is no error. */
int site_input_in_force(struct site_input *input, const struct context *context, const char *command,
			struct arena *arena);

/* As of `at`, seconds UTC. Warnings are not shown. */
int site_input_compile(struct site_input *input, int64_t at);

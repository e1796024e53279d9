/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/site_input.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/failure.h"
#include "run/bundle_site.h"
#include "run/in_force.h"

static int print_findings(struct site_input *input, int code)
{
	diag_show(&input->diags);
	return code;
}

static int system_error(const struct site_input *input, const char *path, int error)
{
	fprintf(stderr, "gatehouse %s: cannot read %s: %s\n", input->command, path, failure_text(error));
	return EXIT_SYSTEM;
}

static void begin(struct site_input *input, const char *command, const char *name, struct arena *arena)
{
	*input = (struct site_input){ .command = command, .name = name, .arena = arena };
	diag_init(&input->diags, arena);
}

static int read_bundle(struct site_input *input, const char *path)
{
	input->envelope = arena_alloc(input->arena, sizeof(*input->envelope));
	input->bundle = arena_alloc(input->arena, sizeof(*input->bundle));
	if (!envelope_read(path, PAYLOAD_BUNDLE, input->arena, &input->diags, input->envelope) ||
	    !bundle_from(input->envelope, input->arena, &input->diags, input->bundle))
		return print_findings(input, EXIT_FINDINGS);
	bundle_site_documents(input->bundle, input->arena, &input->documents);
	return EXIT_CLEAN;
}

int site_input_read(struct site_input *input, const char *command, const char *path, struct arena *arena)
{
	struct stat st;
	int r;

	begin(input, command, path, arena);
	input->present = true;
	if (stat(path, &st) < 0)
		return system_error(input, path, -errno);
	if (!S_ISDIR(st.st_mode))
		return read_bundle(input, path);
	r = documents_read(path, arena, &input->diags, &input->documents);
	return r < 0 ? system_error(input, path, r) : EXIT_CLEAN;
}

int site_input_in_force(struct site_input *input, const struct context *context, const char *command,
			struct arena *arena)
{
	struct in_force in_force;
	int r;

	begin(input, command, "what is in force", arena);
	input->in_force = true;
	r = in_force_load(context->state, NULL, arena, &input->diags, &in_force);
	if (r == -ENOENT)
		return EXIT_CLEAN;
	if (r < 0)
		return system_error(input, in_force.path, r);
	input->present = true;
	input->documents = in_force.documents;
	input->bundle = in_force.bundle;
	return EXIT_CLEAN;
}

int site_input_compile(struct site_input *input, int64_t at)
{
	if (!input->present || (compile_site(&input->documents, at, NULL, 0, input->arena, &input->diags,
					     &input->compiled) && !input->diags.errors))
		return EXIT_CLEAN;
	print_findings(input, EXIT_FINDINGS);
	fprintf(stderr, "gatehouse %s: %s has errors\n", input->command, input->name);
	return EXIT_FINDINGS;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/calendar.h"
#include "bundle/key_file.h"
#include "bundle/trust_store.h"
#include "cli/bundle_line.h"
#include "cli/bundle_show.h"
#include "cli/plan.h"
#include "cli/signing.h"
#include "cli/verbs.h"
#include "policy/model.h"
#include "run/bundle_site.h"

/* ---- what it says, and whether that is so ---- */

static int read_input(struct bundle_line *l)
{
	int code = site_input_read(&l->input, "bundle", l->file, &l->arena);

	if (code != EXIT_CLEAN || l->input.bundle)
		return code;
	fprintf(stderr, "gatehouse bundle: %s is a folder; `bundle create` makes a bundle of it\n", l->file);
	return EXIT_FINDINGS;
}

/* G1: what is signed is what this program compiles. */
static int check_permits(struct bundle_line *l)
{
	int code = site_input_compile(&l->input, time(NULL));

	if (code == EXIT_CLEAN && !bundle_site_check(l->input.bundle, &l->input.compiled, DIAG_ERROR, &l->diags))
		code = EXIT_FINDINGS;
	return code;
}

/* The one named, else that of the box; none is no error. */
static int read_trust(struct bundle_line *l, struct trust **ret)
{
	struct trust *trust = arena_alloc(&l->arena, sizeof(*trust));
	struct envelope *envelope = arena_alloc(&l->arena, sizeof(*envelope));
	int r = 0;

	*ret = NULL;
	if (!l->trust_path)
		r = trust_store_load(l->context->state, &l->arena, &l->diags, trust);
	else if (!envelope_read(l->trust_path, PAYLOAD_TRUST, &l->arena, &l->diags, envelope) ||
		 !trust_from(envelope, &l->arena, &l->diags, trust))
		r = -EBADMSG;
	if (r == 0)
		*ret = trust;
	return r == 0 || r == -ENOENT ? EXIT_CLEAN : EXIT_FINDINGS;
}

static int show_plan(struct bundle_line *l)
{
	struct site_input before;
	int code = plan_read_before(l->context, "bundle", l->against, &l->arena, &before);

	if (code != EXIT_CLEAN || l->context->json)
		return code;
	putchar('\n');
	return plan_compare(l->context, &before, &l->input, time(NULL));
}

/* ---- create ---- */

static void copy_documents(const struct documents *from, struct arena *arena, struct bundle *ret)
{
	ret->document_count = from->count;
	ret->documents = arena_array(arena, from->count, sizeof(*ret->documents));
	for (size_t i = 0; i < from->count; i++)
		ret->documents[i] = (struct bundle_document){ from->items[i].path, from->items[i].text,
							      from->items[i].len };
}

int bundle_make(struct bundle_line *l, const struct public_key *proposer)
{
	struct bundle bundle = { .serial = l->serial, .reset_from = l->reset_from, .note = l->note,
				 .site = l->input.compiled.site->id, .permits_format = PERMITS_FORMAT,
				 .apply_by = (time(NULL) + l->valid) / CALENDAR_DAY_SECONDS };
	struct envelope *envelope = arena_alloc(&l->arena, sizeof(*envelope));
	struct bundle *made = arena_alloc(&l->arena, sizeof(*made));
	char id[KEY_ID_SIZE], permits[DIGEST_SIZE];
	const char *text;

	if (bundle_site_digest(&l->input.compiled, permits) < 0)
		return EXIT_SYSTEM;
	key_id(proposer, id);
	bundle.proposer = id;
	bundle.permits = permits;
	copy_documents(&l->input.documents, &l->arena, &bundle);
	text = bundle_payload(&bundle, time(NULL), &l->arena);
	if (!text || !envelope_make(PAYLOAD_BUNDLE, text, &l->arena, envelope) ||
	    !bundle_from(envelope, &l->arena, &l->diags, made))
		return EXIT_FINDINGS;
	l->input.envelope = envelope;
	l->input.bundle = made;
	return EXIT_CLEAN;
}

static int create_over(struct bundle_line *l)
{
	struct key_file key;
	int code = site_input_read(&l->input, "bundle", l->file, &l->arena);

	if (code == EXIT_CLEAN)
		code = site_input_compile(&l->input, time(NULL));
	if (code != EXIT_CLEAN)
		return code;
	if (!key_file_read(l->key, &l->arena, &l->diags, &key))
		return EXIT_FINDINGS;
	code = bundle_make(l, &key.public);
	if (code == EXIT_CLEAN)
		code = signing_sign(l->input.envelope, l->key, l->passphrase_fd, l->out, &l->arena, &l->diags);
	if (code == EXIT_CLEAN)
		bundle_show(&l->input, NULL, l->context->json);
	return code;
}

static int create_run(const struct context *context, int argc, char **argv)
{
	struct bundle_line l;
	int code = bundle_line_read(&l, context, argc, argv, false);

	if (code == EXIT_CLEAN && (!l.serial || !l.key || !l.out))
		code = usage_error(&command_bundle, "create wants --serial N, --key KEY and -o FILE");
	if (code == EXIT_CLEAN && signing_is_box(context))
		code = EXIT_FINDINGS;
	return bundle_line_leave(&l, code == EXIT_CLEAN ? create_over(&l) : code);
}

/* ---- sign: shown and compiled first, so that nobody signs what they have not seen ---- */

static int sign_run(const struct context *context, int argc, char **argv)
{
	struct bundle_line l;
	int code = bundle_line_read(&l, context, argc, argv, false);

	if (code == EXIT_CLEAN && !l.key)
		code = usage_error(&command_bundle, "sign wants --key KEY");
	if (code == EXIT_CLEAN && signing_is_box(context))
		code = EXIT_FINDINGS;
	if (code == EXIT_CLEAN)
		code = read_input(&l);
	if (code == EXIT_CLEAN)
		code = check_permits(&l);
	if (code != EXIT_CLEAN)
		return bundle_line_leave(&l, code);
	bundle_show(&l.input, NULL, context->json);
	code = l.against ? show_plan(&l) : EXIT_CLEAN;
	if (code != EXIT_CLEAN)
		return bundle_line_leave(&l, code);
	code = signing_sign(l.input.envelope, l.key, l.passphrase_fd, l.out ? l.out : l.file, &l.arena, &l.diags);
	return bundle_line_leave(&l, code);
}

/* ---- verify, show, diff ---- */

static int verify_over(struct bundle_line *l)
{
	struct trust *trust;
	int code = read_input(l);

	if (code == EXIT_CLEAN)
		code = read_trust(l, &trust);
	if (code != EXIT_CLEAN)
		return code;
	if (!trust) {
		fputs("gatehouse bundle: whose signatures count? --trust FILE says so\n", stderr);
		return EXIT_FINDINGS;
	}
	if (!bundle_judge(l->input.envelope, l->input.bundle, trust, time(NULL) / CALENDAR_DAY_SECONDS, &l->diags))
		code = EXIT_FINDINGS;
	if (check_permits(l) != EXIT_CLEAN)
		code = EXIT_FINDINGS;
	if (code == EXIT_CLEAN)
		bundle_show(&l->input, trust, l->context->json);
	return code;
}

static int verify_run(const struct context *context, int argc, char **argv)
{
	struct bundle_line l;
	int code = bundle_line_read(&l, context, argc, argv, false);

	return bundle_line_leave(&l, code == EXIT_CLEAN ? verify_over(&l) : code);
}

static int show_over(struct bundle_line *l)
{
	struct trust *trust;
	int code = read_input(l);

	if (code == EXIT_CLEAN)
		code = read_trust(l, &trust);
	if (code != EXIT_CLEAN)
		return code;
	bundle_show(&l->input, trust, l->context->json);
	return show_plan(l);
}

static int show_run(const struct context *context, int argc, char **argv)
{
	struct bundle_line l;
	int code = bundle_line_read(&l, context, argc, argv, false);

	return bundle_line_leave(&l, code == EXIT_CLEAN ? show_over(&l) : code);
}

static int diff_run(const struct context *context, int argc, char **argv)
{
	struct site_input before, after;
	struct bundle_line l;
	int code = bundle_line_read(&l, context, argc, argv, true);

	if (code == EXIT_CLEAN)
		code = site_input_read(&before, "bundle", l.file, &l.arena);
	if (code == EXIT_CLEAN)
		code = site_input_read(&after, "bundle", l.second, &l.arena);
	if (code == EXIT_CLEAN)
		code = plan_compare(context, &before, &after, time(NULL));
	return bundle_line_leave(&l, code);
}

static int bundle_run(const struct context *context, int argc, char **argv)
{
	static const struct verb verbs[] = {
		{ "create", create_run }, { "update", bundle_update_run }, { "sign", sign_run },
		{ "verify", verify_run }, { "show", show_run }, { "diff", diff_run },
	};

	return verbs_run(&command_bundle, verbs, sizeof(verbs) / sizeof(verbs[0]), context, argc, argv);
}

const struct command command_bundle = {
	.name = "bundle",
	.arguments = "create DIR --serial N --key KEY -o FILE | "
		     "update REPOSITORY --last FOLDER --key KEY -o FOLDER | sign FILE --key KEY | verify FILE | show FILE | "
		     "diff A B",
	.summary = "a site folder in one signed file, as a box with a trust document wants it",
	.help = "  create  compiles the site folder and signs it as who proposes it\n"
		"  update  the same for each site folder in REPOSITORY that is not as in its last bundle, FOLDER/SITE.bundle:\n"
		"          with the next serial, as SITE.bundle in the folder after -o\n"
		"  sign    compiles it, compares the permit list, shows it, then asks for the passphrase and signs\n"
		"  verify  everything that the box will check but the serial: signatures, threshold, dates, permit list\n"
		"  show    what is in it, who signed, and what it would change\n"
		"  diff    what changes from A to B; each is a bundle or a site folder\n\n"
		"options\n"
		"  -o FILE            the file to write (of sign: instead of the one that is signed)\n"
		"  --key KEY          the private key file of who signs\n"
		"  --passphrase-fd N  its passphrase is the next line of descriptor N\n"
		"  --serial N         of create: higher than that of any bundle before, by 1000 at most\n"
		"  --last FOLDER      of update: the bundles that were carried last\n"
		"  --reset-from N     of create: the jump from serial N is meant (0: a box that has had none)\n"
		"  --valid 30d        of create, update: how long it may be applied for the first time (default 30 days)\n"
		"  --note TEXT        of create, update: a line for who approves it\n"
		"  --trust FILE       of verify and show: the trust document (default: the box's own)\n"
		"  --against SITE     of show: compare with that folder or bundle, not with what is in force; of sign: show\n"
		"                     before signing what it changes there\n"
		"  --json             one object; docs/commands.md names its members\n\n"
		"exit codes: 0 done, 1 refused (findings say why), 2 wrong usage, 3 the system refused\n",
	.run = bundle_run,
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/calendar.h"
#include "base/failure.h"
#include "base/file.h"
#include "bundle/judge.h"
#include "bundle/trust_store.h"
#include "cli/actor.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/passphrase.h"
#include "cli/signing.h"
#include "cli/verbs.h"
#include "json/writer.h"

#define DIGEST_TYPED 8u /* digits that a person compares */

struct trust_line {
	const struct context *context;
	const char *file;
	const char *out;
	const char *key;
	const char *digest;
	int passphrase_fd;
	struct arena arena;
	struct diag_list diags;
	struct envelope envelope;
	struct trust trust;
};

static const char *read_word(struct trust_line *l, int argc, char **argv, int *i)
{
	const char *wrong = NULL;

	if (option_value(argc, argv, i, "-o", &l->out))
		return l->out ? NULL : "-o wants a file";
	if (option_value(argc, argv, i, "--key", &l->key))
		return l->key ? NULL : "--key wants a private key file";
	if (option_value(argc, argv, i, "--digest", &l->digest))
		return l->digest && strlen(l->digest) >= DIGEST_TYPED ? NULL :
		       "--digest wants at least the first 8 digits of the document's digest";
	if (passphrase_option(argc, argv, i, &l->passphrase_fd, &wrong))
		return wrong;
	if (argv[*i][0] == '-')
		return "an option that it does not have";
	if (l->file)
		return "one file is enough";
	l->file = argv[*i];
	return NULL;
}

static int read_line(struct trust_line *l, const struct context *context, int argc, char **argv)
{
	*l = (struct trust_line){ .context = context, .passphrase_fd = PASSPHRASE_TERMINAL };
	diag_init(&l->diags, &l->arena);
	for (int i = 1; i < argc; i++) {
		const char *wrong = read_word(l, argc, argv, &i);

		if (wrong)
			return usage_error(&command_trust, "%s", wrong);
	}
	return EXIT_CLEAN;
}

static int leave(struct trust_line *l, int code)
{
	diag_show(&l->diags);
	arena_free(&l->arena);
	return code;
}

static int system_error(const char *what, const char *name, int error)
{
	fprintf(stderr, "gatehouse trust: %s %s: %s\n", what, name, failure_text(error));
	return EXIT_SYSTEM;
}

static int64_t today(void)
{
	return time(NULL) / CALENDAR_DAY_SECONDS;
}

/* ---- telling ---- */

static const char *key_state(const struct trust_key *key)
{
	return key->revoked != TRUST_NEVER ? "revoked" : today() < key->from ? "not yet" :
	       today() > key->until ? "expired" : "good";
}

static void print_trust(struct trust_line *l)
{
	const struct trust *t = &l->trust;
	char from[CALENDAR_DATE_SIZE], until[CALENDAR_DATE_SIZE];

	calendar_format_date(t->until, until);
	printf("Trust document of %s, serial %lld, created %s, accepts bundles until %s\ndigest %s\n\n", t->site,
	       (long long)t->serial, t->created, until, t->digest);
	for (size_t i = 0; i < t->key_count; i++) {
		const struct trust_key *k = &t->keys[i];

		calendar_format_date(k->from, from);
		calendar_format_date(k->until, until);
		printf("  %-16s %-14s %s  %s to %s  %-8s %s\n", k->name, trust_role_name(k->role), k->id, from, until,
		       key_state(k), k->person);
	}
	printf("\nA bundle needs %s.\nWho proposes it does not count; each person counts once.\n",
	       trust_thresholds_text(t, &l->arena));
	if (t->grant_hours)
		printf("One ot-approver may sign grants, of %lld hours at most.\n", (long long)t->grant_hours);
}

static void write_day(struct writer *w, const char *name, int64_t day)
{
	char text[CALENDAR_DATE_SIZE];

	calendar_format_date(day, text);
	writer_put_text(w, name, text);
}

static void write_key(struct writer *w, const struct trust_key *k)
{
	writer_open_map(w);
	writer_put_text(w, "name", k->name);
	writer_put_text(w, "person", k->person);
	writer_put_text(w, "role", trust_role_name(k->role));
	writer_put_text(w, "id", k->id);
	write_day(w, "from", k->from);
	write_day(w, "until", k->until);
	writer_put_text(w, "state", key_state(k));
	writer_close_map(w);
}

static void write_trust(struct trust_line *l)
{
	const struct trust *t = &l->trust;
	struct writer w;

	writer_init(&w, stdout, true);
	writer_open_map(&w);
	writer_put_text(&w, "site", t->site);
	writer_put_int(&w, "serial", t->serial);
	writer_put_text(&w, "created", t->created);
	write_day(&w, "until", t->until);
	writer_put_int(&w, "grant_hours", t->grant_hours);
	writer_put_text(&w, "digest", t->digest);
	writer_put_text(&w, "thresholds", trust_thresholds_text(t, &l->arena));
	writer_name(&w, "keys");
	writer_open_list(&w);
	for (size_t i = 0; i < t->key_count; i++)
		write_key(&w, &t->keys[i]);
	writer_close_list(&w);
	writer_close_map(&w);
	putchar('\n');
}

static void tell(struct trust_line *l)
{
	if (l->context->json)
		write_trust(l);
	else
		print_trust(l);
}

/* ---- on the laptop ---- */

static int create_run(const struct context *context, int argc, char **argv)
{
	struct trust_line l;
	const char *text;
	size_t len;
	int r, code = read_line(&l, context, argc, argv);

	if (code == EXIT_CLEAN && (!l.file || !l.out))
		code = usage_error(&command_trust, "create wants a draft and -o FILE");
	if (code != EXIT_CLEAN)
		return leave(&l, code);
	if (!trust_read_draft(l.file, &l.arena, &l.diags, &l.trust))
		return leave(&l, EXIT_FINDINGS);
	text = trust_payload(&l.trust, time(NULL), &l.arena);
	if (!text || !envelope_make(PAYLOAD_TRUST, text, &l.arena, &l.envelope) ||
	    !trust_from(&l.envelope, &l.arena, &l.diags, &l.trust))
		return leave(&l, EXIT_FINDINGS);
	text = envelope_text(&l.envelope, &l.arena, &len);
	r = file_replace(l.out, text, len, 0644);
	if (r < 0)
		return leave(&l, system_error("cannot write", l.out, r));
	tell(&l);
	return leave(&l, EXIT_CLEAN);
}

static bool read_trust(struct trust_line *l)
{
	return envelope_read(l->file, PAYLOAD_TRUST, &l->arena, &l->diags, &l->envelope) &&
	       trust_from(&l->envelope, &l->arena, &l->diags, &l->trust);
}

/* Shown first: nobody signs what they have not seen. */
static int sign_run(const struct context *context, int argc, char **argv)
{
	struct trust_line l;
	int code = read_line(&l, context, argc, argv);

	if (code == EXIT_CLEAN && (!l.file || !l.key))
		code = usage_error(&command_trust, "sign wants a trust document and --key FILE");
	if (code == EXIT_CLEAN && signing_is_box(context))
		code = EXIT_FINDINGS;
	if (code != EXIT_CLEAN)
		return leave(&l, code);
	if (!read_trust(&l))
		return leave(&l, EXIT_FINDINGS);
	tell(&l);
	code = signing_sign(&l.envelope, l.key, l.passphrase_fd, l.out ? l.out : l.file, &l.arena, &l.diags);
	return leave(&l, code);
}

/* ---- on the box ---- */

/* The first one says by itself whom to trust: a person who stands here compares it with what they were told. */
static bool is_confirmed(struct trust_line *l)
{
	char typed[DIGEST_SIZE + 1] = "";
	size_t len;

	if (l->digest)
		return !strncmp(l->digest, l->trust.digest, strlen(l->digest)) ||
		       (fprintf(stderr, "gatehouse trust: this document's digest is %s, not %s\n", l->trust.digest,
				l->digest), false);
	if (!isatty(STDIN_FILENO)) {
		fputs("gatehouse trust: compare the digest with the one that was made; then type it at a terminal, or give it by "
		      "--digest\n", stderr);
		return false;
	}
	printf("\nType the first %u digits of the digest that who made this document told you: ", DIGEST_TYPED);
	fflush(stdout);
	if (!fgets(typed, sizeof(typed), stdin))
		typed[0] = '\0';
	len = strcspn(typed, "\n");
	if (len >= DIGEST_TYPED && !strncmp(typed, l->trust.digest, len))
		return true;
	fputs("gatehouse trust: that is another document; nothing was changed\n", stderr);
	return false;
}

static int put(struct trust_line *l, const char *event, const char *text)
{
	struct change change = { .event = event, .user = actor_user(&l->arena), .text = text };
	int r = mkdir(l->context->state, 0750) < 0 && errno != EEXIST ? -errno : 0;

	if (r == 0)
		r = trust_store_put(l->context->state, &l->envelope);
	if (r < 0)
		return system_error("nothing was changed: cannot write to", l->context->state, r);
	actor_signers(&l->envelope, &change);
	change_add(&change, "trust", l->trust.digest);
	actor_record(l->context->state, &change);
	printf("%s\n", text);
	return EXIT_CLEAN;
}

static int init_run(const struct context *context, int argc, char **argv)
{
	struct trust_line l;
	int code = read_line(&l, context, argc, argv);

	if (code == EXIT_CLEAN && !l.file)
		code = usage_error(&command_trust, "init wants a signed trust document");
	if (code != EXIT_CLEAN)
		return leave(&l, code);
	if (trust_store_exists(context->state)) {
		fprintf(stderr, "gatehouse trust: this box has a trust document already; `gatehouse trust rotate FILE` "
			"puts the next one in its place\n");
		return leave(&l, EXIT_FINDINGS);
	}
	if (!read_trust(&l) || !judge_first(&l.envelope, &l.trust, today(), &l.diags))
		return leave(&l, EXIT_FINDINGS);
	if (!l.digest)
		print_trust(&l);
	if (!is_confirmed(&l))
		return leave(&l, EXIT_FINDINGS);
	return leave(&l, put(&l, "trust-init",
			     arena_printf(&l.arena, "This box guards %s and trusts these keys (serial %lld). From now on only "
					  "signed bundles are applied.", l.trust.site, (long long)l.trust.serial)));
}

static int rotate_run(const struct context *context, int argc, char **argv)
{
	struct trust_line l;
	struct trust old;
	int r, code = read_line(&l, context, argc, argv);

	if (code == EXIT_CLEAN && !l.file)
		code = usage_error(&command_trust, "rotate wants a signed trust document");
	if (code != EXIT_CLEAN)
		return leave(&l, code);
	r = trust_store_load(context->state, &l.arena, &l.diags, &old);
	if (r == -ENOENT)
		fputs("gatehouse trust: this box has no trust document; the first one comes by `gatehouse trust init "
		      "FILE`\n", stderr);
	if (r < 0 || !read_trust(&l) || !judge_next(&l.envelope, &l.trust, &old, today(), &l.diags))
		return leave(&l, EXIT_FINDINGS);
	return leave(&l, put(&l, "trust-rotate",
			     arena_printf(&l.arena, "The trust document of %s has serial %lld now.", l.trust.site,
					  (long long)l.trust.serial)));
}

static int show_run(const struct context *context, int argc, char **argv)
{
	struct trust_line l;
	int r, code = read_line(&l, context, argc, argv);

	if (code != EXIT_CLEAN)
		return leave(&l, code);
	r = l.file ? read_trust(&l) ? 0 : -EBADMSG : trust_store_load(context->state, &l.arena, &l.diags, &l.trust);
	if (r == -ENOENT)
		fputs("gatehouse trust: this box has no trust document: whoever is root here may apply a site "
		      "folder\n", stderr);
	if (r < 0)
		return leave(&l, EXIT_FINDINGS);
	tell(&l);
	return leave(&l, EXIT_CLEAN);
}

static int trust_run(const struct context *context, int argc, char **argv)
{
	static const struct verb verbs[] = {
		{ "create", create_run }, { "sign", sign_run }, { "init", init_run }, { "rotate", rotate_run },
		{ "show", show_run },
	};

	return verbs_run(&command_trust, verbs, sizeof(verbs) / sizeof(verbs[0]), context, argc, argv);
}

const struct command command_trust = {
	.name = "trust",
	.arguments = "create DRAFT -o FILE | sign FILE --key KEY | init FILE | rotate FILE | show [FILE]",
	.summary = "whose signatures put rules in force on this box",
	.help = "  create  a trust document out of a draft (docs/bundles.md), to be signed\n"
		"  sign    shows it, asks for the key's passphrase, adds the signature\n"
		"  init    on the box, the first one: shows it, and wants the digest typed that its maker told you\n"
		"  rotate  on the box, the next one: signed by the threshold of the old one and of the new one\n"
		"  show    the one on this box, or in FILE\n\n"
		"options\n"
		"  -o FILE              the file to write (of sign: instead of the one that is signed)\n"
		"  --key KEY            the private key file of who signs\n"
		"  --passphrase-fd N    its passphrase is the next line of descriptor N\n"
		"  --digest HEX         of init: the digest that was told, at least 8 digits, instead of typing it\n"
		"  --json               of create, sign and show: one object\n\n"
		"exit codes: 0 done, 1 refused (findings say why), 2 wrong usage, 3 the system refused\n",
	.run = trust_run,
};

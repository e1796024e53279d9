/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/failure.h"
#include "base/file.h"
#include "bundle/key_file.h"
#include "bundle/pem.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/passphrase.h"
#include "cli/signing.h"
#include "cli/verbs.h"
#include "json/writer.h"

#define PEM_MAX 4096u

struct key_line {
	const struct context *context;
	const char *file;     /* the first word */
	const char *out;
	enum key_cost cost;
	int passphrase_fd;
	struct arena arena;
	struct diag_list diags;
};

static int system_error(const char *what, const char *name, int error)
{
	fprintf(stderr, "gatehouse key: %s %s: %s\n", what, name,
		error == -EEXIST ? "there is such a file already; keys are not written over" :
		error == -ENOMEM ? "not enough memory for the passphrase, or none that can be locked (`ulimit -l`)" :
				   failure_text(error));
	return EXIT_SYSTEM;
}

static const struct {
	const char *name;
	enum key_cost cost;
} costs[] = { { "low", KEY_COST_LOW }, { "normal", KEY_COST_NORMAL }, { "high", KEY_COST_HIGH } };

static bool read_cost(const char *text, enum key_cost *ret)
{
	for (size_t i = 0; text && i < sizeof(costs) / sizeof(costs[0]); i++)
		if (!strcmp(costs[i].name, text)) {
			*ret = costs[i].cost;
			return true;
		}
	return false;
}

static const char *read_word(struct key_line *l, int argc, char **argv, int *i)
{
	const char *text, *wrong = NULL;

	if (option_value(argc, argv, i, "-o", &l->out))
		return l->out ? NULL : "-o wants a file";
	if (option_value(argc, argv, i, "--cost", &text))
		return read_cost(text, &l->cost) ? NULL : "--cost is low, normal or high";
	if (passphrase_option(argc, argv, i, &l->passphrase_fd, &wrong))
		return wrong;
	if (argv[*i][0] == '-')
		return "an option that it does not have";
	if (l->file)
		return "one file is enough";
	l->file = argv[*i];
	return NULL;
}

static int read_line(struct key_line *l, const struct context *context, int argc, char **argv, bool file, bool out)
{
	*l = (struct key_line){ .context = context, .cost = KEY_COST_NORMAL, .passphrase_fd = PASSPHRASE_TERMINAL };
	diag_init(&l->diags, &l->arena);
	for (int i = 1; i < argc; i++) {
		const char *wrong = read_word(l, argc, argv, &i);

		if (wrong)
			return usage_error(&command_key, "%s", wrong);
	}
	if (file != !!l->file)
		return usage_error(&command_key, file ? "which file?" : "it writes to -o FILE");
	if (out && !l->out)
		return usage_error(&command_key, "-o FILE is missing: where the private key goes");
	return EXIT_CLEAN;
}

static int leave(struct key_line *l, int code)
{
	diag_print(&l->diags, stderr, isatty(STDERR_FILENO) == 1);
	arena_free(&l->arena);
	return code;
}

static void tell(struct key_line *l, const struct public_key *public, const char *file)
{
	char id[KEY_ID_SIZE];
	struct writer w;

	key_id(public, id);
	if (!l->context->json) {
		printf("%s: Ed25519, id %s\n", file, id);
		return;
	}
	writer_init(&w, stdout, true);
	writer_open_map(&w);
	writer_put_text(&w, "file", file);
	writer_put_text(&w, "id", id);
	writer_put_text(&w, "public", pem_public(public, &l->arena));
	writer_close_map(&w);
	putchar('\n');
}

/* A key that has just come to be, to its file. */
static int store(struct key_line *l, const struct private_key *key)
{
	struct secret passphrase;
	int r;

	if (!passphrase_choose(l->out, l->passphrase_fd, &passphrase))
		return EXIT_FINDINGS;
	r = key_file_write(l->out, key, &passphrase, l->cost);
	secret_free(&passphrase);
	if (r < 0)
		return system_error("cannot write", l->out, r);
	tell(l, &key->public, l->out);
	return EXIT_CLEAN;
}

static int new_run(const struct context *context, int argc, char **argv)
{
	struct private_key key;
	struct key_line l;
	int r, code = read_line(&l, context, argc, argv, false, true);

	if (code == EXIT_CLEAN && signing_is_box(context))
		code = EXIT_FINDINGS;
	if (code != EXIT_CLEAN)
		return leave(&l, code);
	r = key_make(&key);
	code = r < 0 ? system_error("cannot make", l.out, r) : store(&l, &key);
	if (r == 0)
		key_free(&key);
	return leave(&l, code);
}

/* The bytes of a PEM file stand in the arena only until pem_take_seed() wipes them. */
static int import_run(const struct context *context, int argc, char **argv)
{
	struct private_key key;
	struct secret seed;
	struct key_line l;
	char *text;
	size_t len;
	int r, code = read_line(&l, context, argc, argv, true, true);

	if (code == EXIT_CLEAN && signing_is_box(context))
		code = EXIT_FINDINGS;
	if (code != EXIT_CLEAN)
		return leave(&l, code);
	r = file_read(l.file, PEM_MAX, &l.arena, &text, &len);
	if (r == 0)
		r = pem_take_seed(text, len, &seed);
	if (r == 0)
		r = key_from_seed(&seed, &key);
	if (r == -EBADMSG) {
		fprintf(stderr, "gatehouse key: %s is no Ed25519 private key without a passphrase in PEM (PKCS #8), as "
			"`openssl genpkey -algorithm ed25519` makes it\n", l.file);
		return leave(&l, EXIT_FINDINGS);
	}
	if (r < 0)
		return leave(&l, system_error("cannot read", l.file, r));
	code = store(&l, &key);
	key_free(&key);
	return leave(&l, code);
}

static int show_run(const struct context *context, int argc, char **argv)
{
	struct key_file file;
	struct key_line l;
	int code = read_line(&l, context, argc, argv, true, false);

	if (code != EXIT_CLEAN)
		return leave(&l, code);
	if (!key_file_read(l.file, &l.arena, &l.diags, &file))
		return leave(&l, EXIT_FINDINGS);
	tell(&l, &file.public, l.file);
	return leave(&l, EXIT_CLEAN);
}

static int export_run(const struct context *context, int argc, char **argv)
{
	struct key_file file;
	struct key_line l;
	const char *text;
	int r, code = read_line(&l, context, argc, argv, true, false);

	if (code != EXIT_CLEAN)
		return leave(&l, code);
	if (!key_file_read(l.file, &l.arena, &l.diags, &file))
		return leave(&l, EXIT_FINDINGS);
	text = pem_public(&file.public, &l.arena);
	if (!l.out) {
		fputs(text, stdout);
		return leave(&l, EXIT_CLEAN);
	}
	r = file_replace(l.out, text, strlen(text), 0644);
	return leave(&l, r < 0 ? system_error("cannot write", l.out, r) : EXIT_CLEAN);
}

static int passphrase_run(const struct context *context, int argc, char **argv)
{
	struct private_key key;
	struct secret passphrase;
	struct key_line l;
	int r = 0, code = read_line(&l, context, argc, argv, true, false);

	if (code != EXIT_CLEAN)
		return leave(&l, code);
	if (!signing_open(l.file, l.passphrase_fd, &l.arena, &l.diags, &key))
		return leave(&l, EXIT_FINDINGS);
	if (passphrase_choose(l.file, l.passphrase_fd, &passphrase)) {
		r = key_file_rewrite(l.file, &key, &passphrase, l.cost);
		secret_free(&passphrase);
	} else {
		code = EXIT_FINDINGS;
	}
	key_free(&key);
	return leave(&l, r < 0 ? system_error("cannot write", l.file, r) : code);
}

static int key_run(const struct context *context, int argc, char **argv)
{
	static const struct verb verbs[] = {
		{ "new", new_run }, { "show", show_run }, { "export", export_run }, { "import", import_run },
		{ "passphrase", passphrase_run },
	};

	return verbs_run(&command_key, verbs, sizeof(verbs) / sizeof(verbs[0]), context, argc, argv);
}

const struct command command_key = {
	.name = "key",
	.arguments = "new -o FILE | show FILE | export FILE | import PEM -o FILE | passphrase FILE",
	.summary = "makes and keeps the keys that bundles are signed with",
	.help = "  new         a new Ed25519 key, sealed with a passphrase, into a file that only its owner may read.\n"
		"              On the laptop of the person who signs; never on the gate\n"
		"  show        the id of a key file\n"
		"  export      its public half in PEM: what others may have, and the trust document needs\n"
		"  import      a key made elsewhere (`openssl genpkey -algorithm ed25519`); then destroy that file\n"
		"  passphrase  another passphrase for a key file\n\n"
		"options\n"
		"  -o FILE              the file to write; a private key is never written over another file\n"
		"  --cost WORD          what a guess at the passphrase costs: low (64 MiB), normal (256 MiB), high (1 GiB)\n"
		"  --passphrase-fd N    passphrases from the lines of descriptor N, not from the terminal\n"
		"  --json               of new, show and import: one object with file, id and public\n\n"
		"exit codes: 0 done, 1 a wrong passphrase, or no key file, 2 wrong usage, 3 the system refused\n",
	.run = key_run,
};

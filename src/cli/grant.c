/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/duration.h"
#include "base/failure.h"
#include "base/file.h"
#include "bundle/grant.h"
#include "cli/actor.h"
#include "cli/ask.h"
#include "cli/options.h"
#include "cli/passphrase.h"
#include "cli/plan.h"
#include "cli/signing.h"
#include "cli/verbs.h"
#include "json/writer.h"
#include "policy/model.h"
#include "run/control.h"
#include "run/granted.h"

#define FILES_MAX 16u
#define VALID (12 * 3600) /* seconds within which it may begin */

struct grant_line {
	const struct context *context;
	const char *files[FILES_MAX];
	size_t file_count;
	const char *out, *key, *site, *note;
	int64_t seconds, valid;
	int passphrase_fd;
	bool yes;
	struct arena arena;
	struct diag_list diags;
	struct envelope envelope;
	struct grant grant;
};

/* ---- the line ---- */

static const struct {
	const char *name;
	size_t offset;
	const char *wrong;
} options[] = {
	{ "-o", offsetof(struct grant_line, out), "-o wants a file" },
	{ "--key", offsetof(struct grant_line, key), "--key wants a private key file" },
	{ "--site", offsetof(struct grant_line, site), "--site wants a site folder or a bundle" },
	{ "--note", offsetof(struct grant_line, note), "--note wants a text" },
};

static const char *read_times(struct grant_line *l, int argc, char **argv, int *i, bool *ret_taken)
{
	const char *text;

	*ret_taken = true;
	if (option_value(argc, argv, i, "--for", &text))
		return text && duration_parse(text, &l->seconds) ? NULL : "--for wants a time like 4h";
	if (option_value(argc, argv, i, "--valid", &text))
		return text && duration_parse(text, &l->valid) && l->valid <= GRANT_VALID_MOST ? NULL :
		       "--valid wants a time like 12h, a week at most";
	*ret_taken = false;
	return NULL;
}

static const char *read_word(struct grant_line *l, int argc, char **argv, int *i)
{
	const char *wrong;
	bool taken;

	for (size_t k = 0; k < sizeof(options) / sizeof(options[0]); k++) {
		const char **slot = (const char **)((char *)l + options[k].offset);

		if (option_value(argc, argv, i, options[k].name, slot))
			return *slot ? NULL : options[k].wrong;
	}
	wrong = read_times(l, argc, argv, i, &taken);
	if (taken || passphrase_option(argc, argv, i, &l->passphrase_fd, &wrong))
		return wrong;
	if (!strcmp(argv[*i], "--yes")) {
		l->yes = true;
		return NULL;
	}
	if (argv[*i][0] == '-')
		return "an option that it does not have";
	if (l->file_count == FILES_MAX)
		return "too many files";
	l->files[l->file_count++] = argv[*i];
	return NULL;
}

static int read_line(struct grant_line *l, const struct context *context, int argc, char **argv)
{
	*l = (struct grant_line){ .context = context, .passphrase_fd = PASSPHRASE_TERMINAL, .valid = VALID };
	diag_init(&l->diags, &l->arena);
	for (int i = 1; i < argc; i++) {
		const char *wrong = read_word(l, argc, argv, &i);

		if (wrong)
			return usage_error(&command_grant, "%s", wrong);
	}
	return EXIT_CLEAN;
}

static int leave(struct grant_line *l, int code)
{
	diag_show(&l->diags);
	arena_free(&l->arena);
	return code;
}

static int system_error(const char *what, const char *name, int error)
{
	fprintf(stderr, "gatehouse grant: %s %s: %s\n", what, name, failure_text(error));
	return EXIT_SYSTEM;
}

/* ---- what it says ---- */

static const char *instant_text(struct grant_line *l, int64_t instant)
{
	time_t t = instant;
	char text[32];
	struct tm tm;

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
	return arena_printf(&l->arena, "%s", text);
}

static void print(struct grant_line *l)
{
	const struct grant *g = &l->grant;

	printf("Grant for %s: %lld minutes, to begin by %s\nnote: %s\ndigest  %s\n", g->site,
	       (long long)(g->seconds + 59) / 60, instant_text(l, g->begin_by), g->note, g->digest);
	for (size_t i = 0; i < l->envelope.signature_count; i++)
		printf("signed  %s\n", l->envelope.signatures[i].key_id);
}

static void write_json(struct grant_line *l)
{
	const struct grant *g = &l->grant;
	struct writer w;

	writer_init(&w, stdout, true);
	writer_open_map(&w);
	writer_put_text(&w, "site", g->site);
	writer_put_text(&w, "created", instant_text(l, g->created));
	writer_put_text(&w, "begin_by", instant_text(l, g->begin_by));
	writer_put_int(&w, "seconds", g->seconds);
	writer_put_text(&w, "note", g->note);
	writer_put_text(&w, "digest", g->digest);
	writer_name(&w, "signatures");
	writer_open_list(&w);
	for (size_t i = 0; i < l->envelope.signature_count; i++)
		writer_text(&w, l->envelope.signatures[i].key_id);
	writer_close_list(&w);
	writer_close_map(&w);
	putchar('\n');
}

/* What it adds to the site, in the words of `plan`: it goes the way of any rule, so it must compile there. */
static int show_added(struct grant_line *l)
{
	struct site_input before, after;
	int64_t now = time(NULL);
	int code = plan_read_before(l->context, "grant", l->site, &l->arena, &before);

	if (code != EXIT_CLEAN || !before.present)
		return code;
	after = before;
	after.name = "with the grant";
	diag_init(&after.diags, &l->arena);
	granted_append(&l->grant, now + l->grant.seconds, &l->arena, &after.documents);
	if (!l->context->json)
		return plan_compare(l->context, &before, &after, now);
	return site_input_compile(&after, now);
}

static int show(struct grant_line *l)
{
	(l->context->json ? write_json : print)(l);
	return show_added(l);
}

static int read_grant(struct grant_line *l)
{
	return envelope_read(l->files[0], PAYLOAD_GRANT, &l->arena, &l->diags, &l->envelope) &&
	       grant_from(&l->envelope, &l->arena, &l->diags, &l->grant) ? EXIT_CLEAN : EXIT_FINDINGS;
}

/* ---- create ---- */

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct bundle_document *)a)->path, ((const struct bundle_document *)b)->path);
}

static int read_documents(struct grant_line *l, struct grant *draft)
{
	draft->documents = arena_array(&l->arena, l->file_count, sizeof(*draft->documents));
	for (size_t i = 0; i < l->file_count; i++) {
		struct bundle_document *d = &draft->documents[draft->document_count++];
		const char *last = strrchr(l->files[i], '/');
		char *text;
		int r = file_read(l->files[i], DOCUMENT_MAX, &l->arena, &text, &d->len);

		if (r < 0)
			return system_error("cannot read", l->files[i], r);
		d->path = last ? last + 1 : l->files[i];
		d->text = text;
	}
	qsort(draft->documents, draft->document_count, sizeof(*draft->documents), by_path);
	return EXIT_CLEAN;
}

static int make(struct grant_line *l)
{
	struct grant draft = { .created = time(NULL), .seconds = l->seconds, .note = l->note };
	struct site_input site;
	int code = site_input_read(&site, "grant", l->site, &l->arena);
	const char *text;

	if (code == EXIT_CLEAN)
		code = site_input_compile(&site, draft.created);
	if (code == EXIT_CLEAN)
		code = read_documents(l, &draft);
	if (code != EXIT_CLEAN)
		return code;
	draft.site = site.compiled.site->id;
	draft.begin_by = draft.created + l->valid;
	text = grant_payload(&draft, &l->arena);
	return text && envelope_make(PAYLOAD_GRANT, text, &l->arena, &l->envelope) &&
	       grant_from(&l->envelope, &l->arena, &l->diags, &l->grant) ? EXIT_CLEAN : EXIT_FINDINGS;
}

static int create_run(const struct context *context, int argc, char **argv)
{
	struct grant_line l;
	int code = read_line(&l, context, argc, argv);

	if (code == EXIT_CLEAN && (!l.file_count || !l.site || !l.seconds || !l.note || !l.key || !l.out))
		code = usage_error(&command_grant, "create wants documents of rules, --site SITE, --for 4h, --note TEXT, "
				   "--key KEY and -o FILE");
	if (code == EXIT_CLEAN && signing_is_box(context))
		code = EXIT_FINDINGS;
	if (code == EXIT_CLEAN)
		code = make(&l);
	if (code == EXIT_CLEAN)
		code = show(&l);
	if (code == EXIT_CLEAN)
		code = signing_sign(&l.envelope, l.key, l.passphrase_fd, l.out, &l.arena, &l.diags);
	return leave(&l, code);
}

/* ---- show ---- */

static int show_run(const struct context *context, int argc, char **argv)
{
	struct grant_line l;
	int code = read_line(&l, context, argc, argv);

	if (code == EXIT_CLEAN && l.file_count != 1)
		code = usage_error(&command_grant, "show wants one grant");
	if (code == EXIT_CLEAN)
		code = read_grant(&l);
	return leave(&l, code == EXIT_CLEAN ? show(&l) : code);
}

/* ---- begin and end, at the box ---- */

static int answer(struct grant_line *l, int r, bool done, const char *text)
{
	if (r == -ENOENT || r == -ECONNREFUSED)
		fprintf(stderr, "gatehouse grant: no supervisor is running (%s): systemctl start gatehouse\n",
			l->context->runtime);
	else if (r < 0)
		fprintf(stderr, "gatehouse grant: %s: %s\n", text, failure_text(r));
	else
		fprintf(done ? stdout : stderr, "%s\n", text);
	return r < 0 ? EXIT_SYSTEM : done ? EXIT_CLEAN : EXIT_FINDINGS;
}

static int begin(struct grant_line *l)
{
	const char *text = "";
	bool begun = false;
	char *bytes;
	size_t len;
	int r = file_read(l->files[0], ENVELOPE_MAX, &l->arena, &bytes, &len);

	if (r < 0)
		return system_error("cannot read", l->files[0], r);
	if (!envelope_parse(l->files[0], bytes, len, PAYLOAD_GRANT, &l->arena, &l->diags, &l->envelope) ||
	    !grant_from(&l->envelope, &l->arena, &l->diags, &l->grant))
		return EXIT_FINDINGS;
	if (!l->yes && (show(l) != EXIT_CLEAN || !ask_for("grant", "open")))
		return EXIT_FINDINGS;
	r = control_propose(l->context->runtime, l->context->state, "grant", bytes, len, 0, actor_user(&l->arena),
			    &l->arena, &l->diags, &begun, &text);
	return answer(l, r, begun, text);
}

static int begin_run(const struct context *context, int argc, char **argv)
{
	struct grant_line l;
	int code = read_line(&l, context, argc, argv);

	if (code == EXIT_CLEAN && l.file_count != 1)
		code = usage_error(&command_grant, "begin wants one grant");
	return leave(&l, code == EXIT_CLEAN ? begin(&l) : code);
}

static int end_run(const struct context *context, int argc, char **argv)
{
	struct grant_line l;
	const char *text = "";
	bool done = false;
	int r, code = read_line(&l, context, argc, argv);

	if (code == EXIT_CLEAN && l.file_count > 1)
		code = usage_error(&command_grant, "end wants the first digits of one digest, or nothing: all of them");
	if (code != EXIT_CLEAN)
		return leave(&l, code);
	r = control_decide(context->runtime, "grant-end", actor_user(&l.arena), l.files[0], &l.arena, &done, &text);
	return leave(&l, answer(&l, r, done, text));
}

static int grant_run(const struct context *context, int argc, char **argv)
{
	static const struct verb verbs[] = {
		{ "create", create_run }, { "show", show_run }, { "begin", begin_run }, { "end", end_run },
	};

	return verbs_run(&command_grant, verbs, sizeof(verbs) / sizeof(verbs[0]), context, argc, argv);
}

const struct command command_grant = {
	.name = "grant",
	.arguments = "create FILE... --site SITE --for 4h --note TEXT --key KEY -o GRANT | show GRANT | begin GRANT | "
		     "end [DIGEST]",
	.summary = "a signed permit for a few hours, for an emergency; it ends by itself",
	.help = "  create  signs rules (documents of rules and assets) for a few hours, after showing what they add\n"
		"  show    what is in it, and what it adds to what is in force\n"
		"  begin   at the box, once: its time begins now. It must be signed by an ot-approver, and the trust\n"
		"          document must allow grants (\"grant_hours\")\n"
		"  end     before its time is over: that with this digest, or all; needs no key\n\n"
		"Its rules go the way of all others, with their end in the kernel: they close then even if no program\n"
		"runs. `status` shows them as long as they run, the change log for ever.\n\n"
		"options\n"
		"  --site SITE        of create: the site that it adds to; of show: instead of what is in force\n"
		"  --for 4h           how long it is open, from its begin on\n"
		"  --valid 12h        until when it may begin (default 12h, a week at most)\n"
		"  --note TEXT        why; it is shown and recorded\n"
		"  --key KEY          the private key file of an ot-approver\n"
		"  --passphrase-fd N  its passphrase is the next line of descriptor N\n"
		"  -o GRANT           the file to write\n"
		"  --yes              of begin: do not ask\n"
		"  --json             of create and show: one object; docs/commands.md names its members\n\n"
		"exit codes: 0 done, 1 refused (findings say why), 2 wrong usage, 3 the system refused\n",
	.run = grant_run,
};

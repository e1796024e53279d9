/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/failure.h"
#include "base/file.h"
#include "cli/actor.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "json/value.h"
#include "json/writer.h"
#include "record/change_log.h"

struct log_line {
	const struct context *context;
	const char *file; /* an exported log; NULL: the box's */
	const char *out;
	bool has_expected;
	struct change_head expected;
	struct arena arena;
	struct diag_list diags;
	char *text;
	size_t len;
};

static const char *read_word(struct log_line *l, int argc, char **argv, int *i)
{
	const char *text;

	if (option_value(argc, argv, i, "-o", &l->out))
		return l->out ? NULL : "-o wants a file";
	if (option_value(argc, argv, i, "--head", &text)) {
		l->has_expected = text && change_head_parse(text, &l->expected);
		return l->has_expected ? NULL : "--head wants NUMBER:SHA256, as `log verify` or `log export` printed it";
	}
	if (argv[*i][0] == '-')
		return "an option that it does not have";
	if (l->file)
		return "one file is enough";
	l->file = argv[*i];
	return NULL;
}

static int read_line(struct log_line *l, const struct context *context, int argc, char **argv)
{
	*l = (struct log_line){ .context = context };
	diag_init(&l->diags, &l->arena);
	for (int i = 1; i < argc; i++) {
		const char *wrong = read_word(l, argc, argv, &i);

		if (wrong)
			return usage_error(&command_log, "%s", wrong);
	}
	return EXIT_CLEAN;
}

static int leave(struct log_line *l, int code)
{
	diag_show(&l->diags);
	arena_free(&l->arena);
	return code;
}

static const char *path_of(struct log_line *l)
{
	return l->file ? l->file : arena_printf(&l->arena, "%s/" CHANGE_LOG, l->context->state);
}

static int system_error(const char *what, const char *name, int error)
{
	fprintf(stderr, "gatehouse log: %s %s: %s\n", what, name, failure_text(error));
	return EXIT_SYSTEM;
}

/* A box on which nothing was changed yet has none. */
static int read_log(struct log_line *l)
{
	int r = file_read(path_of(l), CHANGE_LOG_MAX, &l->arena, &l->text, &l->len);

	if (r == -ENOENT && !l->file) {
		l->text = arena_strndup(&l->arena, "", 0);
		return EXIT_CLEAN;
	}
	return r < 0 ? system_error("cannot read", path_of(l), r) : EXIT_CLEAN;
}

/* ---- verify ---- */

static bool lost_head(struct log_line *l, int error)
{
	const struct diag_place place = { .file = path_of(l) };

	diag_add(&l->diags, DIAG_ERROR, "log-cut", &place,
		 "compare it with a copy that was exported before; somebody who was root has changed it",
		 "where it ends (%s/changes.head) cannot be read: %s", l->context->state, failure_text(error));
	return false;
}

/* A crash between a line and its head leaves one line more, never less. */
static bool ends_there(struct log_line *l, const struct change_head *head, const struct change_head *end)
{
	const struct diag_place place = { .file = path_of(l) };

	if (end->number <= head->number + 1)
		return true;
	diag_add(&l->diags, DIAG_ERROR, "log-cut", &place,
		 "compare it with a copy that was exported before; somebody who was root has changed it",
		 "it goes on for %lld lines behind its end", (long long)(end->number - head->number));
	return false;
}

static bool check(struct log_line *l, struct change_head *ret_end)
{
	struct change_head head;
	int r = l->file ? 0 : change_head_read(l->context->state, &l->arena, &head);
	bool good = change_log_check(path_of(l), l->text, l->len, l->has_expected ? &l->expected : NULL, &l->arena,
				     &l->diags, ret_end);

	if (l->file || (r == -ENOENT && !l->len))
		return good;
	if (r < 0)
		return lost_head(l, r);
	if (good)
		good = change_log_check(path_of(l), l->text, l->len, &head, &l->arena, &l->diags, ret_end);
	return ends_there(l, &head, ret_end) && good;
}

static void tell(struct log_line *l, bool good, const struct change_head *end)
{
	struct writer w;

	if (!l->context->json) {
		if (good)
			printf("%lld lines, none changed, cut or moved.\nhead %s\n", (long long)end->number,
			       change_head_text(end, &l->arena));
		return;
	}
	writer_init(&w, stdout, true);
	writer_open_map(&w);
	writer_put_bool(&w, "good", good);
	writer_put_int(&w, "lines", end->number);
	writer_put_text(&w, "head", change_head_text(end, &l->arena));
	writer_close_map(&w);
	putchar('\n');
}

static int verify_run(const struct context *context, int argc, char **argv)
{
	struct change_head end;
	struct log_line l;
	bool good;
	int code = read_line(&l, context, argc, argv);

	if (code == EXIT_CLEAN)
		code = read_log(&l);
	if (code != EXIT_CLEAN)
		return leave(&l, code);
	good = check(&l, &end);
	tell(&l, good, &end);
	return leave(&l, good ? EXIT_CLEAN : EXIT_FINDINGS);
}

/* ---- export ---- */

static int export_run(const struct context *context, int argc, char **argv)
{
	struct change_head end;
	struct log_line l;
	int r, code = read_line(&l, context, argc, argv);

	if (code == EXIT_CLEAN && (!l.out || l.file))
		code = usage_error(&command_log, "export wants -o FILE");
	if (code == EXIT_CLEAN)
		code = read_log(&l);
	if (code != EXIT_CLEAN)
		return leave(&l, code);
	code = check(&l, &end) ? EXIT_CLEAN : EXIT_FINDINGS;
	r = file_replace(l.out, l.text, l.len, 0644);
	if (r < 0)
		return leave(&l, system_error("cannot write", l.out, r));
	tell(&l, code == EXIT_CLEAN, &end);
	return leave(&l, code);
}

/* ---- import ---- */

static int import(struct log_line *l)
{
	struct change change = { .event = "log-imported", .user = actor_user(&l->arena) };
	struct change_head end;
	int r;

	if (!change_log_check(l->file, l->text, l->len, l->has_expected ? &l->expected : NULL, &l->arena, &l->diags, &end))
		return EXIT_FINDINGS;
	r = mkdir(l->context->state, 0750) < 0 && errno != EEXIST ? -errno :
	    change_log_import(l->context->state, l->text, l->len, &end);
	if (r == -EEXIST) {
		fprintf(stderr, "gatehouse log: this box has a log of its own, which %s does not go on from: import it before "
			"`trust init`\n", l->file);
		return EXIT_FINDINGS;
	}
	if (r < 0)
		return system_error("cannot write to", l->context->state, r);
	change.text = arena_printf(&l->arena, "The log of the box before goes on here, from line %lld.",
				   (long long)end.number);
	actor_record(l->context->state, &change);
	tell(l, true, &end);
	return EXIT_CLEAN;
}

static int import_run(const struct context *context, int argc, char **argv)
{
	struct log_line l;
	int code = read_line(&l, context, argc, argv);

	if (code == EXIT_CLEAN && (!l.file || l.out))
		code = usage_error(&command_log, "import wants the FILE that was exported");
	if (code == EXIT_CLEAN)
		code = read_log(&l);
	return leave(&l, code == EXIT_CLEAN ? import(&l) : code);
}

/* ---- show ---- */

static const char *text_of(const struct value *map, const char *name)
{
	const char *text = value_member_text(map, name);

	return text ? text : "-";
}

static void print_change(const struct value *line)
{
	const struct value *number = value_member(line, "number"), *actor = value_member(line, "actor");
	const struct value *keys = value_member(actor, "keys");

	printf("%5lld  %s  %-18s %s\n", number && number->type == VALUE_INT ? (long long)number->integer : 0,
	       text_of(line, "time"), text_of(line, "event"), text_of(line, "text"));
	printf("       by %s", text_of(actor, "user"));
	for (size_t i = 0; keys && keys->type == VALUE_LIST && i < keys->count; i++)
		printf("%s%s", i ? ", " : "; signed by ", keys->items[i].type == VALUE_TEXT ? keys->items[i].text : "-");
	putchar('\n');
}

static void show_line(struct log_line *l, char *line)
{
	const struct value_source source = { .file = path_of(l), .text = line, .len = strlen(line) };
	const struct value *value = value_parse(&source, &l->arena, &l->diags);

	if (value && l->context->json)
		puts(line);
	else if (value)
		print_change(value);
}

static int show_run(const struct context *context, int argc, char **argv)
{
	struct log_line l;
	int code = read_line(&l, context, argc, argv);

	if (code == EXIT_CLEAN)
		code = read_log(&l);
	if (code != EXIT_CLEAN)
		return leave(&l, code);
	for (char *line = l.text; *line;) {
		size_t len = strcspn(line, "\n");
		bool last = !line[len];

		line[len] = '\0';
		show_line(&l, line);
		line += len + !last;
	}
	return leave(&l, l.diags.errors ? EXIT_FINDINGS : EXIT_CLEAN);
}

static int log_run(const struct context *context, int argc, char **argv)
{
	static const struct verb verbs[] = { { "verify", verify_run }, { "show", show_run }, { "export", export_run },
					     { "import", import_run } };

	return verbs_run(&command_log, verbs, sizeof(verbs) / sizeof(verbs[0]), context, argc, argv);
}

const struct command command_log = {
	.name = "log",
	.arguments = "verify [FILE] [--head NUMBER:SHA256] | show [FILE] | export -o FILE | import FILE",
	.summary = "who changed what is in force on this box, and when",
	.help = "  verify  finds every line that was changed, taken out, moved or cut off\n"
		"  show    the changes, oldest first\n"
		"  export  a copy for an auditor, and where it ends: write that down somewhere else\n"
		"  import  on the box that takes another one's place, before anything else: its log goes on here\n\n"
		"options\n"
		"  --head NUMBER:SHA256  where the log ended once: it must still go through there\n"
		"  -o FILE               the copy\n"
		"  --json                of verify, export and import: one object with good, lines, head; of show: the lines\n\n"
		"FILE is a copy that was exported; without it, the log of this box.\n\n"
		"exit codes: 0 done, 1 it was tampered with, 2 wrong usage, 3 it cannot be read or written\n",
	.run = log_run,
};

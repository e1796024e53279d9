/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/failure.h"
#include "cli/command.h"
#include "json/copy.h"
#include "json/value.h"
#include "netfilter/verify.h"
#include "policy/compile.h"
#include "policy/documents.h"
#include "run/control.h"
#include "run/drift_json.h"
#include "run/granted.h"
#include "run/in_force.h"
#include "run/island.h"
#include "run/numbers.h"
#include "run/supervisor.h"

struct verify {
	const struct context *context;
	struct arena arena;
	const struct value *result; /* as run/drift_json.h writes it */
	bool nothing;               /* no policy is in force by the state folder */
};

static int system_error(const char *what, const char *name, int error)
{
	fprintf(stderr, "gatehouse verify: %s %s: %s\n", what, name, failure_text(error));
	return EXIT_SYSTEM;
}

/* ---- from the state folder, when no supervisor runs ---- */

static int compile_state(struct verify *v, struct compiled *ret)
{
	const char *numbers_path = arena_printf(&v->arena, "%s/conduits.json", v->context->state);
	struct granted_list granted = { 0 };
	struct in_force in_force;
	struct diag_list diags;
	struct numbers numbers;
	struct island island;
	int r;

	diag_init(&diags, &v->arena);
	r = in_force_load(v->context->state, NULL, &v->arena, &diags, &in_force);
	if (r < 0)
		return system_error("cannot read", in_force.path, r);
	r = numbers_load(numbers_path, &v->arena, &numbers);
	if (r < 0)
		return system_error("cannot read", numbers_path, r);
	if (granted_load(v->context->state, &granted) == 0)
		granted_documents(&granted, &v->arena, &in_force.documents);
	granted_free(&granted);
	island_load(v->context->state, &island);
	numbers.time.island = island.on;
	/* windows are unrolled from the time of the compilation: only that time gives the same ones */
	if (!numbers.time.now)
		numbers.time.now = time(NULL);
	if (compile_for_box(&in_force.documents, &numbers.time, numbers.items, numbers.count, &v->arena, &diags, ret)) {
		ret->ruleset.queue_count = numbers.queues;
		return EXIT_CLEAN;
	}
	diag_print(&diags, stderr, isatty(STDERR_FILENO));
	fprintf(stderr, "gatehouse verify: the policy in force does not compile any more: apply a site folder\n");
	return EXIT_SYSTEM;
}

static const struct value *as_value(struct verify *v, const struct drift_list *list,
				    const struct ruleset *ruleset)
{
	struct value_source *source = arena_alloc(&v->arena, sizeof(*source));
	const struct value *value = NULL;
	struct diag_list diags;
	struct writer w;
	char *text = NULL;
	FILE *out = open_memstream(&text, &source->len);

	if (!out)
		return NULL;
	writer_init(&w, out, false);
	drift_json_write(&w, list, ruleset, "state");
	diag_init(&diags, &v->arena);
	if (fclose(out) == 0) {
		source->file = "verify";
		source->text = arena_strndup(&v->arena, text, source->len);
		value = value_parse(source, &v->arena, &diags);
	}
	free(text);
	return value;
}

static int verify_state(struct verify *v)
{
	const struct ruleset *ruleset = &supervisor_nothing;
	struct compiled compiled;
	struct drift_list list;
	int r, code;

	v->nothing = !in_force_exists(v->context->state, NULL);
	if (!v->nothing) {
		code = compile_state(v, &compiled);
		if (code != EXIT_CLEAN)
			return code;
		ruleset = &compiled.ruleset;
	}
	r = netfilter_verify(ruleset, &v->arena, &list);
	if (r < 0)
		return system_error("cannot read", "the kernel's ruleset", r);
	v->result = as_value(v, &list, ruleset);
	return v->result ? EXIT_CLEAN : system_error("cannot tell", "the result", -ENOMEM);
}

/* ---- from the supervisor ---- */

/* Returns an exit code, or -1 when no supervisor is running. */
static int verify_supervisor(struct verify *v)
{
	int r = control_call(v->context->runtime, "{\"command\":\"verify\"}", &v->arena, &v->result);
	const char *text;

	if (r == -ENOENT || r == -ECONNREFUSED)
		return -1;
	if (r < 0)
		return system_error("the supervisor cannot be asked through", v->context->runtime, r);
	if (value_member(v->result, "clean"))
		return EXIT_CLEAN;
	text = value_member_text(v->result, "text");
	fprintf(stderr, "gatehouse verify: %s\n", text ? text : "the supervisor does not say");
	return EXIT_SYSTEM;
}

/* ---- telling ---- */

static long long number_of(const struct value *map, const char *name)
{
	const struct value *value = value_member(map, name);

	return value && value->type == VALUE_INT ? value->integer : 0;
}

static const char *text_of(const struct value *map, const char *name)
{
	const char *text = value_member_text(map, name);

	return text ? text : "-";
}

static void print_finding(const struct value *finding)
{
	const char *file = value_member_text(finding, "file");
	const char *rules = value_member_text(finding, "rules");

	if (file)
		printf("%s:%lld: ", file, number_of(finding, "line"));
	printf("%s[%s]: %s: %s", strcmp(text_of(finding, "severity"), "warning") ? "drift" : "warning",
	       text_of(finding, "code"), text_of(finding, "where"), text_of(finding, "text"));
	if (rules)
		printf(" (rule %s)", rules);
	putchar('\n');
}

/* What to do is the same for many: said once each, after all. */
static void print_help(const struct value *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		const char *help = text_of(&findings->items[i], "help");
		bool said = false;

		for (size_t j = 0; j < i; j++)
			said |= !strcmp(text_of(&findings->items[j], "help"), help);
		if (!said)
			printf("what to do: %s\n", help);
	}
}

static void print_result(const struct verify *v, bool clean)
{
	const struct value *findings = value_member(v->result, "findings");
	long long left_out = number_of(v->result, "left_out");

	for (size_t i = 0; i < findings->count; i++)
		print_finding(&findings->items[i]);
	if (left_out)
		printf("... and %lld more\n", left_out);
	print_help(findings);
	if (v->nothing)
		printf("No policy is in force by %s: everything should be denied.\n", v->context->state);
	if (clean)
		printf("The kernel permits exactly what the policy of %s says: %lld conduits, %lld time "
		       "windows.\n", text_of(v->result, "site"), number_of(v->result, "conduits"),
		       number_of(v->result, "windows"));
	else
		printf("The kernel does NOT hold what the policy of %s says.\n", text_of(v->result, "site"));
}

static void print_json(const struct value *result)
{
	struct writer w;

	writer_init(&w, stdout, true);
	copy_value(&w, result);
	putchar('\n');
}

static int verify_run(const struct context *context, int argc, char **argv)
{
	struct verify v = { .context = context };
	const struct value *clean;
	int code;

	if (argc > 1)
		return usage_error(&command_verify, "takes no arguments");
	code = verify_supervisor(&v);
	if (code < 0)
		code = verify_state(&v);
	if (code == EXIT_CLEAN) {
		clean = value_member(v.result, "clean");
		if (clean->type != VALUE_BOOL || !clean->boolean)
			code = EXIT_FINDINGS;
		if (context->json)
			print_json(v.result);
		else
			print_result(&v, code == EXIT_CLEAN);
	}
	arena_free(&v.arena);
	return code;
}

const struct command command_verify = {
	.name = "verify",
	.arguments = "",
	.summary = "proves that the kernel permits exactly the policy, or lists what differs",
	.help = "Reads the live ruleset back and holds it against the policy in force: what the running\n"
		"supervisor holds, or what the state folder compiles to when none runs. Every conduit, time\n"
		"window, interface, chain and rule; and tables of other programs that see packets (those that\n"
		"can only drop are warnings). It changes nothing.\n\n"
		"exit codes: 0 the kernel is as the policy says, 1 it differs, 2 wrong usage, 3 the system\n"
		"refused (no permission)\n",
	.run = verify_run,
};

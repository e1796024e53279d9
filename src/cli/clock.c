/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/failure.h"
#include "cli/command.h"
#include "json/copy.h"
#include "json/value.h"
#include "json/writer.h"
#include "run/control.h"

static int failed(const struct context *context, int error)
{
	if (error == -ENOENT || error == -ECONNREFUSED)
		fprintf(stderr, "gatehouse clock: no supervisor is running (%s)\n", context->runtime);
	else
		fprintf(stderr, "gatehouse clock: the supervisor cannot be asked through %s: %s\n",
			context->runtime, failure_text(error));
	return EXIT_SYSTEM;
}

static void tell(const struct value *clock, bool trusted)
{
	const struct value *closed = value_member(clock, "closed");

	printf("The clock shows %s (UTC). ", value_member_text(clock, "now"));
	if (trusted) {
		puts("It is trusted.");
		return;
	}
	printf("It is NOT trusted; the latest time known to be true is %s.\n%s\n",
	       value_member_text(clock, "latest"), value_member_text(clock, "why"));
	for (size_t i = 0; closed && i < closed->count; i++)
		printf("  closed until then: rule %s\n", closed->items[i].text);
}

static void tell_json(const struct value *clock)
{
	struct writer w;

	writer_init(&w, stdout, true);
	copy_value(&w, clock);
	putchar('\n');
}

static int ask(const struct context *context, bool confirm)
{
	const struct value *answer, *clock, *trusted;
	struct arena arena = { 0 };
	int r, code;

	r = control_call(context->runtime, confirm ? "{\"command\":\"clock\",\"confirm\":true}" :
			 "{\"command\":\"clock\"}", &arena, &answer);
	clock = r < 0 ? NULL : value_member(answer, "clock");
	trusted = value_member(clock, "trusted");
	if (!trusted || trusted->type != VALUE_BOOL) {
		code = failed(context, r < 0 ? r : -EBADMSG);
	} else {
		if (context->json)
			tell_json(clock);
		else
			tell(clock, trusted->boolean);
		code = trusted->boolean ? EXIT_CLEAN : EXIT_FINDINGS;
	}
	arena_free(&arena);
	return code;
}

static int clock_run(const struct context *context, int argc, char **argv)
{
	bool confirm = argc == 2 && strcmp(argv[1], "--confirm") == 0;

	if (argc != 1 && !confirm)
		return usage_error(&command_clock, "the only option is --confirm");
	return ask(context, confirm);
}

const struct command command_clock = {
	.name = "clock",
	.arguments = "[--confirm]",
	.summary = "says whether the box's clock is trusted, or confirms that it is right",
	.help = "  --confirm  the time that it shows now is right: you looked at another clock\n\n"
		"A clock that was set back opens nothing again. While it is not trusted, rules with a schedule, and\n"
		"rules that expire within 30 days, are closed; all others go on. Confirming is recorded.\n\n"
		"exit codes: 0 trusted, 1 not, 2 wrong usage, 3 no supervisor is running or it cannot be asked\n",
	.run = clock_run,
};

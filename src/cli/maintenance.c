/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/duration.h"
#include "base/failure.h"
#include "cli/command.h"
#include "json/value.h"
#include "json/writer.h"
#include "run/control.h"
#include "run/drift_watch.h"

static int failed(const struct context *context, int error)
{
	if (error == -ENOENT || error == -ECONNREFUSED)
		fprintf(stderr, "gatehouse maintenance: no supervisor is running (%s), so nothing is put back "
			"anyway\n", context->runtime);
	else
		fprintf(stderr, "gatehouse maintenance: the supervisor cannot be asked through %s: %s\n",
			context->runtime, failure_text(error));
	return EXIT_SYSTEM;
}

static void tell(const struct context *context, long long until)
{
	time_t t = until;
	char text[32];
	struct writer w;
	struct tm tm;

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
	if (context->json) {
		writer_init(&w, stdout, true);
		writer_open_map(&w);
		writer_put_bool(&w, "maintenance", until != 0);
		writer_put_text(&w, "until", until ? text : NULL);
		writer_close_map(&w);
		putchar('\n');
	} else if (until) {
		printf("Maintenance until %s: what differs from the policy is recorded, but not put back.\n"
		       "`gatehouse maintenance --end` ends it.\n", text);
	} else {
		printf("No maintenance: what differs from the policy is put back.\n");
	}
}

static int ask(const struct context *context, int64_t seconds)
{
	const struct value *answer, *ok, *until;
	struct arena arena = { 0 };
	const char *text;
	int r, code = EXIT_CLEAN;

	r = control_call(context->runtime,
			 arena_printf(&arena, "{\"command\":\"maintenance\",\"seconds\":%lld}",
				      (long long)seconds), &arena, &answer);
	if (r < 0) {
		code = failed(context, r);
	} else {
		ok = value_member(answer, "ok");
		until = value_member(answer, "until");
		if (ok && ok->type == VALUE_BOOL && ok->boolean && until && until->type == VALUE_INT) {
			tell(context, until->integer);
		} else {
			text = value_member_text(answer, "text");
			fprintf(stderr, "gatehouse maintenance: %s\n", text ? text : "refused");
			code = EXIT_SYSTEM;
		}
	}
	arena_free(&arena);
	return code;
}

static int maintenance_run(const struct context *context, int argc, char **argv)
{
	int64_t seconds = 0;

	if (argc == 2 && !strcmp(argv[1], "--end"))
		return ask(context, 0);
	if (argc == 2 && !strncmp(argv[1], "--for=", 6))
		argv[1] += 6;
	else if (argc == 3 && !strcmp(argv[1], "--for"))
		argv[1] = argv[2];
	else
		return usage_error(&command_maintenance, "--for how long, or --end?");
	if (!duration_parse(argv[1], &seconds))
		return usage_error(&command_maintenance, "\"%s\" is no duration: 30m, 2h", argv[1]);
	if (seconds > MAINTENANCE_MAX)
		return usage_error(&command_maintenance, "12 hours at most");
	return ask(context, seconds);
}

const struct command command_maintenance = {
	.name = "maintenance",
	.arguments = "--for 30m | --end",
	.summary = "stops putting the ruleset back for a while, while a technician works",
	.help = "  --for TIME  from now on: 90s, 30m, 2h; 12 hours at most\n"
		"  --end       now; what differs from the policy is put back at once\n\n"
		"What differs is recorded meanwhile; begin and end are recorded too, `status` shows it. A\n"
		"restart of the supervisor ends it.\n\n"
		"exit codes: 0 done, 2 wrong usage, 3 no supervisor is running or it cannot be asked\n",
	.run = maintenance_run,
};

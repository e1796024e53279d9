/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "cli/command.h"
#include "json/writer.h"
#include "policy/describe.h"
#include "policy/profiles.h"

/* Names of the functions or services that a profile allows. */
static void print_text(const struct profile *profile, struct arena *arena)
{
	printf("%s (%s): %s\n", profile->id, profile->protocol->name, profile->summary);
	for (size_t i = 0; i < profile->entries.count; i++)
		printf("    %s\n", profile->entries.items[i].function->name);
	for (size_t i = 0; i < profile->cip.count; i++)
		printf("    %s\n", describe_cip_name(&profile->cip.items[i], arena));
}

static void print_json(const struct profile *profiles, struct arena *arena)
{
	struct writer w;

	writer_init(&w, stdout, true);
	writer_open_map(&w);
	writer_name(&w, "profiles");
	writer_open_list(&w);
	for (size_t i = 0; i < BUILTIN_PROFILES; i++) {
		writer_open_map(&w);
		writer_put_text(&w, "id", profiles[i].id);
		writer_put_text(&w, "protocol", profiles[i].protocol->name);
		writer_put_text(&w, "summary", profiles[i].summary);
		writer_name(&w, "functions");
		writer_open_list(&w);
		for (size_t k = 0; k < profiles[i].entries.count; k++)
			writer_text(&w, profiles[i].entries.items[k].function->name);
		for (size_t k = 0; k < profiles[i].cip.count; k++)
			writer_text(&w, describe_cip_name(&profiles[i].cip.items[k], arena));
		writer_close_list(&w);
		writer_close_map(&w);
	}
	writer_close_list(&w);
	writer_close_map(&w);
	putchar('\n');
}

static int run(const struct context *context, int argc, char **argv)
{
	struct arena arena = { 0 };
	const struct profile *profiles;

	if (argc > 1)
		return usage_error(&command_profiles, "it takes no arguments; %s is too much", argv[1]);
	profiles = builtin_profiles(&arena);
	if (context->json)
		print_json(profiles, &arena);
	else
		for (size_t i = 0; i < BUILTIN_PROFILES; i++)
			print_text(&profiles[i], &arena);
	arena_free(&arena);
	return EXIT_CLEAN;
}

const struct command command_profiles = {
	.name = "profiles",
	.arguments = "",
	.summary = "lists the profiles that the program ships",
	.help = "A rule may name a profile instead of (or beside) \"allow\". The built-in ones are broad: any\n"
		"unit id, any address. Profiles of your own stand in profiles documents of the site folder.\n\n"
		"  --json  {\"profiles\": [{id, protocol, summary, functions}]}\n\n"
		"exit codes: 0 done, 2 wrong usage\n",
	.run = run,
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/arena.h"
#include "base/calendar.h"
#include "base/file.h"
#include "cli/command.h"
#include "json/writer.h"

#define REVIEW_DAYS 180

/* The documents of a starting site. "@site@", "@today@" and "@review@" are filled in. */
static const struct template {
	const char *name;
	const char *text;
} templates[] = {
	{ "site.json",
	  "{\n"
	  "  \"$schema\": \"../schemas/site.schema.json\",\n"
	  "  \"note\": \"One site document a folder. Schemas come with the program; correct "
	  "the path above so that your editor finds them.\",\n"
	  "  \"site\": \"@site@\",\n"
	  "  \"timezone\": \"UTC\",\n"
	  "  \"zones\": {\n"
	  "    \"enterprise\": {\n"
	  "      \"note\": \"The office side: the gate's interface there, and all networks "
	  "behind it.\",\n"
	  "      \"side\": \"it\", \"interface\": \"eth0\", \"networks\": [\"10.1.0.0/24\"]\n"
	  "    },\n"
	  "    \"line-1\": {\n"
	  "      \"note\": \"The plant side. One zone for each group of machines that has an "
	  "interface (or VLAN, eth1.20) of its own.\",\n"
	  "      \"side\": \"ot\", \"interface\": \"eth1\", \"networks\": [\"10.2.0.0/24\"]\n"
	  "    }\n"
	  "  },\n"
	  "  \"people\": {\n"
	  "    \"controls\": {\n"
	  "      \"note\": \"Who owns assets and approves rules. The contact is printed when "
	  "something is denied: write one that answers at night.\",\n"
	  "      \"name\": \"Controls group\", \"contact\": \"write a telephone number here\"\n"
	  "    }\n"
	  "  },\n"
	  "  \"review\": {\n"
	  "    \"note\": \"No rule lives longer than this many days without someone looking at "
	  "it again.\",\n"
	  "    \"every_days\": 365, \"overdue\": \"warn\"\n"
	  "  }\n"
	  "}\n" },
	{ "assets.json",
	  "{\n"
	  "  \"$schema\": \"../schemas/assets.schema.json\",\n"
	  "  \"note\": \"Everything that a rule names: servers ask, devices answer. Each has "
	  "one address, inside its zone.\",\n"
	  "  \"assets\": {\n"
	  "    \"historian\": {\n"
	  "      \"role\": \"server\", \"zone\": \"enterprise\", \"address\": \"10.1.0.2\", "
	  "\"owner\": \"controls\",\n"
	  "      \"description\": \"Collects production figures\"\n"
	  "    },\n"
	  "    \"plc-1\": {\n"
	  "      \"role\": \"device\", \"zone\": \"line-1\", \"address\": \"10.2.0.2\", "
	  "\"owner\": \"controls\",\n"
	  "      \"description\": \"Controller of line 1\", \"location\": \"write the panel "
	  "here\"\n"
	  "    }\n"
	  "  }\n"
	  "}\n" },
	{ "rules.json",
	  "{\n"
	  "  \"$schema\": \"../schemas/rules.schema.json\",\n"
	  "  \"note\": \"Every permit of the site. What no rule allows is stopped.\",\n"
	  "  \"rules\": [\n"
	  "    {\n"
	  "      \"note\": \"An example to change. One server, one device, one protocol, and "
	  "exactly what may be asked: here registers 0 to 99 of unit 1, for reading. "
	  "`gatehouse services` lists what else there is.\",\n"
	  "      \"id\": \"historian-reads-plc-1\",\n"
	  "      \"from\": \"historian\",\n"
	  "      \"to\": \"plc-1\",\n"
	  "      \"protocol\": \"modbus\",\n"
	  "      \"allow\": [\n"
	  "        { \"function\": \"read-holding-registers\", \"unit\": 1, \"addresses\": "
	  "[\"0-99\"] }\n"
	  "      ],\n"
	  "      \"purpose\": \"Write here why this is needed, so that a reviewer can judge it\",\n"
	  "      \"owner\": \"controls\",\n"
	  "      \"approved_by\": \"controls\",\n"
	  "      \"approved_on\": \"@today@\",\n"
	  "      \"review_by\": \"@review@\"\n"
	  "    }\n"
	  "  ]\n"
	  "}\n" },
};
#define TEMPLATES (sizeof(templates) / sizeof(templates[0]))

struct blanks {
	const char *site;
	char today[CALENDAR_DATE_SIZE];
	char review[CALENDAR_DATE_SIZE];
};

/* The value of a blank at the beginning of the text, whose length goes to *ret; NULL when there is none. */
static const char *blank_at(const struct blanks *blanks, const char *text, size_t *ret)
{
	const struct {
		const char *name;
		const char *value;
	} all[] = { { "@site@", blanks->site }, { "@today@", blanks->today }, { "@review@", blanks->review } };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		*ret = strlen(all[i].name);
		if (!strncmp(text, all[i].name, *ret))
			return all[i].value;
	}
	return NULL;
}

static const char *fill_in(const char *text, const struct blanks *blanks, struct arena *arena)
{
	const char *filled = "";
	size_t length;

	while (*text) {
		size_t plain = strcspn(text, "@");
		const char *value = blank_at(blanks, text + plain, &length);

		if (!value)
			length = text[plain] != 0;
		filled = arena_printf(arena, "%s%.*s%s", filled, (int)plain, text, value ? value : "");
		text += plain + length;
	}
	return filled;
}

/* The folder's own name, if a site can be called so. */
static const char *site_name(const char *folder, struct arena *arena)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
	size_t end = strlen(folder), from;
	const char *name;

	while (end && folder[end - 1] == '/')
		end--;
	for (from = end; from && folder[from - 1] != '/'; from--)
		;
	name = arena_strndup(arena, folder + from, end - from);
	return name[0] && name[0] != '.' && strlen(name) <= 63 && strspn(name, letters) == strlen(name) ?
		       name : "my-site";
}

/* Makes the folder, or takes one that is empty. 0, -ENOTEMPTY or another negative errno. */
static int take_folder(const char *path)
{
	const struct dirent *entry;
	DIR *folder;
	int r = 0;

	if (mkdir(path, 0755) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	folder = opendir(path);
	if (!folder)
		return -errno;
	while (!r && (entry = readdir(folder)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = -ENOTEMPTY;
	closedir(folder);
	return r;
}

static int write_documents(const char *folder, struct arena *arena)
{
	struct blanks blanks = { .site = site_name(folder, arena) };
	int64_t today = time(NULL) / CALENDAR_DAY_SECONDS; /* the site's zone is UTC at first */
	int r = 0;

	calendar_format_date(today, blanks.today);
	calendar_format_date(today + REVIEW_DAYS, blanks.review);
	for (size_t i = 0; i < TEMPLATES && !r; i++) {
		const char *text = fill_in(templates[i].text, &blanks, arena);

		r = file_replace(arena_printf(arena, "%s/%s", folder, templates[i].name), text, strlen(text),
				 0644);
	}
	return r;
}

static void print_done(const struct context *context, const char *folder)
{
	struct writer w;

	if (!context->json) {
		printf("%s: a site with one example rule. Change the zones, assets and the rule to yours, then\n"
		       "  gatehouse check %s\n", folder, folder);
		return;
	}
	writer_init(&w, stdout, true);
	writer_open_map(&w);
	writer_put_text(&w, "folder", folder);
	writer_name(&w, "documents");
	writer_open_list(&w);
	for (size_t i = 0; i < TEMPLATES; i++)
		writer_text(&w, templates[i].name);
	writer_close_list(&w);
	writer_close_map(&w);
	putchar('\n');
}

static int make_site(const struct context *context, const char *folder)
{
	struct arena arena = { 0 };
	int r = take_folder(folder);

	if (r == -ENOTEMPTY) {
		fprintf(stderr, "gatehouse new: %s is not empty, and nothing in it was touched\n"
			"name a folder that does not exist yet\n", folder);
		return EXIT_USAGE;
	}
	if (!r)
		r = write_documents(folder, &arena);
	arena_free(&arena);
	if (r < 0) {
		fprintf(stderr, "gatehouse new: cannot write to %s: %s\n", folder, strerror(-r));
		return EXIT_SYSTEM;
	}
	print_done(context, folder);
	return EXIT_CLEAN;
}

static int run(const struct context *context, int argc, char **argv)
{
	if (argc > 1 && argv[1][0] == '-')
		return usage_error(&command_new, "there is no option %s", argv[1]);
	if (argc != 2 || !argv[1][0])
		return usage_error(&command_new, argc < 2 ? "which folder?" : "one folder at a time");
	return make_site(context, argv[1]);
}

const struct command command_new = {
	.name = "new",
	.arguments = "DIR",
	.summary = "writes a starting site folder that compiles",
	.help = "Makes DIR with a site, two assets and one rule, explained by their notes. A folder that is\n"
		"not empty is left alone.\n\n"
		"  --json    {\"folder\", \"documents\": [file names]}\n\n"
		"exit codes: 0 done, 2 wrong usage or DIR is not empty, 3 DIR cannot be written\n",
	.run = run,
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/bundle_line.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "base/duration.h"
#include "cli/options.h"
#include "cli/passphrase.h"

#define VALID_DAYS 30

static bool read_number(const char *text, int64_t *ret)
{
	char *end;

	errno = 0;
	*ret = text ? strtoll(text, &end, 10) : -1;
	return text && *text >= '0' && *text <= '9' && !*end && !errno;
}

static const char *read_numbers(struct bundle_line *l, int argc, char **argv, int *i, bool *ret_taken)
{
	const char *text;

	*ret_taken = true;
	if (option_value(argc, argv, i, "--serial", &text))
		return read_number(text, &l->serial) && l->serial ? NULL : "--serial wants a number from 1";
	if (option_value(argc, argv, i, "--reset-from", &text))
		return read_number(text, &l->reset_from) ? NULL : "--reset-from wants the serial that is left, or 0";
	if (option_value(argc, argv, i, "--valid", &text))
		return text && duration_parse(text, &l->valid) ? NULL : "--valid wants a time like 30d";
	*ret_taken = false;
	return NULL;
}

static const struct {
	const char *name;
	size_t offset;
	const char *wrong;
} options[] = {
	{ "-o", offsetof(struct bundle_line, out), "-o wants a file" },
	{ "--key", offsetof(struct bundle_line, key), "--key wants a private key file" },
	{ "--trust", offsetof(struct bundle_line, trust_path), "--trust wants a trust document" },
	{ "--against", offsetof(struct bundle_line, against), "--against wants a site folder or a bundle" },
	{ "--last", offsetof(struct bundle_line, last), "--last wants a folder of bundles" },
	{ "--note", offsetof(struct bundle_line, note), "--note wants a text" },
};

static const char *read_word(struct bundle_line *l, int argc, char **argv, int *i)
{
	const char *wrong = NULL;
	bool taken;

	for (size_t k = 0; k < sizeof(options) / sizeof(options[0]); k++) {
		const char **slot = (const char **)((char *)l + options[k].offset);

		if (option_value(argc, argv, i, options[k].name, slot))
			return *slot ? NULL : options[k].wrong;
	}
	wrong = read_numbers(l, argc, argv, i, &taken);
	if (taken || passphrase_option(argc, argv, i, &l->passphrase_fd, &wrong))
		return wrong;
	if (argv[*i][0] == '-')
		return "an option that it does not have";
	if (l->second)
		return "two files are enough";
	*(l->file ? &l->second : &l->file) = argv[*i];
	return NULL;
}

int bundle_line_read(struct bundle_line *l, const struct context *context, int argc, char **argv, bool two)
{
	*l = (struct bundle_line){ .context = context, .passphrase_fd = PASSPHRASE_TERMINAL,
				   .reset_from = NO_SERIAL, .valid = VALID_DAYS * CALENDAR_DAY_SECONDS };
	diag_init(&l->diags, &l->arena);
	for (int i = 1; i < argc; i++) {
		const char *wrong = read_word(l, argc, argv, &i);

		if (wrong)
			return usage_error(&command_bundle, "%s", wrong);
	}
	if (!l->file || two != !!l->second)
		return usage_error(&command_bundle, two ? "diff wants two of them" : "%s wants one %s", argv[0],
				   strcmp(argv[0], "create") && strcmp(argv[0], "update") ? "bundle" : "folder");
	return EXIT_CLEAN;
}

int bundle_line_leave(struct bundle_line *l, int code)
{
	diag_show(&l->diags);
	arena_free(&l->arena);
	return code;
}

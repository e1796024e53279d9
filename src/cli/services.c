/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/services.h"
#include "json/writer.h"
#include "protocol/modbus.h"
#include "protocol/reason.h"

static const char *access_name(uint8_t access)
{
	switch ((enum modbus_access)access) {
	case MODBUS_READ:
		return "read";
	case MODBUS_WRITE:
		return "write";
	case MODBUS_CONTROL:
		return "control";
	}
	return "?";
}

/* What an allow entry for the function must say beside function and unit, and what it may say. */
struct wants {
	const char *required[2];
	const char *optional[3];
};

static struct wants wants_of(const struct modbus_function *f)
{
	static const struct wants by_shape[] = {
		[MODBUS_SHAPE_READ] = { { "addresses" }, { "max_quantity" } },
		[MODBUS_SHAPE_WRITE_ONE] = { { "addresses" }, { "values" } },
		[MODBUS_SHAPE_WRITE_MANY] = { { "addresses" }, { "values", "max_quantity" } },
		[MODBUS_SHAPE_MASK] = { { "addresses" }, { NULL } },
		[MODBUS_SHAPE_READ_WRITE] = { { "read", "write" }, { "max_quantity" } },
		[MODBUS_SHAPE_FIFO] = { { "addresses" }, { NULL } },
		[MODBUS_SHAPE_DIAGNOSTICS] = { { "subfunctions" }, { NULL } },
		[MODBUS_SHAPE_READ_FILE] = { { "files" }, { "records" } },
		[MODBUS_SHAPE_WRITE_FILE] = { { "files" }, { "records" } },
		[MODBUS_SHAPE_MEI] = { { NULL }, { "read_codes", "object_ids", "mei_type" } },
		[MODBUS_SHAPE_OPAQUE] = { { NULL }, { NULL } },
	};

	return by_shape[f->shape];
}

static void write_words(struct writer *w, const char *name, const char *const *words, size_t max)
{
	writer_name(w, name);
	writer_open_list(w);
	for (size_t i = 0; i < max && words[i]; i++)
		writer_text(w, words[i]);
	writer_close_list(w);
}

static void write_services(void)
{
	struct writer w;

	writer_init(&w, stdout, true);
	writer_open_map(&w);
	writer_name(&w, "modbus");
	writer_open_list(&w);
	for (size_t i = 0; i < modbus_function_count; i++) {
		const struct modbus_function *f = &modbus_functions[i];
		struct wants wants = wants_of(f);

		writer_open_map(&w);
		writer_put_uint(&w, "function", f->code);
		writer_put_text(&w, "name", f->name);
		writer_put_text(&w, "access", access_name(f->access));
		write_words(&w, "required", wants.required, 2);
		write_words(&w, "optional", wants.optional, 3);
		writer_close_map(&w);
	}
	writer_close_list(&w);
	services_write_cip(&w);
	writer_close_map(&w);
	putchar('\n');
}

static void print_words(const char *const *words, size_t max, const char *before, const char *after)
{
	for (size_t i = 0; i < max && words[i]; i++)
		printf("%s%s%s", before, words[i], after);
}

static void print_services(void)
{
	puts("Modbus functions of an allow entry (\"function\" and \"unit\" are always needed;\n"
	     "members in brackets may be left out)\n\n"
	     "  code  name                           access   the entry also says");
	for (size_t i = 0; i < modbus_function_count; i++) {
		const struct modbus_function *f = &modbus_functions[i];
		struct wants wants = wants_of(f);

		printf("  %4u  %-29s  %-7s ", f->code, f->name, access_name(f->access));
		print_words(wants.required, 2, " ", "");
		print_words(wants.optional, 3, " [", "]");
		putchar('\n');
	}
	puts("\nA code that has no name here is allowed by its number, 1 to 127.\n"
	     "\"addresses\" may be written as \"registers\", in the data-sheet notation.");
	services_print_cip();
}

static void write_reasons(void)
{
	struct writer w;

	writer_init(&w, stdout, true);
	writer_open_map(&w);
	writer_name(&w, "reasons");
	writer_open_list(&w);
	for (enum reason r = REASON_NONE + 1; r < REASON_COUNT; r++) {
		writer_open_map(&w);
		writer_put_text(&w, "code", reason_code(r));
		writer_put_text(&w, "text", reason_text(r));
		writer_close_map(&w);
	}
	writer_close_list(&w);
	writer_close_map(&w);
	putchar('\n');
}

static void print_reasons(void)
{
	puts("Why the gate denies\n");
	for (enum reason r = REASON_NONE + 1; r < REASON_COUNT; r++)
		printf("  %-27s  %s\n", reason_code(r), reason_text(r));
}

static int run(const struct context *context, int argc, char **argv)
{
	bool reasons = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--reasons") != 0)
			return usage_error(&command_services, "there is no option %s", argv[i]);
		reasons = true;
	}
	if (reasons && context->json)
		write_reasons();
	else if (reasons)
		print_reasons();
	else if (context->json)
		write_services();
	else
		print_services();
	return EXIT_CLEAN;
}

const struct command command_services = {
	.name = "services",
	.arguments = "[--reasons] [--json]",
	.summary = "lists every service that a rule can name, or every reason of a denial",
	.help = "  --reasons   the reason codes of events, replay and reports, a sentence each\n\n"
		"exit codes: 0 done, 2 wrong usage\n",
	.run = run,
};

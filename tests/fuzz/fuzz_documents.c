/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as the documents of a site, one behind the other with a byte 0x1E between them. Refusal comes
 * with a finding, acceptance with none that is an error and a match program that the core takes; the same
 * documents compile to the same bytes twice.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inspect/program.h"
#include "policy/compile.h"
#include "policy/documents.h"

#define NOW 1795305600 /* 2026-11-22 00:00 UTC */
#define SEPARATOR 0x1e
#define ITEMS_MAX 6u

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void hold(bool promise)
{
	if (!promise)
		abort();
}

/* Each text in a block of its own size, so that a look behind its NUL is seen. */
static size_t split(const uint8_t *bytes, size_t size, struct document items[static ITEMS_MAX])
{
	static const char *const names[ITEMS_MAX] = { "s/a.json", "s/b.json", "s/c.json", "s/d.json",
						      "s/e.json", "s/f.json" };
	const uint8_t *end = bytes + size;
	size_t n = 0;

	while (n < ITEMS_MAX) {
		const uint8_t *stop = n + 1 < ITEMS_MAX && bytes < end ?
			memchr(bytes, SEPARATOR, (size_t)(end - bytes)) : NULL;
		size_t len = (size_t)((stop ? stop : end) - bytes);
		char *text = malloc(len + 1);

		hold(text != NULL);
		memcpy(text, bytes, len);
		text[len] = '\0';
		items[n] = (struct document){ .path = names[n], .text = text, .len = len };
		n++;
		if (!stop)
			break;
		bytes = stop + 1;
	}
	return n;
}

struct outcome {
	struct arena arena;
	struct diag_list diags;
	struct compiled compiled;
	bool good;
	char *said;
	size_t said_length;
};

static void compile(const struct documents *documents, struct outcome *ret)
{
	FILE *out;

	*ret = (struct outcome){ 0 };
	diag_init(&ret->diags, &ret->arena);
	ret->good = compile_site(documents, NOW, NULL, 0, &ret->arena, &ret->diags, &ret->compiled);
	hold(ret->good == (ret->diags.errors == 0));
	out = open_memstream(&ret->said, &ret->said_length);
	hold(out != NULL);
	diag_sort(&ret->diags);
	diag_print(&ret->diags, out, false);
	if (ret->good)
		compile_write_policy(&ret->compiled, out);
	fclose(out);
}

static void release(struct outcome *o)
{
	arena_free(&o->arena);
	free(o->said);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct document items[ITEMS_MAX];
	struct documents documents = { .items = items, .count = split(bytes, size, items) };
	struct outcome first, second;
	struct program program;

	compile(&documents, &first);
	compile(&documents, &second);
	hold(first.said_length == second.said_length &&
	     memcmp(first.said, second.said, first.said_length) == 0);
	if (first.good) {
		hold(program_open(first.compiled.program, first.compiled.program_size,
				  PROGRAM_RULES_MAX, &program));
		hold(first.compiled.program_size == second.compiled.program_size &&
		     memcmp(first.compiled.program, second.compiled.program,
			    first.compiled.program_size) == 0);
	}
	release(&first);
	release(&second);
	for (size_t i = 0; i < documents.count; i++)
		free((char *)(uintptr_t)items[i].text);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/explain_cyclic.h"

#include <stdlib.h>
#include <string.h>

#include "policy/model.h"
#include "policy/words.h"

static bool read_assemblies(const char *text, struct cip_cyclic *ret)
{
	char *end;

	do {
		unsigned long n = strtoul(text, &end, 0);

		if (end == text || *text == '-' || n == 0 || n > CIP_NUMBER_LAST || ret->count == CIP_CYCLIC_ASSEMBLIES)
			return false;
		ret->assemblies[ret->count++] = (uint32_t)n;
		text = end + 1;
	} while (*end == ',');
	return !*end;
}

const char *cyclic_ask_parse(const char *io, const char *assembly, const char *rpi, struct cip_cyclic *ret)
{
	double ms = 0;
	char *end = NULL;
	int kind = 0;

	for (size_t i = 0; io && i < words_io_kinds.count; i++)
		if (!strcmp(words_io_kinds.items[i].name, io))
			kind = words_io_kinds.items[i].value;
	if (!kind)
		return "--io wants listen-only, input-only or exclusive-owner";
	*ret = (struct cip_cyclic){ .owner = kind == CIP_IO_EXCLUSIVE_OWNER, .rpi = UINT32_MAX };
	if (!assembly || !read_assemblies(assembly, ret))
		return "--io wants --assembly with the numbers that the connection names, as in 100,150,151";
	if (!rpi)
		return NULL;
	ms = strtod(rpi, &end);
	if (end == rpi || *end || !(ms > 0 && ms <= 4000000))
		return "--rpi wants milliseconds";
	ret->rpi = (uint32_t)(ms * 1000 + 0.5);
	return NULL;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/learn_names.h"

#include <time.h>

#include "policy/address.h"
#include "policy/compile.h"
#include "run/names.h"

static const char *name_of(const struct compiled *compiled, const char *text)
{
	struct address address;
	const char *name = address_parse(text, &address) ? names_asset(compiled, &address) : NULL;

	return name ? name : text;
}

int learn_names(const char *folder, struct diag_list *diags, struct learn_rules *rules)
{
	struct documents documents;
	struct compiled compiled;
	int r = documents_read(folder, rules->arena, diags, &documents);

	if (r < 0)
		return r;
	if (!compile_site(&documents, time(NULL), NULL, 0, rules->arena, diags, &compiled) || diags->errors)
		return 1;
	for (size_t i = 0; i < rules->count; i++) {
		rules->items[i].from = name_of(&compiled, rules->items[i].from);
		rules->items[i].to = name_of(&compiled, rules->items[i].to);
	}
	return 0;
}

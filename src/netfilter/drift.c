/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/drift.h"

#include <stdarg.h>
#include <stdio.h>

#define HELP_APPLY "find out who changed the ruleset; loading the policy again puts it back (a running " \
		   "supervisor does so by itself, `gatehouse apply DIR` by hand)"
#define HELP_FOREIGN "find out which program made it and whether this box needs it; take it away " \
		     "(`nft delete table FAMILY NAME`), the gate does not touch what is not its own"

static const struct {
	const char *word;
	bool ours;
	const char *help;
} codes[DRIFT_CODES] = {
	[DRIFT_TABLE_REMOVED] = { "table-removed", true, HELP_APPLY },
	[DRIFT_TABLE_FLUSHED] = { "table-flushed", true, HELP_APPLY },
	[DRIFT_TABLE_ASLEEP] = { "table-asleep", true, HELP_APPLY },
	[DRIFT_TABLE_CHANGED] = { "table-changed", true, HELP_APPLY },
	[DRIFT_TABLE_TWICE] = { "table-twice", false, HELP_FOREIGN },
	[DRIFT_CHAIN_ADDED] = { "chain-added", true, HELP_APPLY },
	[DRIFT_CHAIN_REMOVED] = { "chain-removed", true, HELP_APPLY },
	[DRIFT_CHAIN_CHANGED] = { "chain-changed", true, HELP_APPLY },
	[DRIFT_CHAIN_POLICY] = { "chain-policy", true, HELP_APPLY },
	[DRIFT_RULE_ADDED] = { "rule-added", true, HELP_APPLY },
	[DRIFT_RULE_REMOVED] = { "rule-removed", true, HELP_APPLY },
	[DRIFT_RULE_CHANGED] = { "rule-changed", true, HELP_APPLY },
	[DRIFT_SET_ADDED] = { "set-added", true, HELP_APPLY },
	[DRIFT_SET_REMOVED] = { "set-removed", true, HELP_APPLY },
	[DRIFT_SET_CHANGED] = { "set-changed", true, HELP_APPLY },
	[DRIFT_SET_FLUSHED] = { "set-flushed", true, HELP_APPLY },
	[DRIFT_ELEMENT_ADDED] = { "element-added", true, HELP_APPLY },
	[DRIFT_ELEMENT_REMOVED] = { "element-removed", true, HELP_APPLY },
	[DRIFT_ELEMENT_CHANGED] = { "element-changed", true, HELP_APPLY },
	[DRIFT_WINDOW_CHANGED] = { "window-changed", true, HELP_APPLY },
	[DRIFT_HOME_ADDED] = { "home-added", true, HELP_APPLY },
	[DRIFT_HOME_REMOVED] = { "home-removed", true, HELP_APPLY },
	[DRIFT_OBJECT_ADDED] = { "object-added", true, HELP_APPLY },
	[DRIFT_OBJECT_REMOVED] = { "object-removed", true, HELP_APPLY },
	[DRIFT_FOREIGN_HOOK] = { "foreign-hook", false, HELP_FOREIGN },
	[DRIFT_FOREIGN_FLOWTABLE] = { "foreign-flowtable", false, HELP_FOREIGN },
	[DRIFT_LEGACY_TABLE] = { "legacy-table", false,
		"look into it with `iptables-legacy-save`; a gate needs none of it: restart the box without "
		"the program that loads it" },
};

void drift_init(struct drift_list *list, struct arena *arena)
{
	list->arena = arena;
	list->count = list->findings = list->warnings = 0;
	list->ours = false;
}

/* A finding that is not kept is still counted; a warning gives its place to a finding. */
static struct drift *take_place(struct drift_list *list, bool warning)
{
	if (list->count < DRIFT_MAX)
		return &list->items[list->count++];
	for (size_t i = 0; !warning && i < list->count; i++)
		if (list->items[i].warning)
			return &list->items[i];
	return NULL;
}

void drift_add(struct drift_list *list, const struct drift *from, const char *where, const char *format,
	       ...)
{
	struct drift *drift;
	char text[1024];
	va_list args;

	if (!list)
		return;
	++*(from->warning ? &list->warnings : &list->findings);
	list->ours |= codes[from->code].ours;
	drift = take_place(list, from->warning);
	if (!drift)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	*drift = *from;
	drift->where = arena_printf(list->arena, "%s", where);
	drift->text = arena_printf(list->arena, "%s", text);
}

const char *drift_word(enum drift_code code)
{
	return codes[code].word;
}

const char *drift_help(enum drift_code code)
{
	return codes[code].help;
}

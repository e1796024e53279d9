/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/learn_ledger.h"

#include <stdlib.h>
#include <string.h>

#include "cli/traffic.h"
#include "record/ledger_reader.h"

#define RULES_MOST 4096u

struct lesson {
	struct learn_rules *rules;
	const char *only;
};

static const char *keep(const struct learn_rules *rules, const char *text)
{
	return arena_strndup(rules->arena, text, strlen(text));
}

static struct learn_rule *rule_called(struct lesson *l, const char *id, const struct protocol *protocol)
{
	struct learn_rules *rules = l->rules;
	struct learn_rule *r;

	for (size_t i = 0; i < rules->count; i++)
		if (!strcmp(rules->items[i].id, id))
			return &rules->items[i];
	if (rules->count == RULES_MOST)
		return NULL;
	r = &rules->items[rules->count++];
	*r = (struct learn_rule){ .id = keep(rules, id), .from = "", .to = "", .protocol = protocol,
				  .port = protocol->port, .learn = { .arena = rules->arena } };
	return r;
}

static bool passed(const char *verdict)
{
	return !strcmp(verdict, "allowed") || !strncmp(verdict, "observed/", strlen("observed/"));
}

static void on_usage(const struct ledger_row *row, void *data)
{
	struct lesson *l = data;
	const char *const *field = row->subject.field;
	const struct protocol *protocol = protocol_called(field[1]);
	struct learn_rule *r;
	struct learn_use use;

	if (!protocol || !*field[0] || !*field[2] || !passed(field[4]) || (l->only && strcmp(l->only, field[0])))
		return;
	r = rule_called(l, field[0], protocol);
	if (!r)
		return;
	use = (struct learn_use){ .protocol = (enum program_protocol)protocol->program,
				  .service = keep(l->rules, field[2]),
				  .parts = keep(l->rules, row->subject.note ? row->subject.note : "{}"),
				  .count = row->count, .first = row->first_seen, .last = row->last_seen };
	r->seen += row->count;
	if (learn_add(&r->learn, &use) == LEARN_CANNOT)
		r->cannot += row->count;
}

/* Is the id one of "reads-press sets-press"? */
static bool names(const char *list, const char *id)
{
	size_t len = strlen(id);

	for (const char *at = strstr(list, id); at; at = strstr(at + 1, id))
		if ((at == list || at[-1] == ' ' || at[-1] == ',') && (!at[len] || at[len] == ' ' || at[len] == ','))
			return true;
	return false;
}

static void on_conduit(const struct ledger_row *row, void *data)
{
	struct lesson *l = data;
	const char *const *field = row->subject.field;

	for (size_t i = 0; row->subject.note && i < l->rules->count; i++) {
		struct learn_rule *r = &l->rules->items[i];

		if (strcmp(field[2], "tcp") || !names(row->subject.note, r->id))
			continue;
		r->from = keep(l->rules, field[0]);
		r->to = keep(l->rules, field[1]);
		r->port = (uint16_t)strtoul(field[3], NULL, 10);
	}
}

int learn_ledger(const char *path, const char *only, struct learn_rules *rules)
{
	struct lesson l = { .rules = rules, .only = only };
	struct ledger_reader *reader;
	int r = ledger_reader_open(path, &reader);

	if (r < 0)
		return r;
	rules->items = arena_array(rules->arena, RULES_MOST, sizeof(*rules->items));
	r = ledger_read_sums(reader, LEDGER_USAGE, 0, INT64_MAX, on_usage, &l);
	if (r >= 0)
		r = ledger_read_sums(reader, LEDGER_CONDUIT, 0, INT64_MAX, on_conduit, &l);
	ledger_reader_close(reader);
	return r;
}

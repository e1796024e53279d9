/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/learn_capture.h"

#include <stdlib.h>
#include <string.h>

#include "policy/address.h"
#include "run/usage.h"
#include "run/uses.h"

#define ROUNDS_MAX 8u
#define LOOK_EVERY 8u /* messages */

struct lesson {
	struct play *play;
	struct learn_rules *rules;
	struct uses_taken *taken;
	unsigned since;             /* messages since the table of uses was looked at */
	bool allowed_only;          /* what the rules of the trial before allow, not what they might */
	struct learn_denied *denied;
};

/* ---- what was asked for ---- */

static void take_use(const struct lesson *l, struct learn_rule *rule, const struct core_use *row, uint64_t count)
{
	struct usage usage;
	struct learn_use use = { .protocol = (enum program_protocol)rule->protocol->program, .count = count,
				 .first = row->first, .last = row->last };

	usage_of_request(NULL, &row->what, &usage);
	use.service = usage.service;
	use.parts = usage.parts;
	rule->seen += count;
	if (l->allowed_only && row->what.kind != CORE_EVENT_ALLOWED)
		rule->cannot += count;
	else if (learn_add(&rule->learn, &use) == LEARN_CANNOT)
		rule->cannot += count;
}

/* Conduits have the numbers of the pairs, from 1. */
static void look(struct lesson *l)
{
	const struct core_uses *uses = vm_uses(l->play->stage.vm);

	for (uint32_t i = 0; i < uses->used; i++) {
		const struct core_use *row = &uses->rows[i];
		uint64_t count = row->count ? uses_growth(l->taken, i, row) : 0;

		if (count && row->what.to_device && row->what.conduit && row->what.conduit <= l->rules->count)
			take_use(l, &l->rules->items[row->what.conduit - 1], row, count);
	}
	vm_io(l->play->stage.vm)->taken = vm_totals(l->play->stage.vm)->packets;
	l->since = 0;
}

static void on_message(void *context, const struct replay_conduit *conduit, const struct message *message,
		       const struct stage_verdict *verdict)
{
	struct lesson *l = context;

	l->denied->messages++;
	l->denied->denied += !verdict->allowed;
	if (!verdict->allowed && verdict->reason < REASON_COUNT)
		l->denied->by_reason[verdict->reason]++;
	if (++l->since == LOOK_EVERY)
		look(l);
}

/* ---- trials ---- */

static const char *compile(struct lesson *l, enum learn_trial trial, struct replay_site *site)
{
	const char **ids = arena_array(l->rules->arena, l->rules->count + 1, sizeof(*ids));
	struct documents documents;
	struct diag_list diags;

	for (size_t i = 0; i < l->rules->count; i++)
		ids[i] = l->rules->items[i].id;
	learn_rules_site(l->rules, trial, &documents);
	diag_init(&diags, l->rules->arena);
	if (replay_site_compile(&documents, false, LEARN_NOW, l->rules->arena, &diags, site)) {
		diag_print(&diags, stderr, false);
		return "the rules that it learned are not sound; this is a mistake of the program";
	}
	return replay_site_assign(site, ids, l->play->pairs, l->play->pair_count);
}

/* What the core says of the capture is learned anew each time: the requests are the same. */
static void forget(struct lesson *l)
{
	for (size_t i = 0; i < l->rules->count; i++) {
		l->rules->items[i].learn = (struct learn){ .arena = l->rules->arena };
		l->rules->items[i].seen = l->rules->items[i].cannot = 0;
	}
	memset(l->taken, 0, sizeof(*l->taken));
	l->since = 0;
}

static const char *try(struct lesson *l, const char *path, enum learn_trial trial)
{
	struct replay_site site;
	char error[400] = "";
	struct traffic traffic;
	const char *why = compile(l, trial, &site);

	if (why)
		return why;
	*l->denied = (struct learn_denied){ 0 };
	l->play->site = &site;
	if (play_load(l->play) < 0)
		return "the decision core does not take the rules";
	if (trial == LEARN_OBSERVING)
		forget(l);
	if (play_capture(l->play, path, &traffic, error, sizeof(error)) < 0 && !traffic.frames)
		return arena_printf(l->rules->arena, "it cannot be read as a capture: %s", error);
	if (trial == LEARN_OBSERVING)
		look(l);
	return l->play->out_of_memory ? "out of memory" : l->play->stage.trapped ? "the decision core failed" : NULL;
}

/* ---- pairs ---- */

static const char *address_text(const struct endpoint *end, struct arena *arena)
{
	struct address address = { .family = end->family };
	char text[ADDRESS_TEXT_SIZE];

	memcpy(address.b, end->address, sizeof(address.b));
	address_format(&address, text);
	return arena_strndup(arena, text, strlen(text));
}

static void name_rules(struct lesson *l)
{
	struct learn_rules *rules = l->rules;

	rules->count = l->play->pair_count;
	rules->items = arena_array(rules->arena, rules->count + 1, sizeof(*rules->items));
	for (size_t i = 0; i < rules->count; i++) {
		const struct replay_conduit *pair = &l->play->pairs[i];
		struct learn_rule *r = &rules->items[i];

		r->id = arena_printf(rules->arena, "learned-%zu", i + 1);
		r->from = address_text(&pair->server, rules->arena);
		r->to = address_text(&pair->device, rules->arena);
		r->protocol = protocol_of(pair->program);
		r->port = pair->device.port;
		r->learn.arena = rules->arena;
	}
}

/* How much is known: entries are only ever added, so equal counts mean equal rules. */
static size_t knowledge(const struct learn_rules *rules)
{
	size_t sum = 0;

	for (size_t i = 0; i < rules->count; i++)
		sum += rules->items[i].learn.count;
	return sum;
}

static const char *learn(struct lesson *l, const char *path)
{
	size_t known, round = 0;
	uint64_t denied;
	const char *why;

	do {
		known = knowledge(l->rules);
		denied = l->denied->denied;
		why = try(l, path, LEARN_OBSERVING);
	} while (!why && ++round < ROUNDS_MAX &&
		 (round < 2 || known != knowledge(l->rules) || denied != l->denied->denied));
	/* an entry may look right and yet allow nothing: such a path, such a size is never allowed */
	l->allowed_only = true;
	return why ? why : try(l, path, LEARN_OBSERVING);
}

static const char *give_lesson(struct lesson *l, const char *path)
{
	char error[400] = "";
	const char *why;

	l->play->judged = on_message;
	l->play->context = l;
	if (play_pairs(l->play, path, error, sizeof(error)) < 0)
		return arena_printf(l->rules->arena, "it cannot be read as a capture: %s", error);
	name_rules(l);
	why = learn(l, path);
	return why ? why : try(l, path, LEARN_ENFORCING);
}

const char *learn_capture(const char *path, struct play *play, struct learn_rules *rules, struct learn_denied *ret)
{
	struct lesson l = { .play = play, .rules = rules, .taken = calloc(1, sizeof(*l.taken)), .denied = ret };
	const char *why;

	*ret = (struct learn_denied){ 0 };
	if (!l.taken)
		return "out of memory";
	why = give_lesson(&l, path);
	free(l.taken);
	return why;
}

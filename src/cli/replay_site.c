/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/replay_site.h"

#include <netinet/in.h>
#include <string.h>

#include "inspect/core.h"

static struct program_header *header_of(const struct replay_site *site)
{
	return (struct program_header *)(void *)site->program;
}

static void *table_of(const struct replay_site *site, const struct program_table *table)
{
	return site->program + table->offset;
}

static const struct program_conduit *program_conduit_of(const struct replay_site *site,
							uint32_t number)
{
	const struct program_header *h = header_of(site);
	const uint32_t *index = table_of(site, &h->index);
	const struct program_conduit *conduits = table_of(site, &h->conduits);

	return number < h->index.count && index[number] ? &conduits[index[number] - 1] : NULL;
}

static struct endpoint endpoint_of(const struct address *address, uint16_t port)
{
	struct endpoint e = { .family = address->family, .port = port };

	memcpy(e.address, address->b, address->family == 4 ? 4 : 16);
	return e;
}

static uint8_t datagrams_of(const struct replay_site *site, const struct program_conduit *c)
{
	const struct program_header *h = header_of(site);
	const struct program_rule *rules = table_of(site, &h->rules);
	const struct program_cip *cip = table_of(site, &h->cip);
	uint8_t found = 0;

	for (uint32_t i = 0; i < c->rules.count; i++) {
		const struct program_span entries = rules[c->rules.first + i].cip;

		for (uint32_t k = 0; k < entries.count; k++) {
			found |= cip[entries.first + k].kind == CIP_LIST_IDENTITY ? RULESET_UDP_MESSAGES : 0;
			found |= cip[entries.first + k].kind == CIP_IO ? RULESET_UDP_CYCLIC : 0;
		}
	}
	return found;
}

static void take_dates_out(struct replay_site *site)
{
	const struct program_header *h = header_of(site);
	struct program_rule *rules = table_of(site, &h->rules);

	for (uint32_t i = 0; i < h->rules.count; i++)
		rules[i].windows = (struct program_span){ 0, 0 };
}

static void list_conduits(struct replay_site *site)
{
	const struct ruleset *set = &site->compiled.ruleset;

	site->conduits = arena_array(site->arena, set->conduit_count + 1, sizeof(*site->conduits));
	for (size_t i = 0; i < set->conduit_count; i++) {
		const struct ruleset_conduit *from = &set->conduits[i];
		struct replay_conduit *to = &site->conduits[site->conduit_count];
		const struct program_conduit *c;

		if (from->transport != IPPROTO_TCP)
			continue;
		*to = (struct replay_conduit){
			.server = endpoint_of(&from->server, 0),
			.device = endpoint_of(&from->device, from->port),
			.number = from->mark & MARK_CONDUIT,
			.inspected = from->mark & MARK_INSPECTED,
			.rules = from->rules,
			.only_rule = CORE_NO_RULE,
		};
		c = to->inspected ? program_conduit_of(site, to->number) : NULL;
		if (c) {
			to->program = c->protocol;
			to->datagrams = datagrams_of(site, c);
		}
		if (c && c->rules.count == 1)
			to->only_rule = c->rules.first;
		site->conduit_count++;
	}
}

int replay_site_load(const char *folder, bool dated, int64_t now, struct arena *arena,
		     struct diag_list *diags, struct replay_site *ret)
{
	struct documents documents;
	int err = documents_read(folder, arena, diags, &documents);

	*ret = (struct replay_site){ .arena = arena };
	return err ? err : replay_site_compile(&documents, dated, now, arena, diags, ret);
}

int replay_site_compile(const struct documents *documents, bool dated, int64_t now, struct arena *arena,
			struct diag_list *diags, struct replay_site *ret)
{
	*ret = (struct replay_site){ .arena = arena };
	if (!compile_site(documents, now, NULL, 0, arena, diags, &ret->compiled) || diags->errors)
		return 1;
	ret->program_size = ret->compiled.program_size;
	ret->program = arena_alloc(arena, ret->program_size);
	memcpy(ret->program, ret->compiled.program, ret->program_size);
	if (!dated)
		take_dates_out(ret);
	list_conduits(ret);
	return 0;
}

/* The program with other conduits: they and their index go behind everything else. */
static void replace_conduits(struct replay_site *site, const struct program_conduit *conduits,
			     size_t count)
{
	size_t index_at = (site->program_size + 7) / 8 * 8;
	size_t conduits_at = index_at + ((count + 1) * sizeof(uint32_t) + 7) / 8 * 8;
	size_t size = conduits_at + count * sizeof(*conduits);
	uint8_t *program = arena_alloc(site->arena, size);
	struct program_header *h = (struct program_header *)(void *)program;
	uint32_t *index = (uint32_t *)(void *)(program + index_at);

	memcpy(program, site->program, site->program_size);
	for (uint32_t i = 1; i <= count; i++)
		index[i] = i;
	if (count)
		memcpy(program + conduits_at, conduits, count * sizeof(*conduits));
	h->index = (struct program_table){ (uint32_t)index_at, (uint32_t)count + 1 };
	h->conduits = (struct program_table){ (uint32_t)conduits_at, (uint32_t)count };
	h->size = (uint32_t)size;
	site->program = program;
	site->program_size = size;
}

static uint32_t find_rule(const struct replay_site *site, const char *id)
{
	uint32_t rule = 0;

	while (rule < site->compiled.rule_count && strcmp(site->compiled.rules[rule].id, id) != 0)
		rule++;
	return rule;
}

/* The conduit of a rule, NULL when it has none that is inspected. */
static const struct program_conduit *conduit_of(const struct replay_site *site, uint32_t rule)
{
	return rule < site->compiled.rule_count ? program_conduit_of(site, site->compiled.rules[rule].conduit) : NULL;
}

/* One more conduit: this rule, between these two. */
static void add_pair(struct replay_site *site, struct program_conduit *conduits, uint32_t rule,
		     const struct replay_conduit *pair)
{
	struct program_conduit *c = &conduits[site->conduit_count];
	struct replay_conduit *to = &site->conduits[site->conduit_count++];

	*c = *conduit_of(site, rule);
	c->number = (uint32_t)site->conduit_count;
	c->family = pair->server.family;
	memcpy(c->server, pair->server.address, sizeof(c->server));
	memcpy(c->device, pair->device.address, sizeof(c->device));
	c->port = pair->device.port;
	c->rules = (struct program_span){ rule, 1 };
	*to = *pair;
	to->number = c->number;
	to->inspected = true;
	to->rules = site->compiled.rules[rule].id;
	to->only_rule = rule;
	to->datagrams = datagrams_of(site, c);
}

static struct program_conduit *begin_pairs(struct replay_site *site, size_t most)
{
	site->conduits = arena_array(site->arena, most + 1, sizeof(*site->conduits));
	site->conduit_count = 0;
	return arena_array(site->arena, most + 1, sizeof(struct program_conduit));
}

static const char *end_pairs(struct replay_site *site, const struct program_conduit *conduits)
{
	replace_conduits(site, conduits, site->conduit_count);
	return site->program_size > PROGRAM_MAX ? "too many connections in the capture" : NULL;
}

const char *replay_site_narrow(struct replay_site *site, const char *id,
			       const struct replay_conduit *pairs, size_t pair_count)
{
	uint32_t rule = find_rule(site, id);
	const struct program_conduit *like = conduit_of(site, rule);
	struct program_conduit *conduits;

	if (!like)
		return "no rule in force that is inspected has this id";
	conduits = begin_pairs(site, pair_count);
	for (size_t i = 0; i < pair_count; i++)
		if (pairs[i].program == like->protocol)
			add_pair(site, conduits, rule, &pairs[i]);
	return end_pairs(site, conduits);
}

const char *replay_site_assign(struct replay_site *site, const char *const *ids, const struct replay_conduit *pairs,
			       size_t pair_count)
{
	struct program_conduit *conduits = begin_pairs(site, pair_count);

	for (size_t i = 0; i < pair_count; i++)
		if (conduit_of(site, find_rule(site, ids[i])))
			add_pair(site, conduits, find_rule(site, ids[i]), &pairs[i]);
	return end_pairs(site, conduits);
}

const struct replay_conduit *replay_site_find(const struct replay_site *site,
					      const struct endpoint *server,
					      const struct endpoint *device)
{
	for (size_t i = 0; i < site->conduit_count; i++) {
		const struct replay_conduit *c = &site->conduits[i];

		if (c->server.family == server->family && endpoint_equal(&c->device, device) &&
		    memcmp(c->server.address, server->address, sizeof(server->address)) == 0)
			return c;
	}
	return NULL;
}

static bool same_host(const struct endpoint *a, const struct endpoint *b)
{
	return a->family == b->family && memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

static bool is_between(const struct replay_conduit *c, uint8_t kind, const struct endpoint *server,
		       const struct endpoint *device)
{
	return same_host(&c->server, server) && same_host(&c->device, device) &&
	       (kind == RULESET_UDP_CYCLIC || c->device.port == device->port);
}

const struct replay_conduit *replay_site_find_datagram(const struct replay_site *site, uint8_t kind,
						       const struct udp_datagram *datagram)
{
	for (size_t i = 0; i < site->conduit_count; i++) {
		const struct replay_conduit *c = &site->conduits[i];

		if (c->datagrams & kind && (is_between(c, kind, &datagram->source, &datagram->target) ||
					    is_between(c, kind, &datagram->target, &datagram->source)))
			return c;
	}
	return NULL;
}

const char *replay_site_rule(const struct replay_site *site, uint32_t rule)
{
	return rule < site->compiled.rule_count ? site->compiled.rules[rule].id : NULL;
}

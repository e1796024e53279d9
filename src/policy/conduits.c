/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/conduits.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "policy/address.h"
#include "policy/describe.h"
#include "policy/overlaps.h"
#include "protocol/enip.h"

static int order(unsigned a, unsigned b)
{
	return (a > b) - (a < b);
}

/* Two rules on one port of a device, whatever their servers. */
static int compare_ports(const struct rule *x, const struct rule *y)
{
	int by = address_compare(&x->to->address, &y->to->address);

	if (!by)
		by = order(x->protocol->transport, y->protocol->transport);
	return by ? by : order(x->port, y->port);
}

static int compare_conduits(const struct rule *x, const struct rule *y)
{
	int by = address_compare(&x->from->address, &y->from->address);

	return by ? by : compare_ports(x, y);
}

static int sort_by_conduit(const void *a, const void *b)
{
	const struct rule *x = *(const struct rule *const *)a, *y = *(const struct rule *const *)b;
	int by = compare_conduits(x, y);

	return by ? by : strcmp(x->id, y->id);
}

/* Two rules on one port of a device, whatever their transport. */
static int compare_port_numbers(const struct rule *x, const struct rule *y)
{
	int by = address_compare(&x->to->address, &y->to->address);

	return by ? by : order(x->port, y->port);
}

static int sort_by_port(const void *a, const void *b)
{
	const struct rule *x = *(const struct rule *const *)a, *y = *(const struct rule *const *)b;
	int by = compare_port_numbers(x, y);

	if (!by)
		by = order(x->protocol->transport, y->protocol->transport);
	return by ? by : strcmp(x->id, y->id);
}

static bool has_conduit(const struct rule *rule)
{
	return rule->m.id && !rule->expired && rule->from && rule->from->address.family && rule->to &&
	       rule->to->address.family && rule->protocol && rule->port;
}

static struct rule **complete_rules(const struct site *site, struct arena *arena, size_t *ret_count)
{
	struct rule **rules = arena_array(arena, site->rule_count, sizeof(struct rule *));

	*ret_count = 0;
	for (size_t i = 0; i < site->rule_count; i++)
		if (has_conduit(&site->rules[i]))
			rules[(*ret_count)++] = &site->rules[i];
	return rules;
}

/* Groups them; sorts them in place. */
static struct conduit_list group_rules(struct rule **rules, size_t count, struct arena *arena)
{
	struct conduit_list list = { 0 };

	if (count)
		qsort(rules, count, sizeof(struct rule *), sort_by_conduit);
	list.items = arena_array(arena, count, sizeof(*list.items));
	for (size_t i = 0; i < count; i++) {
		if (!i || compare_conduits(rules[i - 1], rules[i]))
			list.items[list.count++].rules = &rules[i];
		list.items[list.count - 1].count++;
	}
	return list;
}

static void conflict(const struct loader *l, const struct rule *rule, const struct rule *first,
		     const struct value *at, const char *member)
{
	report(l, FINDING_CONDUIT_CONFLICT, at ? at : rule->m.id,
	       arena_printf(l->arena, "give both rules the same \"%s\" (the other one is in %s)", member,
			    place_text(l, first->m.id)),
	       "\"%s\" and \"%s\" share one conduit but differ in \"%s\"", rule->id, first->id, member);
}

static void check_agreement(const struct loader *l, const struct rule *rule, const struct rule *first)
{
	if (rule->protocol != first->protocol)
		return;
	if (!rule->protocol->inspected) {
		report(l, FINDING_SECOND_UNINSPECTED, rule->m.id,
		       arena_printf(l->arena, "the other one is in %s; keep one",
				    place_text(l, first->m.id)),
		       "\"%s\" opens what \"%s\" opens already", rule->id, first->id);
		return;
	}
	if (rule->mode != first->mode)
		conflict(l, rule, first, rule->m.mode, "mode");
	if (rule->on_violation != first->on_violation)
		conflict(l, rule, first, rule->m.on_violation, "on_violation");
	if (rule->fallback != first->fallback)
		conflict(l, rule, first, rule->m.if_inspector_down, "if_inspector_down");
	if (rule->max_connections != first->max_connections ||
	    rule->requests_per_second != first->requests_per_second)
		conflict(l, rule, first, rule->m.limits, "limits");
}

static void port_conflict(const struct loader *l, const struct rule *rule, const struct rule *first)
{
	report(l, FINDING_PORT_CONFLICT, rule->m.protocol,
	       arena_printf(l->arena, "\"%s\" is in %s; a port of a device speaks one protocol", first->id,
			    place_text(l, first->m.id)),
	       "port %u of \"%s\" is used with %s by \"%s\"", rule->port, rule->to->id,
	       first->protocol->name, first->id);
}

static void check_ports(const struct loader *l)
{
	size_t count;
	struct rule **rules = complete_rules(l->site, l->arena, &count);
	const struct rule *first = NULL;
	const struct rule *both = NULL; /* takes TCP and UDP */

	if (count)
		qsort(rules, count, sizeof(struct rule *), sort_by_port);
	for (size_t i = 0; i < count; i++) {
		const struct rule *rule = rules[i];

		if (both && compare_port_numbers(both, rule))
			both = NULL;
		if (rule_datagrams(rule) & RULESET_UDP_MESSAGES)
			both = rule;
		if (first && !compare_ports(first, rule)) {
			if (rule->protocol != first->protocol)
				port_conflict(l, rule, first);
			continue;
		}
		first = rule;
		if (both && both->protocol != rule->protocol && rule->protocol->transport == IPPROTO_UDP)
			port_conflict(l, rule, both);
	}
}

/* ---- UDP port 2222, which cyclic connections take at both hosts -- */

struct claim {
	const struct rule *rule;
	const struct address *from, *to;
	bool cyclic;
	bool back; /* what the device sends */
};

static int sort_by_hosts(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	int by = address_compare(x->from, y->from);

	if (!by)
		by = address_compare(x->to, y->to);
	return by ? by : strcmp(x->rule->id, y->rule->id);
}

static size_t claims_of(const struct rule *rule, struct claim ret[static 3])
{
	const struct address *server = &rule->from->address, *device = &rule->to->address;
	uint8_t datagrams = rule_datagrams(rule);
	size_t n = 0;

	if (rule->port == ENIP_IO_PORT && (rule->protocol->transport == IPPROTO_UDP || datagrams & RULESET_UDP_MESSAGES))
		ret[n++] = (struct claim){ rule, server, device, false, false };
	if (datagrams & RULESET_UDP_CYCLIC) {
		ret[n++] = (struct claim){ rule, server, device, true, false };
		ret[n++] = (struct claim){ rule, device, server, true, true };
	}
	return n;
}

/* Rules of one conduit claim the same for the same. What both claim for the way back they claim for the other, too. */
static bool claims_agree(const struct claim *a, const struct claim *b)
{
	return (a->back && b->back) ||
	       (a->cyclic == b->cyclic && a->back == b->back && a->rule->port == b->rule->port);
}

/* Side by side they are compared: where those of two hosts are not all alike, two neighbours differ. */
static void check_claims(const struct loader *l, const struct claim *a, const struct claim *b)
{
	if (address_compare(a->from, b->from) || address_compare(a->to, b->to) || claims_agree(a, b))
		return;
	report(l, FINDING_PORT_CONFLICT, b->rule->m.protocol,
	       arena_printf(l->arena, "the other one is in %s; cyclic connections need the port for themselves",
			    place_text(l, a->rule->m.id)),
	       "UDP port %u between \"%s\" and \"%s\" is used by \"%s\", too", ENIP_IO_PORT, b->rule->from->id,
	       b->rule->to->id, a->rule->id);
}

static void check_cyclic_ports(const struct loader *l)
{
	size_t count, n = 0;
	struct rule **rules = complete_rules(l->site, l->arena, &count);
	struct claim *claims = arena_array(l->arena, 3 * count, sizeof(*claims));

	for (size_t i = 0; i < count; i++)
		n += claims_of(rules[i], &claims[n]);
	if (n)
		qsort(claims, n, sizeof(*claims), sort_by_hosts);
	for (size_t i = 1; i < n; i++)
		check_claims(l, &claims[i - 1], &claims[i]);
}

struct conduit_list conduits_of(const struct site *site, struct arena *arena)
{
	size_t count;
	struct rule **rules = complete_rules(site, arena, &count);

	return group_rules(rules, count, arena);
}

void check_conduits(const struct loader *l)
{
	size_t count;
	struct rule **rules = complete_rules(l->site, l->arena, &count);
	struct conduit_list list = group_rules(rules, count, l->arena);

	for (size_t i = 0; i < list.count; i++) {
		const struct conduit *conduit = &list.items[i];

		for (size_t k = 1; k < conduit->count; k++)
			check_agreement(l, conduit->rules[k], conduit->rules[0]);
		check_overlaps(l, conduit);
	}
	check_ports(l);
	check_cyclic_ports(l);
}

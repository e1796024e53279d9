/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/conduits.h"

#include <stdlib.h>
#include <string.h>

#include "policy/address.h"

#define COMPARISONS_MAX 20000000u /* of entries, when overlaps are looked for */

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

static int sort_by_port(const void *a, const void *b)
{
	const struct rule *x = *(const struct rule *const *)a, *y = *(const struct rule *const *)b;
	int by = compare_ports(x, y);

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

static bool range_inside(const struct program_range *inner, const struct range_list *outer)
{
	for (size_t i = 0; i < outer->count; i++)
		if (inner->first >= outer->items[i].first && inner->last <= outer->items[i].last)
			return true;
	return false;
}

static bool ranges_inside(const struct range_list *inner, const struct range_list *outer)
{
	for (size_t i = 0; i < inner->count; i++)
		if (!range_inside(&inner->items[i], outer))
			return false;
	return true;
}

static bool ranges_meet(const struct range_list *a, const struct range_list *b)
{
	if (!a->count && !b->count)
		return true;
	for (size_t i = 0; i < a->count; i++)
		for (size_t k = 0; k < b->count; k++)
			if (a->items[i].first <= b->items[k].last && b->items[k].first <= a->items[i].last)
				return true;
	return false;
}

/* An empty list of object ids or read codes allows all of them, unlike other lists. */
static bool choices_meet(const struct range_list *a, const struct range_list *b)
{
	return !a->count || !b->count || ranges_meet(a, b);
}

static bool units_meet(const struct entry *a, const struct entry *b)
{
	for (size_t i = 0; i < 8; i++)
		if (a->units[i] & b->units[i])
			return true;
	return false;
}

static bool units_inside(const struct entry *inner, const struct entry *outer)
{
	for (size_t i = 0; i < 8; i++)
		if (inner->units[i] & ~outer->units[i])
			return false;
	return true;
}

static bool entries_meet(const struct entry *a, const struct entry *b)
{
	return a->code && a->code == b->code && a->mei_type == b->mei_type && units_meet(a, b) &&
	       ranges_meet(&a->addresses, &b->addresses) && ranges_meet(&a->writes, &b->writes) &&
	       ranges_meet(&a->subfunctions, &b->subfunctions) && ranges_meet(&a->files, &b->files) &&
	       ranges_meet(&a->records, &b->records) && choices_meet(&a->objects, &b->objects) &&
	       choices_meet(&a->read_codes, &b->read_codes);
}

/* Values and quantities are compared only as far as "no limit": the narrower entry may have any. */
static bool entry_inside(const struct entry *inner, const struct entry *outer)
{
	return units_inside(inner, outer) && ranges_inside(&inner->addresses, &outer->addresses) &&
	       ranges_inside(&inner->writes, &outer->writes) &&
	       ranges_inside(&inner->subfunctions, &outer->subfunctions) &&
	       ranges_inside(&inner->files, &outer->files) &&
	       ranges_inside(&inner->records, &outer->records) && !outer->objects.count &&
	       !outer->read_codes.count && !outer->values.count && !outer->max_quantity;
}

/* An entry of a rule, its own (then `at` is the entry) or its profile's. */
struct granted {
	const struct rule *rule;
	const struct entry *entry;
	const struct value *at;
};

static struct granted granted_at(const struct rule *rule, size_t i)
{
	const struct entry_list *own = &rule->entries;

	if (i < own->count)
		return (struct granted){ rule, &own->items[i], own->items[i].at };
	return (struct granted){ rule, &rule->profile->entries.items[i - own->count], rule->m.profile };
}

static size_t granted_count(const struct rule *rule)
{
	return rule->entries.count + (rule->profile ? rule->profile->entries.count : 0);
}

static void report_overlap(const struct loader *l, const struct granted *a, const struct granted *b)
{
	bool always = !b->rule->schedule_count && b->rule->expires == NO_DAY;

	if (entry_inside(a->entry, b->entry) && always)
		report(l, FINDING_SHADOWED_RULE, a->at,
		       arena_printf(l->arena, "remove it here, or narrow the other one (%s)",
				    place_text(l, b->at)),
		       "all that this allows is allowed by \"%s\" too", b->rule->id);
	else
		report(l, FINDING_OVERLAPPING_RULES, a->at,
		       arena_printf(l->arena, "let each request belong to one rule; the other one is in %s",
				    place_text(l, b->at)),
		       "some of what this allows is allowed by \"%s\" too", b->rule->id);
}

/* Looks for an entry of the other rule that meets a; told once. */
static bool meets_rule(const struct loader *l, const struct granted *a, const struct rule *other,
		       size_t *left)
{
	for (size_t i = 0; i < granted_count(other) && *left; i++) {
		struct granted b = granted_at(other, i);

		--*left;
		if (!entries_meet(a->entry, b.entry))
			continue;
		report_overlap(l, a, &b);
		return true;
	}
	return false;
}

/* Each of the rule's entries against the rules before it; told once an entry, and once for a profile. */
static void check_overlap(const struct loader *l, const struct conduit *conduit, size_t at, size_t *left)
{
	const struct rule *rule = conduit->rules[at];
	const struct value *told = NULL;

	for (size_t i = 0; i < granted_count(rule); i++) {
		struct granted a = granted_at(rule, i);

		for (size_t k = 0; k < at && told != a.at; k++)
			if (meets_rule(l, &a, conduit->rules[k], left))
				told = a.at;
	}
}

static void check_ports(const struct loader *l)
{
	size_t count;
	struct rule **rules = complete_rules(l->site, l->arena, &count);
	const struct rule *first = NULL;

	if (count)
		qsort(rules, count, sizeof(struct rule *), sort_by_port);
	for (size_t i = 0; i < count; i++) {
		const struct rule *rule = rules[i];

		if (!first || compare_ports(first, rule))
			first = rule;
		else if (rule->protocol != first->protocol)
			report(l, FINDING_PORT_CONFLICT, rule->m.protocol,
			       arena_printf(l->arena, "\"%s\" is in %s; a port of a device speaks one protocol",
					    first->id, place_text(l, first->m.id)),
			       "port %u of \"%s\" is used with %s by \"%s\"", rule->port, rule->to->id,
			       first->protocol->name, first->id);
	}
}

struct conduit_list conduits_of(const struct site *site, struct arena *arena)
{
	size_t count, decoded = 0;
	struct rule **rules = complete_rules(site, arena, &count);

	for (size_t i = 0; i < count; i++)
		if (rules[i]->protocol->decoded)
			rules[decoded++] = rules[i];
	return group_rules(rules, decoded, arena);
}

void check_conduits(const struct loader *l)
{
	size_t count;
	struct rule **rules = complete_rules(l->site, l->arena, &count);
	struct conduit_list list = group_rules(rules, count, l->arena);
	size_t left = COMPARISONS_MAX;

	for (size_t i = 0; i < list.count; i++) {
		const struct conduit *conduit = &list.items[i];

		for (size_t k = 1; k < conduit->count; k++)
			check_agreement(l, conduit->rules[k], conduit->rules[0]);
		for (size_t k = 1; k < conduit->count; k++)
			check_overlap(l, conduit, k, &left);
	}
	check_ports(l);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/explain.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "base/nearest.h"
#include "policy/address.h"
#include "policy/describe.h"
#include "policy/load.h"
#include "policy/windows.h"

void explain_differ(struct explain_differences *list, const char *what, const char *asked,
		    const char *allowed)
{
	if (list->count < EXPLAIN_DIFFERENCES_MAX)
		list->items[list->count++] = (struct explain_difference){ what, asked, allowed };
}

/* ---- when ---- */

const char *explain_time(const struct site *site, int64_t at, struct arena *arena)
{
	char text[CALENDAR_INSTANT_SIZE];
	struct calendar_zone zone;
	bool entered = calendar_enter(&zone, site->timezone) == 0;

	calendar_format_instant(at, text);
	if (entered)
		calendar_leave(&zone);
	return arena_strndup(arena, text, strlen(text));
}

static struct window_list windows_of(const struct site *site, const struct rule *rule,
				     struct arena *arena, bool *ret_always)
{
	struct window_list list = { 0 };
	struct calendar_zone zone;
	bool entered = calendar_enter(&zone, site->timezone) == 0;

	*ret_always = !rule_windows(site, rule, arena, &list);
	if (entered)
		calendar_leave(&zone);
	return list;
}

static const char *opening_text(const struct site *site, const struct rule *rule,
				const struct explain_opening *o, struct arena *arena)
{
	if (rule->expired)
		return arena_printf(arena, "closed: it ended on %s", rule->m.expires->text);
	if (!o->changes)
		return o->open ? "always open" : "closed, and opens no more";
	return arena_printf(arena, "%s %s", o->open ? "open until" : "closed; opens next on",
			    explain_time(site, o->changes, arena));
}

void explain_opening(const struct site *site, const struct rule *rule, int64_t at,
		     struct arena *arena, struct explain_opening *ret)
{
	bool always;
	struct window_list list = windows_of(site, rule, arena, &always);

	*ret = (struct explain_opening){ .open = always };
	for (size_t i = 0; i < list.count && !rule->expired && !ret->changes; i++) {
		if (at >= list.items[i].until)
			continue;
		ret->open = at >= list.items[i].from;
		ret->changes = ret->open ? list.items[i].until : list.items[i].from;
	}
	ret->text = opening_text(site, rule, ret, arena);
}

/* ---- breadth ---- */

static int compare_ranges(const void *a, const void *b)
{
	const struct program_range *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

/* How many numbers the ranges hold together; sorts them. */
static uint32_t count_numbers(struct program_range *items, size_t count)
{
	uint32_t total = 0, next = 0;

	if (count)
		qsort(items, count, sizeof(*items), compare_ranges);
	for (size_t i = 0; i < count; i++) {
		uint32_t first = items[i].first > next ? items[i].first : next;

		if (items[i].last + 1 > first)
			total += items[i].last + 1 - first;
		if (items[i].last + 1 > next)
			next = items[i].last + 1;
	}
	return total;
}

static const struct range_list *touched(const struct entry *entry, bool writes)
{
	if (!entry->function || entry->function->table == MODBUS_NO_TABLE)
		return NULL;
	if (entry->function->shape == MODBUS_SHAPE_READ_WRITE)
		return writes ? &entry->writes : &entry->addresses;
	return (entry->function->access == MODBUS_WRITE) == writes ? &entry->addresses : NULL;
}

/* The addresses of one table that the rule reads or writes, whatever the unit. */
static uint32_t count_addresses(const struct rule *rule, enum modbus_table table, bool writes,
				struct arena *arena)
{
	struct program_range *all;
	size_t count = 0;

	for (size_t pass = 0; pass < rule_entry_count(rule); pass++) {
		const struct range_list *list = touched(rule_entry(rule, pass), writes);

		count += list ? list->count : 0;
	}
	all = arena_array(arena, count, sizeof(*all));
	count = 0;
	for (size_t i = 0; i < rule_entry_count(rule); i++) {
		const struct entry *entry = rule_entry(rule, i);
		const struct range_list *list = touched(entry, writes);

		if (!list || (enum modbus_table)entry->function->table != table)
			continue;
		for (size_t k = 0; k < list->count; k++)
			all[count++] = list->items[k];
	}
	return count_numbers(all, count);
}

static const struct {
	enum modbus_table table;
	bool writes;
	const char *verb, *noun;
} touches[] = {
	{ MODBUS_COILS, false, "reads", "coils" },
	{ MODBUS_DISCRETE_INPUTS, false, "reads", "discrete inputs" },
	{ MODBUS_INPUT_REGISTERS, false, "reads", "input registers" },
	{ MODBUS_HOLDING_REGISTERS, false, "reads", "holding registers" },
	{ MODBUS_COILS, true, "writes", "coils" },
	{ MODBUS_HOLDING_REGISTERS, true, "writes", "holding registers" },
};

static bool any_value(const struct rule *rule)
{
	for (size_t i = 0; i < rule_entry_count(rule); i++) {
		const struct entry *entry = rule_entry(rule, i);

		if (entry->function && entry->function->access == MODBUS_WRITE &&
		    entry->function->table == MODBUS_HOLDING_REGISTERS && !entry->values.count)
			return true;
	}
	return false;
}

static bool any_unit(const struct rule *rule)
{
	for (size_t i = 0; i < rule_entry_count(rule); i++)
		if (rule_entry(rule, i)->unit_any)
			return true;
	return false;
}

static bool controls(const struct rule *rule)
{
	for (size_t i = 0; i < rule_entry_count(rule); i++) {
		const struct entry *entry = rule_entry(rule, i);

		if (!entry->function || entry->function->access == MODBUS_CONTROL)
			return true;
	}
	return false;
}

size_t explain_breadth(const struct rule *rule, struct arena *arena,
		       const char *out[static EXPLAIN_BREADTH_MAX])
{
	size_t count = 0;

	if (!rule->protocol->inspected) {
		out[count++] = arena_printf(arena, "everything on %s port %u, not inspected",
					    rule->protocol->transport == IPPROTO_TCP ? "TCP" : "UDP",
					    rule->port);
		return count;
	}
	for (size_t i = 0; i < sizeof(touches) / sizeof(touches[0]); i++) {
		uint32_t n = count_addresses(rule, touches[i].table, touches[i].writes, arena);

		if (n)
			out[count++] = arena_printf(arena, "%s %u of 65536 %s", touches[i].verb, n,
						    touches[i].noun);
	}
	if (any_value(rule))
		out[count++] = "may write any value into registers";
	if (controls(rule))
		out[count++] = "includes functions that control the device, or that only its vendor knows";
	if (any_unit(rule))
		out[count++] = "reaches every unit id: all devices behind a gateway";
	if (rule->mode == PROGRAM_OBSERVE)
		out[count++] = "only observed: everything else passes too, and is recorded";
	return count;
}

/* ---- who ---- */

struct explain_person explain_person(const struct site *site, const char *id)
{
	const struct person *known = id ? find_person(site, id) : NULL;
	const char *name = known ? value_member_text(known->at, "name") : NULL;

	return (struct explain_person){ id, name ? name : id,
					known ? value_member_text(known->at, "contact") : NULL };
}

size_t explain_people(const struct site *site, const struct rule *rule, const struct asset *asset,
		      struct explain_person out[static 2])
{
	const char *first = NULL, *second = NULL;
	size_t count = 0;

	if (rule) {
		first = rule->m.owner ? rule->m.owner->text : NULL;
		second = rule->m.approved_by ? rule->m.approved_by->text : NULL;
	} else if (asset) {
		first = value_member_text(asset->at, "owner");
	}
	if (first)
		out[count++] = explain_person(site, first);
	if (second && (!first || strcmp(first, second)))
		out[count++] = explain_person(site, second);
	return count;
}

/* ---- the path ---- */

const struct asset *explain_asset(const struct site *site, const char *text, const char **ret_near)
{
	struct nearest near = nearest_to(text);
	struct address address;
	bool is_address = address_parse(text, &address);

	for (size_t i = 0; i < site->asset_count; i++) {
		const struct asset *asset = &site->assets[i];

		if (!strcmp(asset->id, text) ||
		    (is_address && !address_compare(&asset->address, &address)))
			return asset;
		nearest_offer(&near, asset->id, NULL);
	}
	*ret_near = near.best;
	return NULL;
}

bool explain_on_path(const struct explain_path *path, const struct rule *rule)
{
	return path->from && path->to && rule->from == path->from && rule->to == path->to &&
	       (!path->protocol || rule->protocol == path->protocol) &&
	       (!path->port || rule->port == path->port);
}

static unsigned nearness(const struct explain_path *path, const struct rule *rule)
{
	unsigned near = 0;

	if (path->to && rule->to == path->to)
		near += 8;
	if (path->from && rule->from == path->from)
		near += 8;
	if (path->to && path->from && rule->from == path->to && rule->to == path->from)
		near += 9;
	if (!near)
		return 0;
	near += !path->protocol || rule->protocol == path->protocol ? 3 : 0;
	near += !path->port || rule->port == path->port ? 2 : 0;
	return near + !rule->expired;
}

static const char *asset_text(const struct asset *asset, struct arena *arena)
{
	char address[ADDRESS_TEXT_SIZE];

	address_format(&asset->address, address);
	return arena_printf(arena, "%s (%s)", asset->id, address);
}

static void compare_path(const struct explain_path *path, const struct rule *rule,
			 struct arena *arena, struct explain_differences *ret)
{
	const char *from = path->from ? asset_text(path->from, arena) : path->from_text;
	const char *to = path->to ? asset_text(path->to, arena) : path->to_text;

	if (rule->from != path->from)
		explain_differ(ret, "from", from, asset_text(rule->from, arena));
	if (rule->to != path->to)
		explain_differ(ret, "to", to, asset_text(rule->to, arena));
	if (path->protocol && rule->protocol != path->protocol)
		explain_differ(ret, "protocol", path->protocol->name, rule->protocol->name);
	if (path->port && rule->port != path->port)
		explain_differ(ret, "port", arena_printf(arena, "%u", path->port),
			       arena_printf(arena, "%u", rule->port));
	if (rule->expired)
		explain_differ(ret, "date", "now", arena_printf(arena, "until %s", rule->m.expires->text));
}

const struct rule *explain_nearest(const struct site *site, const struct explain_path *path,
				   struct arena *arena, struct explain_differences *ret)
{
	const struct rule *nearest = NULL;
	unsigned best = 0;

	*ret = (struct explain_differences){ 0 };
	for (size_t i = 0; i < site->rule_count; i++) {
		unsigned near = nearness(path, &site->rules[i]);

		if (near <= best)
			continue;
		best = near;
		nearest = &site->rules[i];
	}
	if (nearest)
		compare_path(path, nearest, arena, ret);
	return nearest;
}

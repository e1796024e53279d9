/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "base/nearest.h"
#include "policy/address.h"
#include "policy/load.h"

#define INTERFACE_SIZE 16u /* with a NUL, as the kernel has it */

struct site_members {
	const struct value *schema, *site, *timezone, *zones, *people, *review, *defaults, *gate;
};
static const struct bind_row site_rows[] = {
	{ "$schema", BIND_TEXT, offsetof(struct site_members, schema), true },
	{ "site", BIND_TEXT, offsetof(struct site_members, site), true },
	{ "timezone", BIND_TEXT, offsetof(struct site_members, timezone), true },
	{ "zones", BIND_MAP, offsetof(struct site_members, zones), true },
	{ "people", BIND_MAP, offsetof(struct site_members, people), true },
	{ "review", BIND_MAP, offsetof(struct site_members, review), false },
	{ "defaults", BIND_MAP, offsetof(struct site_members, defaults), false },
	{ "gate", BIND_MAP, offsetof(struct site_members, gate), false },
};
static const struct bind_table site_table = { "the site document", BIND_ROWS(site_rows) };

struct zone_members {
	const struct value *side, *interface, *networks;
};
static const struct bind_row zone_rows[] = {
	{ "side", BIND_TEXT, offsetof(struct zone_members, side), true },
	{ "interface", BIND_TEXT, offsetof(struct zone_members, interface), true },
	{ "networks", BIND_LIST, offsetof(struct zone_members, networks), true },
};
static const struct bind_table zone_table = { "a zone", BIND_ROWS(zone_rows) };

struct person_members {
	const struct value *name, *contact;
};
static const struct bind_row person_rows[] = {
	{ "name", BIND_TEXT, offsetof(struct person_members, name), true },
	{ "contact", BIND_TEXT, offsetof(struct person_members, contact), true },
};
static const struct bind_table person_table = { "a person", BIND_ROWS(person_rows) };

struct review_members {
	const struct value *every_days, *overdue;
};
static const struct bind_row review_rows[] = {
	{ "every_days", BIND_INT, offsetof(struct review_members, every_days), false },
	{ "overdue", BIND_TEXT, offsetof(struct review_members, overdue), false },
};
static const struct bind_table review_table = { "\"review\"", BIND_ROWS(review_rows) };

struct default_members {
	const struct value *on_violation, *if_inspector_down;
};
static const struct bind_row default_rows[] = {
	{ "on_violation", BIND_TEXT, offsetof(struct default_members, on_violation), false },
	{ "if_inspector_down", BIND_TEXT, offsetof(struct default_members, if_inspector_down), false },
};
static const struct bind_table default_table = { "\"defaults\"", BIND_ROWS(default_rows) };

void check_interface(const struct loader *l, const struct value *at, const char *name)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.@";
	static const char help[] = "`ip link` on the gate lists its interfaces";
	static const char format[] = "\"%.60s\" cannot be the name of a network interface";
	size_t len = strlen(name);

	if (len && len < INTERFACE_SIZE && strspn(name, letters) == len && name[0] != '.')
		return;
	if (name == at->name)
		report_name(l, FINDING_INVALID_INTERFACE, at, help, format, name);
	else
		report(l, FINDING_INVALID_INTERFACE, at, help, format, name);
}

static void load_network(const struct loader *l, const struct value *at, struct network *ret)
{
	struct address masked;
	char text[ADDRESS_TEXT_SIZE];

	ret->at = at;
	if (!bind_type(&l->bind, at, BIND_TEXT) ||
	    network_parse(at->text, &ret->address, &ret->prefix))
		return;
	if (ret->address.family && strchr(at->text, '/') && ret->prefix) {
		masked = address_mask(&ret->address, ret->prefix);
		address_format(&masked, text);
		if (address_compare(&masked, &ret->address)) {
			report(l, FINDING_INVALID_NETWORK, at,
			       arena_printf(l->arena, "did you mean \"%s/%u\"?", text, ret->prefix),
			       "\"%.60s\" is an address in a network, not a network", at->text);
			ret->address.family = 0;
			return;
		}
	}
	ret->address.family = 0;
	report(l, FINDING_INVALID_NETWORK, at, "write it as in \"10.2.0.0/24\" or \"fd00:2::/64\"",
	       "\"%.60s\" is not a network", at->text);
}

static void load_zone(const struct loader *l, const struct value *at, struct zone *ret)
{
	struct zone_members m = { 0 };

	*ret = (struct zone){ .id = at->name, .at = at };
	check_name(l, at, at->name);
	bind_map(&l->bind, at, &zone_table, &m);
	if (m.side)
		ret->side = (enum side)read_word(l, &words_sides, m.side);
	if (m.interface) {
		ret->interface = m.interface->text;
		check_interface(l, m.interface, m.interface->text);
	}
	if (!m.networks || !check_filled(l, m.networks))
		return;
	ret->networks = arena_array(l->arena, m.networks->count, sizeof(*ret->networks));
	ret->network_count = m.networks->count;
	for (size_t i = 0; i < ret->network_count; i++)
		load_network(l, &m.networks->items[i], &ret->networks[i]);
}

static void load_zones(const struct loader *l, const struct value *map)
{
	struct site *site = l->site;

	bind_duplicates(&l->bind, map);
	check_filled(l, map);
	site->zones = arena_array(l->arena, map->count, sizeof(*site->zones));
	site->zone_count = map->count;
	for (size_t i = 0; i < map->count; i++)
		load_zone(l, &map->items[i], &site->zones[i]);
	sort_rows(site->zones, site->zone_count, sizeof(*site->zones));
}

static void load_people(const struct loader *l, const struct value *map)
{
	struct site *site = l->site;

	bind_duplicates(&l->bind, map);
	check_filled(l, map);
	site->people = arena_array(l->arena, map->count, sizeof(*site->people));
	site->person_count = map->count;
	for (size_t i = 0; i < map->count; i++) {
		const struct value *at = &map->items[i];
		struct person_members m = { 0 };

		site->people[i] = (struct person){ .id = at->name, .at = at };
		check_name(l, at, at->name);
		bind_map(&l->bind, at, &person_table, &m);
		check_text(l, m.name, false);
		check_text(l, m.contact, false);
	}
	sort_rows(site->people, site->person_count, sizeof(*site->people));
}

static void load_review(const struct loader *l, const struct value *at)
{
	struct review_members m = { 0 };

	bind_map(&l->bind, at, &review_table, &m);
	l->site->review_days = (int)read_number(l, m.every_days, 1, 3650, l->site->review_days);
	if (m.overdue && read_word(l, &words_overdue, m.overdue) == OVERDUE_REFUSE_NEW)
		l->site->overdue = OVERDUE_REFUSE_NEW;
}

static void load_defaults(const struct loader *l, const struct value *at)
{
	struct default_members m = { 0 };
	int word;

	bind_map(&l->bind, at, &default_table, &m);
	if (m.on_violation && (word = read_word(l, &words_violations, m.on_violation)) > 0)
		l->site->on_violation = (enum program_on_violation)word;
	if (m.if_inspector_down && read_word(l, &words_fallbacks, m.if_inspector_down) == FALLBACK_OPEN)
		report(l, FINDING_MISSING_REASON, m.if_inspector_down,
		       "write \"closed\" here, and \"open\" with \"open_because\" on single rules",
		       "staying open without the inspector needs a reason for each rule");
}

static void load_timezone(const struct loader *l, const struct value *at)
{
	struct calendar_zone zone;

	if (calendar_enter(&zone, at->text) < 0) {
		report(l, FINDING_UNKNOWN_TIMEZONE, at,
		       "write the name of an IANA time zone, such as \"America/Toronto\" or \"UTC\"",
		       "there is no time zone \"%.60s\"", at->text);
		return;
	}
	calendar_leave(&zone);
	l->site->timezone = at->text;
}

void load_site(const struct loader *l, const struct value *document)
{
	struct site_members m = { 0 };

	l->site->at = document;
	bind_map(&l->bind, document, &site_table, &m);
	if (m.site && check_name(l, m.site, m.site->text))
		l->site->id = m.site->text;
	if (m.timezone)
		load_timezone(l, m.timezone);
	if (m.zones)
		load_zones(l, m.zones);
	if (m.people)
		load_people(l, m.people);
	if (m.review)
		load_review(l, m.review);
	if (m.defaults)
		load_defaults(l, m.defaults);
	if (m.gate)
		load_gate(l, m.gate);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "policy/address.h"
#include "policy/load.h"

struct asset_members {
	const struct value *role, *zone, *address, *owner, *description, *location;
};
static const struct bind_row asset_rows[] = {
	{ "role", BIND_TEXT | BIND_LIST, offsetof(struct asset_members, role), true },
	{ "zone", BIND_TEXT, offsetof(struct asset_members, zone), true },
	{ "address", BIND_TEXT, offsetof(struct asset_members, address), true },
	{ "owner", BIND_TEXT, offsetof(struct asset_members, owner), true },
	{ "description", BIND_TEXT, offsetof(struct asset_members, description), false },
	{ "location", BIND_TEXT, offsetof(struct asset_members, location), false },
};
static const struct bind_table asset_table = { "an asset", BIND_ROWS(asset_rows) };

static unsigned read_role(const struct loader *l, const struct value *at)
{
	int word = read_word(l, &words_roles, at);

	return word > 0 ? (unsigned)word : 0;
}

static unsigned read_roles(const struct loader *l, const struct value *at)
{
	unsigned roles = 0;

	if (at->type == VALUE_TEXT)
		return read_role(l, at);
	check_filled(l, at);
	for (size_t i = 0; i < at->count; i++)
		if (bind_type(&l->bind, &at->items[i], BIND_TEXT))
			roles |= read_role(l, &at->items[i]);
	return roles;
}

static const struct zone *read_zone(const struct loader *l, const struct value *at)
{
	const struct site *site = l->site;
	const struct zone *zone;
	struct nearest near;

	if (!site->at)
		return NULL;
	zone = find_zone(site, at->text);
	if (zone)
		return zone;
	near = nearest_to(at->text);
	for (size_t i = 0; i < site->zone_count; i++)
		nearest_offer(&near, site->zones[i].id, site->zones[i].at);
	report(l, FINDING_UNKNOWN_ZONE, at,
	       nearest_help(l, &near, "add the zone to \"zones\" of the site document"),
	       "no zone is called \"%.60s\"", at->text);
	return NULL;
}

static void read_address(const struct loader *l, const struct value *at, struct asset *asset)
{
	asset->address_at = at;
	if (address_parse(at->text, &asset->address) && address_is_host(&asset->address))
		return;
	asset->address.family = 0;
	report(l, FINDING_INVALID_ADDRESS, at, "write one IPv4 or IPv6 address, without a prefix",
	       "\"%.60s\" is not the address of one host", at->text);
}

/* "10.1.0.0/24, 10.1.8.0/24" */
static const char *networks_text(const struct loader *l, const struct zone *zone)
{
	char address[ADDRESS_TEXT_SIZE];
	const char *text = "";

	for (size_t i = 0; i < zone->network_count && i < 8; i++) {
		address_format(&zone->networks[i].address, address);
		text = arena_printf(l->arena, "%s%s%s/%u", text, i ? ", " : "", address,
				    zone->networks[i].prefix);
	}
	return text;
}

static void check_in_zone(const struct loader *l, const struct asset *asset)
{
	const struct zone *zone = asset->zone;

	for (size_t i = 0; i < zone->network_count; i++) {
		const struct network *network = &zone->networks[i];

		/* a network that could not be read has been reported: say nothing on top of it */
		if (!network->address.family ||
		    network_holds(&network->address, network->prefix, &asset->address))
			return;
	}
	if (zone->network_count)
		report(l, FINDING_ADDRESS_OUTSIDE_ZONE, asset->address_at,
		       arena_printf(l->arena, "the networks of \"%s\" are %s (%s)", zone->id,
				    networks_text(l, zone), place_text(l, zone->at)),
		       "%s is outside the zone \"%s\"", asset->address_at->text, zone->id);
}

static void load_asset(const struct loader *l, const struct value *at, struct asset *ret)
{
	struct asset_members m = { 0 };

	*ret = (struct asset){ .id = at->name, .at = at };
	check_name(l, at, at->name);
	bind_map(&l->bind, at, &asset_table, &m);
	if (m.role)
		ret->roles = read_roles(l, m.role);
	if (m.zone)
		ret->zone = read_zone(l, m.zone);
	if (m.address)
		read_address(l, m.address, ret);
	if (ret->zone && ret->address.family)
		check_in_zone(l, ret);
	use_person(l, m.owner);
}

void load_assets(const struct loader *l, const struct parts *parts)
{
	struct parts unique = *parts;
	struct site *site = l->site;

	unique_parts(l, "assets", &unique);
	site->assets = arena_array(l->arena, unique.count, sizeof(*site->assets));
	site->asset_count = unique.count;
	for (size_t i = 0; i < unique.count; i++)
		load_asset(l, unique.items[i], &site->assets[i]);
	sort_rows(site->assets, site->asset_count, sizeof(*site->assets));
}

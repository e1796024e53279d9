/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "gate": what the box itself needs. Its form is checked; putting it in force is not in this version. */
#include <string.h>

#include "policy/address.h"
#include "policy/load.h"

struct gate_members {
	const struct value *mode, *addresses, *routes, *time_servers, *log_collectors, *ethertypes;
};
static const struct bind_row gate_rows[] = {
	{ "mode", BIND_TEXT, offsetof(struct gate_members, mode), false },
	{ "addresses", BIND_MAP, offsetof(struct gate_members, addresses), false },
	{ "routes", BIND_LIST, offsetof(struct gate_members, routes), false },
	{ "time_servers", BIND_LIST, offsetof(struct gate_members, time_servers), false },
	{ "log_collectors", BIND_LIST, offsetof(struct gate_members, log_collectors), false },
	{ "ethertypes", BIND_LIST, offsetof(struct gate_members, ethertypes), false },
};
static const struct bind_table gate_table = { "\"gate\"", BIND_ROWS(gate_rows) };

struct route_members {
	const struct value *to, *via;
};
static const struct bind_row route_rows[] = {
	{ "to", BIND_TEXT, offsetof(struct route_members, to), true },
	{ "via", BIND_TEXT, offsetof(struct route_members, via), true },
};
static const struct bind_table route_table = { "a route", BIND_ROWS(route_rows) };

struct collector_members {
	const struct value *address, *port, *transport;
};
static const struct bind_row collector_rows[] = {
	{ "address", BIND_TEXT, offsetof(struct collector_members, address), true },
	{ "port", BIND_INT, offsetof(struct collector_members, port), true },
	{ "transport", BIND_TEXT, offsetof(struct collector_members, transport), true },
};
static const struct bind_table collector_table = { "a log collector", BIND_ROWS(collector_rows) };

static void check_address(const struct loader *l, const struct value *at)
{
	struct address address;

	if (!at || !bind_type(&l->bind, at, BIND_TEXT))
		return;
	if (!address_parse(at->text, &address) || !address_is_host(&address))
		report(l, FINDING_INVALID_ADDRESS, at, "write one IPv4 or IPv6 address, without a prefix",
		       "\"%.60s\" is not the address of one host", at->text);
}

static void check_addresses(const struct loader *l, const struct value *list)
{
	for (size_t i = 0; list && i < list->count; i++)
		check_address(l, &list->items[i]);
}

/* An interface's own addresses carry the prefix of their network: 10.1.0.1/24. */
static void check_own_addresses(const struct loader *l, const struct value *map)
{
	if (!map)
		return;
	bind_duplicates(&l->bind, map);
	for (size_t i = 0; i < map->count; i++) {
		const struct value *list = &map->items[i];

		if (!bind_type(&l->bind, list, BIND_LIST))
			continue;
		for (size_t k = 0; k < list->count; k++) {
			struct address address = { 0 };
			uint8_t prefix = 0;
			const struct value *at = &list->items[k];

			if (!bind_type(&l->bind, at, BIND_TEXT))
				continue;
			network_parse(at->text, &address, &prefix);
			if (!prefix || !address_is_host(&address))
				report(l, FINDING_INVALID_ADDRESS, at, "write it as in \"10.1.0.1/24\"",
				       "\"%.60s\" is not an address with its prefix", at->text);
		}
	}
}

static void check_routes(const struct loader *l, const struct value *list)
{
	struct address network;
	uint8_t prefix;

	for (size_t i = 0; list && i < list->count; i++) {
		struct route_members m = { 0 };

		bind_map(&l->bind, &list->items[i], &route_table, &m);
		check_address(l, m.via);
		if (m.to && !network_parse(m.to->text, &network, &prefix))
			report(l, FINDING_INVALID_NETWORK, m.to, "write it as in \"10.9.0.0/16\"",
			       "\"%.60s\" is not a network", m.to->text);
	}
}

static void check_collectors(const struct loader *l, const struct value *list)
{
	for (size_t i = 0; list && i < list->count; i++) {
		struct collector_members m = { 0 };

		bind_map(&l->bind, &list->items[i], &collector_table, &m);
		check_address(l, m.address);
		read_number(l, m.port, 1, 65535, 0);
		if (m.transport)
			read_word(l, &words_transports, m.transport);
	}
}

void load_gate(const struct loader *l, const struct value *at)
{
	struct gate_members m = { 0 };

	bind_map(&l->bind, at, &gate_table, &m);
	if (m.mode)
		read_word(l, &words_gate_modes, m.mode);
	check_own_addresses(l, m.addresses);
	check_routes(l, m.routes);
	check_addresses(l, m.time_servers);
	check_collectors(l, m.log_collectors);
	for (size_t i = 0; m.ethertypes && i < m.ethertypes->count; i++)
		bind_type(&l->bind, &m.ethertypes->items[i], BIND_TEXT);
	report_name(l, FINDING_NOT_IN_THIS_VERSION, at,
		    "remove \"gate\" and set the box's addresses and routes with the system's own tools",
		    "this version does not set up the gate itself");
}

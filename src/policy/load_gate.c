/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "gate": what the box itself needs. What only the appliance image puts in force is warned about. */
#include <netinet/in.h>
#include <string.h>

#include "base/nearest.h"
#include "policy/address.h"
#include "policy/load.h"

#define NTP_PORT 123u
#define ETHERTYPE_LEAST 0x0600 /* smaller numbers are lengths */

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

/* The address of one host; family 0 and a finding when it is none. */
static struct address read_host(const struct loader *l, const struct value *at)
{
	struct address address = { 0 };

	if (!at || !bind_type(&l->bind, at, BIND_TEXT))
		return (struct address){ 0 };
	if (address_parse(at->text, &address) && address_is_host(&address))
		return address;
	report(l, FINDING_INVALID_ADDRESS, at, "write one IPv4 or IPv6 address, without a prefix",
	       "\"%.60s\" is not the address of one host", at->text);
	return (struct address){ 0 };
}

/* An interface's own address carries the prefix of its network: 10.1.0.1/24. */
static void read_own_address(const struct loader *l, const struct value *at, struct gate_address *ret)
{
	struct address address = { 0 };
	uint8_t prefix = 0;
	bool network;

	if (!bind_type(&l->bind, at, BIND_TEXT))
		return;
	network = network_parse(at->text, &address, &prefix) && prefix < (address.family == 4 ? 32 : 128);
	ret->prefix = prefix;
	if (prefix && !network && address_is_host(&address))
		ret->address = address;
	else if (network && prefix)
		report(l, FINDING_INVALID_ADDRESS, at, "write the gate's own address in it, as in \"10.1.0.1/24\"",
		       "\"%.60s\" is a network, not an address", at->text);
	else
		report(l, FINDING_INVALID_ADDRESS, at, "write it as in \"10.1.0.1/24\"",
		       "\"%.60s\" is not an address with its prefix", at->text);
}

static void read_addresses(const struct loader *l, const struct value *map, struct gate *gate)
{
	size_t total = 0;

	if (!map)
		return;
	bind_duplicates(&l->bind, map);
	for (size_t i = 0; i < map->count; i++) {
		check_interface(l, &map->items[i], map->items[i].name);
		if (bind_type(&l->bind, &map->items[i], BIND_LIST))
			total += map->items[i].count;
	}
	gate->addresses = arena_array(l->arena, total, sizeof(*gate->addresses));
	for (size_t i = 0; i < map->count; i++) {
		const struct value *list = &map->items[i];

		for (size_t k = 0; list->type == VALUE_LIST && k < list->count; k++) {
			struct gate_address *address = &gate->addresses[gate->address_count++];

			*address = (struct gate_address){ .interface = list->name, .at = &list->items[k] };
			read_own_address(l, &list->items[k], address);
		}
	}
}

static void read_routes_of(const struct loader *l, const struct value *list, struct gate *gate)
{
	if (!list)
		return;
	gate->routes = arena_array(l->arena, list->count, sizeof(*gate->routes));
	gate->route_count = list->count;
	for (size_t i = 0; i < list->count; i++) {
		struct gate_route *route = &gate->routes[i];
		struct route_members m = { 0 };

		*route = (struct gate_route){ .at = &list->items[i] };
		bind_map(&l->bind, &list->items[i], &route_table, &m);
		route->via = read_host(l, m.via);
		if (m.to && !network_parse(m.to->text, &route->to, &route->prefix)) {
			route->to.family = 0;
			report(l, FINDING_INVALID_NETWORK, m.to, "write it as in \"10.9.0.0/16\"",
			       "\"%.60s\" is not a network", m.to->text);
		}
	}
}

static void read_collector(const struct loader *l, const struct value *at, struct gate_peer *ret)
{
	struct collector_members m = { 0 };
	int word;

	bind_map(&l->bind, at, &collector_table, &m);
	word = m.transport ? read_word(l, &words_transports, m.transport) : -1;
	*ret = (struct gate_peer){
		.address = read_host(l, m.address),
		.port = (uint16_t)read_number(l, m.port, 1, 65535, 0),
		.transport = word == LOG_UDP ? IPPROTO_UDP : IPPROTO_TCP,
		.what = "log collector",
		.collects = true,
		.tls = word == LOG_TLS,
		.at = m.address ? m.address : at,
	};
}

static void read_peers(const struct loader *l, const struct value *servers,
		       const struct value *collectors, struct gate *gate)
{
	size_t server_count = servers ? servers->count : 0;
	size_t collector_count = collectors ? collectors->count : 0;

	gate->peers = arena_array(l->arena, server_count + collector_count, sizeof(*gate->peers));
	for (size_t i = 0; i < server_count; i++)
		gate->peers[gate->peer_count++] = (struct gate_peer){
			.address = read_host(l, &servers->items[i]),
			.port = NTP_PORT,
			.transport = IPPROTO_UDP,
			.what = "time server",
			.at = &servers->items[i],
		};
	for (size_t i = 0; i < collector_count; i++)
		read_collector(l, &collectors->items[i], &gate->peers[gate->peer_count++]);
}

static void report_ethertype(const struct loader *l, const struct value *at)
{
	static const char help[] = "write its name, such as \"profinet-rt\", or its number (34962)";
	struct nearest near;

	if (at->type == VALUE_INT) {
		report(l, FINDING_UNKNOWN_ETHERTYPE, at,
		       "possible is 1536 to 65535, except those of IP, ARP and VLANs, which rules decide",
		       "%lld is no EtherType that a gate could let through", (long long)at->integer);
		return;
	}
	near = nearest_to(at->text);
	for (size_t i = 0; i < words_ethertypes.count; i++)
		nearest_offer(&near, words_ethertypes.items[i].name, NULL);
	report(l, FINDING_UNKNOWN_ETHERTYPE, at, nearest_help(l, &near, help),
	       "there is no EtherType \"%.60s\"", at->text);
}

/* What is decided by rules and zones is not let through wholesale. */
static bool is_internet(int64_t number)
{
	return number == 0x0800 || number == 0x0806 || number == 0x86dd || number == 0x8100 ||
	       number == 0x88a8;
}

static void read_ethertypes(const struct loader *l, const struct value *list, struct gate *gate)
{
	if (!list)
		return;
	gate->ethertypes = arena_array(l->arena, list->count, sizeof(*gate->ethertypes));
	for (size_t i = 0; i < list->count; i++) {
		const struct value *at = &list->items[i];
		int64_t number = at->type == VALUE_INT ? at->integer : 0;

		if (!bind_type(&l->bind, at, BIND_TEXT | BIND_INT))
			continue;
		for (size_t k = 0; at->type == VALUE_TEXT && k < words_ethertypes.count; k++)
			if (!strcmp(words_ethertypes.items[k].name, at->text))
				number = words_ethertypes.items[k].value;
		if (number >= ETHERTYPE_LEAST && number <= 0xffff && !is_internet(number))
			gate->ethertypes[gate->ethertype_count++] = (uint16_t)number;
		else
			report_ethertype(l, at);
	}
}

static void warn_image(const struct loader *l, const struct value *at, const char *what)
{
	if (at)
		report_name(l, FINDING_GATE_NOT_CONFIGURED, at,
			    "on other installations set them with the system's own tools, as written here",
			    "%s are set up by the appliance image alone, not by this program", what);
}

void load_gate(const struct loader *l, const struct value *at)
{
	struct gate *gate = &l->site->gate;
	struct gate_members m = { 0 };
	int word;

	bind_map(&l->bind, at, &gate_table, &m);
	*gate = (struct gate){ .at = at, .mode = GATE_ROUTED };
	if (m.mode && (word = read_word(l, &words_gate_modes, m.mode)) > 0)
		gate->mode = (enum gate_mode)word;
	read_addresses(l, m.addresses, gate);
	read_routes_of(l, m.routes, gate);
	read_peers(l, m.time_servers, m.log_collectors, gate);
	read_ethertypes(l, m.ethertypes, gate);
	warn_image(l, gate->mode == GATE_BRIDGE ? m.mode : NULL, "bridges");
	warn_image(l, m.addresses, "addresses");
	warn_image(l, m.routes, "routes");
	warn_image(l, m.ethertypes, "EtherTypes");
}

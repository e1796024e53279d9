/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/check_gate.h"

#include <string.h>

#include "policy/address.h"

/* The zone network that holds the address, behind this interface (NULL: any); NULL when there is none. */
static const struct network *find_network(const struct site *site, const char *interface,
					  const struct address *address)
{
	for (size_t i = 0; i < site->zone_count; i++) {
		const struct zone *zone = &site->zones[i];

		if (interface && (!zone->interface || strcmp(zone->interface, interface) != 0))
			continue;
		for (size_t k = 0; k < zone->network_count; k++)
			if (zone->networks[k].address.family &&
			    network_holds(&zone->networks[k].address, zone->networks[k].prefix, address))
				return &zone->networks[k];
	}
	return NULL;
}

static const struct zone *zone_behind(const struct site *site, const char *interface)
{
	for (size_t i = 0; i < site->zone_count; i++)
		if (site->zones[i].interface && !strcmp(site->zones[i].interface, interface))
			return &site->zones[i];
	return NULL;
}

static void report_outside(const struct loader *l, const struct gate_address *own)
{
	const struct zone *zone = zone_behind(l->site, own->interface);

	if (zone)
		report(l, FINDING_ADDRESS_OUTSIDE_ZONE, own->at,
		       arena_printf(l->arena, "the networks behind %s are those of \"%s\" (%s)", own->interface,
				    zone->id, place_text(l, zone->at)),
		       "%s is in no network behind %s", own->at->text, own->interface);
	else
		report(l, FINDING_ADDRESS_OUTSIDE_ZONE, own->at,
		       "correct the interface's name, or add the zone behind it",
		       "no zone is behind the interface %s", own->interface);
}

/* The address stands for an asset too, or the gate has another one in the same network. */
static void check_single(const struct loader *l, size_t at, const struct network *network)
{
	const struct gate *gate = &l->site->gate;
	const struct gate_address *own = &gate->addresses[at];

	for (size_t i = 0; i < l->site->asset_count; i++)
		if (!address_compare(&l->site->assets[i].address, &own->address))
			report(l, FINDING_DUPLICATE_ADDRESS, own->at, "give one of the two another address",
			       "%s is also the address of \"%s\"", own->at->text, l->site->assets[i].id);
	for (size_t i = 0; i < at; i++) {
		const struct gate_address *other = &gate->addresses[i];

		if (!other->address.family ||
		    !network_holds(&network->address, network->prefix, &other->address))
			continue;
		report(l, FINDING_DUPLICATE_ADDRESS, own->at,
		       arena_printf(l->arena, "the other one is in %s; keep one", place_text(l, other->at)),
		       "the gate has a second address in %s", network->at->text);
		return;
	}
}

static void check_own_addresses(const struct loader *l)
{
	const struct gate *gate = &l->site->gate;

	for (size_t i = 0; i < gate->address_count; i++) {
		const struct gate_address *own = &gate->addresses[i];
		/* a bridge has its address on an interface of its own */
		bool bridge = gate->mode == GATE_BRIDGE && !zone_behind(l->site, own->interface);
		const struct network *network;

		if (!own->address.family)
			continue;
		network = find_network(l->site, bridge ? NULL : own->interface, &own->address);
		if (network)
			check_single(l, i, network);
		else
			report_outside(l, own);
	}
}

static bool is_own(const struct gate *gate, const struct address *address)
{
	for (size_t i = 0; i < gate->address_count; i++)
		if (gate->addresses[i].address.family &&
		    !address_compare(&gate->addresses[i].address, address))
			return true;
	return false;
}

static void check_routes(const struct loader *l)
{
	const struct gate *gate = &l->site->gate;

	for (size_t i = 0; i < gate->route_count; i++) {
		const struct gate_route *route = &gate->routes[i];
		const struct value *via = value_member(route->at, "via");

		if (!route->via.family)
			continue;
		if (route->to.family && route->to.family != route->via.family)
			report(l, FINDING_ADDRESS_FAMILY, via, "write a router of the same family as the network",
			       "the network and its router are not both IPv4 or both IPv6");
		else if (is_own(gate, &route->via))
			report(l, FINDING_NOT_REACHABLE, via, "write the address of the next router",
			       "%s is the gate itself", via->text);
		else if (!find_network(l->site, NULL, &route->via))
			report(l, FINDING_NOT_REACHABLE, via, "a router stands in a network of a zone",
			       "%s is in no zone", via->text);
	}
}

static bool is_reachable(const struct site *site, const struct address *address)
{
	if (find_network(site, NULL, address))
		return true;
	for (size_t i = 0; i < site->gate.route_count; i++)
		if (site->gate.routes[i].to.family &&
		    network_holds(&site->gate.routes[i].to, site->gate.routes[i].prefix, address))
			return true;
	return false;
}

static bool same_peer(const struct gate_peer *a, const struct gate_peer *b)
{
	return a->port == b->port && a->transport == b->transport &&
	       !address_compare(&a->address, &b->address);
}

static void check_peers(const struct loader *l)
{
	const struct gate *gate = &l->site->gate;

	for (size_t i = 0; i < gate->peer_count; i++) {
		const struct gate_peer *peer = &gate->peers[i];

		if (!peer->address.family)
			continue;
		if (is_own(gate, &peer->address) || !is_reachable(l->site, &peer->address))
			report(l, FINDING_NOT_REACHABLE, peer->at,
			       "write an address inside a zone's network, or add a route to it",
			       "the %s %s is %s", peer->what, peer->at->text,
			       is_own(gate, &peer->address) ? "the gate itself" :
							      "in no zone and behind no route");
		for (size_t k = 0; k < i; k++)
			if (same_peer(peer, &gate->peers[k])) {
				report(l, FINDING_DUPLICATE_ADDRESS, peer->at, "remove one of the two",
				       "the %s %s stands twice", peer->what, peer->at->text);
				break;
			}
	}
}

void check_gate(const struct loader *l)
{
	if (!l->site->gate.at)
		return;
	check_own_addresses(l);
	check_routes(l);
	check_peers(l);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "policy/address.h"
#include "policy/compile.h"
#include "policy/policy_json.h"

static void put_address(struct writer *w, const char *name, const struct address *address)
{
	char text[ADDRESS_TEXT_SIZE];

	address_format(address, text);
	writer_put_text(w, name, text);
}

static void put_network(struct writer *w, const struct network *network)
{
	char address[ADDRESS_TEXT_SIZE], text[ADDRESS_TEXT_SIZE + 8];

	address_format(&network->address, address);
	snprintf(text, sizeof(text), "%s/%u", address, network->prefix);
	writer_text(w, text);
}

static void put_zone(struct writer *w, const struct zone *zone)
{
	writer_open_map(w);
	writer_put_text(w, "id", zone->id);
	writer_put_text(w, "side", word_name(&words_sides, (int)zone->side));
	writer_put_text(w, "interface", zone->interface);
	writer_name(w, "networks");
	writer_open_list(w);
	for (size_t i = 0; i < zone->network_count; i++)
		put_network(w, &zone->networks[i]);
	writer_close_list(w);
	writer_close_map(w);
}

static void put_gate_addresses(struct writer *w, const struct gate *gate)
{
	writer_name(w, "addresses");
	writer_open_list(w);
	for (size_t i = 0; i < gate->address_count; i++) {
		writer_open_map(w);
		writer_put_text(w, "interface", gate->addresses[i].interface);
		put_address(w, "address", &gate->addresses[i].address);
		writer_put_uint(w, "prefix", gate->addresses[i].prefix);
		writer_close_map(w);
	}
	writer_close_list(w);
}

static void put_gate_routes(struct writer *w, const struct gate *gate)
{
	writer_name(w, "routes");
	writer_open_list(w);
	for (size_t i = 0; i < gate->route_count; i++) {
		writer_open_map(w);
		put_address(w, "to", &gate->routes[i].to);
		writer_put_uint(w, "prefix", gate->routes[i].prefix);
		put_address(w, "via", &gate->routes[i].via);
		writer_close_map(w);
	}
	writer_close_list(w);
}

static const char *transport_name(uint8_t transport)
{
	return transport == IPPROTO_TCP ? "tcp" : "udp";
}

static void put_gate_peers(struct writer *w, const struct gate *gate)
{
	writer_name(w, "peers");
	writer_open_list(w);
	for (size_t i = 0; i < gate->peer_count; i++) {
		const struct gate_peer *peer = &gate->peers[i];

		writer_open_map(w);
		writer_put_text(w, "what", peer->what);
		put_address(w, "address", &peer->address);
		writer_put_text(w, "transport", transport_name(peer->transport));
		writer_put_uint(w, "port", peer->port);
		writer_put_bool(w, "tls", peer->tls);
		writer_close_map(w);
	}
	writer_close_list(w);
}

static void put_gate(struct writer *w, const struct gate *gate)
{
	if (!gate->at)
		return;
	writer_name(w, "gate");
	writer_open_map(w);
	writer_put_text(w, "mode", word_name(&words_gate_modes, (int)gate->mode));
	put_gate_addresses(w, gate);
	put_gate_routes(w, gate);
	put_gate_peers(w, gate);
	writer_name(w, "ethertypes");
	writer_open_list(w);
	for (size_t i = 0; i < gate->ethertype_count; i++)
		writer_uint(w, gate->ethertypes[i]);
	writer_close_list(w);
	writer_close_map(w);
}

static void put_site(struct writer *w, const struct site *site)
{
	writer_open_map(w);
	writer_put_int(w, "format", PERMITS_FORMAT);
	writer_put_text(w, "site", site->id);
	writer_put_text(w, "timezone", site->timezone);
	writer_name(w, "zones");
	writer_open_list(w);
	for (size_t i = 0; i < site->zone_count; i++)
		put_zone(w, &site->zones[i]);
	writer_close_list(w);
	put_gate(w, &site->gate);
	writer_close_map(w);
}

/* Times as written: what they come to on a day is not in the list. */
static void put_times(struct writer *w, const struct site *site, const struct rule *rule)
{
	if (rule->m.expires)
		writer_put_text(w, "expires", rule->m.expires->text);
	if (site->overdue == OVERDUE_REFUSE_NEW)
		writer_put_text(w, "refuses_new_after", rule->m.review_by->text);
	policy_json_schedules(w, rule);
}

static void put_handling(struct writer *w, const struct rule *rule)
{
	writer_put_bool(w, "inspected", rule->protocol->inspected);
	writer_put_text(w, "mode", word_name(&words_modes, (int)rule->mode));
	writer_put_text(w, "on_violation", word_name(&words_violations, (int)rule->on_violation));
	writer_put_text(w, "if_inspector_down", word_name(&words_fallbacks, (int)rule->fallback));
	writer_put_uint(w, "max_connections", rule->max_connections);
	writer_put_uint(w, "requests_per_second", rule->requests_per_second);
	writer_put_bool(w, "any_transaction_id", rule->quirks & PROGRAM_QUIRK_TRANSACTION_ID);
}

static void put_rule(struct writer *w, const struct site *site, const struct rule *rule)
{
	writer_open_map(w);
	writer_put_text(w, "rule", rule->id);
	policy_json_end(w, "server", rule->from);
	policy_json_end(w, "device", rule->to);
	writer_put_text(w, "transport", transport_name(rule->protocol->transport));
	writer_put_uint(w, "port", rule->port);
	writer_put_text(w, "protocol", rule->protocol->name);
	put_handling(w, rule);
	put_times(w, site, rule);
	policy_json_allow(w, rule);
	writer_close_map(w);
}

static int by_id(const void *a, const void *b)
{
	return strcmp((*(const struct rule *const *)a)->id, (*(const struct rule *const *)b)->id);
}

void compile_write_permits(const struct compiled *compiled, FILE *out)
{
	const struct site *site = compiled->site;
	struct arena arena = { 0 };
	const struct rule **rules = arena_array(&arena, site->rule_count, sizeof(*rules));
	size_t count = 0;
	struct writer w;

	for (size_t i = 0; i < site->rule_count; i++)
		if (!site->rules[i].until)
			rules[count++] = &site->rules[i];
	if (count)
		qsort(rules, count, sizeof(*rules), by_id);
	writer_init(&w, out, false);
	put_site(&w, site);
	fputc('\n', out);
	for (size_t i = 0; i < count; i++) {
		writer_init(&w, out, false);
		put_rule(&w, site, rules[i]);
		fputc('\n', out);
	}
	arena_free(&arena);
}

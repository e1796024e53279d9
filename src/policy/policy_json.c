/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policy.json: what the inspector enforces, for people and for comparing. It holds no marks and no
 * unrolled times, so that the same documents give the same bytes on any day and any gate.
 */
#include <netinet/in.h>

#include "policy/address.h"
#include "policy/compile.h"
#include "policy/conduits.h"
#include "policy/describe.h"
#include "policy/policy_json.h"

void policy_json_ranges(struct writer *w, const char *name, const struct range_list *list)
{
	if (!list->count)
		return;
	writer_name(w, name);
	writer_open_list(w);
	for (size_t i = 0; i < list->count; i++) {
		char text[24];

		if (list->items[i].first == list->items[i].last) {
			writer_uint(w, list->items[i].first);
			continue;
		}
		snprintf(text, sizeof(text), "%u-%u", list->items[i].first, list->items[i].last);
		writer_text(w, text);
	}
	writer_close_list(w);
}

static void write_units(struct writer *w, const struct entry *entry)
{
	writer_name(w, "unit");
	if (entry->unit_any) {
		writer_text(w, "any");
		return;
	}
	writer_open_list(w);
	for (unsigned unit = 0; unit < 256; unit++)
		if (entry->units[unit / 32] & UINT32_C(1) << unit % 32)
			writer_uint(w, unit);
	writer_close_list(w);
}

void policy_json_intervals(struct writer *w, const char *name, const struct value_list *list)
{
	writer_name(w, name);
	writer_open_list(w);
	for (size_t i = 0; i < list->count; i++) {
		writer_open_map(w);
		writer_name(w, "min");
		writer_real(w, list->items[i].min);
		writer_name(w, "max");
		writer_real(w, list->items[i].max);
		writer_close_map(w);
	}
	writer_close_list(w);
}

static void write_values(struct writer *w, const struct entry *entry)
{
	if (!entry->values.count)
		return;
	writer_name(w, "values");
	writer_open_map(w);
	writer_put_text(w, "type", word_name(&words_value_types, entry->value_type));
	if (entry->value_type >= PROGRAM_UINT32)
		writer_put_text(w, "word_order", word_name(&words_word_orders, entry->word_order));
	policy_json_intervals(w, "ranges", &entry->values);
	writer_close_map(w);
}

static void write_entry(struct writer *w, const struct entry *entry)
{
	writer_open_map(w);
	writer_put_uint(w, "code", entry->code);
	if (entry->function)
		writer_put_text(w, "function", entry->function->name);
	if (entry->mei_type)
		writer_put_uint(w, "mei_type", entry->mei_type);
	write_units(w, entry);
	policy_json_ranges(w, "addresses", &entry->addresses);
	policy_json_ranges(w, "write_addresses", &entry->writes);
	write_values(w, entry);
	if (entry->max_quantity)
		writer_put_uint(w, "max_quantity", entry->max_quantity);
	policy_json_ranges(w, "subfunctions", &entry->subfunctions);
	policy_json_ranges(w, "object_ids", &entry->objects);
	policy_json_ranges(w, "read_codes", &entry->read_codes);
	policy_json_ranges(w, "files", &entry->files);
	policy_json_ranges(w, "records", &entry->records);
	writer_close_map(w);
}

static void write_time(struct writer *w, const char *name, int minutes)
{
	char text[8];

	snprintf(text, sizeof(text), "%02u:%02u", (unsigned)minutes / 60 % 100, (unsigned)minutes % 60);
	writer_put_text(w, name, text);
}

void policy_json_schedules(struct writer *w, const struct rule *rule)
{
	if (!rule->schedule_count)
		return;
	writer_name(w, "schedule");
	writer_open_list(w);
	for (size_t i = 0; i < rule->schedule_count; i++) {
		const struct schedule *s = &rule->schedules[i];

		writer_open_map(w);
		writer_name(w, "days");
		writer_open_list(w);
		for (int day = 0; day < 7; day++)
			if (s->days & 1u << day)
				writer_text(w, word_name(&words_weekdays, day));
		writer_close_list(w);
		write_time(w, "from", s->from);
		write_time(w, "to", s->until);
		writer_close_map(w);
	}
	writer_close_list(w);
}

void policy_json_allow(struct writer *w, const struct rule *rule)
{
	if (!rule->protocol->inspected)
		return;
	writer_name(w, "allow");
	writer_open_list(w);
	for (size_t i = 0; i < rule_entry_count(rule); i++)
		write_entry(w, rule_entry(rule, i));
	for (size_t i = 0; i < rule_cip_count(rule); i++)
		policy_json_cip(w, rule_cip(rule, i), &rule->routes);
	writer_close_list(w);
}

static void write_rule(struct writer *w, const struct rule *rule)
{
	writer_open_map(w);
	writer_put_text(w, "id", rule->id);
	if (rule->m.expires)
		writer_put_text(w, "expires", rule->m.expires->text);
	policy_json_schedules(w, rule);
	if (rule->quirks)
		writer_put_bool(w, "any_transaction_id", rule->quirks & PROGRAM_QUIRK_TRANSACTION_ID);
	policy_json_allow(w, rule);
	writer_close_map(w);
}

void policy_json_end(struct writer *w, const char *name, const struct asset *asset)
{
	char text[ADDRESS_TEXT_SIZE];

	address_format(&asset->address, text);
	writer_name(w, name);
	writer_open_map(w);
	writer_put_text(w, "asset", asset->id);
	writer_put_text(w, "address", text);
	writer_close_map(w);
}

static void write_handling(struct writer *w, const struct rule *rule)
{
	writer_put_text(w, "mode", word_name(&words_modes, (int)rule->mode));
	writer_put_text(w, "on_violation", word_name(&words_violations, (int)rule->on_violation));
	if (rule->max_connections)
		writer_put_uint(w, "max_connections", rule->max_connections);
	if (rule->requests_per_second)
		writer_put_uint(w, "requests_per_second", rule->requests_per_second);
}

static void write_conduit(struct writer *w, const struct conduit *conduit)
{
	const struct rule *first = conduit->rules[0];

	writer_open_map(w);
	policy_json_end(w, "server", first->from);
	policy_json_end(w, "device", first->to);
	writer_put_text(w, "transport", first->protocol->transport == IPPROTO_TCP ? "tcp" : "udp");
	writer_put_uint(w, "port", first->port);
	writer_put_text(w, "protocol", first->protocol->name);
	writer_put_bool(w, "inspected", first->protocol->inspected);
	if (first->protocol->inspected)
		write_handling(w, first);
	writer_name(w, "rules");
	writer_open_list(w);
	for (size_t i = 0; i < conduit->count; i++)
		write_rule(w, conduit->rules[i]);
	writer_close_list(w);
	writer_close_map(w);
}

void compile_write_policy(const struct compiled *compiled, FILE *out)
{
	struct arena arena = { 0 };
	struct conduit_list list = conduits_of(compiled->site, &arena);
	struct writer w;

	writer_init(&w, out, true);
	writer_open_map(&w);
	writer_put_uint(&w, "format", 1);
	writer_put_text(&w, "site", compiled->site->id);
	writer_put_text(&w, "timezone", compiled->site->timezone);
	writer_name(&w, "conduits");
	writer_open_list(&w);
	for (size_t i = 0; i < list.count; i++)
		write_conduit(&w, &list.items[i]);
	writer_close_list(&w);
	writer_close_map(&w);
	fputc('\n', out);
	arena_free(&arena);
}

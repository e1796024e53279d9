/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/explain_ask.h"

#include <stdlib.h>
#include <string.h>

#include "inspect/core.h"
#include "inspect/match_modbus.h"
#include "policy/address.h"
#include "policy/describe.h"

#define STEPS_MAX 6u /* differences looked for one after another */

/* One question: an entry of a rule, in the model and in the program. */
struct probe {
	const struct ask_site *site;
	const struct program_conduit *conduit;
	uint32_t rule;              /* index in the program */
	uint32_t position;          /* of the entry in the rule */
	const struct entry *entry;
	struct modbus_message m;    /* changed step by step into one that the entry allows */
	struct explain_differences *out;
};

static int by_id(const void *a, const void *b)
{
	return strcmp((*(const struct rule *const *)a)->id, (*(const struct rule *const *)b)->id);
}

/* The rules of the site in the order of the program's. */
static const struct rule **rules_in_order(const struct compiled *compiled, struct arena *arena)
{
	size_t count = compiled->site->rule_count;
	const struct rule **sorted = arena_array(arena, count, sizeof(*sorted));
	const struct rule **rules = arena_array(arena, compiled->rule_count, sizeof(*rules));

	for (size_t i = 0; i < count; i++)
		sorted[i] = &compiled->site->rules[i];
	if (count)
		qsort(sorted, count, sizeof(*sorted), by_id);
	for (size_t i = 0; i < compiled->rule_count; i++) {
		const struct rule key = { .id = compiled->rules[i].id }, *wanted = &key;

		rules[i] = *(const struct rule **)bsearch(&wanted, sorted, count, sizeof(*sorted), by_id);
	}
	return rules;
}

bool ask_open(const struct compiled *compiled, struct arena *arena, struct ask_site *ret)
{
	*ret = (struct ask_site){ .compiled = compiled, .arena = arena,
				  .rules = rules_in_order(compiled, arena) };
	return program_open(compiled->program, compiled->program_size, CORE_RULES_MAX, &ret->program);
}

unsigned ask_nearness(enum reason reason)
{
	static const enum reason order[] = {
		REASON_FUNCTION_NOT_ALLOWED, REASON_SERVICE_NOT_ALLOWED, REASON_CONNECTION_NOT_ALLOWED,
		REASON_OBJECT_NOT_ALLOWED,
		REASON_UNIT_NOT_ALLOWED,     REASON_TAG_NOT_ALLOWED,     REASON_ADDRESS_NOT_ALLOWED,
		REASON_ROUTE_NOT_ALLOWED,    REASON_QUANTITY_NOT_ALLOWED, REASON_VALUE_NOT_ALLOWED,
		REASON_INTERVAL_NOT_ALLOWED, REASON_OUTSIDE_SCHEDULE,
		REASON_REVIEW_OVERDUE,       REASON_NONE,
	};

	for (unsigned i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (order[i] == reason)
			return i + 1;
	return 0;
}

/* The matcher's answer when `count` entries from `position` on were all there is, at any time. */
static enum reason match_entries(const struct probe *p, uint32_t position, uint32_t count,
				 const struct modbus_message *m)
{
	struct program_rule rule = p->site->program.rules[p->rule];
	struct program_conduit conduit = *p->conduit;
	struct program program = p->site->program;
	struct match match;

	rule.entries = (struct program_span){ rule.entries.first + position, count };
	rule.windows = (struct program_span){ 0, 0 };
	conduit.rules = (struct program_span){ 0, 1 };
	program.rules = &rule;
	rule.no_new_from = 0;
	match_modbus(&program, &conduit, m, (struct program_time){ 0 }, &match);
	return match.reason;
}

static enum reason ask_entry(const struct probe *p, const struct modbus_message *m)
{
	return match_entries(p, p->position, 1, m);
}

uint32_t ask_conduit(const struct ask_site *site, const struct rule *rule)
{
	for (size_t i = 0; i < site->compiled->rule_count; i++)
		if (site->rules[i] == rule)
			return site->compiled->rules[i].conduit;
	return 0;
}

static const struct ruleset_conduit *conduit_of(const struct ruleset *r, const struct rule *rule)
{
	for (size_t i = 0; i < r->conduit_count; i++) {
		const struct ruleset_conduit *c = &r->conduits[i];

		if (c->port == rule->port && c->transport == rule->protocol->transport &&
		    !address_compare(&c->server, &rule->from->address) &&
		    !address_compare(&c->device, &rule->to->address))
			return c;
	}
	return NULL;
}

/* What the kernel says of a conduit that the inspector does not see. */
static enum reason ask_ruleset(const struct ruleset *r, const struct rule *rule, int64_t wall)
{
	const struct ruleset_conduit *c = conduit_of(r, rule);

	for (size_t i = 0; c && i < r->overdue_count; i++) {
		const struct ruleset_overdue *o = &r->overdue[i];

		if (c->mark >= o->first && c->mark <= o->last && wall >= o->from)
			return REASON_REVIEW_OVERDUE;
	}
	return REASON_NONE;
}

enum reason ask_serves(const struct ask_site *site, const struct rule *rule, int64_t wall)
{
	for (size_t i = 0; i < site->compiled->rule_count; i++)
		if (site->rules[i] == rule)
			return program_rule_serves(&site->program, &site->program.rules[i],
						   (struct program_time){ wall, wall });
	return ask_ruleset(&site->compiled->ruleset, rule, wall);
}

/* ---- what differs ---- */

static const char *span_text(const struct probe *p, unsigned first, unsigned count)
{
	if (count < 2)
		return arena_printf(p->site->arena, "%u", first);
	return arena_printf(p->site->arena, "%u-%u", first, first + count - 1);
}

/* The first range that has room for `count` numbers, or the longest. */
static const struct program_range *roomiest(const struct range_list *list, unsigned count)
{
	const struct program_range *best = &list->items[0];

	for (size_t i = 0; i < list->count; i++) {
		const struct program_range *r = &list->items[i];

		if (r->last - r->first + 1 >= count)
			return r;
		if (r->last - r->first > best->last - best->first)
			best = r;
	}
	return best;
}

static void fit(const struct range_list *list, uint16_t *address, uint16_t *quantity)
{
	const struct program_range *r = roomiest(list, *quantity);

	*address = (uint16_t)r->first;
	if (*quantity > r->last - r->first + 1)
		*quantity = (uint16_t)(r->last - r->first + 1);
}

static void fit_addresses(struct modbus_message *m, const struct entry *e)
{
	fit(&e->addresses, &m->address, &m->quantity);
}

static void fit_writes(struct modbus_message *m, const struct entry *e)
{
	fit(&e->writes, &m->write_address, &m->write_quantity);
}

static void fit_files(struct modbus_message *m, const struct entry *e)
{
	for (unsigned i = 0; i < m->part_count; i++)
		m->parts[i].file = (uint16_t)e->files.items[0].first;
}

static void fit_records(struct modbus_message *m, const struct entry *e)
{
	for (unsigned i = 0; i < m->part_count; i++)
		fit(&e->records, &m->parts[i].record, &m->parts[i].length);
}

static void fit_object(struct modbus_message *m, const struct entry *e)
{
	m->object_id = (uint8_t)e->objects.items[0].first;
}

static void fit_read_code(struct modbus_message *m, const struct entry *e)
{
	m->read_code = (uint8_t)e->read_codes.items[0].first;
}

static const char *asked_addresses(const struct probe *p)
{
	return span_text(p, p->m.address, p->m.quantity);
}

static const char *asked_writes(const struct probe *p)
{
	return span_text(p, p->m.write_address, p->m.write_quantity);
}

static const char *asked_file(const struct probe *p)
{
	return span_text(p, p->m.parts[0].file, 1);
}

static const char *asked_records(const struct probe *p)
{
	return span_text(p, p->m.parts[0].record, p->m.parts[0].length);
}

static const char *asked_object(const struct probe *p)
{
	return span_text(p, p->m.object_id, 1);
}

static const char *asked_read_code(const struct probe *p)
{
	return span_text(p, p->m.read_code, 1);
}

/* The parts of a request that are refused with address-not-allowed. */
static const struct part {
	const char *what;
	size_t list; /* in struct entry */
	void (*fit)(struct modbus_message *m, const struct entry *e);
	const char *(*asked)(const struct probe *p);
} parts[] = {
	{ "addresses", offsetof(struct entry, addresses), fit_addresses, asked_addresses },
	{ "write addresses", offsetof(struct entry, writes), fit_writes, asked_writes },
	{ "file", offsetof(struct entry, files), fit_files, asked_file },
	{ "records", offsetof(struct entry, records), fit_records, asked_records },
	{ "object", offsetof(struct entry, objects), fit_object, asked_object },
	{ "read code", offsetof(struct entry, read_codes), fit_read_code, asked_read_code },
};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

static const struct range_list *list_of(const struct part *part, const struct entry *e)
{
	return (const struct range_list *)(const void *)((const char *)e + part->list);
}

static void fit_all_but(struct probe *p, size_t but, struct modbus_message *m)
{
	for (size_t i = 0; i < PARTS; i++)
		if (i != but && list_of(&parts[i], p->entry)->count)
			parts[i].fit(m, p->entry);
}

/* A part is at fault when the request is refused for it although all others fit. */
static void differ_address(struct probe *p)
{
	for (size_t i = 0; i < PARTS; i++) {
		const struct range_list *list = list_of(&parts[i], p->entry);
		struct modbus_message m = p->m;

		if (!list->count)
			continue;
		fit_all_but(p, i, &m);
		if (ask_entry(p, &m) == REASON_ADDRESS_NOT_ALLOWED)
			explain_differ(p->out, parts[i].what, parts[i].asked(p),
				       describe_ranges(list, p->site->arena));
	}
	fit_all_but(p, PARTS, &p->m);
}

static unsigned first_unit(const struct entry *e)
{
	unsigned unit = 0;

	while (unit < 255 && !(e->units[unit / 32] >> unit % 32 & 1))
		unit++;
	return unit;
}

static void differ_unit(struct probe *p)
{
	explain_differ(p->out, "unit", span_text(p, p->m.unit, 1),
		       describe_units(p->entry->units, p->site->arena));
	p->m.unit = (uint8_t)first_unit(p->entry);
}

static unsigned file_registers(const struct modbus_message *m)
{
	unsigned count = 0;

	for (unsigned i = 0; i < m->part_count; i++)
		count += m->parts[i].length;
	return count;
}

static void differ_quantity(struct probe *p)
{
	unsigned asked = p->m.part_count ? file_registers(&p->m) : p->m.quantity;

	if (p->m.write_quantity > p->entry->max_quantity && asked <= p->entry->max_quantity)
		asked = p->m.write_quantity;
	explain_differ(p->out, "quantity", span_text(p, asked, 1),
		       arena_printf(p->site->arena, "at most %u", p->entry->max_quantity));
}

static const char *values_text(const struct probe *p)
{
	const struct modbus_message *m = &p->m;
	const char *text = "";

	if (m->function == 5)
		return m->data[0] ? "1" : "0";
	for (unsigned i = 0; i + 1 < m->data_length && i < 16; i += 2)
		text = arena_printf(p->site->arena, "%s%s%u", text, i ? ", " : "",
				    (unsigned)m->data[i] << 8 | m->data[i + 1]);
	return m->data_length > 16 ? arena_printf(p->site->arena, "%s, ...", text) : text;
}

static void differ_value(struct probe *p)
{
	explain_differ(p->out, "values", values_text(p), describe_values(p->entry, p->site->arena));
}

/* Two of the function's own parts are refused like the function itself. */
static void differ_function(struct probe *p)
{
	if (p->entry->subfunctions.count)
		explain_differ(p->out, "sub-function", span_text(p, p->m.subfunction, 1),
			       describe_ranges(&p->entry->subfunctions, p->site->arena));
	else
		explain_differ(p->out, "MEI type", span_text(p, p->m.mei_type, 1),
			       span_text(p, p->entry->mei_type, 1));
}

static void find_differences(struct probe *p)
{
	bool further = true;

	for (unsigned step = 0; step < STEPS_MAX && further; step++) {
		enum reason reason = ask_entry(p, &p->m);

		further = reason == REASON_UNIT_NOT_ALLOWED || reason == REASON_ADDRESS_NOT_ALLOWED;
		if (reason == REASON_UNIT_NOT_ALLOWED)
			differ_unit(p);
		else if (reason == REASON_ADDRESS_NOT_ALLOWED)
			differ_address(p);
		else if (reason == REASON_QUANTITY_NOT_ALLOWED)
			differ_quantity(p);
		else if (reason == REASON_VALUE_NOT_ALLOWED)
			differ_value(p);
		else if (reason == REASON_FUNCTION_NOT_ALLOWED)
			differ_function(p);
	}
}

/* ---- the nearest entry ---- */

/* The first entry that answers as the whole rule does, without its schedule. */
static bool choose_entry(struct probe *p, const struct rule *rule)
{
	uint32_t count = p->site->program.rules[p->rule].entries.count;
	enum reason reason = match_entries(p, 0, count, &p->m);

	for (uint32_t i = 0; i < count; i++) {
		const struct entry *entry = rule_entry(rule, i);

		if (entry->code != p->m.function || match_entries(p, i, 1, &p->m) != reason)
			continue;
		p->position = i;
		p->entry = entry;
		return true;
	}
	return false;
}

/* How alike a rule's services are to a function that it does not allow. */
static unsigned likeness(const struct rule *rule, const struct modbus_function *f)
{
	unsigned best = 0;

	for (size_t i = 0; f && i < rule_entry_count(rule); i++) {
		const struct modbus_function *g = rule_entry(rule, i)->function;
		unsigned like = g ? 1u + (g->access == f->access) + (g->table == f->table) : 0;

		best = like > best ? like : best;
	}
	return best;
}

static uint32_t most_alike(const struct ask_site *site, const struct program_conduit *c, uint8_t code)
{
	uint32_t best = c->rules.first;
	unsigned best_like = 0;

	for (uint32_t i = c->rules.first; i < c->rules.first + c->rules.count; i++) {
		unsigned like = likeness(site->rules[i], modbus_function(code));

		if (like > best_like) {
			best = i;
			best_like = like;
		}
	}
	return best;
}

static const char *function_text(const struct modbus_message *m, struct arena *arena)
{
	const struct entry named = { .function = m->mei_type == 13 ? NULL : modbus_function(m->function),
				     .code = m->function, .mei_type = m->mei_type };

	return describe_function(&named, arena);
}

static bool told_before(const struct rule *rule, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (rule_entry(rule, i)->code == rule_entry(rule, at)->code &&
		    rule_entry(rule, i)->mei_type == rule_entry(rule, at)->mei_type)
			return true;
	return false;
}

static void differ_services(const struct ask_site *site, const struct rule *rule,
			    const struct modbus_message *m, struct explain_differences *out)
{
	const char *text = "";

	for (size_t i = 0; i < rule_entry_count(rule); i++)
		if (!told_before(rule, i))
			text = arena_printf(site->arena, "%s%s%s", text, *text ? ", " : "",
					    describe_function(rule_entry(rule, i), site->arena));
	explain_differ(out, "function", function_text(m, site->arena), text);
}

static void explain_refusal(const struct ask_site *site, struct probe *p, struct answer *ret)
{
	if (choose_entry(p, ret->rule)) {
		ret->entry = p->entry;
		find_differences(p);
	} else {
		differ_services(site, ret->rule, &p->m, &ret->differences);
	}
}

static void differ_limits(const struct ask_site *site, const struct modbus_message *m,
			  struct explain_differences *out)
{
	const struct modbus_function *f = modbus_function(m->function);

	if (modbus_limits(m) == REASON_QUANTITY_NOT_ALLOWED && f)
		explain_differ(out, "quantity", arena_printf(site->arena, "%u", m->quantity),
			       arena_printf(site->arena, "1 to %u, by the Modbus specification",
					    f->max_quantity));
	else if (modbus_limits(m) == REASON_ADDRESS_NOT_ALLOWED)
		explain_differ(out, "addresses", "beyond 65535",
			       "up to 65535, by the Modbus specification");
}

void ask_frame(const struct ask_site *site, uint32_t conduit, const uint8_t *frame, size_t len,
	       int64_t wall, struct answer *ret)
{
	struct probe p = { .site = site, .conduit = program_conduit(&site->program, conduit),
			   .out = &ret->differences };
	struct match match;

	*ret = (struct answer){ .reason = modbus_request(frame, len, &p.m) };
	if (ret->reason != REASON_NONE || !p.conduit) {
		ret->reason = ret->reason != REASON_NONE ? ret->reason : REASON_NO_RULE;
		return;
	}
	match_modbus(&site->program, p.conduit, &p.m, (struct program_time){ wall, wall }, &match);
	ret->reason = match.reason;
	p.rule = match.rule != CORE_NO_RULE ? match.rule : most_alike(site, p.conduit, p.m.function);
	ret->rule = site->rules[p.rule];
	if (ask_nearness(match.reason) >= ask_nearness(REASON_OUTSIDE_SCHEDULE))
		ret->entry = choose_entry(&p, ret->rule) ? p.entry : NULL;
	else if (modbus_limits(&p.m) != REASON_NONE && match.reason == modbus_limits(&p.m))
		differ_limits(site, &p.m, &ret->differences);
	else
		explain_refusal(site, &p, ret);
}

const char *ask_text(const struct modbus_message *m, struct arena *arena)
{
	const struct modbus_function *f = modbus_function(m->function);
	struct entry asked = { .code = m->function, .mei_type = m->mei_type, .function = f };
	struct program_range read = { m->address, m->address + (m->quantity ? m->quantity - 1u : 0) };
	struct program_range written = { m->write_address,
					 m->write_address + (m->write_quantity ? m->write_quantity - 1u : 0) };
	struct program_range sub = { m->subfunction, m->subfunction };

	asked.units[m->unit / 32] = UINT32_C(1) << m->unit % 32;
	if (f && f->table != MODBUS_NO_TABLE)
		asked.addresses = (struct range_list){ &read, 1 };
	if (f && f->max_write_quantity)
		asked.writes = (struct range_list){ &written, 1 };
	if (f && f->shape == MODBUS_SHAPE_DIAGNOSTICS)
		asked.subfunctions = (struct range_list){ &sub, 1 };
	return describe_entry(&asked, arena);
}

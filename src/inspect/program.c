/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/program.h"

static const void *table(const uint8_t *block, const struct program_table *t)
{
	return block + t->offset;
}

static bool table_inside(const struct program_header *h, const struct program_table *t, size_t row)
{
	uint64_t end = t->offset + (uint64_t)t->count * row;

	return t->offset % 8 == 0 && t->offset >= sizeof(*h) && end <= h->size;
}

static bool header_valid(const uint8_t *block, size_t length)
{
	const struct program_header *h = (const void *)block;

	return length >= sizeof(*h) && h->magic == PROGRAM_MAGIC && h->version == PROGRAM_VERSION &&
	       h->size <= length && table_inside(h, &h->index, sizeof(uint32_t)) &&
	       table_inside(h, &h->conduits, sizeof(struct program_conduit)) &&
	       table_inside(h, &h->rules, sizeof(struct program_rule)) &&
	       table_inside(h, &h->windows, sizeof(struct program_window)) &&
	       table_inside(h, &h->entries, sizeof(struct program_entry)) &&
	       table_inside(h, &h->ranges, sizeof(struct program_range)) &&
	       table_inside(h, &h->values, sizeof(struct program_value)) &&
	       table_inside(h, &h->cip, sizeof(struct program_cip)) &&
	       table_inside(h, &h->objects, sizeof(struct program_object)) &&
	       table_inside(h, &h->tags, sizeof(struct program_tag)) &&
	       table_inside(h, &h->names, sizeof(struct program_name)) &&
	       table_inside(h, &h->files, sizeof(struct program_file)) &&
	       table_inside(h, &h->hops, sizeof(struct program_hop)) &&
	       table_inside(h, &h->routes, sizeof(struct program_span)) &&
	       table_inside(h, &h->text, sizeof(uint8_t));
}

static bool conduits_valid(const struct program *p)
{
	const struct program_header *h = p->header;

	for (uint32_t i = 0; i < h->conduits.count; i++) {
		const struct program_conduit *c = &p->conduits[i];

		if ((c->family != 4 && c->family != 6) || c->protocol < PROGRAM_MODBUS ||
		    c->protocol > PROGRAM_ETHERNET_IP ||
		    c->on_violation < PROGRAM_REPLY || c->on_violation > PROGRAM_DROP ||
		    c->mode < PROGRAM_ENFORCE || c->mode > PROGRAM_OBSERVE || c->port == 0 ||
		    c->number >= h->index.count || p->index[c->number] != i + 1 ||
		    !span_inside(c->rules, h->rules))
			return false;
	}
	for (uint32_t i = 0; i < h->index.count; i++)
		if (p->index[i] > h->conduits.count)
			return false;
	return true;
}

static bool entry_valid(const struct program_header *h, const struct program_entry *e)
{
	return e->function >= 1 && e->function <= 127 && span_inside(e->addresses, h->ranges) &&
	       span_inside(e->writes, h->ranges) && span_inside(e->subfunctions, h->ranges) &&
	       span_inside(e->objects, h->ranges) && span_inside(e->read_codes, h->ranges) &&
	       span_inside(e->files, h->ranges) && span_inside(e->records, h->ranges) &&
	       span_inside(e->values, h->values);
}

static bool rules_valid(const struct program *p)
{
	const struct program_header *h = p->header;

	for (uint32_t i = 0; i < h->rules.count; i++)
		if (!span_inside(p->rules[i].entries, h->entries) ||
		    !span_inside(p->rules[i].cip, h->cip) ||
		    !span_inside(p->rules[i].windows, h->windows))
			return false;
	for (uint32_t i = 0; i < h->entries.count; i++)
		if (!entry_valid(h, &p->entries[i]))
			return false;
	return true;
}

bool program_open(const uint8_t *block, size_t length, uint32_t max_rules, struct program *ret)
{
	const struct program_header *h = (const void *)block;

	if (!header_valid(block, length) || h->rules.count > max_rules)
		return false;
	*ret = (struct program){
		.header = h,
		.index = table(block, &h->index),
		.conduits = table(block, &h->conduits),
		.rules = table(block, &h->rules),
		.windows = table(block, &h->windows),
		.entries = table(block, &h->entries),
		.ranges = table(block, &h->ranges),
		.values = table(block, &h->values),
		.cip = table(block, &h->cip),
		.objects = table(block, &h->objects),
		.tags = table(block, &h->tags),
		.names = table(block, &h->names),
		.files = table(block, &h->files),
		.hops = table(block, &h->hops),
		.routes = table(block, &h->routes),
		.text = table(block, &h->text),
	};
	return conduits_valid(ret) && rules_valid(ret) && program_cip_valid(ret);
}

const struct program_conduit *program_conduit(const struct program *p, uint32_t number)
{
	uint32_t at;

	if (!p->header || number >= p->header->index.count)
		return NULL;
	at = p->index[number];
	return at ? &p->conduits[at - 1] : NULL;
}

bool program_holds(const struct program *p, struct program_span ranges, uint32_t value)
{
	return program_covers(p, ranges, value, 1);
}

bool program_covers(const struct program *p, struct program_span ranges, uint32_t first, uint32_t count)
{
	uint64_t last = (uint64_t)first + count - 1;

	for (uint32_t i = 0; i < ranges.count; i++) {
		const struct program_range *r = &p->ranges[ranges.first + i];

		if (first >= r->first && last <= r->last)
			return true;
	}
	return false;
}

static bool window_open(const struct program *p, const struct program_rule *rule, int64_t wall)
{
	for (uint32_t i = 0; i < rule->windows.count; i++) {
		const struct program_window *w = &p->windows[rule->windows.first + i];

		if (wall >= w->from && wall < w->until)
			return true;
	}
	return rule->windows.count == 0;
}

enum reason program_rule_serves(const struct program *p, const struct program_rule *rule,
				struct program_time time)
{
	if (!window_open(p, rule, time.wall))
		return REASON_OUTSIDE_SCHEDULE;
	if (rule->no_new_from && time.opened >= rule->no_new_from)
		return REASON_REVIEW_OVERDUE;
	return REASON_NONE;
}

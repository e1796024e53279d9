/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/enip_flow.h"

bool enip_flows_full(const struct enip_flows *t)
{
	return !t->free && t->fresh == ENIP_FLOWS_MAX;
}

struct enip_flow *enip_flow_take(struct enip_flows *t)
{
	struct enip_flow *e;

	if (enip_flows_full(t))
		return NULL;
	if (t->free) {
		e = &t->items[t->free - 1];
		t->free = e->next;
	} else {
		e = &t->items[t->fresh++];
	}
	e->asks_used = 0;
	e->session = (struct session){ 0 };
	e->symbols = (struct symbol_list){ 0 };
	return e;
}

void enip_flow_give(struct enip_flows *t, struct symbols *symbols, struct enip_flow *e)
{
	symbols_forget(symbols, &e->symbols);
	e->next = t->free;
	t->free = (uint16_t)(e - t->items + 1);
}

uint8_t enip_flow_keep(struct enip_flow *e, const struct enip_ask *ask)
{
	unsigned place = (unsigned)__builtin_ctz(~(unsigned)e->asks_used);

	e->asks_used |= (uint16_t)(1u << place);
	e->asks[place] = *ask;
	return (uint8_t)place;
}

void enip_flow_forget(struct enip_flow *e, uint8_t place)
{
	e->asks_used &= (uint16_t)~(1u << place);
}

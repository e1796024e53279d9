/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/usage.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "policy/address.h"
#include "protocol/modbus.h"
#include "protocol/reason.h"
#include "run/events.h"
#include "run/names.h"

_Static_assert(sizeof(((struct usage *)0)->ends[0]) >= ADDRESS_TEXT_SIZE, "an address does not fit");

static const char *transport_name(uint8_t transport)
{
	switch (transport) {
	case IPPROTO_TCP: return "tcp";
	case IPPROTO_UDP: return "udp";
	case IPPROTO_ICMP: return "icmp";
	case IPPROTO_ICMPV6: return "icmpv6";
	default: return "other";
	}
}

/* ---- details ---- */

static void add_part(struct usage *u, const char *name, unsigned value)
{
	size_t d = strlen(u->detail), p = strlen(u->parts);

	snprintf(u->detail + d, sizeof(u->detail) - d, "%s%s=%u", d ? " " : "", name, value);
	snprintf(u->parts + p, sizeof(u->parts) - p, "%s\"%s\": %u", p > 1 ? ", " : "", name, value);
}

/* What is asked for, without what makes every request another one: transaction and values. */
static void set_modbus(const struct core_event *e, struct usage *u)
{
	const struct modbus_function *function = modbus_function(e->function);

	if (function)
		snprintf(u->service, sizeof(u->service), "%s", function->name);
	else
		snprintf(u->service, sizeof(u->service), "function-%u", e->function);
	strcpy(u->parts, "{");
	add_part(u, "unit", e->unit);
	if (e->has & CORE_HAS_SUBFUNCTION)
		add_part(u, "subfunction", e->subfunction);
	if (e->has & CORE_HAS_ADDRESS)
		add_part(u, "address", e->address);
	if (e->has & CORE_HAS_QUANTITY)
		add_part(u, "quantity", e->quantity);
	if (e->has & CORE_HAS_WRITE) {
		add_part(u, "write_address", e->write_address);
		add_part(u, "write_quantity", e->write_quantity);
	}
	strcat(u->parts, "}");
}

bool usage_of_denial(const struct compiled *compiled, const struct core_event *e, struct usage *u)
{
	if (e->kind != CORE_EVENT_DENIED)
		return false;
	*u = (struct usage){ .subject = { .kind = LEDGER_USAGE } };
	if (e->has & CORE_HAS_MESSAGE)
		set_modbus(e, u);
	snprintf(u->verdict, sizeof(u->verdict), "%s%s", e->action == CORE_ACTION_OBSERVED ? "observed/" : "",
		 reason_code((enum reason)e->reason));
	u->subject.field[0] = names_rule(compiled, e->rule);
	u->subject.field[1] = "modbus";
	u->subject.field[2] = u->service;
	u->subject.field[3] = u->detail;
	u->subject.field[4] = u->verdict;
	u->subject.note = u->parts;
	return true;
}

/* ---- the kernel's ---- */

static void set_tuple(struct usage *u, enum ledger_kind kind, const struct address *from,
		      const struct address *to, uint8_t transport, uint16_t port)
{
	*u = (struct usage){ .subject = { .kind = kind } };
	if (from->family)
		address_format(from, u->ends[0]);
	if (to->family)
		address_format(to, u->ends[1]);
	snprintf(u->port, sizeof(u->port), "%u", port);
	u->subject.field[0] = u->ends[0];
	u->subject.field[1] = u->ends[1];
	u->subject.field[2] = transport_name(transport);
	u->subject.field[3] = u->port;
}

bool usage_of_refusal(const struct nflog_message *m, struct usage *u)
{
	if (events_is_chatter(m))
		return false;
	set_tuple(u, LEDGER_ATTEMPT, &m->source, &m->destination, m->transport, m->destination_port);
	snprintf(u->verdict, sizeof(u->verdict), "%s", *m->reason ? m->reason : "unknown");
	u->subject.field[4] = u->verdict;
	return true;
}

void usage_of_conduit(const struct netfilter_conduit *n, struct usage *u)
{
	const struct ruleset_conduit *c = &n->conduit;

	set_tuple(u, LEDGER_CONDUIT, &c->server, &c->device, c->transport, c->port);
	u->subject.note = c->rules;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/usage.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "policy/address.h"
#include "protocol/cip.h"
#include "protocol/enip.h"
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

static void add_texts(struct usage *u, const char *name, const char *text, const char *json)
{
	size_t d = strlen(u->detail), p = strlen(u->parts);

	snprintf(u->detail + d, sizeof(u->detail) - d, "%s%s=%s", d ? " " : "", name, text);
	snprintf(u->parts + p, sizeof(u->parts) - p, "%s\"%s\": %s", p > 1 ? ", " : "", name, json);
}

static void add_part(struct usage *u, const char *name, unsigned value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	add_texts(u, name, text, text);
}

/* The client wrote it, but the core made it printable. */
static void add_text(struct usage *u, const char *name, const char *text)
{
	char json[2 * CORE_TAG_MAX + 3], *p = json;

	*p++ = '"';
	for (const char *from = text; *from && from < text + CORE_TAG_MAX; from++) {
		if (*from == '"' || *from == '\\')
			*p++ = '\\';
		*p++ = *from;
	}
	*p++ = '"';
	*p = '\0';
	add_texts(u, name, text, json);
}

/* The numbers that a request may have, in the order in which they are told. */
static void add_numbers(const struct core_event *e, struct usage *u)
{
	const struct {
		uint32_t has;
		const char *name;
		uint32_t value;
	} numbers[] = {
		{ CORE_HAS_MESSAGE, "unit", e->unit },
		{ CORE_HAS_CLASS, "class", e->class },
		{ CORE_HAS_INSTANCE, "instance", e->instance },
		{ CORE_HAS_ATTRIBUTE, "attribute", e->attribute },
		{ CORE_HAS_PCCC, "command", e->function },
		{ CORE_HAS_PCCC, "function", e->subfunction },
		{ CORE_HAS_SUBFUNCTION, "subfunction", e->subfunction },
		{ CORE_HAS_OBJECT, "read_code", e->read_code },
		{ CORE_HAS_OBJECT, "object", e->object },
		{ CORE_HAS_RECORD, "file", e->file },
		{ CORE_HAS_ADDRESS, "address", e->address },
		{ CORE_HAS_QUANTITY, "quantity", e->quantity },
		{ CORE_HAS_WRITE, "write_address", e->write_address },
		{ CORE_HAS_WRITE, "write_quantity", e->write_quantity },
		{ CORE_HAS_ELEMENTS, "elements", e->elements },
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (e->has & numbers[i].has)
			add_part(u, numbers[i].name, numbers[i].value);
}

/* The tag last: whatever is in it, it is no other part. */
static void add_words(const struct core_event *e, struct usage *u)
{
	if (e->has & CORE_HAS_ROUTE)
		add_text(u, "route", e->route);
	if (e->has & CORE_HAS_ATTRIBUTES)
		add_text(u, "attributes", e->tag);
	if (e->has & CORE_HAS_FILE)
		add_text(u, "at", e->tag);
	if (e->has & CORE_HAS_TAG)
		add_text(u, "tag", e->tag);
}

static void name_modbus(const struct core_event *e, struct usage *u)
{
	const struct modbus_function *function = modbus_function(e->function);

	if (function)
		snprintf(u->service, sizeof(u->service), "%s", function->name);
	else
		snprintf(u->service, sizeof(u->service), "function-%u", e->function);
}

static void name_cip(const struct core_event *e, struct usage *u)
{
	const struct cip_service *service = events_service(e);
	const struct enip_command *command = enip_command(e->command);

	if (service)
		snprintf(u->service, sizeof(u->service), "%s", service->name);
	else if (e->has & CORE_HAS_SERVICE)
		snprintf(u->service, sizeof(u->service), "service-%u", e->service);
	else if (command)
		snprintf(u->service, sizeof(u->service), "%s", command->name);
	else
		snprintf(u->service, sizeof(u->service), "command-%u", e->command);
}

/* What is asked for, without what makes every request another one: transaction and values. */
void usage_of_request(const struct compiled *compiled, const struct core_event *e, struct usage *u)
{
	const char *protocol = names_protocol(compiled, e->conduit);
	const char *observed = e->action == CORE_ACTION_OBSERVED ? "observed/" : "";

	*u = (struct usage){ .subject = { .kind = LEDGER_USAGE } };
	if (e->has & CORE_HAS_MESSAGE)
		name_modbus(e, u);
	else if (e->has & CORE_HAS_COMMAND)
		name_cip(e, u);
	else if (e->has & CORE_HAS_CONNECTION)
		strcpy(u->service, "cyclic-data");
	strcpy(u->parts, "{");
	add_numbers(e, u);
	add_words(e, u);
	strcat(u->parts, "}");
	if (e->kind == CORE_EVENT_ALLOWED)
		strcpy(u->verdict, "allowed");
	else
		snprintf(u->verdict, sizeof(u->verdict), "%s%s", observed, reason_code((enum reason)e->reason));
	u->subject.field[0] = names_rule(compiled, e->rule);
	u->subject.field[1] = protocol ? protocol : "";
	u->subject.field[2] = u->service;
	u->subject.field[3] = u->detail;
	u->subject.field[4] = u->verdict;
	u->subject.note = u->parts;
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

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/events.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/failure.h"
#include "policy/address.h"
#include "protocol/cip.h"
#include "protocol/enip.h"
#include "protocol/modbus.h"
#include "protocol/reason.h"
#include "run/names.h"

/* Room for the texts of one event, which lives as long as the call that records it. */
struct scratch {
	struct event event;
	char server[ADDRESS_TEXT_SIZE];
	char device[ADDRESS_TEXT_SIZE];
	char owner[256];
	char request[160];
	char text[768];
};

/* What a report of usage is read against. */
static void note_moment(struct events *events, const struct event *event)
{
	static const char *const moments[] = { "inspector-restarted", "trap", "quarantined", "events-lost",
					       "failed-open", "inspects-again", "restored", "not-restored",
					       "drift-fight", "maintenance-begun", "maintenance-ended",
					       "ledger-set-aside", "ledger-shortened", "clock-doubted",
					       "clock-trusted", "clock-confirmed", "grant-begun", "grant-ended",
					       "island-begun", "island-ended" };

	for (size_t i = 0; events->ledger && i < sizeof(moments) / sizeof(*moments); i++)
		if (strcmp(event->event, moments[i]) == 0)
			ledger_add_moment(events->ledger, &(struct ledger_moment){
				.time = time(NULL), .kind = event->event, .text = event->text });
}

static void record(struct events *events, const struct event *event)
{
	char line[512];
	int r = event_log_write(&events->log, event);

	note_moment(events, event);
	if (r == 0)
		return;
	snprintf(line, sizeof(line), "cannot write %s: %s. The gate goes on guarding; "
		 "events are counted until this works again.",
		 events->log.path, failure_text(r));
	events->warn(line);
}

static void set_end(const struct compiled *compiled, const struct address *address, uint16_t port,
		    char *text, struct event_end *ret)
{
	address_format(address, text);
	*ret = (struct event_end){ .name = names_asset(compiled, address), .address = text, .port = port };
}

static const char *shown(const struct event_end *end)
{
	if (end->name)
		return end->name;
	return end->address ? end->address : "an unknown host";
}

/* Both ends of a conduit. False when the policy has no such conduit (any more). */
static bool set_ends(struct events *events, struct scratch *s, uint32_t number, uint16_t server_port)
{
	const struct ruleset_conduit *conduit = names_conduit(events->compiled, number);

	if (number)
		event_add_number(&s->event, "conduit", number);
	if (!conduit)
		return false;
	set_end(events->compiled, &conduit->server, server_port, s->server, &s->event.server);
	set_end(events->compiled, &conduit->device, conduit->port, s->device, &s->event.device);
	return true;
}

/* ---- the core's events ---- */

static const char *const action_names[] = {
	[CORE_ACTION_NONE] = NULL,
	[CORE_ACTION_REPLIED] = "replied",
	[CORE_ACTION_RESET] = "reset",
	[CORE_ACTION_DROPPED] = "dropped",
	[CORE_ACTION_OBSERVED] = "observed",
};

static const char *const action_texts[] = {
	[CORE_ACTION_NONE] = "",
	[CORE_ACTION_REPLIED] = " in the device's stead; the connection goes on.",
	[CORE_ACTION_RESET] = " The connection was reset on both sides.",
	[CORE_ACTION_DROPPED] = " It was taken out silently.",
	[CORE_ACTION_OBSERVED] = " It was let through: the rule only observes.",
};

/* How an answer of the gate's is called where the protocol is spoken: what stands before the text of its action. */
static const char *answer_text(const struct core_event *core)
{
	if (core->action != CORE_ACTION_REPLIED)
		return "";
	if (core->has & CORE_HAS_MESSAGE)
		return " It was answered with a Modbus exception";
	return core->has & CORE_HAS_SERVICE ? " It was answered with a CIP error" :
					      " It was answered with an error";
}

static const char *const kind_names[] = {
	[CORE_EVENT_DENIED] = "denied",
	[CORE_EVENT_OPENED] = "opened",
	[CORE_EVENT_CLOSED] = "closed",
	[CORE_EVENT_ALLOWED] = "allowed",
};

const struct cip_service *events_service(const struct core_event *core)
{
	uint32_t class = core->has & CORE_HAS_TAG ? CIP_CLASS_SYMBOL : core->class;

	return core->has & CORE_HAS_SERVICE ? cip_service(class, core->service) : NULL;
}

/* "write-single-register, unit 1, address 121, value 42" */
static void describe_request(const struct core_event *core, char *text, size_t size)
{
	const struct modbus_function *function = modbus_function(core->function);
	int n = function ? snprintf(text, size, "%s, unit %u", function->name, core->unit) :
		snprintf(text, size, "function %u, unit %u", core->function, core->unit);

	if (core->has & CORE_HAS_SUBFUNCTION)
		n += snprintf(text + n, size - (size_t)n, ", sub-function %u", core->subfunction);
	if (core->has & CORE_HAS_ADDRESS)
		n += snprintf(text + n, size - (size_t)n, ", address %u", core->address);
	if (core->has & CORE_HAS_QUANTITY)
		n += snprintf(text + n, size - (size_t)n, ", quantity %u", core->quantity);
	if (core->has & CORE_HAS_WRITE)
		n += snprintf(text + n, size - (size_t)n, ", writing %u from address %u",
			      core->write_quantity, core->write_address);
	if (core->has & CORE_HAS_VALUE)
		snprintf(text + n, size - (size_t)n, ", value %u", core->value);
}

static void add_numbers(struct event *event, const struct core_event *core)
{
	if (core->has & CORE_HAS_MESSAGE) {
		event_add_number(event, "transaction", core->transaction);
		event_add_number(event, "unit", core->unit);
		event_add_number(event, "function", core->function);
	}
	if (core->has & CORE_HAS_SUBFUNCTION)
		event_add_number(event, "subfunction", core->subfunction);
	if (core->has & CORE_HAS_ADDRESS)
		event_add_number(event, "address", core->address);
	if (core->has & CORE_HAS_QUANTITY)
		event_add_number(event, "quantity", core->quantity);
	if (core->has & CORE_HAS_WRITE) {
		event_add_number(event, "write_address", core->write_address);
		event_add_number(event, "write_quantity", core->write_quantity);
	}
	if (core->has & CORE_HAS_VALUE)
		event_add_number(event, "value", core->value);
	if (core->has & CORE_HAS_COMMAND)
		event_add_number(event, "command", core->command);
	if (core->has & CORE_HAS_SERVICE)
		event_add_number(event, "service", core->service);
	if (core->has & CORE_HAS_CLASS)
		event_add_number(event, "class", core->class);
	if (core->has & CORE_HAS_INSTANCE)
		event_add_number(event, "instance", core->instance);
	if (core->has & CORE_HAS_ATTRIBUTE)
		event_add_number(event, "attribute", core->attribute);
	if (core->has & CORE_HAS_CONNECTION)
		event_add_number(event, "connection_id", core->connection);
	if (core->has & CORE_HAS_SEQUENCE)
		event_add_number(event, "sequence", core->sequence);
}

/* "stop, class processor, instance 1", "write-tag, tag Recipe.Speed", "list-identity" */
static void describe_cip(const struct core_event *core, char *text, size_t size)
{
	const struct cip_service *service = events_service(core);
	const struct cip_class *class = cip_class(core->class);
	const struct enip_command *command = enip_command(core->command);
	int n;

	if (!(core->has & CORE_HAS_SERVICE)) {
		snprintf(text, size, "%s", command ? command->name : "an unknown command");
		return;
	}
	n = service ? snprintf(text, size, "%s", service->name) :
		      snprintf(text, size, "service %u", core->service);
	if (core->has & CORE_HAS_TAG)
		n += snprintf(text + n, size - (size_t)n, ", tag %s", core->tag);
	if (core->has & CORE_HAS_CLASS)
		n += class ? snprintf(text + n, size - (size_t)n, ", class %s", class->name) :
			     snprintf(text + n, size - (size_t)n, ", class %u", core->class);
	if (core->has & CORE_HAS_INSTANCE)
		n += snprintf(text + n, size - (size_t)n, ", instance %u", core->instance);
	if (core->has & CORE_HAS_ATTRIBUTE)
		snprintf(text + n, size - (size_t)n, ", attribute %u", core->attribute);
}

static void describe_denial(struct scratch *s, const struct core_event *core)
{
	const char *from = shown(core->to_device ? &s->event.server : &s->event.device);
	const char *to = shown(core->to_device ? &s->event.device : &s->event.server);
	const char *why = reason_text((enum reason)(core->cause ? core->cause : core->reason));
	const char *partial = core->cause ? " Its first bytes had passed already." : "";

	if (core->has & CORE_HAS_MESSAGE)
		describe_request(core, s->request, sizeof(s->request));
	else if (core->has & CORE_HAS_COMMAND)
		describe_cip(core, s->request, sizeof(s->request));
	else if (core->has & CORE_HAS_CONNECTION)
		snprintf(s->request, sizeof(s->request), "cyclic data of connection %08x", core->connection);
	else
		snprintf(s->request, sizeof(s->request), "something");
	snprintf(s->text, sizeof(s->text), "%s sent %s %s. %s%s%s%s", from, to, s->request, why ? why : "",
		 partial, answer_text(core), action_texts[core->action]);
}

static void describe_connection(struct scratch *s, const struct core_event *core)
{
	const char *server = shown(&s->event.server), *device = shown(&s->event.device);
	const char *why = core->reason ? reason_text((enum reason)core->reason) : NULL;
	const char *what = core->has & CORE_HAS_CONNECTION ? "cyclic connection" : "connection";

	if (why)
		snprintf(s->text, sizeof(s->text), "The gate ended the %s between %s and %s. %s", what,
			 server, device, why);
	else if (core->kind == CORE_EVENT_OPENED)
		snprintf(s->text, sizeof(s->text), "%s opened a %s to %s.", server, what, device);
	else
		snprintf(s->text, sizeof(s->text), "The %s between %s and %s ended.", what, server,
			 device);
}

void events_core(struct events *events, const struct core_event *core)
{
	struct scratch s = { .event = { .event = kind_names[core->kind], } };

	s.event.protocol = names_protocol(events->compiled, core->conduit);
	set_ends(events, &s, core->conduit, core->server_port);
	s.event.rule = names_rule(events->compiled, core->rule);
	if (core->reason)
		s.event.reason = reason_code((enum reason)core->reason);
	if (core->cause)
		s.event.cause = reason_code((enum reason)core->cause);
	if (core->has & CORE_HAS_MESSAGE && modbus_function(core->function))
		s.event.name = modbus_function(core->function)->name;
	else if (events_service(core))
		s.event.name = events_service(core)->name;
	if (core->has & CORE_HAS_TAG)
		s.event.tag = core->tag;
	add_numbers(&s.event, core);
	s.event.action = action_names[core->action];
	if (core->kind == CORE_EVENT_DENIED) {
		s.event.call = names_owner(events->compiled, s.event.rule, s.owner, sizeof(s.owner));
		describe_denial(&s, core);
	} else {
		describe_connection(&s, core);
	}
	s.event.text = s.text;
	record(events, &s.event);
}

/* ---- the kernel's ---- */

/* Reasons that only the ruleset has. */
static const struct {
	const char *code;
	const char *text;
} kernel_reasons[] = {
	{ "to-gate", "The gate itself offers nothing to anybody." },
	{ "from-gate", "The gate itself has no need to send this." },
	{ "made-elsewhere", "It carries the gate's own mark, but belongs to no inspected connection." },
};

static const char *sentence_of(const char *code)
{
	for (size_t i = 0; i < sizeof(kernel_reasons) / sizeof(*kernel_reasons); i++)
		if (strcmp(kernel_reasons[i].code, code) == 0)
			return kernel_reasons[i].text;
	for (unsigned r = 0; r < REASON_COUNT; r++)
		if (strcmp(reason_code((enum reason)r), code) == 0)
			return reason_text((enum reason)r);
	return "The ruleset refuses it.";
}

static bool is_multicast(const struct address *address)
{
	return address->family == 6 ? address->b[0] == 0xff :
		address->family == 4 && address->b[0] >> 4 == 0xe;
}

bool events_is_chatter(const struct nflog_message *message)
{
	return (strcmp(message->reason, "from-gate") == 0 || strcmp(message->reason, "to-gate") == 0) &&
	       is_multicast(&message->destination);
}

void events_refused(struct events *events, const struct nflog_message *message)
{
	struct scratch s = { .event = { .event = "refused" } };
	char port[32] = "";
	bool by_device = strcmp(message->reason, reason_code(REASON_DEVICE_INITIATED)) == 0;
	struct event_end *source = by_device ? &s.event.device : &s.event.server;
	struct event_end *destination = by_device ? &s.event.server : &s.event.device;

	if (events_is_chatter(message))
		return;
	s.event.reason = *message->reason ? message->reason : "unknown";
	if (message->source.family)
		set_end(events->compiled, &message->source, message->source_port, s.server, source);
	if (message->destination.family)
		set_end(events->compiled, &message->destination, message->destination_port, s.device,
			destination);
	if (message->transport == IPPROTO_TCP || message->transport == IPPROTO_UDP) {
		s.event.protocol = message->transport == IPPROTO_TCP ? "tcp" : "udp";
		snprintf(port, sizeof(port), ", %s port %u", s.event.protocol,
			 message->destination_port);
	}
	snprintf(s.text, sizeof(s.text), "%s tried to reach %s%s%s%s. %s", shown(source),
		 shown(destination), port, *message->in ? ", coming in by " : "", message->in,
		 sentence_of(s.event.reason));
	s.event.text = s.text;
	record(events, &s.event);
}

/* ---- the inspector's own state ---- */

void events_trap(struct events *events, uint32_t conduit)
{
	struct scratch s = { .event = { .event = "trap" } };

	if (set_ends(events, &s, conduit, 0))
		snprintf(s.text, sizeof(s.text), "The inspector failed on a packet between %s and %s. "
			 "The packet was dropped; open connections are reset.",
			 shown(&s.event.server), shown(&s.event.device));
	else
		snprintf(s.text, sizeof(s.text), "The inspector failed. Open connections are reset.");
	s.event.text = s.text;
	record(events, &s.event);
}

void events_quarantined(struct events *events, uint32_t conduit)
{
	struct scratch s = { .event = { .event = "quarantined",
					.reason = reason_code(REASON_QUARANTINED) } };

	set_ends(events, &s, conduit, 0);
	snprintf(s.text, sizeof(s.text), "Everything between %s and %s is dropped from now on: the "
		 "inspector failed three times on their packets. Applying the policy again lifts this.",
		 shown(&s.event.server), shown(&s.event.device));
	s.event.text = s.text;
	record(events, &s.event);
}

void events_restarted(struct events *events, const struct child_end *end)
{
	struct scratch s = { .event = { .event = "inspector-restarted" } };

	set_ends(events, &s, end->conduit, 0);
	snprintf(s.text, sizeof(s.text), "The inspector ended (%s %d) and is started again. %s",
		 end->killed ? "signal" : "status", end->status,
		 end->in_decision ? "It was deciding on a packet: open connections are reset." :
		 "Open connections go on.");
	s.event.text = s.text;
	event_add_number(&s.event, end->killed ? "signal" : "status", end->status);
	record(events, &s.event);
}

void events_failed_open(struct events *events)
{
	struct event event = {
		.event = "failed-open",
		.text = "The inspector of the conduits that fail open makes no progress. Their rules say so: what "
			"comes on them passes uninspected until it does.",
	};

	record(events, &event);
}

void events_inspects_again(struct events *events, uint64_t packets)
{
	struct scratch s = { .event = { .event = "inspects-again" } };

	snprintf(s.text, sizeof(s.text), "Conduits that fail open are inspected again. %llu packets passed "
		 "uninspected; connections that go on are reset with their next packet, once.",
		 (unsigned long long)packets);
	s.event.text = s.text;
	event_add_number(&s.event, "count", (int64_t)packets);
	record(events, &s.event);
}

void events_lost(struct events *events, uint64_t count)
{
	struct scratch s = { .event = { .event = "events-lost" } };

	snprintf(s.text, sizeof(s.text), "%llu events of the inspector came faster than they could be "
		 "recorded.", (unsigned long long)count);
	s.event.text = s.text;
	event_add_number(&s.event, "count", (int64_t)count);
	record(events, &s.event);
}

void events_applied(struct events *events, const char *text)
{
	struct event event = { .event = "policy-applied", .text = text };

	record(events, &event);
}

void events_drift(struct events *events, const struct drift *drift, const char *who)
{
	struct scratch s = { .event = { .event = "drift", .reason = drift_word(drift->code),
					.rule = drift->rules } };

	snprintf(s.text, sizeof(s.text), "%s: %s.%s", drift->where, drift->text, who);
	s.event.text = s.text;
	record(events, &s.event);
}

void events_drift_more(struct events *events, size_t count)
{
	struct scratch s = { .event = { .event = "drift", .reason = "more" } };

	snprintf(s.text, sizeof(s.text), "%zu further differences are not told one by one.", count);
	s.event.text = s.text;
	event_add_number(&s.event, "count", (int64_t)count);
	record(events, &s.event);
}

void events_deed(struct events *events, enum events_deed deed, const char *text)
{
	static const struct event deeds[] = {
		[EVENTS_STARTED] = { .event = "started" },
		[EVENTS_STOPPED] = { .event = "stopped" },
		[EVENTS_NOT_STARTED] = { .event = "inspector-not-started" },
		[EVENTS_SELF_TEST_FAILED] = { .event = "self-test-failed" },
		[EVENTS_SELF_TEST_WORKS] = { .event = "self-test-works" },
		[EVENTS_RESTORED] = { .event = "restored" },
		[EVENTS_NOT_RESTORED] = { .event = "not-restored" },
		[EVENTS_FIGHT] = { .event = "drift-fight" },
		[EVENTS_MAINTENANCE_BEGUN] = { .event = "maintenance-begun" },
		[EVENTS_MAINTENANCE_ENDED] = { .event = "maintenance-ended" },
		[EVENTS_CLOCK_DOUBTED] = { .event = "clock-doubted" },
		[EVENTS_CLOCK_TRUSTED] = { .event = "clock-trusted" },
		[EVENTS_CLOCK_CONFIRMED] = { .event = "clock-confirmed" },
		[EVENTS_GRANT_BEGUN] = { .event = "grant-begun" },
		[EVENTS_GRANT_ENDED] = { .event = "grant-ended" },
		[EVENTS_ISLAND_BEGUN] = { .event = "island-begun" },
		[EVENTS_ISLAND_ENDED] = { .event = "island-ended" },
		[EVENTS_SPOOL] = { .event = "bundle-spooled" },
	};
	struct event event = deeds[deed];

	event.text = text;
	record(events, &event);
}

void events_ledger(struct events *events, enum ledger_news news, const char *text)
{
	static const struct event kinds[] = {
		[LEDGER_FAILED] = { .event = "ledger-failed" },
		[LEDGER_WORKS] = { .event = "ledger-works" },
		[LEDGER_SET_ASIDE] = { .event = "ledger-set-aside" },
		[LEDGER_SHORTENED] = { .event = "ledger-shortened" },
	};
	struct event event = kinds[news];

	event.text = text;
	record(events, &event);
}

void events_tick(struct events *events)
{
	char line[512];
	int r = event_log_tick(&events->log);

	if (r == 0)
		return;
	snprintf(line, sizeof(line), "cannot write %s: %s", events->log.path, failure_text(r));
	events->warn(line);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/compile.h"

#include <netinet/in.h>

#include "policy/address.h"
#include "policy/model.h"

/*
 * rsyslog remembers how far it has read. What a collector does not take waits in a queue of its own, on disk when it
 * is long, so that one that is away keeps nothing from the others. The time is the event's own, the message id
 * its kind.
 */
static const char head[] =
	"# Written by `gatehouse compile` from the site's log_collectors: for /etc/rsyslog.d/60-gatehouse.conf.\n"
	"# Needs the package rsyslog; with TLS rsyslog-gnutls, too, and the collector's CA in\n"
	"# " COMPILE_COLLECTOR_CA ". docs/metrics.md says more.\n"
	"\n"
	"module(load=\"imfile\")\n"
	"module(load=\"mmjsonparse\")\n"
	"\n"
	"input(type=\"imfile\" file=\"" COMPILE_EVENT_LOG "\" tag=\"gatehouse\" facility=\"local0\"\n"
	"      severity=\"notice\" reopenOnTruncate=\"on\" ruleset=\"gatehouse\")\n"
	"\n"
	"# RFC 5424: PRI, version, the event's time, host, \"gatehouse\", no process, the kind of event, no data, JSON.\n"
	"template(name=\"gatehouse-event\" type=\"string\" string=\"<%pri%>1 %$!time% %hostname% gatehouse - %$!event% - %msg%\")\n"
	"template(name=\"gatehouse-other\" type=\"string\"\n"
	"         string=\"<%pri%>1 %timegenerated:::date-rfc3339% %hostname% gatehouse - - - %msg%\")\n"
	"\n"
	"ruleset(name=\"gatehouse\" queue.type=\"LinkedList\" queue.size=\"1000\") {\n"
	"  action(type=\"mmjsonparse\" cookie=\"\")\n"
	"  if $parsesuccess == \"OK\" and $!time != \"\" and $!event != \"\" then {\n";

static void write_action(const struct gate_peer *peer, size_t number, const char *template, FILE *out)
{
	char address[ADDRESS_TEXT_SIZE];

	address_format(&peer->address, address);
	fprintf(out, "    action(type=\"omfwd\" target=\"%s\" port=\"%u\" protocol=\"%s\" template=\"%s\"\n", address,
		peer->port, peer->transport == IPPROTO_UDP ? "udp" : "tcp", template);
	if (peer->transport == IPPROTO_TCP)
		fprintf(out, "           tcp_framing=\"octet-counted\" action.resumeRetryCount=\"-1\" action.resumeInterval=\"5\"\n"
			"           queue.type=\"LinkedList\" queue.size=\"1000\" queue.filename=\"%s-%zu\"\n"
			"           queue.maxDiskSpace=\"64m\" queue.saveOnShutdown=\"on\"\n", template, number);
	if (peer->tls)
		fprintf(out, "           streamDriver=\"gtls\" streamDriverMode=\"1\" streamDriverAuthMode=\"x509/name\"\n"
			"           streamDriverPermittedPeers=\"%s\" streamDriver.CAFile=\"%s\"\n", address,
			COMPILE_COLLECTOR_CA);
	fputs("    )\n", out);
}

static void write_actions(const struct gate *gate, const char *template, FILE *out)
{
	for (size_t i = 0; i < gate->peer_count; i++)
		if (gate->peers[i].collects)
			write_action(&gate->peers[i], i, template, out);
}

void compile_write_rsyslog(const struct compiled *compiled, FILE *out)
{
	const struct gate *gate = &compiled->site->gate;
	size_t collectors = 0;

	for (size_t i = 0; i < gate->peer_count; i++)
		collectors += gate->peers[i].collects;
	if (!collectors) {
		fputs("# The site document names no log_collectors: nothing is forwarded.\n", out);
		return;
	}
	fputs(head, out);
	write_actions(gate, "gatehouse-event", out);
	fputs("  } else {\n", out);
	write_actions(gate, "gatehouse-other", out);
	fputs("  }\n}\n", out);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drives netfilter/ for the tests, from a ruleset in a small line form on standard input:
 *   site NAME | queues COUNT
 *   conduit SERVER DEVICE tcp|udp PORT MARK RULES FILE LINE
 *   window TIMETABLE FROM UNTIL [FIRST LAST]
 *   overdue FIRST LAST FROM
 *   home INTERFACE NETWORK PREFIX
 *   own ADDRESS tcp|udp PORT WHAT FILE LINE
 * Commands: load, verify (a line a finding), text, text-without-queue, counts, drops, listen N, remove-open, remove-closed.
 * Exit codes: 0 done, 1 refused by the kernel (diagnostics on stderr), 2 wrong usage, 3 failed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "netfilter/commit.h"
#include "netfilter/nflog.h"
#include "netfilter/nft_text.h"
#include "netfilter/read.h"
#include "netfilter/verify.h"

#define LISTEN_MS 10000

static struct arena arena;

static void fail(const char *what)
{
	fprintf(stderr, "ruleset_tool: %s\n", what);
	exit(2);
}

static struct address parse_address(const char *text)
{
	struct address a = { .family = strchr(text, ':') ? 6 : 4 };

	if (inet_pton(a.family == 4 ? AF_INET : AF_INET6, text, a.b) != 1)
		fail(text);
	return a;
}

static void parse_conduit(struct ruleset *r, const char *line)
{
	char server[64], device[64], transport[8], rules[160], file[160];
	struct ruleset_conduit *c = &r->conduits[r->conduit_count++];

	if (sscanf(line, "conduit %63s %63s %7s %" SCNu16 " %" SCNx32 " %159s %159s %u", server, device,
		   transport, &c->port, &c->mark, rules, file, &c->line) != 8)
		fail(line);
	c->server = parse_address(server);
	c->device = parse_address(device);
	c->transport = strcmp(transport, "udp") ? IPPROTO_TCP : IPPROTO_UDP;
	c->rules = arena_printf(&arena, "%s", rules);
	c->file = arena_printf(&arena, "%s", file);
}

static void parse_window(struct ruleset *r, const char *line)
{
	struct ruleset_window *w = &r->windows[r->window_count++];

	w->last = 86399;
	if (sscanf(line, "window %" SCNu32 " %" SCNd64 " %" SCNd64 " %" SCNu32 " %" SCNu32, &w->timetable,
		   &w->from, &w->until, &w->first, &w->last) < 3)
		fail(line);
}

static void parse_overdue(struct ruleset *r, const char *line)
{
	struct ruleset_overdue *o = &r->overdue[r->overdue_count++];

	if (sscanf(line, "overdue %" SCNx32 " %" SCNx32 " %" SCNd64, &o->first, &o->last, &o->from) != 3)
		fail(line);
}

static void parse_home(struct ruleset *r, const char *line)
{
	struct ruleset_home *h = &r->homes[r->home_count++];
	char network[64];

	if (sscanf(line, "home %15s %63s %" SCNu8, h->interface, network, &h->prefix) != 3)
		fail(line);
	h->network = parse_address(network);
}

static void parse_own(struct ruleset *r, const char *line)
{
	char to[64], transport[8], what[64], file[160];
	struct ruleset_own *o = &r->own[r->own_count++];

	if (sscanf(line, "own %63s %7s %" SCNu16 " %63s %159s %u", to, transport, &o->port, what, file,
		   &o->line) != 6)
		fail(line);
	o->to = parse_address(to);
	o->transport = strcmp(transport, "udp") ? IPPROTO_TCP : IPPROTO_UDP;
	o->what = arena_printf(&arena, "%s", what);
	o->file = arena_printf(&arena, "%s", file);
}

static void parse(FILE *in, struct ruleset *r)
{
	const size_t most = 200000;
	char line[1024], site[64];

	*r = (struct ruleset){ .site = "test", .queue_first = RULESET_QUEUE, .queue_count = 1,
			       .log_group = RULESET_LOG_GROUP };
	r->conduits = arena_array(&arena, most, sizeof(*r->conduits));
	r->windows = arena_array(&arena, most, sizeof(*r->windows));
	r->overdue = arena_array(&arena, most, sizeof(*r->overdue));
	r->homes = arena_array(&arena, most, sizeof(*r->homes));
	r->own = arena_array(&arena, most, sizeof(*r->own));
	while (fgets(line, sizeof(line), in)) {
		if (!strncmp(line, "conduit ", 8) && r->conduit_count < most)
			parse_conduit(r, line);
		else if (!strncmp(line, "window ", 7) && r->window_count < most)
			parse_window(r, line);
		else if (!strncmp(line, "overdue ", 8) && r->overdue_count < most)
			parse_overdue(r, line);
		else if (!strncmp(line, "home ", 5) && r->home_count < most)
			parse_home(r, line);
		else if (!strncmp(line, "own ", 4) && r->own_count < most)
			parse_own(r, line);
		else if (sscanf(line, "site %63s", site) == 1)
			r->site = arena_printf(&arena, "%s", site);
		else if (sscanf(line, "queues %" SCNu16, &r->queue_count) != 1)
			fail(line);
	}
}

static int report(int error)
{
	if (error)
		fprintf(stderr, "ruleset_tool: %s\n", strerror(-error));
	return error ? 3 : 0;
}

static int load(void)
{
	struct ruleset ruleset;
	struct diag_list diags;
	int error;

	parse(stdin, &ruleset);
	diag_init(&diags, &arena);
	error = netfilter_commit(&ruleset, &diags);
	diag_print(&diags, stderr, false);
	return diags.errors ? 1 : report(error);
}

static int verify(void)
{
	static struct drift_list list;
	struct ruleset ruleset;
	int error;

	parse(stdin, &ruleset);
	error = netfilter_verify(&ruleset, &arena, &list);
	for (size_t i = 0; !error && i < list.count; i++) {
		const struct drift *d = &list.items[i];

		printf("%s %s|%s|%s|%s\n", d->warning ? "warning" : "finding", drift_word(d->code), d->where,
		       d->rules ? d->rules : "", d->text);
	}
	return report(error);
}

static int text(const struct netfilter_kernel *kernel)
{
	struct ruleset ruleset;

	parse(stdin, &ruleset);
	nft_text_write(&ruleset, kernel, stdout);
	return 0;
}

static int counts(void)
{
	struct netfilter_counts c;
	int error = netfilter_read(&arena, &c);

	for (size_t i = 0; !error && i < c.conduit_count; i++)
		printf("0x%08x %" PRIu64 " %" PRIu64 " %s\n", c.conduits[i].conduit.mark,
		       c.conduits[i].packets, c.conduits[i].bytes, c.conduits[i].conduit.rules);
	return report(error);
}

static int drops(void)
{
	struct netfilter_counts c;
	int error = netfilter_read(&arena, &c);

	for (size_t i = 0; !error && i < c.drop_count; i++)
		printf("%s %" PRIu64 "\n", c.drops[i].reason, c.drops[i].packets);
	return report(error);
}

static void print_message(const struct nflog_message *m, void *data)
{
	char source[INET6_ADDRSTRLEN] = "?", destination[INET6_ADDRSTRLEN] = "?";

	if (m->source.family)
		inet_ntop(m->source.family == 4 ? AF_INET : AF_INET6, m->source.b, source, sizeof(source));
	if (m->destination.family)
		inet_ntop(m->destination.family == 4 ? AF_INET : AF_INET6, m->destination.b, destination,
			  sizeof(destination));
	printf("%s in=%s %s:%u %s:%u protocol=%u\n", m->reason, m->in, source, m->source_port,
	       destination, m->destination_port, m->transport);
	++*(int *)data;
}

static int listen_for(int wanted)
{
	struct nflog log;
	int seen = 0, error = nflog_open(RULESET_LOG_GROUP, &log);

	if (error)
		return report(error);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("listening\n");
	while (seen < wanted) {
		struct pollfd p = { .fd = nflog_fd(&log), .events = POLLIN };

		if (poll(&p, 1, LISTEN_MS) <= 0 || nflog_read(&log, print_message, &seen) < 0)
			return 3;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct netfilter_kernel no_queue = { .queue = false };
	const char *command = argc > 1 ? argv[1] : "";

	if (!strcmp(command, "load"))
		return load();
	if (!strcmp(command, "verify"))
		return verify();
	if (!strcmp(command, "text"))
		return text(NULL);
	if (!strcmp(command, "text-without-queue"))
		return text(&no_queue);
	if (!strcmp(command, "counts"))
		return counts();
	if (!strcmp(command, "drops"))
		return drops();
	if (!strcmp(command, "listen") && argc > 2)
		return listen_for(atoi(argv[2]));
	if (!strcmp(command, "remove-open"))
		return report(netfilter_remove(NETFILTER_REMOVE_OPEN));
	if (!strcmp(command, "remove-closed"))
		return report(netfilter_remove(NETFILTER_REMOVE_CLOSED));
	fail("load, verify, text, text-without-queue, counts, drops, listen N, remove-open or remove-closed");
}

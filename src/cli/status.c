/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/command.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/failure.h"
#include "json/copy.h"
#include "json/value.h"
#include "json/writer.h"
#include "netfilter/read.h"
#include "record/event_log.h"
#include "run/control.h"

#define RECENT 10
#define WATCH_EVERY 2000 /* ms */

struct recent {
	const struct value *items[RECENT];
	size_t count;
};

static const char *text_of(const struct value *map, const char *name)
{
	const char *text = value_member_text(map, name);

	return text ? text : "-";
}

static long long number_of(const struct value *map, const char *name)
{
	const struct value *v = value_member(map, name);

	return v && v->type == VALUE_INT ? v->integer : 0;
}

static bool truth_of(const struct value *map, const char *name)
{
	const struct value *v = value_member(map, name);

	return v && v->type == VALUE_BOOL && v->boolean;
}

/* The name of an end of a conduit, or its address. */
static const char *end_of(const struct value *map, const char *name)
{
	const struct value *end = value_member(map, name);
	const char *asset = value_member_text(end, "name");

	return asset ? asset : text_of(end, "address");
}

/* ---- the screen ---- */

static void print_drift(const struct value *drift, const struct value *maintenance)
{
	printf("Kernel     verified %s, %lld findings, put back %lld times\n", text_of(drift, "checked"),
	       number_of(drift, "findings"), number_of(drift, "restored"));
	if (maintenance && maintenance->type == VALUE_MAP)
		printf("Maintenance until %s: what differs from the policy is not put back\n",
		       text_of(maintenance, "until"));
}

/* A clock that is trusted is not worth a line. */
static void print_clock(const struct value *clock)
{
	const struct value *closed = value_member(clock, "closed");

	if (!clock || truth_of(clock, "trusted"))
		return;
	printf("Clock      NOT TRUSTED: it shows %s; the latest time known is %s\n", text_of(clock, "now"),
	       text_of(clock, "latest"));
	for (size_t i = 0; closed && i < closed->count; i++)
		printf("  closed until it is: rule %s\n", closed->items[i].text);
}

static void print_ledger(const struct value *ledger)
{
	if (!ledger || ledger->type != VALUE_MAP)
		return;
	if (truth_of(ledger, "writable"))
		printf("Ledger     written %s, %lld kB", text_of(ledger, "flushed"), number_of(ledger, "bytes") / 1024);
	else
		printf("Ledger     NOT WRITTEN (%s), kept in memory: %lld rows", text_of(ledger, "why"),
		       number_of(ledger, "waiting"));
	if (number_of(ledger, "lost"))
		printf(", counts lost: %lld", number_of(ledger, "lost"));
	putchar('\n');
}

static void print_self_test(const struct value *test)
{
	if (!test || !truth_of(test, "possible"))
		puts("Self-test  not possible on this kernel: it knows no tables with an owner");
	else if (value_member(test, "denied"))
		printf("Self-test  what must be denied was denied by every inspector, last %s, %lld times\n",
		       text_of(test, "denied"), number_of(test, "times"));
}

static void print_policy(const struct value *policy)
{
	printf("Policy     %s, version %s, applied %s, rules: %lld, conduits: %lld", text_of(policy, "site"),
	       text_of(policy, "version"), text_of(policy, "applied"), number_of(policy, "rules"), number_of(policy, "conduits"));
	if (number_of(policy, "expired"))
		printf(", expired and closed: %lld", number_of(policy, "expired"));
	if (number_of(policy, "overdue"))
		printf(", overdue for review: %lld", number_of(policy, "overdue"));
	putchar('\n');
	if (value_member(policy, "schedules_until"))
		printf("  schedules and expiries are in the kernel until %s, and renewed twice a day; then they close\n",
		       text_of(policy, "schedules_until"));
}

static void print_bundle(const struct value *bundle, const struct value *trial)
{
	if (bundle && bundle->type == VALUE_MAP)
		printf("Bundle     serial %lld, created %s\n", number_of(bundle, "serial"), text_of(bundle, "created"));
	if (trial && trial->type == VALUE_MAP)
		printf("ON TRIAL   undoes itself in %lld seconds, unless `gatehouse confirm` comes\n",
		       number_of(trial, "seconds_left"));
}

static void print_queues(const struct value *queues)
{
	for (size_t i = 0; queues && i < queues->count; i++) {
		const struct value *queue = &queues->items[i], *counters = value_member(queue, "counters");

		printf("  queue %lld  %s, pid %lld, packets: %lld, connections: %lld%s\n", number_of(queue, "queue"),
		       text_of(queue, "state"), number_of(queue, "pid"), number_of(counters, "received"),
		       number_of(counters, "flows_now"),
		       truth_of(queue, "fails_open") ? ", for the conduits that fail open" : "");
	}
}

static void print_fail_open(const struct value *fail_open)
{
	if (fail_open && fail_open->type == VALUE_MAP)
		printf("Fail open  %lld times, packets that passed uninspected: %lld\n",
		       number_of(fail_open, "openings"), number_of(fail_open, "packets"));
}

static void print_grants(const struct value *grants)
{
	for (size_t i = 0; grants && i < grants->count; i++) {
		const struct value *grant = &grants->items[i], *rules = value_member(grant, "rules");

		printf("GRANT      until %s: %s (begun %s by %s; %.12s); rules:", text_of(grant, "ends"),
		       text_of(grant, "note"), text_of(grant, "begun"), text_of(grant, "user"), text_of(grant, "digest"));
		for (size_t k = 0; rules && k < rules->count; k++)
			printf(" %s", rules->items[k].text);
		putchar('\n');
	}
}

static void print_island(const struct value *island)
{
	if (island && island->type == VALUE_MAP)
		printf("ISLAND     since %s, by %s: %s\n", text_of(island, "since"), text_of(island, "user"),
		       text_of(island, "because"));
}

static void print_health(const struct value *status)
{
	const struct value *problems = value_member(status, "problems");
	const struct value *inspector = value_member(status, "inspector");
	const struct value *policy = value_member(status, "policy");

	printf("%s\n", truth_of(status, "healthy") ? "The gate is healthy." : "The gate needs attention:");
	for (size_t i = 0; problems && i < problems->count; i++)
		printf("  ! %s\n", problems->items[i].text);
	printf("\nInspectors %s, since %s, restarts: %lld\n", text_of(inspector, "state"),
	       text_of(inspector, "since"), number_of(inspector, "restarts"));
	print_queues(value_member(status, "queues"));
	print_fail_open(value_member(status, "fail_open"));
	if (policy && policy->type == VALUE_MAP)
		print_policy(policy);
	print_bundle(value_member(policy, "bundle"), value_member(status, "trial"));
	print_grants(value_member(status, "grants"));
	print_island(value_member(status, "island"));
	print_drift(value_member(status, "drift"), value_member(status, "maintenance"));
	print_self_test(value_member(status, "self_test"));
	print_clock(value_member(status, "clock"));
	print_ledger(value_member(status, "ledger"));
}

static int path_of(const struct value *conduit, char *path, size_t size)
{
	bool by_device = truth_of(conduit, "by_device");

	return snprintf(path, size, "%s -> %s %s/%lld", end_of(conduit, by_device ? "device" : "server"),
			end_of(conduit, by_device ? "server" : "device"), text_of(conduit, "transport"), number_of(conduit, "port"));
}

/* What came in the last seconds, "-" while that is not known. */
#define RATE_SIZE 24
static const char *rate_of(const struct value *of, const char *name, char text[static RATE_SIZE])
{
	const struct value *rate = value_member(value_member(of, "now"), name);

	if (!rate || (rate->type != VALUE_REAL && rate->type != VALUE_INT))
		return "-";
	snprintf(text, RATE_SIZE, "%.1f", rate->type == VALUE_INT ? (double)rate->integer : rate->real);
	return text;
}

static void print_conduits(const struct value *list)
{
	char path[160], rate[RATE_SIZE];
	int width = 36;

	if (!list || list->type != VALUE_LIST || !list->count)
		return;
	for (size_t i = 0; i < list->count; i++) {
		int length = path_of(&list->items[i], path, sizeof(path));

		width = length > width ? length : width;
	}
	printf("\n%-*s%12s%12s%12s\n", width + 2, "Conduits", "packets", "bytes", "packets/s");
	for (size_t i = 0; i < list->count; i++) {
		const struct value *c = &list->items[i];

		path_of(c, path, sizeof(path));
		printf("  %-*s%12lld%12lld%12s  %s%s\n", width, path, number_of(c, "packets"), number_of(c, "bytes"),
		       rate_of(c, "packets", rate), truth_of(c, "inspected") ? "inspected" : "not inspected",
		       truth_of(c, "quarantined") ? ", QUARANTINED" :
		       truth_of(c, "fails_open") ? ", FAILS OPEN" : "");
	}
}

static void print_rules(const struct value *list)
{
	char allowed[RATE_SIZE], denied[RATE_SIZE];

	if (!list || list->type != VALUE_LIST || !list->count)
		return;
	printf("\nRules%43s%12s%12s%12s\n", "allowed", "denied", "allowed/s", "denied/s");
	for (size_t i = 0; i < list->count; i++)
		printf("  %-36s%10lld%12lld%12s%12s\n", text_of(&list->items[i], "rule"),
		       number_of(&list->items[i], "allowed"), number_of(&list->items[i], "denied"),
		       rate_of(&list->items[i], "allowed", allowed), rate_of(&list->items[i], "denied", denied));
}

static void print_drops(const struct value *list)
{
	bool any = false;

	for (size_t i = 0; list && list->type == VALUE_LIST && i < list->count; i++) {
		if (!number_of(&list->items[i], "packets"))
			continue;
		if (!any)
			printf("\nDropped by the kernel%27s\n", "packets");
		any = true;
		printf("  %-36s%10lld\n", text_of(&list->items[i], "reason"),
		       number_of(&list->items[i], "packets"));
	}
}

static void print_recent(const struct recent *recent)
{
	if (recent->count)
		printf("\nRecently denied\n");
	for (size_t i = 0; i < recent->count; i++) {
		const struct value *event = recent->items[i];
		const char *call = value_member_text(event, "call");

		printf("  %s  %s\n", text_of(event, "time"), text_of(event, "text"));
		if (call)
			printf("  %24s  Questions: %s (rule %s)\n", "", call, text_of(event, "rule"));
	}
}

/* ---- JSON ---- */

static void print_json(const struct value *status, const struct recent *recent)
{
	struct writer w;

	writer_init(&w, stdout, true);
	writer_open_map(&w);
	writer_put_bool(&w, "running", true);
	for (size_t i = 0; i < status->count; i++) {
		writer_name(&w, status->items[i].name);
		copy_value(&w, &status->items[i]);
	}
	writer_name(&w, "recent");
	writer_open_list(&w);
	for (size_t i = 0; i < recent->count; i++)
		copy_value(&w, recent->items[i]);
	writer_close_list(&w);
	writer_close_map(&w);
	putchar('\n');
}

/* ---- the command ---- */

static void read_recent(const char *path, struct arena *arena, struct recent *ret)
{
	static const char *const events[] = { "denied", "refused", NULL };
	struct diag_list diags;
	const char **lines;
	int n = path ? event_log_recent(path, events, RECENT, arena, &lines) : 0;

	diag_init(&diags, arena);
	*ret = (struct recent){ 0 };
	for (int i = 0; i < n; i++) {
		struct value_source *source = arena_alloc(arena, sizeof(*source));
		const struct value *event;

		*source = (struct value_source){
			.file = path, .text = lines[i], .len = strlen(lines[i]) };
		event = value_parse(source, arena, &diags);
		if (event)
			ret->items[ret->count++] = event;
	}
}

/* The gate's table in the kernel: 1 there, 0 not, negative errno when it cannot be seen. */
static int look_into_kernel(void)
{
	struct netfilter_counts counts = { 0 };
	struct arena arena = { 0 };
	int r = netfilter_read(&arena, &counts);

	arena_free(&arena);
	return r < 0 ? r : counts.in_force;
}

static void print_not_running(int in_kernel)
{
	puts("The supervisor is not running. Start it: systemctl start gatehouse, or gatehouse run.");
	if (in_kernel > 0)
		puts("The ruleset is in the kernel: inspected traffic is closed, the rest runs as the policy says.");
	else if (in_kernel == 0)
		puts("NOTHING IS GUARDED: nothing of the gate is in the kernel here.");
	else
		printf("Whether the ruleset is in the kernel cannot be seen: %s.\n", failure_text(in_kernel));
}

static void write_not_running(int in_kernel)
{
	struct writer w;

	writer_init(&w, stdout, true);
	writer_open_map(&w);
	writer_put_bool(&w, "running", false);
	if (in_kernel < 0)
		writer_put_text(&w, "in_kernel", NULL);
	else
		writer_put_bool(&w, "in_kernel", in_kernel > 0);
	writer_close_map(&w);
	putchar('\n');
}

static int not_running(const struct context *context, int error)
{
	if (error != -ENOENT && error != -ECONNREFUSED) {
		fprintf(stderr, "gatehouse status: the supervisor cannot be asked through %s/" CONTROL_SOCKET
			": %s\n", context->runtime, failure_text(error));
		return EXIT_SYSTEM;
	}
	(context->json ? write_not_running : print_not_running)(look_into_kernel());
	return EXIT_FINDINGS;
}

static int show(const struct context *context)
{
	const struct value *status;
	struct arena arena = { 0 };
	struct recent recent;
	int r, code;

	r = control_call(context->runtime, "{\"command\":\"status\"}", &arena, &status);
	if (r < 0)
		return not_running(context, r);
	read_recent(value_member_text(status, "events"), &arena, &recent);
	if (context->json) {
		print_json(status, &recent);
	} else {
		print_health(status);
		print_conduits(value_member(status, "conduits"));
		print_rules(value_member(status, "rules"));
		print_drops(value_member(status, "drops"));
		print_recent(&recent);
	}
	code = truth_of(status, "healthy") ? EXIT_CLEAN : EXIT_FINDINGS;
	arena_free(&arena);
	return code;
}

/* Until somebody ends it. On a screen each look takes the place of the one before. */
static int watch(const struct context *context)
{
	int code;

	do {
		if (isatty(STDOUT_FILENO))
			fputs("\033[H\033[2J", stdout);
		code = show(context);
		putchar('\n');
		fflush(stdout);
		poll(NULL, 0, WATCH_EVERY);
	} while (code != EXIT_SYSTEM && !ferror(stdout));
	return code;
}

static int run(const struct context *context, int argc, char **argv)
{
	bool watching = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--watch") != 0)
			return usage_error(&command_status, argv[i][0] == '-' ? "there is no option %s" :
					   "it takes no arguments; %s is too much", argv[i]);
		watching = true;
	}
	if (watching && context->json)
		return usage_error(&command_status, "--watch is for people; ask with --json as often as you like");
	return watching ? watch(context) : show(context);
}

const struct command command_status = {
	.name = "status",
	.arguments = "[--watch]",
	.summary = "health, counters and recent denials of the running gate",
	.help = "options\n"
		"  --watch    again every two seconds, until Ctrl-C\n\n"
		"exit codes: 0 healthy, 1 something needs attention or no supervisor is running, 2 wrong usage,\n"
		"3 the supervisor cannot be asked\n",
	.run = run,
};

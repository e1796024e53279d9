/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/failure.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/replay_site.h"
#include "cli/stage.h"
#include "cli/traffic.h"

#define ANY_TIME 0 /* nothing has expired yet */

struct rule_total {
	uint64_t allowed;
	uint64_t denied;
};

struct replay {
	struct ports ports;
	bool json;
	bool dated;
	int64_t at;
	struct replay_site site;
	struct stage stage;
	struct past_list past;
	size_t begun;              /* connections of known protocols so far */
	bool out_of_memory;
	/* with --as: the pairs in the capture */
	struct replay_conduit *pairs;
	size_t pair_count;
	struct rule_total *by_rule; /* as the program's rules */
	uint64_t by_reason[REASON_COUNT];
	uint64_t allowed;
	uint64_t denied;
	uint64_t malformed;
};

/* A message of which not all bytes have been played yet. */
struct begun {
	size_t played;
	unsigned opening; /* of the connection, in which they were played */
	bool over;        /* it was denied and the connection reset: the rest is not played */
	struct stage_verdict verdict;
};

/* One connection on a protocol's port. */
struct act {
	const struct protocol *protocol;
	const struct replay_conduit *conduit; /* NULL: no rule */
	struct frames frames[2];              /* by sender */
	struct begun begun[2];
	struct stage_flow flow;
};

/* ---- lines ---- */

/* The rule to name: the one that decided, else the only one there is. */
static const char *rule_of(const struct replay *r, const struct replay_conduit *conduit,
			   const struct stage_verdict *verdict, uint32_t *ret_index)
{
	*ret_index = verdict->rule;
	if (!conduit)
		return NULL;
	if (!conduit->inspected)
		return conduit->rules;
	if (*ret_index == CORE_NO_RULE)
		*ret_index = conduit->only_rule;
	return replay_site_rule(&r->site, *ret_index);
}

static enum reason write_line(const struct message *message, const char *rule,
			      const struct stage_verdict *verdict)
{
	struct writer w;
	enum reason malformed;

	writer_init(&w, stdout, false);
	writer_open_map(&w);
	message_write_head(&w, message);
	malformed = message->protocol->write(&w, message);
	writer_put_text(&w, "rule", rule);
	writer_put_text(&w, "verdict", verdict->allowed ? "allow" : "deny");
	if (!verdict->allowed)
		writer_put_text(&w, "reason", reason_code(verdict->reason));
	if (verdict->observed)
		writer_put_bool(&w, "observed", true);
	writer_close_map(&w);
	putchar('\n');
	return malformed;
}

static enum reason print_line(const struct message *message, const char *rule,
			      const struct stage_verdict *verdict)
{
	enum reason malformed;

	message_print_head(stdout, message);
	malformed = message->protocol->print(stdout, message);
	printf("\n        %s", verdict->allowed ? "allow" : "DENY");
	if (!verdict->allowed)
		printf(" (%s)", reason_code(verdict->reason));
	if (rule)
		printf(", rule %s", rule);
	puts(verdict->observed ? ", let through in mode observe" : "");
	return malformed;
}

static void report(struct replay *r, const struct replay_conduit *conduit, const struct message *message,
		   const struct stage_verdict *verdict)
{
	uint32_t index;
	const char *rule = rule_of(r, conduit, verdict, &index);

	if ((r->json ? write_line : print_line)(message, rule, verdict) != REASON_NONE)
		r->malformed++;
	if (verdict->allowed)
		r->allowed++;
	else
		r->denied++;
	if (!verdict->allowed && verdict->reason < REASON_COUNT)
		r->by_reason[verdict->reason]++;
	if (rule && index < r->site.compiled.rule_count) {
		r->by_rule[index].allowed += verdict->allowed;
		r->by_rule[index].denied += !verdict->allowed;
	}
}

/* ---- the connections ---- */

static int64_t wall_of(const struct replay *r, struct timespec time)
{
	return r->dated ? r->at : time.tv_sec;
}

/*
 * Plays the part of a message that has not been played: all of it when the connection was reset in
 * the middle, because of the other side.
 */
static void play(struct replay *r, struct act *act, const struct reorder_event *event,
		 const uint8_t *bytes, size_t length)
{
	struct begun *begun = &act->begun[event->side];

	if (!begun->over) {
		if (!act->flow.open || begun->opening != act->flow.openings)
			begun->played = 0;
		stage_send(&r->stage, &act->flow, event->side, bytes + begun->played,
			   length - begun->played, event->time, wall_of(r, event->time),
			   &begun->verdict);
		begun->over = begun->verdict.decided && !act->flow.open;
	}
	begun->opening = act->flow.openings;
	begun->played = length;
}

/* A core that said nothing holds the message back. */
static void fill_verdict(struct stage_verdict *verdict)
{
	if (verdict->decided)
		return;
	verdict->allowed = false;
	verdict->reason = REASON_OUTSTANDING_EXCEEDED;
	verdict->rule = CORE_NO_RULE;
}

static void judge(struct replay *r, struct act *act, const struct reorder_event *event,
		  const struct message *message)
{
	struct begun *begun = &act->begun[event->side];
	struct stage_verdict *verdict = &begun->verdict;

	if (!act->conduit) {
		*verdict = (struct stage_verdict){ .reason = REASON_NO_RULE, .rule = CORE_NO_RULE };
	} else if (!act->conduit->inspected) {
		*verdict = (struct stage_verdict){ .allowed = true, .rule = CORE_NO_RULE };
	} else {
		play(r, act, event, message->bytes, message->length);
		fill_verdict(verdict);
		if (verdict->allowed && message->length >= 2)
			stage_note(&act->flow, message->request, message->bytes, message->length);
	}
	report(r, act->conduit, message, verdict);
	*begun = (struct begun){ 0 };
}

static void on_bytes(struct replay *r, struct reorder_flow *flow, const struct reorder_event *event)
{
	struct act *act = flow->user;
	struct frames *frames = &act->frames[event->side];
	struct begun *begun = &act->begun[event->side];
	struct frames_item item;

	if (frames_add(frames, event->bytes, event->length, event->missing > 0) < 0) {
		r->out_of_memory = true;
		return;
	}
	if (event->missing && begun->played) {
		stage_close(&r->stage, &act->flow, event->time, wall_of(r, event->time));
		*begun = (struct begun){ 0 };
	}
	while (frames_next(frames, &item)) {
		struct message message = {
			.protocol = act->protocol,
			.frame = event->frame,
			.time = event->time,
			.source = &flow->ends[event->side],
			.target = &flow->ends[!event->side],
			.request = event->side != act->flow.device,
			.reason = item.reason,
			.bytes = item.bytes,
			.length = item.length,
		};

		judge(r, act, event, &message);
	}
	if (act->conduit && act->conduit->inspected && frames_waiting(frames) > begun->played)
		play(r, act, event, frames->bytes + frames->taken, frames_waiting(frames));
}

static void on_opened(struct replay *r, struct reorder_flow *flow)
{
	unsigned device = 0;
	const struct protocol *protocol = ports_find(&r->ports, flow, &device);
	struct act *act;

	if (!protocol)
		return;
	r->begun++;
	act = calloc(1, sizeof(*act));
	if (!act) {
		r->out_of_memory = true;
		return;
	}
	act->protocol = protocol;
	act->conduit = replay_site_find(&r->site, &flow->ends[!device], &flow->ends[device]);
	act->flow.conduit = act->conduit ? act->conduit->number : 0;
	act->flow.device = device;
	if (protocol->program == PROGRAM_ETHERNET_IP && r->begun <= r->past.count)
		act->flow.past = &r->past.items[r->begun - 1];
	for (unsigned side = 0; side < 2; side++) {
		act->flow.ends[side] = flow->ends[side];
		frames_init(&act->frames[side], &protocol->framing, side != device);
	}
	flow->user = act;
}

static void on_over(struct replay *r, struct reorder_flow *flow, const struct reorder_event *event)
{
	struct act *act = flow->user;

	stage_close(&r->stage, &act->flow, event->time, wall_of(r, event->time));
	act->flow.waiting_count = 0;
	if (event->kind != REORDER_FORGOTTEN)
		return;
	for (unsigned side = 0; side < 2; side++)
		frames_free(&act->frames[side]);
	free(act);
}

static void deliver(void *context, struct reorder_flow *flow, const struct reorder_event *event)
{
	struct replay *r = context;

	if (event->kind == REORDER_OPENED)
		on_opened(r, flow);
	if (!flow->user || r->stage.trapped)
		return;
	if (event->kind == REORDER_BYTES)
		on_bytes(r, flow, event);
	if (event->kind == REORDER_ENDED || event->kind == REORDER_FORGOTTEN)
		on_over(r, flow, event);
}

/* ---- datagrams ---- */

static void on_datagram(void *context, const struct udp_datagram *datagram, uint64_t frame, struct timespec time)
{
	struct replay *r = context;
	bool request = false;
	const struct protocol *protocol = ports_find_datagram(&r->ports, datagram, &request);
	struct stage_verdict verdict = { .reason = REASON_NO_RULE, .rule = CORE_NO_RULE };
	const struct replay_conduit *conduit;
	struct message message = {
		.protocol = protocol, .frame = frame, .time = time,
		.source = &datagram->source, .target = &datagram->target, .request = request,
		.datagram = true, .io = protocol && protocol->io,
		.bytes = datagram->payload, .length = datagram->length,
	};

	if (!protocol || r->stage.trapped)
		return;
	conduit = replay_site_find_datagram(&r->site, protocol->io ? RULESET_UDP_CYCLIC : RULESET_UDP_MESSAGES,
					    datagram);
	if (conduit)
		stage_datagram(&r->stage, conduit->number, datagram, time, wall_of(r, time), &verdict);
	report(r, conduit, &message, &verdict);
}

/* ---- --as: which pairs are there ---- */

static void note_pair(void *context, struct reorder_flow *flow, const struct reorder_event *event)
{
	struct replay *r = context;
	unsigned device = 0;
	const struct protocol *protocol;
	struct replay_conduit *grown;
	struct replay_conduit pair = { 0 };

	protocol = event->kind == REORDER_OPENED ? ports_find(&r->ports, flow, &device) : NULL;
	if (!protocol)
		return;
	pair.program = protocol->program;
	pair.server = flow->ends[!device];
	pair.device = flow->ends[device];
	pair.server.port = 0;
	for (size_t i = 0; i < r->pair_count; i++)
		if (endpoint_equal(&r->pairs[i].server, &pair.server) &&
		    endpoint_equal(&r->pairs[i].device, &pair.device))
			return;
	grown = realloc(r->pairs, (r->pair_count + 1) * sizeof(*grown));
	if (!grown) {
		r->out_of_memory = true;
		return;
	}
	r->pairs = grown;
	r->pairs[r->pair_count++] = pair;
}

/* ---- summary ---- */

static void write_summary(const struct replay *r, const struct traffic *traffic)
{
	struct writer w;

	writer_init(&w, stdout, false);
	writer_open_map(&w);
	writer_name(&w, "summary");
	writer_open_map(&w);
	writer_put_uint(&w, "frames", traffic->frames);
	writer_put_uint(&w, "messages", r->allowed + r->denied);
	writer_put_uint(&w, "malformed", r->malformed);
	writer_name(&w, "verdicts");
	writer_open_map(&w);
	writer_put_uint(&w, "allow", r->allowed);
	writer_put_uint(&w, "deny", r->denied);
	writer_close_map(&w);
	writer_name(&w, "reasons");
	writer_open_map(&w);
	for (enum reason reason = REASON_NONE + 1; reason < REASON_COUNT; reason++)
		if (r->by_reason[reason])
			writer_put_uint(&w, reason_code(reason), r->by_reason[reason]);
	writer_close_map(&w);
	writer_name(&w, "rules");
	writer_open_map(&w);
	for (uint32_t i = 0; i < r->site.compiled.rule_count; i++) {
		if (!r->by_rule[i].allowed && !r->by_rule[i].denied)
			continue;
		writer_name(&w, replay_site_rule(&r->site, i));
		writer_open_map(&w);
		writer_put_uint(&w, "allow", r->by_rule[i].allowed);
		writer_put_uint(&w, "deny", r->by_rule[i].denied);
		writer_close_map(&w);
	}
	writer_close_map(&w);
	writer_close_map(&w);
	writer_close_map(&w);
	putchar('\n');
}

static void print_summary(const struct replay *r, const struct traffic *traffic)
{
	printf("%llu frames: %llu messages allowed, %llu denied\n",
	       (unsigned long long)traffic->frames, (unsigned long long)r->allowed,
	       (unsigned long long)r->denied);
	for (enum reason reason = REASON_NONE + 1; reason < REASON_COUNT; reason++)
		if (r->by_reason[reason])
			printf("  %8llu  %s: %s\n", (unsigned long long)r->by_reason[reason],
			       reason_code(reason), reason_text(reason));
	for (uint32_t i = 0; i < r->site.compiled.rule_count; i++)
		if (r->by_rule[i].allowed || r->by_rule[i].denied)
			printf("  rule %s: %llu allowed, %llu denied\n",
			       replay_site_rule(&r->site, i),
			       (unsigned long long)r->by_rule[i].allowed,
			       (unsigned long long)r->by_rule[i].denied);
}

/* ---- the command ---- */

struct wanted {
	const char *folder;
	const char *capture;
	const char *as;
};

static int fail(const char *what, const char *why)
{
	fflush(stdout);
	fprintf(stderr, "gatehouse replay: %s: %s\n", what, why);
	return EXIT_SYSTEM;
}

static int fail_capture(const char *path, const char *why)
{
	fprintf(stderr, "gatehouse replay: %s cannot be read as a capture: %s\n", path, why);
	return EXIT_SYSTEM;
}

/* A rule's device may listen on a port of its own. */
static bool add_rule_ports(struct replay *r)
{
	for (size_t i = 0; i < r->site.conduit_count; i++)
		if (r->site.conduits[i].inspected &&
		    !ports_add_rule(&r->ports, r->site.conduits[i].program,
				    r->site.conduits[i].device.port))
			return false;
	return true;
}

static int load_core(struct replay *r)
{
	int loaded = 0;

	r->stage.vm = vm_open(-1, 0);
	if (!r->stage.vm ||
	    vm_load(r->stage.vm, r->site.program, r->site.program_size, &loaded) != VM_DONE ||
	    !loaded)
		return fail("the decision core", "it does not take the compiled rules");
	return EXIT_CLEAN;
}

static int replay_capture(struct replay *r, const char *path)
{
	const struct traffic_sink sink = { .context = r, .stream = deliver, .datagram = on_datagram };
	char error[400] = "";
	struct traffic traffic;
	int err;

	/* what is wrong with the capture is told below */
	r->out_of_memory |= past_read(path, &r->ports, &r->past) == -ENOMEM || r->past.out_of_memory;
	err = traffic_read(path, &sink, &traffic, error, sizeof(error));
	if (err && !traffic.frames)
		return fail_capture(path, error);
	if (r->stage.trapped)
		return fail(path, "the decision core failed on this capture");
	if (r->json)
		write_summary(r, &traffic);
	else
		print_summary(r, &traffic);
	if (err || r->out_of_memory)
		return fail(path, r->out_of_memory ? "out of memory" : error);
	return r->denied ? EXIT_FINDINGS : EXIT_CLEAN;
}

/* With --as, the capture is read once before, to know its connections. */
static int narrow(struct replay *r, const struct wanted *wanted)
{
	const struct traffic_sink sink = { .context = r, .stream = note_pair };
	char error[400] = "";
	struct traffic traffic;
	const char *why;

	if (traffic_read(wanted->capture, &sink, &traffic, error, sizeof(error)) &&
	    !traffic.frames)
		return fail_capture(wanted->capture, error);
	why = replay_site_narrow(&r->site, wanted->as, r->pairs, r->pair_count);
	if (why)
		return usage_error(&command_replay, "--as %s: %s", wanted->as, why);
	return EXIT_CLEAN;
}

static int prepare(struct replay *r, const struct wanted *wanted, struct arena *arena)
{
	struct diag_list diags;
	int err;

	diag_init(&diags, arena);
	err = replay_site_load(wanted->folder, r->dated, r->dated ? r->at : ANY_TIME, arena, &diags,
			       &r->site);
	if (err < 0)
		return fail(wanted->folder, failure_text(err));
	if (err) {
		diag_sort(&diags);
		diag_print(&diags, stderr, isatty(STDERR_FILENO));
		return EXIT_FINDINGS;
	}
	if (!add_rule_ports(r))
		return fail(wanted->folder, "the rules use too many different ports");
	r->by_rule = arena_array(arena, r->site.compiled.rule_count + 1, sizeof(*r->by_rule));
	err = wanted->as ? narrow(r, wanted) : EXIT_CLEAN;
	return err ? err : load_core(r);
}

static const char *take_option(struct replay *r, struct wanted *wanted, int argc, char **argv,
			       int *i, bool *ret_taken)
{
	const char *value = NULL;

	*ret_taken = true;
	if (option_value(argc, argv, i, "--port", &value))
		return value ? ports_add(&r->ports, value) : "--port wants PROTOCOL=NUMBER";
	if (option_value(argc, argv, i, "--as", &wanted->as))
		return wanted->as ? NULL : "--as wants the id of a rule";
	if (option_value(argc, argv, i, "--at", &value)) {
		r->dated = value && parse_instant(value, &r->at);
		return r->dated ? NULL : "--at wants a time like 2026-11-22T14:00:00Z";
	}
	*ret_taken = false;
	return NULL;
}

static int run(const struct context *context, int argc, char **argv)
{
	struct replay r = { .json = context->json };
	struct wanted wanted = { 0 };
	struct arena arena = { 0 };
	int code;

	ports_init(&r.ports);
	for (int i = 1; i < argc; i++) {
		bool taken;
		const char *wrong = take_option(&r, &wanted, argc, argv, &i, &taken);

		if (wrong)
			return usage_error(&command_replay, "%s", wrong);
		if (taken)
			continue;
		if (argv[i][0] == '-')
			return usage_error(&command_replay, "there is no option %s", argv[i]);
		if (wanted.capture)
			return usage_error(&command_replay, "one site folder and one capture; %s is too much",
					   argv[i]);
		*(wanted.folder ? &wanted.capture : &wanted.folder) = argv[i];
	}
	if (!wanted.capture)
		return usage_error(&command_replay, "it wants a site folder and a capture file");
	code = prepare(&r, &wanted, &arena);
	if (code == EXIT_CLEAN)
		code = replay_capture(&r, wanted.capture);
	free(r.pairs);
	past_free(&r.past);
	arena_free(&arena);
	return code;
}

const struct command command_replay = {
	.name = "replay",
	.arguments = "DIR FILE [--as RULE] [--at TIME] [--port PROTOCOL=NUMBER ...] [--json]",
	.summary = "shows what the rules would have said to a capture",
	.help = "Runs every message of the capture through the decision core that inspects live\n"
		"traffic, with the rules of the site folder DIR. A line a message, then a summary\n"
		"(docs/decode.md).\n\n"
		"  --as RULE            applies this rule alone, to every connection whatever its\n"
		"                       addresses\n"
		"  --at TIME            judges dates and schedules as of this time\n"
		"                       (2026-11-22T14:00:00Z); without it they are ignored\n"
		"  --port modbus=1502   this port speaks Modbus, too (repeatable; 502 and the\n"
		"                       rules' own ports do)\n\n"
		"exit codes: 0 all allowed, 1 something denied or errors in the documents,\n"
		"2 wrong usage, 3 a file cannot be read\n",
	.run = run,
};

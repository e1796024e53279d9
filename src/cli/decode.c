/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/traffic.h"

/* One connection on a protocol's port. */
struct talk {
	const struct protocol *protocol;
	unsigned device;
	struct frames frames[2]; /* by sender */
};

struct decoding {
	struct ports ports;
	bool json;
	bool out_of_memory;
	uint64_t connections;
	uint64_t requests;
	uint64_t replies;
	uint64_t io;
	uint64_t malformed;
	uint64_t holes; /* places where the capture lacks bytes */
	uint64_t broken;
	uint64_t skipped;
};

static void print_message(struct decoding *d, const struct message *message)
{
	struct writer w;
	enum reason reason;

	if (d->json) {
		writer_init(&w, stdout, false);
		writer_open_map(&w);
		message_write_head(&w, message);
		reason = message->protocol->write(&w, message);
		writer_close_map(&w);
	} else {
		message_print_head(stdout, message);
		reason = message->protocol->print(stdout, message);
	}
	putchar('\n');
	if (reason != REASON_NONE)
		d->malformed++;
	else if (message->io)
		d->io++;
	else if (message->request)
		d->requests++;
	else
		d->replies++;
}

static void on_opened(struct decoding *d, struct reorder_flow *flow)
{
	unsigned device;
	const struct protocol *protocol = ports_find(&d->ports, flow, &device);
	struct talk *talk;

	if (!protocol)
		return;
	talk = calloc(1, sizeof(*talk));
	if (!talk) {
		d->out_of_memory = true;
		return;
	}
	talk->protocol = protocol;
	talk->device = device;
	for (unsigned side = 0; side < 2; side++)
		frames_init(&talk->frames[side], &protocol->framing, side != device);
	flow->user = talk;
	d->connections++;
}

static void on_bytes(struct decoding *d, struct reorder_flow *flow,
		     const struct reorder_event *event)
{
	struct talk *talk = flow->user;
	struct frames *frames = &talk->frames[event->side];
	struct frames_item item;

	d->holes += event->missing > 0;
	if (frames_add(frames, event->bytes, event->length, event->missing > 0) < 0) {
		d->out_of_memory = true;
		return;
	}
	while (frames_next(frames, &item)) {
		struct message message = {
			.protocol = talk->protocol,
			.frame = event->frame,
			.time = event->time,
			.source = &flow->ends[event->side],
			.target = &flow->ends[!event->side],
			.request = event->side != talk->device,
			.reason = item.reason,
			.bytes = item.bytes,
			.length = item.length,
		};

		print_message(d, &message);
	}
}

static void on_forgotten(struct decoding *d, struct reorder_flow *flow)
{
	struct talk *talk = flow->user;

	for (unsigned side = 0; side < 2; side++) {
		frames_end(&talk->frames[side]);
		d->broken += talk->frames[side].broken;
		d->skipped += talk->frames[side].skipped;
		frames_free(&talk->frames[side]);
	}
	free(talk);
}

static void deliver(void *context, struct reorder_flow *flow, const struct reorder_event *event)
{
	struct decoding *d = context;

	if (event->kind == REORDER_OPENED)
		on_opened(d, flow);
	if (!flow->user)
		return;
	if (event->kind == REORDER_BYTES)
		on_bytes(d, flow, event);
	if (event->kind == REORDER_FORGOTTEN)
		on_forgotten(d, flow);
}

static void on_datagram(void *context, const struct udp_datagram *datagram, uint64_t frame,
			struct timespec time)
{
	struct decoding *d = context;
	bool request = false;
	const struct protocol *protocol = ports_find_datagram(&d->ports, datagram, &request);
	struct message message = {
		.protocol = protocol,
		.frame = frame,
		.time = time,
		.source = &datagram->source,
		.target = &datagram->target,
		.request = request,
		.datagram = true,
		.io = protocol && protocol->io,
		.bytes = datagram->payload,
		.length = datagram->length,
	};

	if (protocol)
		print_message(d, &message);
}

static void write_summary(const struct decoding *d, const struct traffic *traffic)
{
	struct writer w;

	writer_init(&w, stdout, false);
	writer_open_map(&w);
	writer_name(&w, "summary");
	writer_open_map(&w);
	writer_put_uint(&w, "frames", traffic->frames);
	writer_put_uint(&w, "connections", d->connections);
	writer_put_uint(&w, "messages", d->requests + d->replies + d->io + d->malformed);
	writer_put_uint(&w, "requests", d->requests);
	writer_put_uint(&w, "replies", d->replies);
	writer_put_uint(&w, "io", d->io);
	writer_put_uint(&w, "malformed", d->malformed);
	writer_put_uint(&w, "holes", d->holes);
	writer_put_uint(&w, "incomplete", d->broken);
	writer_put_uint(&w, "skipped_bytes", d->skipped);
	writer_put_uint(&w, "truncated_frames", traffic->truncated);
	writer_close_map(&w);
	writer_close_map(&w);
	putchar('\n');
}

static void print_summary(const struct decoding *d, const struct traffic *traffic)
{
	printf("%llu frames, %llu connections: %llu requests, %llu replies, %llu malformed\n",
	       (unsigned long long)traffic->frames, (unsigned long long)d->connections,
	       (unsigned long long)d->requests, (unsigned long long)d->replies,
	       (unsigned long long)d->malformed);
	if (d->io)
		printf("%llu datagrams of class 0/1 data\n", (unsigned long long)d->io);
	if (d->holes || d->broken)
		printf("not all of the traffic is in the capture: %llu holes, %llu messages "
		       "incomplete, %llu bytes passed over\n", (unsigned long long)d->holes,
		       (unsigned long long)d->broken, (unsigned long long)d->skipped);
	if (traffic->truncated)
		printf("%llu frames were cut short when they were captured (snapshot length)\n",
		       (unsigned long long)traffic->truncated);
}

static int decode_file(const char *path, struct decoding *d)
{
	char error[400] = "";
	struct traffic traffic;
	const struct traffic_sink sink = { d, deliver, on_datagram };
	int err = traffic_read(path, &sink, &traffic, error, sizeof(error));

	if (err && !traffic.frames) {
		fprintf(stderr, "gatehouse decode: %s cannot be read as a capture: %s\n", path,
			error);
		return EXIT_SYSTEM;
	}
	if (d->json)
		write_summary(d, &traffic);
	else
		print_summary(d, &traffic);
	fflush(stdout);
	if (err || d->out_of_memory) {
		fprintf(stderr, "gatehouse decode: %s: %s; what came before is shown\n", path,
			d->out_of_memory ? "out of memory" : error);
		return EXIT_SYSTEM;
	}
	return d->malformed ? EXIT_FINDINGS : EXIT_CLEAN;
}

static int run(const struct context *context, int argc, char **argv)
{
	struct decoding d = { .json = context->json };
	const char *path = NULL, *port, *wrong;

	ports_init(&d.ports);
	for (int i = 1; i < argc; i++) {
		if (option_value(argc, argv, &i, "--port", &port)) {
			wrong = port ? ports_add(&d.ports, port) : "--port wants PROTOCOL=NUMBER";
			if (wrong)
				return usage_error(&command_decode, "%s", wrong);
		} else if (argv[i][0] == '-') {
			return usage_error(&command_decode, "there is no option %s", argv[i]);
		} else if (path) {
			return usage_error(&command_decode, "one capture at a time; %s is too much",
					   argv[i]);
		} else {
			path = argv[i];
		}
	}
	if (!path)
		return usage_error(&command_decode, "which capture file?");
	return decode_file(path, &d);
}

const struct command command_decode = {
	.name = "decode",
	.arguments = "FILE [--port PROTOCOL=NUMBER ...] [--json]",
	.summary = "shows every message in a capture",
	.help = "Reads pcap and pcapng. Every Modbus and EtherNet/IP message is one line, in\n"
		"wire order; --json writes JSON Lines (docs/decode.md) and a summary.\n\n"
		"  --port modbus=1502   this port speaks Modbus, too (repeatable; 502 does).\n"
		"                       ethernet-ip=PORT likewise (44818 does)\n\n"
		"exit codes: 0 clean, 1 a message is malformed, 2 wrong usage, 3 the file\n"
		"cannot be read\n",
	.run = run,
};

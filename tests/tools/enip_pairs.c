/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pairs every EtherNet/IP reply of a capture with its request, as the gate does: enip_pairs CAPTURE prints
 * how many replies answered a request, fitted none that they belong to, or had no request in the capture.
 * The connection id that a reply names is learnt from the first one, since the Forward Open may be missing.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cli/traffic.h"
#include "protocol/enip.h"
#include "protocol/enip_ask.h"

#define ASKS 64u

struct talk {
	unsigned device;
	struct frames frames[2];
	struct enip_ask asks[ASKS]; /* a ring; command of a free one: TAKEN */
	unsigned next;
};
#define TAKEN 0xffffu

struct counts {
	struct ports ports;
	unsigned answered;
	unsigned mismatched;
	unsigned unpaired;
};

static void fail(const char *what)
{
	fprintf(stderr, "enip_pairs: %s\n", what);
	exit(2);
}

static void on_request(struct talk *talk, const uint8_t *frame, size_t len)
{
	struct enip_ask *ask = &talk->asks[talk->next++ % ASKS];
	struct enip_message m;
	struct cip_walk w;
	enum reason reason;

	ask->command = TAKEN;
	if (enip_request(frame, len, &m) != REASON_NONE)
		return;
	enip_ask(&m, ask);
	if (!m.cip)
		return;
	for (reason = cip_walk_first(&w, m.cip, m.cip_length); reason == REASON_NONE && !w.end;
	     reason = cip_walk_next(&w))
		enip_ask_add(ask, &w);
}

static void on_reply(struct counts *counts, struct talk *talk, uint64_t at, const uint8_t *frame,
		     size_t len)
{
	struct enip_message m;
	struct cip_reply r;

	if (enip_reply(frame, len, &m) != REASON_NONE)
		return;
	for (unsigned i = 0; i < ASKS; i++) {
		struct enip_ask *ask = &talk->asks[(talk->next + i) % ASKS];

		ask->reply_connection = m.connection;
		if (!enip_pairs(ask, &m))
			continue;
		if (enip_answers(ask, &m, &r) == REASON_NONE) {
			counts->answered++;
		} else {
			counts->mismatched++;
			printf("frame %llu does not fit\n", (unsigned long long)at);
		}
		ask->command = TAKEN;
		return;
	}
	counts->unpaired++;
}

static struct talk *open_talk(const struct protocol *protocol, unsigned device)
{
	struct talk *talk = calloc(1, sizeof(*talk));

	if (!talk)
		fail("out of memory");
	talk->device = device;
	for (unsigned i = 0; i < ASKS; i++)
		talk->asks[i].command = TAKEN;
	for (unsigned side = 0; side < 2; side++)
		frames_init(&talk->frames[side], &protocol->framing, side != device);
	return talk;
}

static void close_talk(struct talk *talk)
{
	frames_free(&talk->frames[0]);
	frames_free(&talk->frames[1]);
	free(talk);
}

static void on_stream(void *context, struct reorder_flow *flow, const struct reorder_event *event)
{
	struct counts *counts = context;
	struct talk *talk = flow->user;
	struct frames_item item;
	unsigned device;

	if (event->kind == REORDER_OPENED) {
		const struct protocol *protocol = ports_find(&counts->ports, flow, &device);

		if (protocol && protocol->udp)
			flow->user = open_talk(protocol, device);
	} else if (talk && event->kind == REORDER_FORGOTTEN) {
		close_talk(talk);
	} else if (talk && event->kind == REORDER_BYTES) {
		if (frames_add(&talk->frames[event->side], event->bytes, event->length,
			       event->missing > 0) < 0)
			fail("out of memory");
		while (frames_next(&talk->frames[event->side], &item))
			if (item.reason != REASON_NONE)
				continue;
			else if (event->side == talk->device)
				on_reply(counts, talk, event->frame, item.bytes, item.length);
			else
				on_request(talk, item.bytes, item.length);
	}
}

int main(int argc, char **argv)
{
	struct counts counts = { 0 };
	const struct traffic_sink sink = { .context = &counts, .stream = on_stream };
	struct traffic traffic;
	char error[400] = "";

	if (argc != 2)
		fail("which capture?");
	ports_init(&counts.ports);
	if (traffic_read(argv[1], &sink, &traffic, error, sizeof(error)))
		fail(error);
	printf("answered %u, mismatched %u, unpaired %u\n", counts.answered, counts.mismatched,
	       counts.unpaired);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What decode and replay have in common: the protocols and their ports, and reading a capture file
 * into TCP streams that are in order.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "capture/frames.h"
#include "capture/reorder.h"
#include "cli/options.h"
#include "json/writer.h"

/* A message, or bytes that are none. */
struct message {
	const struct protocol *protocol;
	uint64_t frame;       /* in which it ends */
	struct timespec time; /* of that frame */
	const struct endpoint *source;
	const struct endpoint *target;
	bool request;         /* direction: to the protocol's port */
	bool datagram;        /* came by UDP */
	bool io;              /* has neither direction: class 0/1 data */
	enum reason reason;   /* of the framing; REASON_NONE: cut out whole */
	const uint8_t *bytes;
	size_t length;
};

/* One row an inspected protocol. */
struct protocol {
	const char *name;
	uint8_t program; /* enum program_protocol */
	uint16_t port;
	bool udp;             /* messages may come as datagrams, too */
	bool io;              /* and these are class 0/1 data: no streams */
	struct framing framing;
	/* the members of one message behind "direction"; returns why it is malformed */
	enum reason (*write)(struct writer *w, const struct message *message);
	/* the same in words, without a newline */
	enum reason (*print)(FILE *out, const struct message *message);
};

#define PORTS_MAX 256u

/* Which protocol is spoken on which port: every row's own, and those of --port. */
struct ports {
	size_t count;
	struct {
		uint16_t port;
		const struct protocol *protocol;
	} items[PORTS_MAX];
};

/* The row of an enum program_protocol; of TCP. */
const struct protocol *protocol_of(uint8_t program);
const struct protocol *protocol_called(const char *name);

void ports_init(struct ports *ports);

/* Takes "modbus=1502". NULL, or what is wrong with it. */
const char *ports_add(struct ports *ports, const char *text);

/* The same for a rule's own port and its enum program_protocol; false: no room. */
bool ports_add_rule(struct ports *ports, uint8_t program, uint16_t port);

/*
 * The protocol of a connection and which end is the device (0 or 1): the end on the protocol's
 * port; when both are, the one that was called. NULL: not ours.
 */
const struct protocol *ports_find(const struct ports *ports, const struct reorder_flow *flow,
				  unsigned *ret_device);

/* The same of a datagram. NULL: not ours. */
const struct protocol *ports_find_datagram(const struct ports *ports,
					   const struct udp_datagram *datagram, bool *ret_request);

/* Counts of a capture, for the summary. */
struct traffic {
	uint64_t frames;
	uint64_t truncated; /* frames of which the file holds only a part */
};

/* What the file is delivered to. */
struct traffic_sink {
	void *context;
	void (*stream)(void *context, struct reorder_flow *flow, const struct reorder_event *event);
	/* NULL: datagrams are passed over */
	void (*datagram)(void *context, const struct udp_datagram *datagram, uint64_t frame,
			 struct timespec time);
};

/*
 * Reads the whole file and delivers its TCP streams and UDP datagrams. 0; otherwise negative and `error` says why,
 * and what was readable has been delivered.
 */
__attribute__((warn_unused_result))
int traffic_read(const char *path, const struct traffic_sink *sink, struct traffic *ret, char *error,
		 size_t error_size);

/* The members that every message's object begins with: frame .. direction. */
void message_write_head(struct writer *w, const struct message *message);

/* The same for people: number, time, who to whom. */
void message_print_head(FILE *out, const struct message *message);

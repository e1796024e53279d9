/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What went before: a capture may begin in the middle of an EtherNet/IP session, and a connection that the
 * gate resets in a replay is opened again without the messages that made its session. This looks through
 * the capture once for the session handle and the CIP connections of each TCP connection, and puts together the
 * messages that must have made them. Their route is that by which they are closed, else it is taken to be 1/0.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/traffic.h"
#include "protocol/cip_connection.h"

#define PAST_CONNECTIONS_MAX 12u
#define PAST_MESSAGE_MAX 128u
#define PAST_PATH_MAX 32u

struct past_connection {
	uint32_t o_t_id;
	uint32_t t_o_id;          /* 0: no reply was seen */
	uint16_t sequence;        /* of the last request */
	bool opened;              /* its Forward Open is in the capture */
	struct cip_triad triad;   /* of that, or of its Forward Close */
	uint8_t path_length;      /* 0: not known */
	uint8_t path[PAST_PATH_MAX]; /* of its Forward Close */
};

/* Of one TCP connection. */
struct past {
	uint32_t session;
	bool registered;          /* that is in the capture */
	size_t count;
	struct past_connection connections[PAST_CONNECTIONS_MAX];
};

struct past_list {
	struct past *items;       /* in the order in which the capture's connections of known protocols begin */
	size_t count;
	bool out_of_memory;
};

struct past_message {
	bool request;
	size_t length;
	uint8_t bytes[PAST_MESSAGE_MAX];
};
#define PAST_MESSAGES_MAX (2 * PAST_CONNECTIONS_MAX + 2)

/* Reads the capture. 0, or negative as of traffic_read(); what could be read is in the list all the same. */
int past_read(const char *path, const struct ports *ports, struct past_list *ret);
void past_free(struct past_list *list);

/* The messages to play when the connection opens: what the capture lacks, or `all`. Returns their number. */
size_t past_messages(const struct past *past, bool all, struct past_message out[static PAST_MESSAGES_MAX]);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * CIP connections: opened and closed through the connection manager, ended by their time-out, and those
 * of class 3 with their TCP connection. I/O connections outlive it unless the device was told otherwise.
 * Times are microseconds of the monotonic clock.
 */
#include <netinet/in.h>

#include "message.h"

enum { CONNECTIONS_MOST = 128 };

enum connection_kind { KIND_MESSAGES, KIND_OWNER, KIND_INPUT_ONLY, KIND_LISTEN_ONLY };

struct connection {
	bool used;
	enum connection_kind kind;
	uint8_t transport; /* 0, 1 or 3 */
	uint32_t ot, to;   /* connection ids, originator to target and back */
	uint16_t serial, vendor;
	uint32_t originator;
	uint32_t session; /* the one that opened it */
	struct sockaddr_in peer;
	size_t ot_size, to_size;
	uint64_t to_interval, timeout; /* how often it produces; how long it waits */
	uint64_t next, deadline;

	/* class 3: a repeated sequence count gets the repeated answer */
	bool answered;
	uint16_t last_sequence;
	uint8_t answer[MESSAGE_MOST];
	size_t answer_size;

	/* class 0 and 1 */
	bool consumed;
	uint32_t last_in, last_out;
	uint16_t count_out;
};

extern struct connection connections[CONNECTIONS_MOST];

uint64_t now_us(void);

/* The class 3 connection of that session, or NULL. */
struct connection *connection_of_session(uint32_t id, uint32_t session);

/* It is alive: its time-out begins anew. */
void connection_heard(struct connection *connection);

void connection_end(struct connection *connection, const char *why);
void connections_session_over(uint32_t session);
void connections_end_all(const char *why);

/* Ends what has timed out. Returns when something is to be done next, or UINT64_MAX. */
uint64_t connections_tick(void);

/* -- io.c: what is special to class 0 and 1 --------------------------------------------------------------- */

/* Fills in the kind from the points of the path; 0, or the extended status of the refusal. */
uint16_t io_check(const struct path *path, unsigned at, struct connection *connection);

/* Sends what is due. */
void io_produce(int fd);

/* One datagram from port 2222. */
void io_consume(const uint8_t *bytes, size_t size, const struct sockaddr_in *from);

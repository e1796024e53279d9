/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What an EtherNet/IP flow knows beside its stream: the session handle that the device gave this TCP
 * connection, and the CIP connections that Forward Opens in it have made. Each is bounded; nothing of one
 * flow is known to another.
 */
#include <stdbool.h>
#include <stdint.h>

#include "protocol/cip_connection.h"

#define SESSION_CONNECTIONS_MAX 16u
#define SESSION_ROUTE_MAX 32u /* bytes of a connection's route; longer ones are refused */

enum session_connection_state {
	CONNECTION_FREE = 0,
	CONNECTION_OPENING,
	CONNECTION_OPEN,
	CONNECTION_CLOSED /* kept as long as there is room: clients close twice */
};

/* A class 3 connection to a message router. */
struct session_connection {
	uint8_t state;         /* enum session_connection_state */
	uint8_t route_length;
	uint8_t route[SESSION_ROUTE_MAX]; /* canonical port segments */
	struct cip_triad triad;
	uint32_t o_t_id;       /* in requests; of the device's choice */
	uint32_t t_o_id;       /* in replies */
	uint64_t since;        /* when it was asked for, ns */
};

struct session {
	uint32_t handle;       /* 0: none yet */
	struct session_connection connections[SESSION_CONNECTIONS_MAX];
};

/* The open connection whose requests carry this id, or NULL. */
const struct session_connection *session_connection(const struct session *s, uint32_t o_t_id);

/* That of the triad, opening, open or closed, or NULL. */
const struct session_connection *session_triad(const struct session *s, const struct cip_triad *triad);

/* Does an open connection of another triad have this id in replies? */
bool session_replies_by(const struct session *s, uint32_t t_o_id, const struct cip_triad *triad);

/* Is there a place for another connection at `now`? */
bool session_has_room(const struct session *s, uint64_t now);

/* A Forward Open went to the device. Without room, or a route that fits, its connection stays unknown. */
void session_opening(struct session *s, const struct cip_open *open, uint64_t now);
bool session_route_fits(const struct cip_open *open);

/* The device opened it: the ids count from now on. An older one of the same ids or triad is gone. */
void session_opened(struct session *s, const struct cip_opened *opened);

/* The device refused to open it. */
void session_refused(struct session *s, const struct cip_triad *triad);

/* The device closed it. */
void session_closed(struct session *s, const struct cip_triad *triad);

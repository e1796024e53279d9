/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The cyclic connections (transport class 0 and 1) that permitted Forward Opens have made, with what was
 * negotiated there. They belong to the conduit and outlive the TCP connection that made them, as they do
 * in devices. The table's size is fixed; what is open is never evicted, and a conduit holds a part of it
 * at most. Nothing here asks the rules.
 */
#include <stdbool.h>
#include <stdint.h>

#include "protocol/cip_connection.h"
#include "protocol/enip.h"
#include "protocol/reason.h"

#define CYCLICS_MAX 1024u
#define CYCLICS_OF_CONDUIT 128u
#define CYCLIC_BUCKETS 1024u
#define CYCLIC_ROUTE_MAX 32u
#define CYCLIC_DATA_MAX 1432u      /* bytes of connected data in one packet of 1,500, by IPv6, too */
#define CYCLIC_NUMBER 0x80000000u  /* set in every number: those of sessions do not have it */

enum cyclic_state {
	CYCLIC_FREE = 0,
	CYCLIC_OPENING, /* the Forward Open has gone to the device */
	CYCLIC_OPEN,
	CYCLIC_CLOSED   /* kept as long as there is room: for what is still under way, and closing twice */
};

enum cyclic_way { CYCLIC_O_T = 0, CYCLIC_T_O };

/* One direction of a connection. */
struct cyclic_direction {
	uint32_t id;
	uint16_t size;     /* of the connected data, sequence count included */
	bool variable;     /* `size` is a maximum */
	bool heard;        /* a packet has come */
	uint32_t sequence; /* of the last one */
	uint64_t since;    /* when it came, or the connection was opened; ns */
	uint64_t patience; /* silence after which its receiver gives up, ns */
	uint16_t next;     /* in its bucket: position + 1 */
};

struct cyclic {
	uint8_t state;         /* enum cyclic_state */
	uint8_t head;          /* bytes in front of the application's data */
	bool told;             /* of its state, by an event */
	uint8_t route_length;
	uint8_t route[CYCLIC_ROUTE_MAX]; /* canonical port segments */
	uint16_t reason;       /* enum reason: why the gate closed it; REASON_NONE: a peer did */
	uint16_t server_port;  /* of the TCP connection that opened it */
	uint16_t multiplier;
	uint32_t number;       /* of the opening */
	uint32_t conduit;
	uint32_t rule;         /* that permits it: position in the program */
	int64_t opened;        /* when that TCP connection was opened, seconds since the epoch */
	uint64_t since;        /* the present state, ns */
	struct cip_triad triad;
	struct cip_cyclic asked;
	struct cyclic_direction ways[2]; /* by enum cyclic_way */
};

struct cyclics {
	uint16_t fresh;        /* places from here on were never used */
	uint16_t told_next;    /* where the telling goes on */
	uint16_t open;         /* how many are */
	uint32_t numbers;      /* given out so far */
	uint16_t buckets[2][CYCLIC_BUCKETS];
	struct cyclic items[CYCLICS_MAX];
};

/* Who opens it, and under what. */
struct cyclic_opener {
	uint32_t conduit;
	uint16_t server_port;
	uint32_t rule;
	int64_t opened;
	uint64_t now;
};

/* The number that the next opening gets. */
uint32_t cyclic_next_number(const struct cyclics *t);

/* Is there a place for one more of this conduit at `now`? */
bool cyclic_has_room(const struct cyclics *t, uint32_t conduit, uint64_t now);

/* Has a connection of the conduit, open or being opened, this T->O id but another triad? */
bool cyclic_id_taken(const struct cyclics *t, uint32_t conduit, uint32_t t_o_id,
		     const struct cip_triad *triad, uint64_t now);

/* The Forward Open goes to the device. There must be room, and its route must fit. */
void cyclic_opening(struct cyclics *t, const struct cyclic_opener *by, const struct cip_open *open,
		    const struct cip_cyclic *asked);

/* The opening of this number, while the device has not answered it; or NULL. */
const struct cyclic *cyclic_opening_of(const struct cyclics *t, uint32_t number);

/* The device has opened it: the ids count from now on, and an older one of the same triad or id is over. */
void cyclic_opened(struct cyclics *t, uint32_t number, const struct cip_opened *opened, uint64_t now);

/* The device has refused to. */
void cyclic_refused(struct cyclics *t, uint32_t number);

/* The number of the connection that the request is to close, open or not; 0: the conduit has none such. */
uint32_t cyclic_to_close(const struct cyclics *t, uint32_t conduit, const struct cip_close *close);

/* The device has closed it. */
void cyclic_closed(struct cyclics *t, uint32_t number, uint64_t now);

/* The one whose packets carry this id: an open one before any other; or NULL. */
struct cyclic *cyclic_find(struct cyclics *t, uint32_t conduit, enum cyclic_way way, uint32_t id);

/* Has one of its receivers given it up, or the device never answered? */
bool cyclic_over(const struct cyclic *c, uint64_t now);

/* Closes an open one. */
void cyclic_end(struct cyclics *t, struct cyclic *c, enum reason reason, uint64_t now);

/* Makes its place free; packets of its ids are unknown from now on. */
void cyclic_forget(struct cyclics *t, struct cyclic *c);

/* Takes a packet of an open one: REASON_NONE, REASON_SIZE_MISMATCH or REASON_OLD_SEQUENCE (nothing changes). */
enum reason cyclic_take(struct cyclic *c, enum cyclic_way way, const struct enip_io *packet, uint64_t now);

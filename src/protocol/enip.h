/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * EtherNet/IP encapsulation (CIP volume 2, chapter 2): framing over a stream, exactly one message, its
 * common packet format items, and the datagrams of UDP 44818 and 2222. One table row a command
 * (enip_commands) is the only place that knows its name and layout. What a message carries (CIP) is read
 * by cip_walk.h and cip_reply.h. Numbers on the wire are little-endian. Nothing here decides whether a
 * message is allowed. Freestanding.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/reason.h"

#define ENIP_HEADER 24u
#define ENIP_FRAME_MAX 8192u /* the largest connection of a known device is 4,002 bytes */
#define ENIP_IO_PORT 2222u  /* UDP, class 0 and 1 */
#define ENIP_CONTEXT 8u      /* bytes that the client chooses and the device repeats */

enum enip_number {
	ENIP_NOP = 0x0000,
	ENIP_LIST_TARGETS = 0x0001, /* obsolete; engineering tools still send it */
	ENIP_LIST_SERVICES = 0x0004,
	ENIP_LIST_IDENTITY = 0x0063,
	ENIP_LIST_INTERFACES = 0x0064,
	ENIP_REGISTER_SESSION = 0x0065,
	ENIP_UNREGISTER_SESSION = 0x0066,
	ENIP_SEND_RR_DATA = 0x006f,
	ENIP_SEND_UNIT_DATA = 0x0070
};

/* The layout of the data behind the header, requests and replies. */
enum enip_shape {
	ENIP_SHAPE_NONE = 0, /* nothing */
	ENIP_SHAPE_ANY,      /* NOP: any bytes, never answered */
	ENIP_SHAPE_LIST,     /* nothing -> items */
	ENIP_SHAPE_REGISTER, /* version, options -> the same */
	ENIP_SHAPE_RR_DATA,  /* interface, time-out, items -> the same */
	ENIP_SHAPE_UNIT_DATA /* the same, each way unasked */
};

struct enip_command {
	uint16_t number; /* enum enip_number */
	uint8_t shape;   /* enum enip_shape */
	bool udp;        /* may come as a datagram */
	const char *name;
};

/* Ascending by number. What is not among them is no message. */
extern const struct enip_command enip_commands[];
extern const size_t enip_command_count;

/* The row, or NULL. */
const struct enip_command *enip_command(uint16_t number);

/* A socket address item (0x8000 O->T, 0x8001 T->O). */
struct enip_socket {
	bool present;
	uint16_t port;
	uint32_t address; /* IPv4, host order */
};

struct enip_message {
	uint16_t command;
	uint32_t session;
	uint32_t status;
	uint8_t context[ENIP_CONTEXT];
	const uint8_t *data;   /* behind the header; inside the frame */
	uint16_t length;
	/* SendRRData and SendUnitData */
	bool connected;        /* connected address and data items */
	uint16_t timeout;
	uint32_t connection;   /* of the connected address item */
	uint16_t sequence;     /* of connected data (class 2, 3) */
	const uint8_t *cip;    /* Message Router request or reply; NULL: the message carries none */
	uint16_t cip_length;
	struct enip_socket sockets[2]; /* [0] O->T, [1] T->O */
};

/*
 * Framing over a stream: sets *ret_size to the size of the first frame (24 .. ENIP_FRAME_MAX), 0 while
 * that is not known. REASON_MALFORMED_FRAME as soon as the bytes cannot begin a message: command not of
 * the table, too long, length that the command cannot have, options not 0.
 */
enum reason enip_frame(const uint8_t *p, size_t len, size_t *ret_size);

/*
 * Can these first `len` bytes of a frame (less than its size) still begin a good request or reply? Judges
 * the fields that are wholly there; the CIP request within is judged when the frame is whole.
 */
bool enip_request_begins(const uint8_t *frame, size_t len);
bool enip_reply_begins(const uint8_t *frame, size_t len);

/*
 * Decodes what is there of a request's beginning: false when that is less than the header, or can begin
 * no good request. *ret_there is how many of ret->cip_length bytes have arrived at ret->cip.
 */
bool enip_request_start(const uint8_t *frame, size_t len, struct enip_message *ret, size_t *ret_there);

/*
 * Decodes one whole message. REASON_NONE, REASON_MALFORMED_FRAME or REASON_TRAILING_BYTES. A request's
 * status is 0. Items: at most one of each kind, exact lengths, address item first, data item second,
 * socket addresses behind them; anything else is malformed.
 */
enum reason enip_request(const uint8_t *frame, size_t len, struct enip_message *ret);
enum reason enip_reply(const uint8_t *frame, size_t len, struct enip_message *ret);

/* The same for a datagram of UDP 44818: exactly one message of a command that may come by UDP. */
enum reason enip_datagram(const uint8_t *p, size_t len, bool request, struct enip_message *ret);

/* A class 0/1 datagram of UDP 2222: sequenced address item and connected data item, nothing else. */
struct enip_io {
	uint32_t connection;
	uint32_t encap_sequence; /* of the address item: counts datagrams */
	const uint8_t *data;     /* class 1: begins with a 16-bit sequence count; class 0: has none */
	uint16_t length;
};

enum reason enip_io(const uint8_t *p, size_t len, struct enip_io *ret);

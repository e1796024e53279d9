/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * CIP messages: service, path, data in; service, status, data out. message_answer() takes one message,
 * unwraps Unconnected Send and Multiple Service Packet (neither inside itself, nor one in the other's
 * parts), and asks the object that the path names.
 */
#include <netinet/in.h>

#include "wire.h"

enum cip_status {
	CIP_OK = 0x00,
	CIP_CONNECTION = 0x01,
	CIP_PATH_SYNTAX = 0x04,
	CIP_PATH_UNKNOWN = 0x05,
	CIP_PARTIAL = 0x06,
	CIP_SERVICE = 0x08,
	CIP_VALUE = 0x09,
	CIP_NOT_SETTABLE = 0x0e,
	CIP_PRIVILEGE = 0x0f,
	CIP_TOO_LARGE = 0x11,
	CIP_SHORT = 0x13,
	CIP_ATTRIBUTE = 0x14,
	CIP_LONG = 0x15,
	CIP_PARTS = 0x1e,
	CIP_PATH_SIZE = 0x26,
	CIP_TAG = 0xff, /* with an extended status */
};

enum { TAG_OFFSET = 0x2104, TAG_RANGE = 0x2105, TAG_TYPE = 0x2107 };
enum { PATH_MOST = 16, MESSAGE_MOST = 4096 };

enum segment_kind { SEG_CLASS = 1, SEG_INSTANCE, SEG_MEMBER, SEG_POINT, SEG_ATTRIBUTE, SEG_SYMBOL, SEG_PORT,
		    SEG_KEY, SEG_DATA };

struct segment {
	enum segment_kind kind;
	uint32_t value;      /* a number; of a port: port << 16 | link address */
	const uint8_t *text; /* a symbol, an electronic key, data */
	size_t size;
};

struct path {
	struct segment at[PATH_MOST];
	unsigned count;
};

/* Who asks, and what the encapsulation around it said. */
struct caller {
	struct sockaddr_in peer;
	uint32_t session;
	uint16_t io_port; /* where the originator listens */
	bool io_opened;   /* out: the reply needs a socket address item */
};

struct request {
	struct caller *caller;
	uint8_t service;
	struct path path;
	struct in data;
};

struct reply {
	uint8_t status;
	uint16_t extended; /* 0 = none */
	struct out data;
};

/* False for what is no padded path of segments known here. */
bool path_parse(struct in bytes, struct path *ret_path);

/* The number of the segment at that place if it is of that kind, else 0. */
uint32_t path_number(const struct path *path, unsigned at, enum segment_kind kind);

/* Whether the route is to this controller's own slot: no port at all, or the backplane and the slot. */
bool route_is_here(const struct path *path, uint16_t *ret_extended);

/* `room` is the size that the whole reply may have. */
void message_answer(struct caller *caller, struct in message, size_t room, struct out *out);

/* Puts the error into the reply; what it holds already stays. */
void reply_fail(struct reply *reply, uint8_t status, uint16_t extended);

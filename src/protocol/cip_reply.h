/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * CIP replies: one Message Router reply, the parts of a Multiple Service Packet's reply, and what a listing
 * of symbols says. Whether a reply fits its request is asked of enip_ask.h. Freestanding.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"
#include "protocol/reason.h"

/* General status codes that mean something to the gate. */
enum cip_status {
	CIP_STATUS_SUCCESS = 0x00,
	CIP_STATUS_CONNECTION_FAILURE = 0x01,
	CIP_STATUS_RESOURCE_UNAVAILABLE = 0x02,
	CIP_STATUS_PARTIAL_TRANSFER = 0x06, /* the data is good and there is more */
	CIP_STATUS_SERVICE_NOT_SUPPORTED = 0x08,
	CIP_STATUS_PRIVILEGE_VIOLATION = 0x0f,
	CIP_STATUS_EMBEDDED_ERROR = 0x1e    /* a part of a Multiple Service Packet failed */
};

struct cip_reply {
	uint8_t service;        /* without the reply bit, 1-127 */
	uint8_t status;         /* general status */
	uint8_t extended_count; /* words of additional status */
	uint16_t extended;      /* the first of them, or 0 */
	const uint8_t *data;
	uint16_t length;
};

/* Decodes exactly one reply; its data is checked against its request by enip_answers(). */
enum reason cip_reply(const uint8_t *p, size_t len, struct cip_reply *ret);

/* The parts of a Multiple Service Packet's reply, in order; `end` behind the last. */
struct cip_reply_parts {
	uint16_t part;
	uint16_t part_count;
	bool end;
	struct cip_reply reply;
	struct cursor offsets;
	const uint8_t *base;
	size_t base_length;
	size_t next;
};

enum reason cip_parts_first(struct cip_reply_parts *parts, const struct cip_reply *whole);
enum reason cip_parts_next(struct cip_reply_parts *parts);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * An ICMP error about a TCP segment (RFC 792, RFC 4443): strict reading, and rewriting in place. Only the
 * part of the quoted packet that names the segment is kept: its IP header and the first eight bytes of
 * TCP. Sequence numbers and ports are in host order; addresses stay as they are. Freestanding.
 */
#include <stddef.h>
#include <stdint.h>

#include "protocol/reason.h"

struct icmp_error {
	uint8_t *bytes;        /* the IP packet; the caller's */
	size_t length;         /* of the IP packet */
	uint8_t family;        /* 4 or 6 */
	size_t icmp;           /* offset of the ICMP header */
	size_t quoted;         /* offset of the quoted IP header */
	size_t quoted_tcp;     /* offset of the quoted TCP header */
	uint16_t source_port;  /* of the quoted segment */
	uint16_t target_port;
	uint32_t seq;
};

/*
 * Reads a packet of `length` bytes: destination unreachable (packet too big among them), time exceeded or
 * parameter problem, right in every length and checksum, about a TCP segment that is no later fragment,
 * sent to the source of that segment. REASON_NONE, or REASON_MALFORMED_PACKET.
 */
enum reason icmp_read(uint8_t *bytes, size_t length, struct icmp_error *ret);

/* Source and target of the quoted segment: 4 or 16 bytes inside the packet. */
const uint8_t *icmp_quoted_source(const struct icmp_error *e);
const uint8_t *icmp_quoted_target(const struct icmp_error *e);

/* Sets the quoted sequence number, cuts what follows the quoted eight bytes, and makes checksums anew. */
void icmp_finish(struct icmp_error *e, uint32_t seq);

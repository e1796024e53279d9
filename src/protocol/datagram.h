/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * One UDP datagram in one IP packet, read as strictly as a segment (RFC 768, 791, 8200): fragments, IP
 * options and extension headers, lengths that disagree and wrong checksums are refused. A datagram without
 * a checksum is good in IPv4 only. Addresses stay as they are. Freestanding.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/reason.h"

struct datagram {
	uint8_t family;        /* 4 or 6 */
	const uint8_t *source; /* 4 or 16 bytes inside the packet */
	const uint8_t *target;
	uint16_t source_port;
	uint16_t target_port;
	const uint8_t *data;
	size_t length;
};

/* Does the packet's header say that it carries UDP? Says nothing about whether it is sound. */
bool datagram_is(const uint8_t *bytes, size_t length);

/* REASON_NONE, or REASON_MALFORMED_PACKET: then *ret must not be used. */
enum reason datagram_read(const uint8_t *bytes, size_t length, struct datagram *ret);

/* Writes the whole packet, checksums and all. Its length, or 0 when it does not fit. */
size_t datagram_write(const struct datagram *d, uint8_t *out, size_t cap);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * One TCP segment in one IP packet: strict reading, and rewriting in place. What an honest peer never
 * sends is refused (RFC 791, 8200, 9293): fragments, IP options and extension headers, lengths that
 * disagree, wrong checksums, contradicting flags. TCP options that the gate cannot follow are blanked
 * with NOPs. Sequence numbers are in host order; addresses stay as they are. Freestanding.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/reason.h"

#define TCP_FIN 0x01u
#define TCP_SYN 0x02u
#define TCP_RST 0x04u
#define TCP_PSH 0x08u
#define TCP_ACK 0x10u
#define TCP_URG 0x20u

#define SEGMENT_SACKS 4u /* most SACK blocks that fit a TCP header */

struct segment {
	uint8_t *bytes;        /* the IP packet; the caller's */
	size_t length;         /* of the IP packet */
	uint8_t family;        /* 4 or 6 */
	uint8_t flags;         /* TCP_* */
	bool changed;          /* something was rewritten: checksums are to be made anew */
	size_t tcp;            /* offset of the TCP header */
	size_t payload;        /* offset of the data */
	size_t payload_length; /* bytes of data */
	uint16_t source_port;
	uint16_t target_port;
	uint32_t seq;
	uint32_t ack;
	uint16_t window;       /* as sent, not scaled */
	uint16_t mss;          /* of a SYN; 0 = no option */
	size_t timestamps;     /* offset of the two timestamp values, 0 = no option */
	size_t sacks;          /* offset of the first SACK block, 0 = no option */
	unsigned sack_count;
};

/*
 * Reads a packet of `length` bytes. REASON_NONE, or REASON_MALFORMED_PACKET: then *ret must not be used.
 * Unknown TCP options are overwritten in `bytes`, and `changed` is set.
 */
enum reason segment_read(uint8_t *bytes, size_t length, struct segment *ret);

/* The source and target address: 4 or 16 bytes inside the packet. */
const uint8_t *segment_source(const struct segment *s);
const uint8_t *segment_target(const struct segment *s);

/* Timestamp values of RFC 7323; only when s->timestamps is set. */
uint32_t segment_tsval(const struct segment *s);

/* One SACK block (RFC 2018): i < sack_count; which: 0 left edge, 1 right edge. */
uint32_t segment_sack(const struct segment *s, unsigned i, unsigned which);
void segment_set_sack(struct segment *s, unsigned i, unsigned which, uint32_t value);

/* Blanks the SACK option. */
void segment_drop_sacks(struct segment *s);

void segment_set_seq(struct segment *s, uint32_t seq);
void segment_set_ack(struct segment *s, uint32_t ack);
void segment_set_flags(struct segment *s, uint8_t flags);

/* Gives a packet that would die soon behind the gate the usual time to live. */
void segment_lift_ttl(struct segment *s);

/* Keeps only the bytes from .. from + length - 1 of the data. */
void segment_keep(struct segment *s, size_t from, size_t length);

/* Takes `length` bytes at offset `from` out of the data. */
void segment_cut(struct segment *s, size_t from, size_t length);

/* Writes lengths and checksums; call once after rewriting. */
void segment_finish(struct segment *s);

/* What a segment of the gate's own is made of; addresses in network order, 4 or 16 bytes used. */
struct segment_parts {
	uint8_t family;
	const uint8_t *source;
	const uint8_t *target;
	uint16_t source_port;
	uint16_t target_port;
	uint32_t seq;
	uint32_t ack;
	uint8_t flags;
	uint16_t window;
	bool timestamps;
	uint32_t tsval;
	uint32_t tsecr;
	const uint8_t *payload;
	size_t payload_length;
};

/* Builds a whole IP packet into out; returns its length, 0 when it does not fit cap. */
size_t segment_build(const struct segment_parts *parts, uint8_t *out, size_t cap);

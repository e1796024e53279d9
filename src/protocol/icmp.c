/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "protocol/icmp.h"

#include "protocol/bytes.h"

#define IP4_HEADER 20u
#define IP6_HEADER 40u
#define ICMP_HEADER 8u
#define TCP_NAMED 8u /* ports and sequence number: all that an error must quote */
#define PROTOCOL_ICMP 1u
#define PROTOCOL_TCP 6u
#define PROTOCOL_ICMP6 58u

static uint16_t icmp_checksum(const struct icmp_error *e)
{
	size_t length = e->length - e->icmp;
	uint64_t sum = 0;

	if (e->family == 6)
		sum = checksum_pseudo(PROTOCOL_ICMP6, length, e->bytes + 8, 32);
	return checksum_fold(checksum_add(sum, e->bytes + e->icmp, length));
}

/* Source quench and redirects tell a host how to send: the gate lets nobody do that. */
static bool is_error4(uint8_t type)
{
	return type == 3 || type == 11 || type == 12;
}

static bool is_error6(uint8_t type)
{
	return type >= 1 && type <= 4;
}

static bool read_ip4(struct icmp_error *e)
{
	const uint8_t *b = e->bytes, *q = b + IP4_HEADER + ICMP_HEADER;

	e->family = 4;
	e->icmp = IP4_HEADER;
	e->quoted = e->icmp + ICMP_HEADER;
	e->quoted_tcp = e->quoted + IP4_HEADER;
	return e->length >= e->quoted_tcp + TCP_NAMED && b[0] == 0x45 && get_be16(b + 2) == e->length &&
	       (get_be16(b + 6) & 0x3fff) == 0 && b[9] == PROTOCOL_ICMP &&
	       checksum_fold(checksum_add(0, b, IP4_HEADER)) == 0 && is_error4(b[e->icmp]) &&
	       q[0] == 0x45 && (get_be16(q + 6) & 0x1fff) == 0 && q[9] == PROTOCOL_TCP;
}

static bool read_ip6(struct icmp_error *e)
{
	const uint8_t *b = e->bytes, *q = b + IP6_HEADER + ICMP_HEADER;

	e->family = 6;
	e->icmp = IP6_HEADER;
	e->quoted = e->icmp + ICMP_HEADER;
	e->quoted_tcp = e->quoted + IP6_HEADER;
	return e->length >= e->quoted_tcp + TCP_NAMED && get_be16(b + 4) + IP6_HEADER == e->length &&
	       b[6] == PROTOCOL_ICMP6 && is_error6(b[e->icmp]) && q[0] >> 4 == 6 && q[6] == PROTOCOL_TCP;
}

static const uint8_t *target(const struct icmp_error *e)
{
	return e->bytes + (e->family == 4 ? 16 : 24);
}

enum reason icmp_read(uint8_t *bytes, size_t length, struct icmp_error *ret)
{
	*ret = (struct icmp_error){ .bytes = bytes, .length = length };
	if (length == 0 || !(bytes[0] >> 4 == 6 ? read_ip6(ret) : read_ip4(ret)) || icmp_checksum(ret) != 0)
		return REASON_MALFORMED_PACKET;
	if (!bytes_equal(target(ret), icmp_quoted_source(ret), ret->family == 4 ? 4 : 16))
		return REASON_MALFORMED_PACKET;
	ret->source_port = get_be16(bytes + ret->quoted_tcp);
	ret->target_port = get_be16(bytes + ret->quoted_tcp + 2);
	ret->seq = get_be32(bytes + ret->quoted_tcp + 4);
	return REASON_NONE;
}

const uint8_t *icmp_quoted_source(const struct icmp_error *e)
{
	return e->bytes + e->quoted + (e->family == 4 ? 12 : 8);
}

const uint8_t *icmp_quoted_target(const struct icmp_error *e)
{
	return e->bytes + e->quoted + (e->family == 4 ? 16 : 24);
}

void icmp_finish(struct icmp_error *e, uint32_t seq)
{
	uint8_t *b = e->bytes;

	e->length = e->quoted_tcp + TCP_NAMED;
	e->seq = seq;
	put_be32(b + e->quoted_tcp + 4, seq);
	if (e->family == 4) {
		put_be16(b + 2, (uint16_t)e->length);
		put_be16(b + 10, 0);
		put_be16(b + 10, checksum_fold(checksum_add(0, b, IP4_HEADER)));
	} else {
		put_be16(b + 4, (uint16_t)(e->length - IP6_HEADER));
	}
	put_be16(b + e->icmp + 2, 0);
	put_be16(b + e->icmp + 2, icmp_checksum(e));
}

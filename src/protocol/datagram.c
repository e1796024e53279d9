/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "protocol/datagram.h"

#include "base/sink.h"
#include "protocol/bytes.h"

#define IP4_HEADER 20u
#define IP6_HEADER 40u
#define UDP_HEADER 8u
#define PROTOCOL_UDP 17u
#define TTL_USUAL 64u

bool datagram_is(const uint8_t *bytes, size_t length)
{
	if (length < IP4_HEADER)
		return false;
	return bytes[bytes[0] >> 4 == 6 ? 6 : 9] == PROTOCOL_UDP;
}

static bool read_ip4(const uint8_t *b, size_t length, struct datagram *ret)
{
	ret->family = 4;
	ret->source = b + 12;
	ret->target = b + 16;
	return length >= IP4_HEADER + UDP_HEADER && b[0] == 0x45 && get_be16(b + 2) == length &&
	       (get_be16(b + 6) & 0x3fff) == 0 && b[9] == PROTOCOL_UDP &&
	       checksum_fold(checksum_add(0, b, IP4_HEADER)) == 0;
}

static bool read_ip6(const uint8_t *b, size_t length, struct datagram *ret)
{
	ret->family = 6;
	ret->source = b + 8;
	ret->target = b + 24;
	return length >= IP6_HEADER + UDP_HEADER && get_be16(b + 4) + IP6_HEADER == length &&
	       b[6] == PROTOCOL_UDP;
}

static bool checksum_right(const struct datagram *d, const uint8_t *udp, size_t length)
{
	size_t addresses = d->family == 4 ? 8 : 32; /* one behind the other */
	uint64_t sum = checksum_pseudo(PROTOCOL_UDP, length, d->source, addresses);

	if (get_be16(udp + 6) == 0)
		return d->family == 4;
	return checksum_fold(checksum_add(sum, udp, length)) == 0;
}

static bool read_udp(const uint8_t *udp, size_t length, struct datagram *ret)
{
	ret->source_port = get_be16(udp);
	ret->target_port = get_be16(udp + 2);
	ret->data = udp + UDP_HEADER;
	ret->length = length - UDP_HEADER;
	return get_be16(udp + 4) == length && checksum_right(ret, udp, length);
}

enum reason datagram_read(const uint8_t *bytes, size_t length, struct datagram *ret)
{
	bool six = length && bytes[0] >> 4 == 6;
	size_t header = six ? IP6_HEADER : IP4_HEADER;
	bool ip = six ? read_ip6(bytes, length, ret) : read_ip4(bytes, length, ret);

	return ip && read_udp(bytes + header, length - header, ret) ? REASON_NONE : REASON_MALFORMED_PACKET;
}

static void write_ip4(struct sink *out, const struct datagram *d)
{
	sink_be32(out, 0x45000000u | (uint32_t)(IP4_HEADER + UDP_HEADER + d->length));
	sink_be32(out, 0x00004000); /* do not fragment */
	sink_be32(out, TTL_USUAL << 24 | PROTOCOL_UDP << 16);
	sink_bytes(out, d->source, 4);
	sink_bytes(out, d->target, 4);
	if (!out->full)
		put_be16(out->p + 10, checksum_fold(checksum_add(0, out->p, IP4_HEADER)));
}

static void write_ip6(struct sink *out, const struct datagram *d)
{
	sink_be32(out, 0x60000000);
	sink_be32(out, (uint32_t)(UDP_HEADER + d->length) << 16 | PROTOCOL_UDP << 8 | TTL_USUAL);
	sink_bytes(out, d->source, 16);
	sink_bytes(out, d->target, 16);
}

/* A sum of 0 stands for "no checksum", so it is written as its other form. */
static uint16_t udp_checksum(const struct datagram *d, const uint8_t *udp, size_t length)
{
	size_t size = d->family == 4 ? 4 : 16;
	uint64_t sum = checksum_add(checksum_pseudo(PROTOCOL_UDP, length, d->source, size), d->target, size);
	uint16_t folded = checksum_fold(checksum_add(sum, udp, length));

	return folded ? folded : 0xffff;
}

size_t datagram_write(const struct datagram *d, uint8_t *out, size_t cap)
{
	struct sink s = sink_over(out, cap);
	size_t udp;

	if (d->family == 4)
		write_ip4(&s, d);
	else
		write_ip6(&s, d);
	udp = s.len;
	sink_be16(&s, d->source_port);
	sink_be16(&s, d->target_port);
	sink_be16(&s, (uint16_t)(UDP_HEADER + d->length));
	sink_be16(&s, 0);
	sink_bytes(&s, d->data, d->length);
	if (s.full)
		return 0;
	put_be16(out + udp + 6, udp_checksum(d, out + udp, s.len - udp));
	return s.len;
}

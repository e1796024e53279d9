/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "protocol/segment.h"

#include "base/sink.h"
#include "protocol/bytes.h"

#define IP4_HEADER 20u
#define IP6_HEADER 40u
#define TCP_HEADER 20u
#define PROTOCOL_TCP 6u
#define TTL_LOW 16u
#define TTL_USUAL 64u

enum option { OPTION_END = 0, OPTION_NOP, OPTION_MSS, OPTION_SCALE, OPTION_SACK_OK, OPTION_SACK,
	      OPTION_TIMESTAMPS = 8 };

/* Over pseudo-header, TCP header and data; 0 when the checksum field inside is right. */
static uint16_t tcp_checksum(const struct segment *s)
{
	size_t tcp_length = s->length - s->tcp;
	uint64_t sum = s->family == 4 ? checksum_pseudo(PROTOCOL_TCP, tcp_length, s->bytes + 12, 8)
				      : checksum_pseudo(PROTOCOL_TCP, tcp_length, s->bytes + 8, 32);

	return checksum_fold(checksum_add(sum, s->bytes + s->tcp, tcp_length));
}

static bool read_ip4(struct segment *s)
{
	const uint8_t *b = s->bytes;

	s->family = 4;
	s->tcp = IP4_HEADER;
	return s->length >= IP4_HEADER + TCP_HEADER && b[0] == 0x45 && get_be16(b + 2) == s->length &&
	       (get_be16(b + 6) & 0x3fff) == 0 && b[9] == PROTOCOL_TCP &&
	       checksum_fold(checksum_add(0, b, IP4_HEADER)) == 0;
}

static bool read_ip6(struct segment *s)
{
	const uint8_t *b = s->bytes;

	s->family = 6;
	s->tcp = IP6_HEADER;
	return s->length >= IP6_HEADER + TCP_HEADER && get_be16(b + 4) + IP6_HEADER == s->length &&
	       b[6] == PROTOCOL_TCP;
}

/*
 * Flags that contradict each other are refused; so is urgent data, which the receiver's kernel would take
 * out of the stream that was inspected.
 */
static bool flags_sane(uint8_t flags)
{
	if (flags & TCP_URG)
		return false;
	if (flags & TCP_SYN)
		return !(flags & (TCP_FIN | TCP_RST));
	if (flags & TCP_RST)
		return !(flags & TCP_FIN);
	return (flags & TCP_ACK) != 0;
}

static bool note_option(struct segment *s, uint8_t *option, uint8_t size)
{
	size_t data = (size_t)(option - s->bytes) + 2;

	switch (option[0]) {
	case OPTION_MSS:
		s->mss = size == 4 ? get_be16(option + 2) : 0;
		return size == 4;
	case OPTION_SCALE:
		return size == 3;
	case OPTION_SACK_OK:
		return size == 2;
	case OPTION_SACK:
		s->sacks = data;
		s->sack_count = (size - 2u) / 8u;
		return size >= 10 && (size - 2) % 8 == 0 && s->sack_count <= SEGMENT_SACKS;
	case OPTION_TIMESTAMPS:
		s->timestamps = data;
		return size == 10;
	default: /* fast open, multipath, user time-out, ...: the gate cannot follow them */
		for (unsigned i = 0; i < size; i++)
			option[i] = OPTION_NOP;
		s->changed = true;
		return true;
	}
}

/* What nearly every segment has: two NOPs and the timestamps. */
#define USUAL_OPTIONS 12
#define USUAL_HEAD (OPTION_NOP << 24 | OPTION_NOP << 16 | OPTION_TIMESTAMPS << 8 | 10)

static bool read_options(struct segment *s)
{
	uint8_t *p = s->bytes + s->tcp + TCP_HEADER;
	uint8_t *end = s->bytes + s->payload;

	if (end - p == USUAL_OPTIONS && get_be32(p) == USUAL_HEAD) {
		s->timestamps = s->tcp + TCP_HEADER + 4;
		return true;
	}
	while (p < end && *p != OPTION_END) {
		if (*p == OPTION_NOP) {
			p++;
			continue;
		}
		if (end - p < 2 || p[1] < 2 || p[1] > end - p)
			return false;
		uint8_t size = p[1];

		if (!note_option(s, p, size))
			return false;
		p += size;
	}
	return true;
}

static bool read_tcp(struct segment *s)
{
	const uint8_t *t = s->bytes + s->tcp;
	size_t header = (size_t)(t[12] >> 4) * 4;

	if (header < TCP_HEADER || s->tcp + header > s->length || tcp_checksum(s) != 0)
		return false;
	s->source_port = get_be16(t);
	s->target_port = get_be16(t + 2);
	s->seq = get_be32(t + 4);
	s->ack = get_be32(t + 8);
	s->flags = t[13] & 0x3f;
	s->window = get_be16(t + 14);
	s->payload = s->tcp + header;
	s->payload_length = s->length - s->payload;
	return flags_sane(s->flags) && read_options(s);
}

enum reason segment_read(uint8_t *bytes, size_t length, struct segment *ret)
{
	bool ip;

	*ret = (struct segment){ .bytes = bytes, .length = length };
	if (length == 0)
		return REASON_MALFORMED_PACKET;
	ip = bytes[0] >> 4 == 6 ? read_ip6(ret) : read_ip4(ret);
	return ip && read_tcp(ret) ? REASON_NONE : REASON_MALFORMED_PACKET;
}

const uint8_t *segment_source(const struct segment *s)
{
	return s->bytes + (s->family == 4 ? 12 : 8);
}

const uint8_t *segment_target(const struct segment *s)
{
	return s->bytes + (s->family == 4 ? 16 : 24);
}

uint32_t segment_tsval(const struct segment *s)
{
	return get_be32(s->bytes + s->timestamps);
}

uint32_t segment_sack(const struct segment *s, unsigned i, unsigned which)
{
	return get_be32(s->bytes + s->sacks + 8 * i + 4 * which);
}

void segment_set_sack(struct segment *s, unsigned i, unsigned which, uint32_t value)
{
	put_be32(s->bytes + s->sacks + 8 * i + 4 * which, value);
	s->changed = true;
}

void segment_drop_sacks(struct segment *s)
{
	for (size_t i = s->sacks - 2; i < s->sacks + 8 * s->sack_count; i++)
		s->bytes[i] = OPTION_NOP;
	s->sacks = 0;
	s->sack_count = 0;
	s->changed = true;
}

void segment_set_seq(struct segment *s, uint32_t seq)
{
	if (s->seq == seq)
		return;
	s->seq = seq;
	put_be32(s->bytes + s->tcp + 4, seq);
	s->changed = true;
}

void segment_set_ack(struct segment *s, uint32_t ack)
{
	if (s->ack == ack)
		return;
	s->ack = ack;
	put_be32(s->bytes + s->tcp + 8, ack);
	s->changed = true;
}

void segment_set_flags(struct segment *s, uint8_t flags)
{
	if (s->flags == flags)
		return;
	s->flags = flags;
	s->bytes[s->tcp + 13] = (uint8_t)((s->bytes[s->tcp + 13] & 0xc0) | flags);
	s->changed = true;
}

void segment_lift_ttl(struct segment *s)
{
	uint8_t *ttl = s->bytes + (s->family == 4 ? 8 : 7);

	if (*ttl >= TTL_LOW)
		return;
	*ttl = TTL_USUAL;
	s->changed = true;
}

void segment_keep(struct segment *s, size_t from, size_t length)
{
	segment_cut(s, from + length, s->payload_length - from - length);
	segment_cut(s, 0, from);
}

void segment_cut(struct segment *s, size_t from, size_t length)
{
	uint8_t *at = s->bytes + s->payload + from;

	if (length == 0)
		return;
	__builtin_memmove(at, at + length, s->payload_length - from - length);
	s->payload_length -= length;
	s->length -= length;
	s->changed = true;
}

static void finish_ip4(uint8_t *b, size_t length)
{
	put_be16(b + 2, (uint16_t)length);
	put_be16(b + 10, 0);
	put_be16(b + 10, checksum_fold(checksum_add(0, b, IP4_HEADER)));
}

void segment_finish(struct segment *s)
{
	uint8_t *checksum = s->bytes + s->tcp + 16;

	if (s->family == 4)
		finish_ip4(s->bytes, s->length);
	else
		put_be16(s->bytes + 4, (uint16_t)(s->length - IP6_HEADER));
	put_be16(checksum, 0);
	put_be16(checksum, tcp_checksum(s));
}

static void build_ip4(struct sink *out, const struct segment_parts *p)
{
	sink_be32(out, 0x45000000); /* length: segment_finish() */
	sink_be32(out, 0x00004000); /* do not fragment */
	sink_be32(out, TTL_USUAL << 24 | PROTOCOL_TCP << 16);
	sink_bytes(out, p->source, 4);
	sink_bytes(out, p->target, 4);
}

static void build_ip6(struct sink *out, const struct segment_parts *p)
{
	sink_be32(out, 0x60000000);
	sink_be32(out, PROTOCOL_TCP << 8 | TTL_USUAL);
	sink_bytes(out, p->source, 16);
	sink_bytes(out, p->target, 16);
}

static void build_tcp(struct sink *out, const struct segment_parts *p)
{
	unsigned words = p->timestamps ? 8 : 5;

	sink_be16(out, p->source_port);
	sink_be16(out, p->target_port);
	sink_be32(out, p->seq);
	sink_be32(out, p->flags & TCP_ACK ? p->ack : 0);
	sink_be16(out, (uint16_t)(words << 12 | p->flags));
	sink_be16(out, p->window);
	sink_be32(out, 0); /* checksum: segment_finish() */
	if (p->timestamps) {
		sink_be32(out, USUAL_HEAD);
		sink_be32(out, p->tsval);
		sink_be32(out, p->tsecr);
	}
}

size_t segment_build(const struct segment_parts *parts, uint8_t *out, size_t cap)
{
	struct sink sink = sink_over(out, cap);
	struct segment s = { .bytes = out, .family = parts->family };

	if (parts->family == 4)
		build_ip4(&sink, parts);
	else
		build_ip6(&sink, parts);
	s.tcp = sink.len;
	build_tcp(&sink, parts);
	sink_bytes(&sink, parts->payload, parts->payload_length);
	if (sink.full)
		return 0;
	s.length = sink.len;
	segment_finish(&s);
	return s.length;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as an IP packet, as they are and with its checksums made right: what segment_read() accepts
 * lies inside the packet, and what is rewritten reads back as it was meant.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void hold(bool promise)
{
	if (!promise)
		abort();
}

/* The Internet checksum, two bytes at a time: on purpose not the way of segment.c. */
static uint16_t checksum(uint32_t sum, const uint8_t *p, size_t length)
{
	for (size_t i = 0; i < length; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint16_t tcp_sum(const uint8_t *p, size_t size, size_t tcp)
{
	size_t addresses = tcp == 20 ? 12 : 8;

	return checksum((uint32_t)(~checksum(6 + (uint32_t)(size - tcp), p + tcp, size - tcp) & 0xffff),
			p + addresses, tcp - addresses);
}

static void repair(uint8_t *p, size_t size)
{
	size_t tcp = size && p[0] >> 4 == 6 ? 40 : 20;

	if (size < tcp + 20)
		return;
	if (tcp == 20) {
		put16(p + 2, (uint16_t)size);
		put16(p + 10, 0);
		put16(p + 10, checksum(0, p, 20));
	} else {
		put16(p + 4, (uint16_t)(size - 40));
	}
	put16(p + tcp + 16, 0);
	put16(p + tcp + 16, tcp_sum(p, size, tcp));
}

static void check_read(const struct segment *s, const uint8_t *packet, size_t size)
{
	hold(s->bytes == packet && s->length == size && size <= 65575);
	hold(s->family == 4 || s->family == 6);
	hold(s->tcp == (s->family == 4 ? 20u : 40u));
	hold(s->payload >= s->tcp + 20 && s->payload <= s->tcp + 60);
	hold(s->payload + s->payload_length == size);
	hold(!(s->flags & TCP_URG));
	hold(!(s->flags & TCP_SYN) || !(s->flags & (TCP_FIN | TCP_RST)));
	hold(!s->timestamps || (s->timestamps >= s->tcp + 22 && s->timestamps + 8 <= s->payload));
	hold(s->sack_count <= SEGMENT_SACKS && !s->sacks == !s->sack_count);
	hold(!s->sacks || (s->sacks >= s->tcp + 22 && s->sacks + 8 * s->sack_count <= s->payload));
	hold(s->family == 6 || checksum(0, packet, 20) == 0);
	hold(s->changed || tcp_sum(packet, size, s->tcp) == 0);
}

/* Everything that the engine may do with a segment, then a second reading. */
static void check_rewritten(struct segment *s)
{
	uint32_t seq = s->seq + 0x80000001u, ack = s->ack - 3;
	size_t from = s->payload_length / 3, keep = s->payload_length / 2;
	uint8_t *before = malloc(s->payload_length + 1);
	struct segment again;

	hold(before != NULL);
	memcpy(before, s->bytes + s->payload, s->payload_length);
	segment_set_seq(s, seq);
	segment_set_ack(s, ack);
	segment_lift_ttl(s);
	if (s->timestamps)
		segment_tsval(s);
	for (unsigned i = 0; i < s->sack_count; i++)
		segment_set_sack(s, i, 1, segment_sack(s, i, 0) + 1);
	if (s->sack_count && seq & 1)
		segment_drop_sacks(s);
	segment_keep(s, from, keep);
	segment_finish(s);
	hold(segment_read(s->bytes, s->length, &again) == REASON_NONE && !again.changed);
	hold(again.seq == seq && again.ack == ack && again.flags == s->flags);
	hold(again.payload == s->payload && again.payload_length == keep);
	hold(again.sack_count == s->sack_count && again.timestamps == s->timestamps);
	hold(memcmp(again.bytes + again.payload, before + from, keep) == 0);
	free(before);
}

static void try_packet(const uint8_t *bytes, size_t size, bool repaired)
{
	uint8_t *packet = malloc(size ? size : 1);
	struct segment s;

	hold(packet != NULL);
	memcpy(packet, bytes, size);
	if (repaired)
		repair(packet, size);
	if (segment_read(packet, size, &s) == REASON_NONE) {
		check_read(&s, packet, size);
		check_rewritten(&s);
	}
	free(packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	try_packet(bytes, size, false);
	try_packet(bytes, size, true);
	return 0;
}

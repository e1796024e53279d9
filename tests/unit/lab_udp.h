/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* UDP between the lab's two hosts, through the core. */
#include "lab_enip.h"
#include "lab_gate.h"

static size_t udp_at; /* offset of the UDP header of the last packet */

/* Sets the UDP checksum over what stands in the packet. */
static inline void close_udp(uint8_t *packet, size_t length)
{
	size_t address = udp_at == 20 ? 12 : 8;
	uint16_t part;

	lab_put16(packet + udp_at + 6, 0);
	part = lab_checksum(17 + (uint32_t)(length - udp_at), packet + address, udp_at - address);
	lab_put16(packet + udp_at + 6, lab_checksum((uint16_t)~part, packet + udp_at, length - udp_at));
}

static inline size_t put_udp(int to_device, uint16_t source_port, uint16_t target_port, const struct lab_bytes *m,
			     uint8_t *out)
{
	const struct program_conduit *c = &policy.conduits[0];
	const uint8_t *source = to_device ? c->server : c->device, *target = to_device ? c->device : c->server;
	size_t length;

	udp_at = c->family == 4 ? 20 : 40;
	length = udp_at + 8 + m->n;
	memset(out, 0, udp_at + 8);
	out[0] = c->family == 4 ? 0x45 : 0x60;
	out[c->family == 4 ? 9 : 6] = 17;
	out[c->family == 4 ? 8 : 7] = 64;
	lab_put16(out + (c->family == 4 ? 2 : 4), (unsigned)(c->family == 4 ? length : 8 + m->n));
	memcpy(out + (c->family == 4 ? 12 : 8), source, c->family == 4 ? 4 : 16);
	memcpy(out + (c->family == 4 ? 16 : 24), target, c->family == 4 ? 4 : 16);
	if (c->family == 4)
		lab_put16(out + 10, lab_checksum(0, out, 20));
	lab_put16(out + udp_at, source_port);
	lab_put16(out + udp_at + 2, target_port);
	lab_put16(out + udp_at + 4, (unsigned)(8 + m->n));
	memcpy(out + udp_at + 8, m->b, m->n);
	close_udp(out, length);
	return length;
}

/* Gives the core what stands in its block. */
static inline void decide_udp(size_t length)
{
	core_io()->length = (uint32_t)length;
	core_io()->mark = MARK_INSPECTED | LAB_CONDUIT;
	core_packet();
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* IP packets with a TCP segment, made for tests of the core without any code of the core. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LAB_FIN 1u
#define LAB_SYN 2u
#define LAB_RST 4u
#define LAB_PSH 8u
#define LAB_ACK 16u

struct lab_packet {
	int family;            /* 4 or 6 */
	const uint8_t *source; /* network order */
	const uint8_t *target;
	uint16_t source_port;
	uint16_t target_port;
	uint32_t seq;
	uint32_t ack;
	uint8_t flags;
	const uint8_t *options; /* a multiple of 4 bytes */
	size_t options_length;
	const uint8_t *data;
	size_t length;
};

static inline void lab_put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void lab_put32(uint8_t *p, uint32_t v)
{
	lab_put16(p, v >> 16);
	lab_put16(p + 2, v & 0xffff);
}

static inline uint32_t lab_get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The Internet checksum (RFC 1071) of the bytes and of what `sum` already holds. */
static inline uint16_t lab_checksum(uint32_t sum, const uint8_t *p, size_t length)
{
	for (size_t i = 0; i < length; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* What a TCP checksum over the whole segment has to be: 0 when the field inside is right. */
static inline uint16_t lab_tcp_checksum(const uint8_t *packet, size_t length)
{
	size_t ip = packet[0] >> 4 == 4 ? 20 : 40, address = ip == 20 ? 12 : 8;
	uint16_t part = lab_checksum(6 + (uint32_t)(length - ip), packet + address, ip - address);

	return lab_checksum((uint16_t)~part, packet + ip, length - ip);
}

/* Writes the packet; returns its length. */
static inline size_t lab_write(const struct lab_packet *p, uint8_t *out)
{
	size_t ip = p->family == 4 ? 20 : 40, header = 20 + p->options_length;
	size_t length = ip + header + p->length;
	uint8_t *tcp = out + ip;

	memset(out, 0, ip + 20);
	out[0] = p->family == 4 ? 0x45 : 0x60;
	if (p->family == 4) {
		lab_put16(out + 2, (unsigned)length);
		out[8] = 64;
		out[9] = 6;
		memcpy(out + 12, p->source, 4);
		memcpy(out + 16, p->target, 4);
		lab_put16(out + 10, lab_checksum(0, out, 20));
	} else {
		lab_put16(out + 4, (unsigned)(length - ip));
		out[6] = 6;
		out[7] = 64;
		memcpy(out + 8, p->source, 16);
		memcpy(out + 24, p->target, 16);
	}
	lab_put16(tcp, p->source_port);
	lab_put16(tcp + 2, p->target_port);
	lab_put32(tcp + 4, p->seq);
	lab_put32(tcp + 8, p->ack);
	tcp[12] = (uint8_t)(header / 4 << 4);
	tcp[13] = p->flags;
	lab_put16(tcp + 14, 8000);
	if (p->options_length)
		memcpy(tcp + 20, p->options, p->options_length);
	if (p->length)
		memcpy(tcp + header, p->data, p->length);
	lab_put16(tcp + 16, lab_tcp_checksum(out, length));
	return length;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * IP, TCP and UDP headers as captures have them: lenient where a capture may differ from the wire
 * (checksums left to the network card, total length 0, packets cut short), bounded everywhere. For
 * analysis only; the gate itself reads headers with protocol/. All numbers in host order.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct endpoint {
	uint8_t family;      /* 4 or 6 */
	uint8_t address[16]; /* network order; IPv4 in the first four bytes */
	uint16_t port;
};

#define ENDPOINT_TEXT 64u

/* "10.1.0.2:502" or "[fd00::2]:502". */
void endpoint_text(const struct endpoint *endpoint, char out[static ENDPOINT_TEXT]);

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);

/* What an IP packet carries: all of it, or a fragment. */
struct ip_part {
	struct endpoint source; /* port 0 */
	struct endpoint target;
	uint8_t protocol;
	bool more;              /* fragments follow */
	uint32_t offset;        /* of the payload in the datagram, bytes */
	uint32_t identification;
	const uint8_t *payload; /* inside the packet */
	size_t length;          /* bytes of it in the capture */
	size_t cut;             /* bytes of it that the capture does not have */
};

/* False: not an IP packet that can be read. */
bool headers_ip(const uint8_t *bytes, size_t len, struct ip_part *ret);

static inline bool headers_is_fragment(const struct ip_part *part)
{
	return part->more || part->offset > 0;
}

#define SEGMENT_FIN 0x01u
#define SEGMENT_SYN 0x02u
#define SEGMENT_RST 0x04u
#define SEGMENT_PSH 0x08u
#define SEGMENT_ACK 0x10u

struct tcp_segment {
	struct endpoint source;
	struct endpoint target;
	uint32_t sequence;
	uint32_t acknowledgement;
	uint8_t flags;          /* SEGMENT_* */
	const uint8_t *payload; /* inside the packet */
	size_t length;          /* bytes of it in the capture */
	size_t cut;             /* bytes of it that the capture does not have */
};

/* The TCP segment in a whole datagram; false: not TCP, or its header is not all there. */
bool headers_tcp(const struct ip_part *part, struct tcp_segment *ret);

struct udp_datagram {
	struct endpoint source;
	struct endpoint target;
	const uint8_t *payload; /* inside the packet */
	size_t length;          /* as the header says */
};

/* The UDP datagram in a whole IP datagram; false: not UDP, or not all of it is there. */
bool headers_udp(const struct ip_part *part, struct udp_datagram *ret);

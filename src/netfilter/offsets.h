/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Where the fields lie that the ruleset looks up by their bytes, counted in bytes from the beginning of the
 * header that they are in, and those of the packet that an ICMP error quotes. All of headers without options.
 */
#include <stdbool.h>
#include <stdint.h>

#define IP4_PROTOCOL 9u
#define IP4_SOURCE 12u
#define IP4_DESTINATION 16u
#define IP4_HEADER 20u
#define IP6_PROTOCOL 6u
#define IP6_SOURCE 8u
#define IP6_DESTINATION 24u
#define IP6_HOP_LIMIT 7u
#define IP6_HEADER 40u
#define ICMP_HEADER 8u
#define PORT_SOURCE 0u
#define PORT_DESTINATION 2u

/* A conduit's key in what an ICMP error quotes, from the beginning of the ICMP header; size: bytes of an address. */
struct quoted_key {
	uint32_t size;
	uint32_t server, device, protocol, port;
};

/* reversed: the quoted packet was sent by the device. */
static inline struct quoted_key quoted_key(bool ip4, bool reversed)
{
	const uint32_t at = ICMP_HEADER;
	uint32_t source = at + (ip4 ? IP4_SOURCE : IP6_SOURCE);
	uint32_t destination = at + (ip4 ? IP4_DESTINATION : IP6_DESTINATION);

	return (struct quoted_key){
		.size = ip4 ? 4 : 16,
		.server = reversed ? destination : source,
		.device = reversed ? source : destination,
		.protocol = at + (ip4 ? IP4_PROTOCOL : IP6_PROTOCOL),
		.port = at + (ip4 ? IP4_HEADER : IP6_HEADER) + (reversed ? PORT_SOURCE : PORT_DESTINATION),
	};
}

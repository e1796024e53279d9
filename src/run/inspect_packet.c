/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/inspect_packet.h"

#include <netinet/in.h>
#include <string.h>

#define IPV4_HEADER 20u
#define IPV6_HEADER 40u
#define TCP_HEADER 20u
#define PORTS 4u

/* Where the parts of a packet lie; header 0 = not understood. */
struct parts {
	unsigned family;
	size_t header;      /* bytes before the transport header */
	size_t addresses;   /* both, one behind the other */
	size_t address_size;
	uint8_t protocol;
	bool whole;         /* not a fragment */
};

size_t packet_stated_length(const uint8_t *bytes, size_t length)
{
	if (length >= IPV4_HEADER && bytes[0] >> 4 == 4)
		return (size_t)(bytes[2] << 8 | bytes[3]);
	if (length >= IPV6_HEADER && bytes[0] >> 4 == 6)
		return IPV6_HEADER + (size_t)(bytes[4] << 8 | bytes[5]);
	return 0;
}

static struct parts parts_of(const uint8_t *bytes, size_t length)
{
	if (length >= IPV4_HEADER && bytes[0] >> 4 == 4)
		return (struct parts){ .family = 4, .header = (bytes[0] & 15u) * 4u, .addresses = 12,
				       .address_size = 4, .protocol = bytes[9],
				       .whole = ((bytes[6] << 8 | bytes[7]) & 0x3fff) == 0 };
	if (length >= IPV6_HEADER && bytes[0] >> 4 == 6)
		return (struct parts){ .family = 6, .header = IPV6_HEADER, .addresses = 8,
				       .address_size = 16, .protocol = bytes[6], .whole = true };
	return (struct parts){ 0 };
}

bool packet_is_icmp(const uint8_t *bytes, size_t length)
{
	struct parts parts = parts_of(bytes, length);

	return parts.whole && (parts.family == 4 ? parts.protocol == IPPROTO_ICMP :
						   parts.protocol == IPPROTO_ICMPV6);
}

static bool has_ports(const struct parts *parts)
{
	return parts->whole && (parts->protocol == IPPROTO_TCP || parts->protocol == IPPROTO_UDP);
}

bool packet_restore(uint8_t *bytes, size_t length, const uint8_t *original, size_t original_length)
{
	struct parts now = parts_of(bytes, length), then = parts_of(original, original_length);

	if (!now.header || now.header < IPV4_HEADER || packet_stated_length(bytes, length) != length)
		return false;
	if (now.family != then.family || now.protocol != then.protocol || now.whole != then.whole)
		return false;
	memcpy(bytes + now.addresses, original + then.addresses, 2 * now.address_size);
	if (!has_ports(&now))
		return true;
	if (length < now.header + PORTS || original_length < then.header + PORTS)
		return false;
	memcpy(bytes + now.header, original + then.header, PORTS);
	return true;
}

static void put_port(uint8_t *at, uint16_t port)
{
	at[0] = (uint8_t)(port >> 8);
	at[1] = (uint8_t)port;
}

bool packet_address(uint8_t *bytes, size_t length, const struct program_conduit *conduit,
		    uint16_t server_port, bool to_device)
{
	struct parts parts = parts_of(bytes, length);
	uint8_t *from = bytes + parts.addresses, *to = from + parts.address_size;

	if (parts.family != conduit->family || parts.protocol != IPPROTO_TCP || !parts.whole ||
	    parts.header != (parts.family == 4 ? IPV4_HEADER : IPV6_HEADER) ||
	    length < parts.header + TCP_HEADER || packet_stated_length(bytes, length) != length)
		return false;
	memcpy(from, to_device ? conduit->server : conduit->device, parts.address_size);
	memcpy(to, to_device ? conduit->device : conduit->server, parts.address_size);
	put_port(bytes + parts.header, to_device ? server_port : conduit->port);
	put_port(bytes + parts.header + 2, to_device ? conduit->port : server_port);
	return true;
}

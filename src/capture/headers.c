/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/headers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/cursor.h"

#define IPV6_EXTENSIONS_MAX 16u

void endpoint_text(const struct endpoint *endpoint, char out[static ENDPOINT_TEXT])
{
	char address[INET6_ADDRSTRLEN] = "?";

	inet_ntop(endpoint->family == 4 ? AF_INET : AF_INET6, endpoint->address, address,
		  sizeof(address));
	snprintf(out, ENDPOINT_TEXT, endpoint->family == 4 ? "%s:%u" : "[%s]:%u", address,
		 endpoint->port);
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->family == b->family && a->port == b->port &&
	       memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

static void read_address(struct cursor *c, uint8_t family, struct endpoint *ret)
{
	size_t size = family == 4 ? 4 : 16;
	const uint8_t *bytes = cursor_take(c, size);

	ret->family = family;
	if (bytes)
		memcpy(ret->address, bytes, size);
}

/* `total` is what the header promises for everything behind the cursor. */
static bool set_payload(struct cursor *c, size_t total, struct ip_part *ret)
{
	size_t there = cursor_left(c);

	ret->length = there < total ? there : total;
	ret->cut = total - ret->length;
	ret->payload = c->p;
	return !c->bad;
}

static bool read_ipv4(struct cursor *c, size_t len, struct ip_part *ret)
{
	size_t header = (size_t)(cursor_u8(c) & 0x0f) * 4;
	size_t total;
	uint16_t fragment;

	cursor_u8(c);
	total = cursor_be16(c);
	/* a packet handed to a network card for segmentation has no length yet */
	if (total == 0)
		total = len;
	ret->identification = cursor_be16(c);
	fragment = cursor_be16(c);
	ret->more = fragment & 0x2000u;
	ret->offset = (fragment & 0x1fffu) * 8u;
	cursor_u8(c);
	ret->protocol = cursor_u8(c);
	cursor_be16(c);
	read_address(c, 4, &ret->source);
	read_address(c, 4, &ret->target);
	if (header < 20 || total < header)
		return false;
	cursor_take(c, header - 20);
	return set_payload(c, total - header, ret);
}

static bool is_ipv6_extension(uint8_t protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING ||
	       protocol == IPPROTO_DSTOPTS || protocol == IPPROTO_FRAGMENT ||
	       protocol == IPPROTO_AH;
}

/* Reads one extension header; returns its size. */
static size_t read_ipv6_extension(struct cursor *c, struct ip_part *ret)
{
	uint8_t kind = ret->protocol;
	size_t size;
	uint16_t fragment;

	ret->protocol = cursor_u8(c);
	size = cursor_u8(c);
	if (kind == IPPROTO_FRAGMENT) {
		fragment = cursor_be16(c);
		ret->offset = fragment & 0xfff8u;
		ret->more = fragment & 1u;
		ret->identification = cursor_be32(c);
		return 8;
	}
	size = kind == IPPROTO_AH ? (size + 2) * 4 : (size + 1) * 8;
	cursor_take(c, size - 2);
	return size;
}

static bool read_ipv6(struct cursor *c, size_t len, struct ip_part *ret)
{
	size_t total;

	cursor_be32(c);
	total = cursor_be16(c);
	if (total == 0 && len > 40)
		total = len - 40;
	ret->protocol = cursor_u8(c);
	cursor_u8(c);
	read_address(c, 6, &ret->source);
	read_address(c, 6, &ret->target);
	for (size_t i = 0; i < IPV6_EXTENSIONS_MAX && is_ipv6_extension(ret->protocol); i++) {
		size_t size;

		if (ret->offset > 0)
			break;
		size = read_ipv6_extension(c, ret);
		if (c->bad || size > total)
			return false;
		total -= size;
	}
	return set_payload(c, total, ret);
}

bool headers_ip(const uint8_t *bytes, size_t len, struct ip_part *ret)
{
	struct cursor c = cursor_over(bytes, len);

	*ret = (struct ip_part){ 0 };
	if (len == 0)
		return false;
	switch (bytes[0] >> 4) {
	case 4:
		return read_ipv4(&c, len, ret);
	case 6:
		return read_ipv6(&c, len, ret);
	default:
		return false;
	}
}

bool headers_tcp(const struct ip_part *part, struct tcp_segment *ret)
{
	struct cursor c = cursor_over(part->payload, part->length);
	size_t header;

	if (part->protocol != IPPROTO_TCP)
		return false;
	*ret = (struct tcp_segment){
		.source = part->source,
		.target = part->target,
		.cut = part->cut,
	};
	ret->source.port = cursor_be16(&c);
	ret->target.port = cursor_be16(&c);
	ret->sequence = cursor_be32(&c);
	ret->acknowledgement = cursor_be32(&c);
	header = (size_t)(cursor_u8(&c) >> 4) * 4;
	ret->flags = cursor_u8(&c) & 0x1f;
	cursor_take(&c, 6);
	if (header < 20)
		return false;
	cursor_take(&c, header - 20);
	ret->payload = c.p;
	ret->length = cursor_left(&c);
	return !c.bad;
}

bool headers_udp(const struct ip_part *part, struct udp_datagram *ret)
{
	struct cursor c = cursor_over(part->payload, part->length);
	size_t length;

	if (part->protocol != IPPROTO_UDP)
		return false;
	*ret = (struct udp_datagram){ .source = part->source, .target = part->target };
	ret->source.port = cursor_be16(&c);
	ret->target.port = cursor_be16(&c);
	length = cursor_be16(&c);
	cursor_be16(&c); /* checksum */
	if (c.bad || length < 8)
		return false;
	ret->length = length - 8;
	ret->payload = cursor_take(&c, ret->length);
	return !c.bad;
}

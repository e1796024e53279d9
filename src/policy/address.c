/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/address.h"

#include <arpa/inet.h>
#include <string.h>

static unsigned address_bits(const struct address *address)
{
	return address->family == 4 ? 32 : 128;
}

bool address_parse(const char *text, struct address *ret)
{
	*ret = (struct address){ .family = 4 };
	if (inet_pton(AF_INET, text, ret->b) == 1)
		return true;
	ret->family = 6;
	return inet_pton(AF_INET6, text, ret->b) == 1;
}

static bool parse_prefix(const char *text, unsigned max, uint8_t *ret)
{
	unsigned value = 0;
	size_t len = strlen(text);

	if (!len || len > 3 || (len > 1 && text[0] == '0'))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = value * 10 + (unsigned)(text[i] - '0');
	}
	*ret = (uint8_t)value;
	return value <= max;
}

bool network_parse(const char *text, struct address *ret_network, uint8_t *ret_prefix)
{
	char address[ADDRESS_TEXT_SIZE];
	const char *slash = strchr(text, '/');
	struct address masked;

	if (!slash || (size_t)(slash - text) >= sizeof(address))
		return false;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	if (!address_parse(address, ret_network) ||
	    !parse_prefix(slash + 1, address_bits(ret_network), ret_prefix))
		return false;
	masked = address_mask(ret_network, *ret_prefix);
	return !address_compare(&masked, ret_network);
}

struct address address_mask(const struct address *address, unsigned prefix)
{
	struct address masked = { .family = address->family };

	for (unsigned bit = 0; bit < prefix && bit < address_bits(address); bit++)
		masked.b[bit / 8] |= address->b[bit / 8] & (uint8_t)(0x80u >> bit % 8);
	return masked;
}

bool network_holds(const struct address *network, unsigned prefix, const struct address *address)
{
	struct address masked = address_mask(address, prefix);

	return !address_compare(&masked, network);
}

bool address_is_host(const struct address *address)
{
	static const uint8_t zero[15];

	if (address->family == 4)
		return address->b[0] != 0 && address->b[0] != 127 && address->b[0] < 224;
	if (address->b[0] == 0xff)
		return false;
	return memcmp(address->b, zero, sizeof(zero)) || address->b[15] > 1;
}

int address_compare(const struct address *a, const struct address *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->b, b->b, sizeof(a->b));
}

void address_format(const struct address *address, char out[static ADDRESS_TEXT_SIZE])
{
	out[0] = '\0';
	inet_ntop(address->family == 4 ? AF_INET : AF_INET6, address->b, out, ADDRESS_TEXT_SIZE);
}

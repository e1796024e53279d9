/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* IPv4 and IPv6 addresses and networks of the documents, in network byte order. */
#include <stdbool.h>
#include <stddef.h>

#include "policy/ruleset.h"

#define ADDRESS_TEXT_SIZE 46 /* longest text and a NUL */

/* A host's address as people write it, without prefix or zone index. */
bool address_parse(const char *text, struct address *ret);

/* "10.1.0.0/24" or "fd00::/64". False when it is neither, or when bits of the host part are set. */
bool network_parse(const char *text, struct address *ret_network, uint8_t *ret_prefix);

/* The address with all bits behind the prefix cleared. */
struct address address_mask(const struct address *address, unsigned prefix);

bool network_holds(const struct address *network, unsigned prefix, const struct address *address);

/* Could one host have it: not the unspecified, a multicast, loopback or the broadcast address. */
bool address_is_host(const struct address *address);

/* By family, then by value: the order of struct ruleset. */
int address_compare(const struct address *a, const struct address *b);

void address_format(const struct address *address, char out[static ADDRESS_TEXT_SIZE]);

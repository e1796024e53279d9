/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What the host itself knows of an IP packet: enough to see that it is whole, and to write addresses and
 * ports over what the core put there. Never follows anything that the packet says beyond its bounds.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/program.h"

/* The length that the IP header states, or 0 when there is no header. Bytes may be fewer than that. */
size_t packet_stated_length(const uint8_t *bytes, size_t length);

/* An ICMP packet of either family, not a fragment? */
bool packet_is_icmp(const uint8_t *bytes, size_t length);

/*
 * Addresses (and for TCP and UDP the ports) of `bytes` become those of `original`. False when `bytes` is
 * not a packet of the same family and protocol, of exactly its stated length.
 */
bool packet_restore(uint8_t *bytes, size_t length, const uint8_t *original, size_t original_length);

/*
 * Addresses and ports of a packet of the gate's own, from the conduit. False when it is not a TCP packet
 * of the conduit's family, without options or extension headers, of exactly its stated length.
 */
bool packet_address(uint8_t *bytes, size_t length, const struct program_conduit *conduit,
		    uint16_t server_port, bool to_device);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What the kernel logged of dropped packets, for an event loop: a descriptor that becomes readable and one
 * function that reads what is there, without blocking. The bytes come from the network: everything is
 * bounded, and what cannot be decoded is told as far as it could be.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/ruleset.h"

struct mnl_socket;

struct nflog {
	struct mnl_socket *socket;
	uint64_t lost; /* datagrams that the kernel could not deliver because the reader was slow */
};

struct nflog_message {
	char prefix[64];       /* as the rule wrote it: "gatehouse no-rule" */
	const char *reason;    /* "no-rule", a part of prefix; "" when it is not the gate's */
	char in[16], out[16];  /* names of the interfaces; "" when there is none */
	struct address source, destination; /* family 0: not an IP packet that could be read */
	uint8_t transport;     /* IPPROTO_*; of an IPv6 packet the first header that is no extension */
	bool has_ports;
	uint16_t source_port, destination_port; /* host order */
	uint32_t mark;
	uint32_t length;       /* of the IP packet as its header says; 0 = unknown */
};

/* Binds the group (RULESET_LOG_GROUP). Negative errno: -EPERM without CAP_NET_ADMIN, -EBUSY when taken. */
__attribute__((warn_unused_result)) int nflog_open(uint16_t group, struct nflog *ret);
void nflog_close(struct nflog *log);

/* To poll for reading. */
int nflog_fd(const struct nflog *log);

/*
 * Reads at most one datagram (some dozens of messages) and calls back for each. Returns the number of
 * messages, 0 when there is nothing to read, negative errno on failure.
 */
__attribute__((warn_unused_result))
int nflog_read(struct nflog *log, void (*each)(const struct nflog_message *, void *), void *data);

/* Fills in addresses, transport and ports from the first bytes of an IP packet. */
void nflog_decode_packet(const uint8_t *bytes, size_t length, struct nflog_message *ret);

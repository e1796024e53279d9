/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A request that waits for its reply, whoever gives it: the device, or the gate in its stead. A connection has a
 * fixed number of them. What is remembered of it to know its reply is the protocol's: Modbus' is small and lies
 * here, that of EtherNet/IP lies beside the session (enip_flow.h).
 */
#include <stdbool.h>
#include <stdint.h>

#include "protocol/enip_ask.h"
#include "protocol/modbus.h"

#define OUTSTANDING_MAX 16u

enum ask_state {
	ASK_PENDING = 1, /* forwarded, the device has not answered */
	ASK_DENIED       /* taken out; the gate's error reply is sent when its turn comes */
};

/* What is remembered of a request, of either protocol. */
union asked {
	struct modbus_ask modbus;
	struct enip_ask enip;
};

/* A reply of the gate's own, in a chain of the pool; length 0: none. */
struct refusal {
	uint16_t chain;
	uint16_t length;
};

struct ask {
	uint8_t state;      /* enum ask_state */
	bool any_transaction; /* the rule's quirk: the device answers with another id */
	uint32_t rule;
	uint64_t since;     /* io->now when it came */
	union {
		struct modbus_ask modbus; /* ASK_PENDING, Modbus */
		uint8_t enip;             /* ASK_PENDING, EtherNet/IP: its place in struct enip_flow */
		struct refusal refusal;   /* ASK_DENIED */
	};
};

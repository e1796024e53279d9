/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The words that rule documents choose from, one table a member. The schemas list the same words (a
 * test compares them). Modbus function names are not here but in protocol/modbus.c.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum side { SIDE_IT = 1, SIDE_DMZ, SIDE_OT };
enum role { ROLE_SERVER = 1, ROLE_DEVICE = 2 }; /* bits */
enum fallback { FALLBACK_CLOSED = 1, FALLBACK_OPEN };
enum gate_mode { GATE_ROUTED = 1, GATE_BRIDGE };
enum log_transport { LOG_TLS = 1, LOG_TCP, LOG_UDP };
enum overdue { OVERDUE_WARN = 1, OVERDUE_REFUSE_NEW };

struct word {
	const char *name;
	int value;
};

struct words {
	const char *what; /* "a side" */
	const struct word *items;
	size_t count;
};

/* sides: enum side; roles: enum role; modes, violations, value_types: as in protocol/program.h;
 * weekdays: 0 = Monday; word_orders: 0 = big; quirks: PROGRAM_QUIRK_*;
 * gate_modes: enum gate_mode; transports: enum log_transport; io_kinds: enum cip_io; pccc: enum
 * cip_kind; ethertypes: the EtherType. */
extern const struct words words_sides, words_roles, words_modes, words_violations, words_fallbacks,
	words_overdue, words_weekdays, words_value_types, words_word_orders, words_quirks,
	words_gate_modes, words_transports, words_io_kinds, words_pccc, words_ethertypes;

/* The name of a value, or NULL. */
const char *word_name(const struct words *words, int value);

struct protocol {
	const char *name;
	uint8_t transport; /* IPPROTO_TCP or IPPROTO_UDP */
	uint16_t port;     /* 0: a rule must name one */
	bool inspected;    /* its messages are decoded */
	bool available;    /* rules for it are read; else they are refused */
	uint8_t program;   /* enum program_protocol; 0: the inspector never sees it */
};

/* Positions of those that something is done for by name. */
enum protocol_position { PROTOCOL_MODBUS, PROTOCOL_ETHERNET_IP };

extern const struct protocol protocols[];
extern const size_t protocol_count;

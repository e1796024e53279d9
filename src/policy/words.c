/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/words.h"

#include <netinet/in.h>

#include "protocol/program.h"

static const struct word sides[] = { { "it", SIDE_IT }, { "dmz", SIDE_DMZ }, { "ot", SIDE_OT } };
static const struct word roles[] = { { "server", ROLE_SERVER }, { "device", ROLE_DEVICE } };
static const struct word modes[] = { { "enforce", PROGRAM_ENFORCE }, { "observe", PROGRAM_OBSERVE } };
static const struct word violations[] = {
	{ "reply", PROGRAM_REPLY },
	{ "reset", PROGRAM_RESET },
	{ "drop", PROGRAM_DROP },
};
static const struct word fallbacks[] = { { "closed", FALLBACK_CLOSED }, { "open", FALLBACK_OPEN } };
static const struct word overdue[] = { { "warn", OVERDUE_WARN }, { "refuse-new", OVERDUE_REFUSE_NEW } };
static const struct word weekdays[] = {
	{ "mon", 0 }, { "tue", 1 }, { "wed", 2 }, { "thu", 3 }, { "fri", 4 }, { "sat", 5 }, { "sun", 6 },
};
static const struct word value_types[] = {
	{ "uint16", PROGRAM_UINT16 },   { "int16", PROGRAM_INT16 },     { "uint32", PROGRAM_UINT32 },
	{ "int32", PROGRAM_INT32 },     { "float32", PROGRAM_FLOAT32 },
};
static const struct word word_orders[] = { { "big", 0 }, { "little", 1 } };
static const struct word quirks[] = { { "transaction-id", PROGRAM_QUIRK_TRANSACTION_ID } };
static const struct word gate_modes[] = { { "routed", 1 }, { "bridge", 2 } };
static const struct word transports[] = { { "tls", 1 }, { "tcp", 2 }, { "udp", 3 } };

#define ITEMS(array) .items = (array), .count = sizeof(array) / sizeof((array)[0])

const struct words words_sides = { "a side", ITEMS(sides) };
const struct words words_roles = { "a role", ITEMS(roles) };
const struct words words_modes = { "a mode", ITEMS(modes) };
const struct words words_violations = { "an answer to a violation", ITEMS(violations) };
const struct words words_fallbacks = { "what happens without the inspector", ITEMS(fallbacks) };
const struct words words_overdue = { "what happens to an overdue rule", ITEMS(overdue) };
const struct words words_weekdays = { "a day of the week", ITEMS(weekdays) };
const struct words words_value_types = { "a type of value", ITEMS(value_types) };
const struct words words_word_orders = { "an order of words", ITEMS(word_orders) };
const struct words words_quirks = { "a quirk", ITEMS(quirks) };
const struct words words_gate_modes = { "a mode of the gate", ITEMS(gate_modes) };
const struct words words_transports = { "a way to send records", ITEMS(transports) };

const char *word_name(const struct words *words, int value)
{
	for (size_t i = 0; i < words->count; i++)
		if (words->items[i].value == value)
			return words->items[i].name;
	return NULL;
}

const struct protocol protocols[] = {
	{ "modbus", IPPROTO_TCP, 502, true, true },
	{ "ethernet-ip", IPPROTO_TCP, 44818, true, false },
	{ "opc-ua", IPPROTO_TCP, 4840, true, false },
	{ "mqtt", IPPROTO_TCP, 1883, true, false },
	{ "tcp", IPPROTO_TCP, 0, false, true },
	{ "udp", IPPROTO_UDP, 0, false, true },
};
const size_t protocol_count = sizeof(protocols) / sizeof(protocols[0]);

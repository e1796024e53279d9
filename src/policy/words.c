/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/words.h"

#include <netinet/in.h>

#include "policy/cip_entry.h"
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
static const struct word gate_modes[] = { { "routed", GATE_ROUTED }, { "bridge", GATE_BRIDGE } };
static const struct word transports[] = { { "tls", LOG_TLS }, { "tcp", LOG_TCP }, { "udp", LOG_UDP } };
static const struct word io_kinds[] = {
	{ "listen-only", CIP_IO_LISTEN_ONLY },
	{ "input-only", CIP_IO_INPUT_ONLY },
	{ "exclusive-owner", CIP_IO_EXCLUSIVE_OWNER },
};
static const struct word pccc[] = { { "read", CIP_PCCC_READ }, { "write", CIP_PCCC_WRITE } };
/* What runs in plants without IP and may have to cross a bridge. */
static const struct word ethertypes[] = {
	{ "profinet-rt", 0x8892 }, { "ethercat", 0x88a4 }, { "powerlink", 0x88ab },
	{ "sercos-iii", 0x88cd },  { "goose", 0x88b8 },    { "sampled-values", 0x88ba },
	{ "lldp", 0x88cc },        { "mrp", 0x88e3 },      { "ptp", 0x88f7 },
	{ "hsr", 0x892f },         { "cc-link-ie", 0x890f }, { "dlr", 0x80e1 },
};

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
const struct words words_io_kinds = { "a kind of I/O connection", ITEMS(io_kinds) };
const struct words words_pccc = { "an access to data files", ITEMS(pccc) };
const struct words words_ethertypes = { "a known EtherType", ITEMS(ethertypes) };

const char *word_name(const struct words *words, int value)
{
	for (size_t i = 0; i < words->count; i++)
		if (words->items[i].value == value)
			return words->items[i].name;
	return NULL;
}

const struct protocol protocols[] = {
	[PROTOCOL_MODBUS] = { "modbus", IPPROTO_TCP, 502, true, true, PROGRAM_MODBUS },
	[PROTOCOL_ETHERNET_IP] = { "ethernet-ip", IPPROTO_TCP, 44818, true, true,
				   PROGRAM_ETHERNET_IP },
	{ "opc-ua", IPPROTO_TCP, 4840, true, false, 0 },
	{ "mqtt", IPPROTO_TCP, 1883, true, false, 0 },
	{ "tcp", IPPROTO_TCP, 0, false, true, 0 },
	{ "udp", IPPROTO_UDP, 0, false, true, 0 },
};
const size_t protocol_count = sizeof(protocols) / sizeof(protocols[0]);

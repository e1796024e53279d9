/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/shape.h"

#include <string.h>

#include <linux/netfilter.h>

#include "protocol/program.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

#define ND_SOLICIT 135u
#define ND_ADVERT 136u
#define ND_HOPS 255u
#define MLD_QUERY 130u
#define MLD_REPORT1 131u
#define MLD_DONE1 132u
#define MLD_REPORT2 143u
#define MLD_HOPS 1u
#define ICMP4_UNREACHABLE 3u /* fragmentation needed is one of its codes */
#define ICMP4_TIME_EXCEEDED 11u
#define ICMP6_UNREACHABLE 1u
#define ICMP6_TOO_BIG 2u
#define ICMP6_TIME_EXCEEDED 3u
#define PRIORITY_RAW (-300)
#define PRIORITY_SELF_TEST (-310) /* before conntrack and the gate's own output */
#define PRIORITY_FILTER 0
#define PRIORITY_LAST 1000 /* behind every other that may accept */

/* nft's numbers of data types. */
#define TYPE_IPV4 7u
#define TYPE_IPV6 8u
#define TYPE_PROTOCOL 12u
#define TYPE_PORT 13u
#define TYPE_IFNAME 41u
#define TYPE_TIME 43u
#define TYPE_HOUR 44u
#define TYPES2(a, b) ((a) << 6 | (b))
#define TYPES3(a, b, c) ((a) << 12 | (b) << 6 | (c))
#define TYPES4(a, b, c, d) ((a) << 18 | (b) << 12 | (c) << 6 | (d))

/*
 * Hints are type, length, value; numbers are in the machine's order (0 = none of its own, 1 = host).
 * 0: byte order of the key, 1: of the data, 3: the expression the key's type was taken from.
 */
static const uint8_t map_hints[] = { 0, 4, 0, 0, 0, 0, 1, 4, 1, 0, 0, 0 };
static const uint8_t set_hints[] = { 0, 4, 0, 0, 0, 0 };
/* "typeof meta mark . meta hour . meta time": a concatenation (13) of meta (9) mark (3), hour (32) and time (30). */
static const uint8_t window_hints[] = {
	0, 4, 0, 0, 0, 0,
	3, 56,
		0, 4, 13, 0, 0, 0,
		1, 48,
			0, 14, 0, 4, 9, 0, 0, 0, 1, 6, 0, 4, 3, 0, 0, 0,
			1, 14, 0, 4, 9, 0, 0, 0, 1, 6, 0, 4, 32, 0, 0, 0,
			2, 14, 0, 4, 9, 0, 0, 0, 1, 6, 0, 4, 30, 0, 0, 0,
};

const struct shape_set shape_sets[SHAPE_SETS] = {
	[SHAPE_CONDUITS4] = {
		.name = "conduits4", .keyword = "map", .exact = true, .map = true, .most = SHAPE_CONDUITS_MOST,
		.comment = "server . device . transport . port of the device : mark",
		.type = "type ipv4_addr . ipv4_addr . inet_proto . inet_service : mark",
		.key_type = TYPES4(TYPE_IPV4, TYPE_IPV4, TYPE_PROTOCOL, TYPE_PORT), .key_length = 16,
		.hints = map_hints, .hints_length = sizeof(map_hints),
	},
	[SHAPE_CONDUITS6] = {
		.name = "conduits6", .keyword = "map", .exact = true, .map = true, .most = SHAPE_CONDUITS_MOST,
		.comment = "the same for IPv6",
		.type = "type ipv6_addr . ipv6_addr . inet_proto . inet_service : mark",
		.key_type = TYPES4(TYPE_IPV6, TYPE_IPV6, TYPE_PROTOCOL, TYPE_PORT), .key_length = 40,
		.hints = map_hints, .hints_length = sizeof(map_hints),
	},
	[SHAPE_HOMES4] = {
		.name = "homes4", .keyword = "set",
		.comment = "which source addresses belong behind which interface",
		.type = "type ifname . ipv4_addr",
		.key_type = TYPES2(TYPE_IFNAME, TYPE_IPV4), .key_length = 20, .parts = { 16, 4 },
		.hints = set_hints, .hints_length = sizeof(set_hints),
	},
	[SHAPE_HOMES6] = {
		.name = "homes6", .keyword = "set",
		.comment = "the same for IPv6",
		.type = "type ifname . ipv6_addr",
		.key_type = TYPES2(TYPE_IFNAME, TYPE_IPV6), .key_length = 32, .parts = { 16, 16 },
		.hints = set_hints, .hints_length = sizeof(set_hints),
	},
	[SHAPE_WINDOWS] = {
		.name = "windows", .keyword = "set",
		.comment = "when conduits with a schedule or an expiry are open: timetable . seconds of the day . seconds UTC",
		.type = "typeof meta mark . meta hour . meta time",
		.key_type = TYPES3(SHAPE_TYPE_MARK, TYPE_HOUR, TYPE_TIME), .key_length = 16, .parts = { 4, 4, 8 },
		.hints = window_hints, .hints_length = sizeof(window_hints),
	},
	[SHAPE_OVERDUE] = {
		.name = "overdue", .keyword = "set",
		.comment = "from when on conduits that are not inspected serve no new connection: their review is overdue",
		.type = "typeof meta mark . meta time",
		.key_type = TYPES2(SHAPE_TYPE_MARK, TYPE_TIME), .key_length = 12, .parts = { 4, 8 },
		.hints = window_hints, .hints_length = sizeof(window_hints),
	},
	[SHAPE_OWN4] = {
		.name = "own4", .keyword = "set", .exact = true,
		.comment = "whom the gate itself may ask: address . transport . port there",
		.type = "type ipv4_addr . inet_proto . inet_service",
		.key_type = TYPES3(TYPE_IPV4, TYPE_PROTOCOL, TYPE_PORT), .key_length = 12,
		.hints = set_hints, .hints_length = sizeof(set_hints),
	},
	[SHAPE_OWN6] = {
		.name = "own6", .keyword = "set", .exact = true,
		.comment = "the same for IPv6",
		.type = "type ipv6_addr . inet_proto . inet_service",
		.key_type = TYPES3(TYPE_IPV6, TYPE_PROTOCOL, TYPE_PORT), .key_length = 24,
		.hints = set_hints, .hints_length = sizeof(set_hints),
	},
};

const struct shape_drop shape_drops[SHAPE_DROPS] = {
	{ "no_rule", "no-rule", "no documented rule names this packet's hosts, protocol and port" },
	{ "spoofed_source", "spoofed-source", "the source address does not belong behind this interface" },
	{ "outside_schedule", "outside-schedule", "there is a rule, but its schedule or expiry closes it now" },
	{ "review_overdue", "review-overdue", "the rule serves no new connection until it is reviewed" },
	{ "device_initiated", "device-initiated", "a device opens a connection to its server" },
	{ "unknown_connection", "unknown-connection", "in mid-stream of a connection that was not seen to open" },
	{ "to_gate", "to-gate", "addressed to the gate itself, which offers nothing" },
	{ "from_gate", "from-gate", "sent by the gate itself, without need" },
	{ "made_elsewhere", "made-elsewhere", "made by the inspector, but for no inspected conduit" },
};

#define MARK_HAS(bits) { .kind = STEP_MARK_BITS, .a = (bits), .b = (bits) }
#define MARK_LACKS(bits) { .kind = STEP_MARK_BITS, .a = (bits), .b = 0 }
#define LINK(type, hops) { .kind = STEP_LINK, .a = (type), .b = (hops) }
#define ICMP4(type) { .kind = STEP_ICMP, .a = 4, .b = (type) }
#define ICMP6(type) { .kind = STEP_ICMP, .a = 6, .b = (type) }

static const struct shape_rule known_rules[] = {
	{ "a conduit with a timetable is open only inside its windows",
	  { MARK_HAS(MARK_TIMED), { .kind = STEP_CLOSED_NOW }, { .kind = STEP_GOTO, .name = "outside_schedule" } } },
	{ "the inspector keeps the state of inspected conduits, conntrack does not",
	  { MARK_HAS(MARK_INSPECTED), { .kind = STEP_NOTRACK } } },
};

static const struct shape_rule answer_rules[] = {
	{ "the same check, before the mark says that it is an answer",
	  { MARK_HAS(MARK_TIMED), { .kind = STEP_CLOSED_NOW }, { .kind = STEP_GOTO, .name = "outside_schedule" } } },
	{ NULL, { { .kind = STEP_MARK_ADD, .a = MARK_REPLY } } },
	{ NULL, { MARK_HAS(MARK_INSPECTED), { .kind = STEP_NOTRACK } } },
};

static const struct shape_rule find4_rules[] = {
	{ NULL, { { .kind = STEP_STRANGER, .a = 4 }, { .kind = STEP_GOTO, .name = "spoofed_source" } } },
	{ "as the rules are written: server to device", { { .kind = STEP_FIND, .a = 4 } } },
	{ NULL, { { .kind = STEP_MARK_IS_NOT, .a = 0 }, { .kind = STEP_GOTO, .name = "known" } } },
	{ "and back", { { .kind = STEP_FIND, .a = 4, .b = 1 } } },
	{ NULL, { { .kind = STEP_MARK_IS_NOT, .a = 0 }, { .kind = STEP_GOTO, .name = "answer" } } },
};

static const struct shape_rule find6_rules[] = {
	{ "neighbour discovery has link-local sources; input decides on it",
	  { LINK(ND_SOLICIT, ND_HOPS), { .kind = STEP_ACCEPT } } },
	{ NULL, { LINK(ND_ADVERT, ND_HOPS), { .kind = STEP_ACCEPT } } },
	{ NULL, { { .kind = STEP_STRANGER, .a = 6 }, { .kind = STEP_GOTO, .name = "spoofed_source" } } },
	{ NULL, { { .kind = STEP_FIND, .a = 6 } } },
	{ NULL, { { .kind = STEP_MARK_IS_NOT, .a = 0 }, { .kind = STEP_GOTO, .name = "known" } } },
	{ NULL, { { .kind = STEP_FIND, .a = 6, .b = 1 } } },
	{ NULL, { { .kind = STEP_MARK_IS_NOT, .a = 0 }, { .kind = STEP_GOTO, .name = "answer" } } },
};

static const struct shape_rule classify_rules[] = {
	{ "a mark is never believed from outside", { { .kind = STEP_MARK_SET, .a = 0 } } },
	{ NULL, { { .kind = STEP_FROM_LOOPBACK }, { .kind = STEP_ACCEPT } } },
	{ "the kernel forwards no broadcast; input counts it (their sources are often none or link-local)",
	  { { .kind = STEP_TO_MANY }, { .kind = STEP_ACCEPT } } },
	{ NULL, { { .kind = STEP_FAMILY, .a = 4 }, { .kind = STEP_GOTO, .name = "find4" } } },
	{ NULL, { { .kind = STEP_FAMILY, .a = 6 }, { .kind = STEP_GOTO, .name = "find6" } } },
};

/* Every error is looked up, as every packet is: a rule taken away takes those of its connections along. */
static const struct shape_rule related_rules[] = {
	{ "the connection that the error is about, as its server opened it, has a conduit",
	  { ICMP4(ICMP4_UNREACHABLE), { .kind = STEP_FIND_RELATED, .a = 4 } } },
	{ NULL, { ICMP4(ICMP4_TIME_EXCEEDED), { .kind = STEP_FIND_RELATED, .a = 4 } } },
	{ NULL, { ICMP6(ICMP6_UNREACHABLE), { .kind = STEP_FIND_RELATED, .a = 6 } } },
	{ NULL, { ICMP6(ICMP6_TOO_BIG), { .kind = STEP_FIND_RELATED, .a = 6 } } },
	{ NULL, { ICMP6(ICMP6_TIME_EXCEEDED), { .kind = STEP_FIND_RELATED, .a = 6 } } },
	{ NULL, { { .kind = STEP_MARK_IS, .a = 0 }, { .kind = STEP_GOTO, .name = "no_rule" } } },
	{ NULL, { MARK_HAS(MARK_TIMED), { .kind = STEP_CLOSED_NOW }, { .kind = STEP_GOTO, .name = "outside_schedule" } } },
	{ "conntrack may remember a connection from before its conduit was inspected",
	  { MARK_HAS(MARK_INSPECTED), { .kind = STEP_GOTO, .name = "unknown_connection" } } },
	{ NULL, { { .kind = STEP_ACCEPT } } },
};

static const struct shape_rule errors_rules[] = {
	{ "of connections that conntrack knows", { { .kind = STEP_STATE, .a = SHAPE_STATE_RELATED },
						  { .kind = STEP_GOTO, .name = "related" } } },
	{ "of inspected ones, which it does not know: by what they quote",
	  { ICMP4(ICMP4_UNREACHABLE), { .kind = STEP_GOTO, .name = "quoted4" } } },
	{ NULL, { ICMP4(ICMP4_TIME_EXCEEDED), { .kind = STEP_GOTO, .name = "quoted4" } } },
	{ NULL, { ICMP6(ICMP6_UNREACHABLE), { .kind = STEP_GOTO, .name = "quoted6" } } },
	{ NULL, { ICMP6(ICMP6_TOO_BIG), { .kind = STEP_GOTO, .name = "quoted6" } } },
	{ NULL, { ICMP6(ICMP6_TIME_EXCEEDED), { .kind = STEP_GOTO, .name = "quoted6" } } },
	{ NULL, { { .kind = STEP_GOTO, .name = "no_rule" } } },
};

static const struct shape_rule quoted4_rules[] = {
	{ "the quoted packet's own look-up, so that the error finds the inspector of its conduit",
	  { { .kind = STEP_FIND_QUOTED, .a = 4 } } },
	{ NULL, { { .kind = STEP_MARK_IS_NOT, .a = 0 }, { .kind = STEP_GOTO, .name = "ask" } } },
	{ "or it was sent by the device", { { .kind = STEP_FIND_QUOTED, .a = 4, .b = 1 } } },
	{ NULL, { { .kind = STEP_GOTO, .name = "ask" } } },
};

static const struct shape_rule quoted6_rules[] = {
	{ NULL, { { .kind = STEP_FIND_QUOTED, .a = 6 } } },
	{ NULL, { { .kind = STEP_MARK_IS_NOT, .a = 0 }, { .kind = STEP_GOTO, .name = "ask" } } },
	{ NULL, { { .kind = STEP_FIND_QUOTED, .a = 6, .b = 1 } } },
	{ NULL, { { .kind = STEP_GOTO, .name = "ask" } } },
};

static const struct shape_rule ask_rules[] = {
	{ "of no conduit, or of one whose errors conntrack would have known",
	  { MARK_LACKS(MARK_INSPECTED), { .kind = STEP_GOTO, .name = "no_rule" } } },
	{ NULL, { MARK_HAS(MARK_TIMED), { .kind = STEP_CLOSED_NOW }, { .kind = STEP_GOTO, .name = "outside_schedule" } } },
	{ "looking for the connection costs the inspector more than a packet of one: not too often",
	  { { .kind = STEP_LIMIT, .a = SHAPE_ERROR_RATE, .b = SHAPE_ERROR_BURST },
	    { .kind = STEP_GOTO, .name = "queues" } } },
	{ NULL, { { .kind = STEP_GOTO, .name = "no_rule" } } },
};

#define BUCKET(number) { NULL, { { .kind = STEP_MARK_BITS, .a = RULESET_BUCKETS - 1, .b = (number) }, \
				 { .kind = STEP_QUEUE, .a = (number) } } }

static const struct shape_rule queues_rules[] = {
	{ "these pass while their inspector makes no progress: in a queue of their own",
	  { MARK_HAS(MARK_OPEN), { .kind = STEP_QUEUE, .a = RULESET_BUCKET_OPEN } } },
	{ "one inspector a conduit, by the last bits of its number",
	  { { .kind = STEP_MARK_BITS, .a = RULESET_BUCKETS - 1, .b = 0 }, { .kind = STEP_QUEUE, .a = 0 } } },
	BUCKET(1), BUCKET(2), BUCKET(3), BUCKET(4), BUCKET(5), BUCKET(6), BUCKET(7), BUCKET(8),
	BUCKET(9), BUCKET(10), BUCKET(11), BUCKET(12), BUCKET(13), BUCKET(14), BUCKET(15),
};
_Static_assert(COUNT(queues_rules) == RULESET_BUCKETS + 1, "a bucket without its queue");

static const struct shape_rule forward_rules[] = {
	{ "inspected, either direction: the inspector decides; without it nothing passes",
	  { MARK_HAS(MARK_INSPECTED), { .kind = STEP_GOTO, .name = "queues" } } },
	{ "of no conduit, unless it is an ICMP error about a packet of one",
	  { { .kind = STEP_MARK_IS, .a = 0 }, { .kind = STEP_GOTO, .name = "errors" } } },
	{ "of a conduit whose review is overdue: connections go on as long as conntrack knows them, none begins",
	  { MARK_LACKS(MARK_REPLY), { .kind = STEP_FRESH }, { .kind = STEP_OVERDUE_NOW },
	    { .kind = STEP_GOTO, .name = "review_overdue" } } },
	{ "not inspected: the server opens (or answers a device that it may open to itself), the device answers",
	  { MARK_LACKS(MARK_REPLY), { .kind = STEP_STATE, .a = SHAPE_STATE_NEW | SHAPE_STATE_ESTABLISHED },
	    { .kind = STEP_ACCEPT } } },
	{ NULL, { MARK_HAS(MARK_REPLY), { .kind = STEP_DIRECTION, .a = 1 },
		  { .kind = STEP_STATE, .a = SHAPE_STATE_ESTABLISHED }, { .kind = STEP_ACCEPT } } },
	{ "what is left has a rule, but not this way round or not now",
	  { MARK_HAS(MARK_REPLY), { .kind = STEP_STATE, .a = SHAPE_STATE_NEW },
	    { .kind = STEP_GOTO, .name = "device_initiated" } } },
	{ NULL, { { .kind = STEP_GOTO, .name = "unknown_connection" } } },
};

static const struct shape_rule input_rules[] = {
	{ NULL, { { .kind = STEP_FROM_LOOPBACK }, { .kind = STEP_ACCEPT } } },
	{ "IPv6 cannot work without neighbour discovery",
	  { LINK(ND_SOLICIT, ND_HOPS), { .kind = STEP_ACCEPT } } },
	{ NULL, { LINK(ND_ADVERT, ND_HOPS), { .kind = STEP_ACCEPT } } },
	{ "switches forget who listens, and with it where the gate is, unless it answers their question",
	  { LINK(MLD_QUERY, MLD_HOPS), { .kind = STEP_ACCEPT } } },
	{ "answers to what the gate itself asked, and nothing that was not asked for",
	  { { .kind = STEP_OWN, .a = 4, .b = 1 }, { .kind = STEP_DIRECTION, .a = 1 },
	    { .kind = STEP_STATE, .a = SHAPE_STATE_ESTABLISHED }, { .kind = STEP_ACCEPT } } },
	{ NULL, { { .kind = STEP_OWN, .a = 6, .b = 1 }, { .kind = STEP_DIRECTION, .a = 1 },
		  { .kind = STEP_STATE, .a = SHAPE_STATE_ESTABLISHED }, { .kind = STEP_ACCEPT } } },
	{ NULL, { { .kind = STEP_GOTO, .name = "to_gate" } } },
};

static const struct shape_rule made_rules[] = {
	{ "the tuple is looked up into the mark: that of an inspected conduit, either way round, may leave",
	  { { .kind = STEP_FIND, .a = 4 } } },
	{ NULL, { { .kind = STEP_FIND, .a = 4, .b = 1 } } },
	{ NULL, { { .kind = STEP_FIND, .a = 6 } } },
	{ NULL, { { .kind = STEP_FIND, .a = 6, .b = 1 } } },
	{ NULL, { MARK_HAS(MARK_INSPECTED), { .kind = STEP_ACCEPT } } },
	{ NULL, { { .kind = STEP_GOTO, .name = "made_elsewhere" } } },
};

static const struct shape_rule told_rules[] = {
	{ "too big, nobody there, too many hops: the kernel gives its errors the mark of the packet they are about",
	  { ICMP4(ICMP4_UNREACHABLE), { .kind = STEP_ACCEPT } } },
	{ NULL, { ICMP4(ICMP4_TIME_EXCEEDED), { .kind = STEP_ACCEPT } } },
	{ NULL, { ICMP6(ICMP6_UNREACHABLE), { .kind = STEP_ACCEPT } } },
	{ NULL, { ICMP6(ICMP6_TOO_BIG), { .kind = STEP_ACCEPT } } },
	{ NULL, { ICMP6(ICMP6_TIME_EXCEEDED), { .kind = STEP_ACCEPT } } },
	{ NULL, { { .kind = STEP_GOTO, .name = "from_gate" } } },
};

static const struct shape_rule output_rules[] = {
	{ NULL, { { .kind = STEP_TO_LOOPBACK }, { .kind = STEP_ACCEPT } } },
	{ NULL, { LINK(ND_SOLICIT, ND_HOPS), { .kind = STEP_ACCEPT } } },
	{ NULL, { LINK(ND_ADVERT, ND_HOPS), { .kind = STEP_ACCEPT } } },
	{ "which groups the gate listens to; before any mark is asked, because the kernel keeps a length in theirs",
	  { LINK(MLD_REPORT2, MLD_HOPS), { .kind = STEP_ACCEPT } } },
	{ NULL, { LINK(MLD_REPORT1, MLD_HOPS), { .kind = STEP_ACCEPT } } },
	{ NULL, { LINK(MLD_DONE1, MLD_HOPS), { .kind = STEP_ACCEPT } } },
	{ "error replies and resets of the inspector",
	  { { .kind = STEP_MARK_IS, .a = MARK_MADE }, { .kind = STEP_GOTO, .name = "made" } } },
	{ NULL, { { .kind = STEP_MARK_IS_NOT, .a = 0 }, { .kind = STEP_GOTO, .name = "told" } } },
	{ "what the site's \"gate\" says that the box itself needs: the time, its log",
	  { { .kind = STEP_OWN, .a = 4 }, { .kind = STEP_DIRECTION, .a = 0 },
	    { .kind = STEP_STATE, .a = SHAPE_STATE_NEW | SHAPE_STATE_ESTABLISHED }, { .kind = STEP_ACCEPT } } },
	{ NULL, { { .kind = STEP_OWN, .a = 6 }, { .kind = STEP_DIRECTION, .a = 0 },
		  { .kind = STEP_STATE, .a = SHAPE_STATE_NEW | SHAPE_STATE_ESTABLISHED }, { .kind = STEP_ACCEPT } } },
	{ NULL, { { .kind = STEP_GOTO, .name = "from_gate" } } },
};

static const struct shape_rule exempt_rules[] = {
	{ NULL, { { .kind = STEP_MARK_IS, .a = MARK_MADE }, { .kind = STEP_NOTRACK } } },
};

#define RULES(rows) .rules = rows, .rule_count = COUNT(rows)
#define HOOK(word, number) .hook = word, .hook_number = (number)

const struct shape_chain shape_chains[] = {
	{ .name = "known", RULES(known_rules), .comment = "found as written" },
	{ .name = "answer", RULES(answer_rules), .comment = "found the other way round: sent by the device" },
	{ .name = "find4", RULES(find4_rules),
	  .comment = "one look-up each way, however many rules there are" },
	{ .name = "find6", RULES(find6_rules), .comment = "the same for IPv6" },
	{ .name = "related", RULES(related_rules),
	  .comment = "ICMP errors about connections that are not inspected: never more than those" },
	{ .name = "queues", RULES(queues_rules),
	  .comment = "inspected: the inspector decides; without one nothing passes" },
	{ .name = "ask", RULES(ask_rules),
	  .comment = "errors that only the inspector can judge, by the packet that they quote" },
	{ .name = "quoted4", RULES(quoted4_rules), .comment = "whose packet does the error quote" },
	{ .name = "quoted6", RULES(quoted6_rules), .comment = "the same for IPv6" },
	{ .name = "errors", RULES(errors_rules), .comment = "forwarded, of no conduit by its own addresses" },
	{ .name = "told", RULES(told_rules), .comment = "what the gate says about packets of a conduit" },
	{ .name = "made", RULES(made_rules), .comment = "packets that the inspector made" },
	{ .name = "classify", RULES(classify_rules), HOOK("prerouting", NF_INET_PRE_ROUTING),
	  .priority = PRIORITY_RAW,
	  .comment = "every packet that arrives, of connections long established too, gets its conduit's mark" },
	{ .name = "forward", RULES(forward_rules), HOOK("forward", NF_INET_FORWARD),
	  .priority = PRIORITY_FILTER, .drop = true,
	  .comment = "what passes through: decided by the mark alone" },
	{ .name = "input", RULES(input_rules), HOOK("input", NF_INET_LOCAL_IN),
	  .priority = PRIORITY_FILTER, .drop = true, .comment = "what is addressed to the gate itself" },
	{ .name = "exempt", RULES(exempt_rules), HOOK("output", NF_INET_LOCAL_OUT),
	  .priority = PRIORITY_RAW,
	  .comment = "packets that the inspector made belong to connections that conntrack does not know" },
	{ .name = "output", RULES(output_rules), HOOK("output", NF_INET_LOCAL_OUT),
	  .priority = PRIORITY_FILTER, .drop = true, .comment = "what the gate itself sends" },
};
const size_t shape_chain_count = COUNT(shape_chains);

static const struct shape_rule guard_rules[] = {
	{ "the gate's table gave it a mark, so it was looked up there",
	  { { .kind = STEP_MARK_IS_NOT, .a = 0 }, { .kind = STEP_ACCEPT } } },
};

const struct shape_chain shape_guard = {
	.name = "forward", RULES(guard_rules), HOOK("forward", NF_INET_FORWARD), .priority = PRIORITY_LAST,
	.drop = true, .comment = "while the gate's table is not there, nothing is forwarded",
};

#define TRY(bucket) \
	{ NULL, { { .kind = STEP_MARK_IS, .a = RULESET_SELF_TEST(bucket) }, { .kind = STEP_QUEUE, .a = (bucket) } } }

static const struct shape_rule self_test_rules[] = {
	TRY(0u), TRY(1u), TRY(2u), TRY(3u), TRY(4u), TRY(5u), TRY(6u), TRY(7u),
	TRY(8u), TRY(9u), TRY(10u), TRY(11u), TRY(12u), TRY(13u), TRY(14u), TRY(15u),
};

const struct shape_chain shape_self_test = {
	.name = "output", RULES(self_test_rules), HOOK("output", NF_INET_LOCAL_OUT), .priority = PRIORITY_SELF_TEST,
	.comment = "the supervisor sends itself what must be denied",
};

void shape_drop_rules(const struct shape_drop *drop, struct shape_rule ret[SHAPE_DROP_RULES])
{
	ret[0] = (struct shape_rule){ .steps = { { .kind = STEP_COUNT, .name = drop->name } } };
	ret[1] = (struct shape_rule){ .steps = { { .kind = STEP_LOG, .name = drop->reason } } };
	ret[2] = (struct shape_rule){ .steps = { { .kind = STEP_DROP } } };
}

const struct shape_drop *shape_drop_named(const char *name)
{
	for (size_t i = 0; i < SHAPE_DROPS; i++) {
		if (!strcmp(shape_drops[i].name, name))
			return &shape_drops[i];
	}
	return NULL;
}

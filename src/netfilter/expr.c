/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/expr.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/if_packet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_NFQUEUE.h>

#include "netfilter/offsets.h"

struct build {
	struct nftnl_rule *rule;
	const struct ruleset *ruleset;
	const struct netfilter_kernel *kernel;
};

/* The registers are 64 bytes; sixteens have names of their own, fours between them too. */
static uint32_t register_at(uint32_t offset)
{
	return offset % 16 ? NFT_REG32_00 + offset / 4 : NFT_REG_1 + offset / 16;
}

static struct nftnl_expr *add(const struct build *b, const char *name)
{
	struct nftnl_expr *e = nftnl_expr_alloc(name);

	if (!e)
		abort();
	nftnl_rule_add_expr(b->rule, e);
	return e;
}

static void add_meta(const struct build *b, uint32_t key, uint32_t offset)
{
	struct nftnl_expr *e = add(b, "meta");

	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, register_at(offset));
}

static void add_mark_store(const struct build *b)
{
	struct nftnl_expr *e = add(b, "meta");

	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, NFT_META_MARK);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_SREG, NFT_REG_1);
}

static void add_compare(const struct build *b, uint32_t op, const void *data, uint32_t length)
{
	struct nftnl_expr *e = add(b, "cmp");

	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, op);
	nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, data, length);
}

/* register 1 = (register 1 & mask) ^ flip, on four bytes in the machine's order. */
static void add_bitwise(const struct build *b, uint32_t mask, uint32_t flip)
{
	struct nftnl_expr *e = add(b, "bitwise");

	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, sizeof(mask));
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, &mask, sizeof(mask));
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, &flip, sizeof(flip));
}

static void add_payload(const struct build *b, uint32_t base, uint32_t at, uint32_t length,
			uint32_t offset)
{
	struct nftnl_expr *e = add(b, "payload");

	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, at);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, length);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, register_at(offset));
}

/* Host to network order: what an interval set compares byte by byte must be big-endian. */
static void add_swap(const struct build *b, uint32_t size, uint32_t offset)
{
	struct nftnl_expr *e = add(b, "byteorder");

	nftnl_expr_set_u32(e, NFTNL_EXPR_BYTEORDER_SREG, register_at(offset));
	nftnl_expr_set_u32(e, NFTNL_EXPR_BYTEORDER_DREG, register_at(offset));
	nftnl_expr_set_u32(e, NFTNL_EXPR_BYTEORDER_OP, NFT_BYTEORDER_HTON);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BYTEORDER_LEN, size);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BYTEORDER_SIZE, size);
}

static struct nftnl_expr *add_lookup(const struct build *b, enum shape_set_id id)
{
	struct nftnl_expr *e = add(b, "lookup");

	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, shape_sets[id].name);
	return e;
}

static void add_lookup_missing(const struct build *b, enum shape_set_id id)
{
	nftnl_expr_set_u32(add_lookup(b, id), NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
}

static void add_verdict(const struct build *b, int verdict, const char *chain)
{
	struct nftnl_expr *e = add(b, "immediate");

	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, (uint32_t)verdict);
	if (chain)
		nftnl_expr_set_str(e, NFTNL_EXPR_IMM_CHAIN, chain);
}

/* ---- steps, each under the text it stands for ---- */

/* meta nfproto ipv4 */
static void add_family(const struct build *b, const struct step *s)
{
	uint8_t family = s->a == 4 ? NFPROTO_IPV4 : NFPROTO_IPV6;

	add_meta(b, NFT_META_NFPROTO, 0);
	add_compare(b, NFT_CMP_EQ, &family, sizeof(family));
}

/* meta mark & A == B */
static void add_mark_bits(const struct build *b, const struct step *s)
{
	add_meta(b, NFT_META_MARK, 0);
	add_bitwise(b, s->a, 0);
	add_compare(b, NFT_CMP_EQ, &s->b, sizeof(s->b));
}

/* meta mark A */
static void add_mark_is(const struct build *b, const struct step *s)
{
	add_meta(b, NFT_META_MARK, 0);
	add_compare(b, NFT_CMP_EQ, &s->a, sizeof(s->a));
}

/* meta mark != A */
static void add_mark_is_not(const struct build *b, const struct step *s)
{
	add_meta(b, NFT_META_MARK, 0);
	add_compare(b, NFT_CMP_NEQ, &s->a, sizeof(s->a));
}

/* meta mark set A */
static void add_mark_set(const struct build *b, const struct step *s)
{
	struct nftnl_expr *e = add(b, "immediate");

	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_1);
	nftnl_expr_set(e, NFTNL_EXPR_IMM_DATA, &s->a, sizeof(s->a));
	add_mark_store(b);
}

/* meta mark set meta mark | A */
static void add_mark_add(const struct build *b, const struct step *s)
{
	add_meta(b, NFT_META_MARK, 0);
	add_bitwise(b, ~s->a, s->a);
	add_mark_store(b);
}

/* meta pkttype != host */
static void add_to_many(const struct build *b, const struct step *s)
{
	const uint8_t host = PACKET_HOST;

	add_meta(b, NFT_META_PKTTYPE, 0);
	add_compare(b, NFT_CMP_NEQ, &host, sizeof(host));
}

static void add_interface(const struct build *b, uint32_t key)
{
	static const char loopback[16] = "lo";

	add_meta(b, key, 0);
	add_compare(b, NFT_CMP_EQ, loopback, sizeof(loopback));
}

/* iifname "lo" */
static void add_from_loopback(const struct build *b, const struct step *s)
{
	add_interface(b, NFT_META_IIFNAME);
}

/* oifname "lo" */
static void add_to_loopback(const struct build *b, const struct step *s)
{
	add_interface(b, NFT_META_OIFNAME);
}

/* icmp type B, icmpv6 type B */
static void add_icmp(const struct build *b, const struct step *s)
{
	const uint8_t protocol = s->a == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, type = (uint8_t)s->b;

	add_family(b, s);
	add_meta(b, NFT_META_L4PROTO, 0);
	add_compare(b, NFT_CMP_EQ, &protocol, sizeof(protocol));
	add_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, 0);
	add_compare(b, NFT_CMP_EQ, &type, sizeof(type));
}

/* icmpv6 type A ip6 hoplimit B */
static void add_link(const struct build *b, const struct step *s)
{
	const uint8_t hops = (uint8_t)s->b;

	add_icmp(b, &(struct step){ .a = 6, .b = s->a });
	add_payload(b, NFT_PAYLOAD_NETWORK_HEADER, IP6_HOP_LIMIT, 1, 0);
	add_compare(b, NFT_CMP_EQ, &hops, sizeof(hops));
}

/* iifname . ip saddr != @homes4 */
static void add_stranger(const struct build *b, const struct step *s)
{
	bool ip4 = s->a == 4;

	add_family(b, s);
	add_meta(b, NFT_META_IIFNAME, 0);
	add_payload(b, NFT_PAYLOAD_NETWORK_HEADER, ip4 ? IP4_SOURCE : IP6_SOURCE, ip4 ? 4 : 16, 16);
	add_lookup_missing(b, ip4 ? SHAPE_HOMES4 : SHAPE_HOMES6);
}

/* meta mark set ip saddr . ip daddr . meta l4proto . th dport map @conduits4, or reversed */
static void add_find(const struct build *b, const struct step *s)
{
	bool ip4 = s->a == 4;
	uint32_t size = ip4 ? 4 : 16;
	uint32_t source = ip4 ? IP4_SOURCE : IP6_SOURCE;
	uint32_t destination = ip4 ? IP4_DESTINATION : IP6_DESTINATION;

	add_family(b, s);
	add_payload(b, NFT_PAYLOAD_NETWORK_HEADER, s->b ? destination : source, size, 0);
	add_payload(b, NFT_PAYLOAD_NETWORK_HEADER, s->b ? source : destination, size, size);
	add_meta(b, NFT_META_L4PROTO, 2 * size);
	add_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, s->b ? PORT_SOURCE : PORT_DESTINATION, 2,
		    2 * size + 4);
	nftnl_expr_set_u32(add_lookup(b, ip4 ? SHAPE_CONDUITS4 : SHAPE_CONDUITS6),
			   NFTNL_EXPR_LOOKUP_DREG, NFT_REG_1);
	add_mark_store(b);
}

/* meta mark & 0x07fe0000 . meta hour . meta time != @windows */
static void add_closed_now(const struct build *b, const struct step *s)
{
	add_meta(b, NFT_META_MARK, 0);
	add_bitwise(b, MARK_TIMETABLE, 0);
	add_swap(b, 4, 0);
	add_meta(b, NFT_META_TIME_HOUR, 4);
	add_swap(b, 4, 4);
	add_meta(b, NFT_META_TIME_NS, 8);
	add_swap(b, 8, 8);
	add_lookup_missing(b, SHAPE_WINDOWS);
}

/* meta mark . meta time @overdue */
static void add_overdue_now(const struct build *b, const struct step *s)
{
	add_meta(b, NFT_META_MARK, 0);
	add_swap(b, 4, 0);
	add_meta(b, NFT_META_TIME_NS, 4);
	add_swap(b, 8, 4);
	add_lookup(b, SHAPE_OVERDUE);
}

static void add_ct(const struct build *b, uint32_t key, uint32_t offset)
{
	struct nftnl_expr *e = add(b, "ct");

	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_DREG, register_at(offset));
}

static void add_ct_original(const struct build *b, uint32_t key, uint32_t offset)
{
	struct nftnl_expr *e = add(b, "ct");

	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, key);
	if (key != NFT_CT_PROTOCOL) /* the same either way: the kernel forgets a direction, and verify would miss it */
		nftnl_expr_set_u8(e, NFTNL_EXPR_CT_DIR, IP_CT_DIR_ORIGINAL);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_DREG, register_at(offset));
}

/*
 * meta mark set ct original ip saddr . ct original ip daddr . ct protocol . ct original proto-dst
 * map @conduits4
 */
static void add_find_related(const struct build *b, const struct step *s)
{
	bool ip4 = s->a == 4;
	uint32_t size = ip4 ? 4 : 16;

	add_ct_original(b, ip4 ? NFT_CT_SRC_IP : NFT_CT_SRC_IP6, 0);
	add_ct_original(b, ip4 ? NFT_CT_DST_IP : NFT_CT_DST_IP6, size);
	add_ct(b, NFT_CT_PROTOCOL, 2 * size);
	add_ct_original(b, NFT_CT_PROTO_DST, 2 * size + 4);
	nftnl_expr_set_u32(add_lookup(b, ip4 ? SHAPE_CONDUITS4 : SHAPE_CONDUITS6),
			   NFTNL_EXPR_LOOKUP_DREG, NFT_REG_1);
	add_mark_store(b);
}

/*
 * meta nfproto ipv4 meta mark set @th,160,32 . @th,192,32 . @th,136,8 . @th,240,16 map @conduits4, or reversed
 * (nft takes this for a map of plain numbers alone). The quoted header lies behind the ICMP header, both of the
 * lengths without options: whatever else comes is denied by the inspector.
 */
static void add_find_quoted(const struct build *b, const struct step *s)
{
	const uint32_t base = NFT_PAYLOAD_TRANSPORT_HEADER;
	bool ip4 = s->a == 4;
	struct quoted_key key = quoted_key(ip4, s->b);

	add_family(b, s);
	add_payload(b, base, key.server, key.size, 0);
	add_payload(b, base, key.device, key.size, key.size);
	add_payload(b, base, key.protocol, 1, 2 * key.size);
	add_payload(b, base, key.port, 2, 2 * key.size + 4);
	nftnl_expr_set_u32(add_lookup(b, ip4 ? SHAPE_CONDUITS4 : SHAPE_CONDUITS6),
			   NFTNL_EXPR_LOOKUP_DREG, NFT_REG_1);
	add_mark_store(b);
}

/* ip daddr . meta l4proto . th dport @own4, or of the source */
static void add_own(const struct build *b, const struct step *s)
{
	bool ip4 = s->a == 4;
	uint32_t size = ip4 ? 4 : 16;
	uint32_t source = ip4 ? IP4_SOURCE : IP6_SOURCE;
	uint32_t destination = ip4 ? IP4_DESTINATION : IP6_DESTINATION;

	add_family(b, s);
	add_payload(b, NFT_PAYLOAD_NETWORK_HEADER, s->b ? source : destination, size, 0);
	add_meta(b, NFT_META_L4PROTO, size);
	add_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, s->b ? PORT_SOURCE : PORT_DESTINATION, 2, size + 4);
	add_lookup(b, ip4 ? SHAPE_OWN4 : SHAPE_OWN6);
}

/* ct direction original, reply */
static void add_direction(const struct build *b, const struct step *s)
{
	uint8_t direction = (uint8_t)s->a;

	add_ct(b, NFT_CT_DIRECTION, 0);
	add_compare(b, NFT_CMP_EQ, &direction, sizeof(direction));
}

/* ct state established,new */
static void add_state(const struct build *b, const struct step *s)
{
	const uint32_t none = 0;

	add_ct(b, NFT_CT_STATE, 0);
	add_bitwise(b, s->a, 0);
	add_compare(b, NFT_CMP_NEQ, &none, sizeof(none));
}

/* ct status ! confirmed */
static void add_fresh(const struct build *b, const struct step *s)
{
	const uint32_t none = 0;

	add_ct(b, NFT_CT_STATUS, 0);
	add_bitwise(b, SHAPE_STATUS_CONFIRMED, 0);
	add_compare(b, NFT_CMP_EQ, &none, sizeof(none));
}

/* notrack */
static void add_notrack(const struct build *b, const struct step *s)
{
	add(b, "notrack");
}

/* counter name "NAME" */
static void add_count(const struct build *b, const struct step *s)
{
	struct nftnl_expr *e = add(b, "objref");

	nftnl_expr_set_u32(e, NFTNL_EXPR_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
	nftnl_expr_set_str(e, NFTNL_EXPR_OBJREF_IMM_NAME, s->name);
}

/* limit rate A/second burst B packets */
static void add_limit(const struct build *b, const struct step *s)
{
	struct nftnl_expr *e = add(b, "limit");

	nftnl_expr_set_u64(e, NFTNL_EXPR_LIMIT_RATE, s->a);
	nftnl_expr_set_u64(e, NFTNL_EXPR_LIMIT_UNIT, 1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_BURST, s->b);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_TYPE, NFT_LIMIT_PKTS);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_FLAGS, 0);
}

/* limit rate 10/second burst 20 packets log prefix "gatehouse NAME" group G snaplen 128 */
static void add_log(const struct build *b, const struct step *s)
{
	struct nftnl_expr *log;
	char prefix[64] = SHAPE_LOG_PREFIX;

	add_limit(b, &(struct step){ .a = SHAPE_LOG_RATE, .b = SHAPE_LOG_BURST });
	log = add(b, "log");
	strncat(prefix, s->name, sizeof(prefix) - sizeof(SHAPE_LOG_PREFIX));
	nftnl_expr_set_str(log, NFTNL_EXPR_LOG_PREFIX, prefix);
	nftnl_expr_set_u16(log, NFTNL_EXPR_LOG_GROUP, b->ruleset->log_group);
	nftnl_expr_set_u32(log, NFTNL_EXPR_LOG_SNAPLEN, SHAPE_LOG_BYTES);
}

static void add_accept(const struct build *b, const struct step *s)
{
	add_verdict(b, NF_ACCEPT, NULL);
}

static void add_drop(const struct build *b, const struct step *s)
{
	add_verdict(b, NF_DROP, NULL);
}

static void add_jump(const struct build *b, const struct step *s)
{
	add_verdict(b, NFT_JUMP, s->name);
}

static void add_goto(const struct build *b, const struct step *s)
{
	add_verdict(b, NFT_GOTO, s->name);
}

/* The xtables target: its record is padded to eight bytes, and libnftnl frees it. */
static void add_queue_target(const struct build *b, uint16_t number)
{
	const size_t padded = (sizeof(struct xt_NFQ_info_v3) + 7) / 8 * 8;
	struct xt_NFQ_info_v3 *info = calloc(1, padded);
	struct nftnl_expr *e = add(b, "target");

	if (!info)
		abort();
	info->queuenum = number;
	info->queues_total = 1;
	nftnl_expr_set_str(e, NFTNL_EXPR_TG_NAME, "NFQUEUE");
	nftnl_expr_set_u32(e, NFTNL_EXPR_TG_REV, 3);
	nftnl_expr_set(e, NFTNL_EXPR_TG_INFO, info, (uint32_t)padded);
}

/* queue num N, never with bypass: no inspector, no packets */
static void add_queue(const struct build *b, const struct step *s)
{
	uint16_t number = ruleset_queue(b->ruleset, s->a);
	struct nftnl_expr *e;

	if (!b->kernel->queue) {
		add_queue_target(b, number);
		return;
	}
	e = add(b, "queue");
	nftnl_expr_set_u16(e, NFTNL_EXPR_QUEUE_NUM, number);
	nftnl_expr_set_u16(e, NFTNL_EXPR_QUEUE_TOTAL, 1);
	nftnl_expr_set_u16(e, NFTNL_EXPR_QUEUE_FLAGS, 0);
}

static void (*const add_step[STEP_KINDS])(const struct build *, const struct step *) = {
	[STEP_MARK_BITS] = add_mark_bits,
	[STEP_MARK_IS] = add_mark_is,
	[STEP_MARK_IS_NOT] = add_mark_is_not,
	[STEP_MARK_SET] = add_mark_set,
	[STEP_MARK_ADD] = add_mark_add,
	[STEP_FAMILY] = add_family,
	[STEP_TO_MANY] = add_to_many,
	[STEP_FROM_LOOPBACK] = add_from_loopback,
	[STEP_TO_LOOPBACK] = add_to_loopback,
	[STEP_LINK] = add_link,
	[STEP_ICMP] = add_icmp,
	[STEP_STRANGER] = add_stranger,
	[STEP_FIND] = add_find,
	[STEP_FIND_RELATED] = add_find_related,
	[STEP_FIND_QUOTED] = add_find_quoted,
	[STEP_OWN] = add_own,
	[STEP_CLOSED_NOW] = add_closed_now,
	[STEP_OVERDUE_NOW] = add_overdue_now,
	[STEP_FRESH] = add_fresh,
	[STEP_DIRECTION] = add_direction,
	[STEP_STATE] = add_state,
	[STEP_NOTRACK] = add_notrack,
	[STEP_COUNT] = add_count,
	[STEP_LIMIT] = add_limit,
	[STEP_LOG] = add_log,
	[STEP_ACCEPT] = add_accept,
	[STEP_DROP] = add_drop,
	[STEP_JUMP] = add_jump,
	[STEP_GOTO] = add_goto,
	[STEP_QUEUE] = add_queue,
};

void expr_add_steps(struct nftnl_rule *rule, const struct step *steps, const struct ruleset *ruleset,
		    const struct netfilter_kernel *kernel)
{
	const struct build b = { .rule = rule, .ruleset = ruleset, .kernel = kernel };

	for (const struct step *s = steps; s->kind; s++)
		add_step[s->kind](&b, s);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/foreign.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/flowtable.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "netfilter/frame.h"
#include "netfilter/shape.h"

#define LINE_MAX_BYTES 128

struct foreign {
	uint8_t family;
	const char *name;
	const char *hooks; /* "forward (priority 0), ..."; NULL: none of its chains sees packets */
	bool owned;        /* by a socket: nobody else can change it */
	size_t chains, rules;
	const char *deed;  /* the first thing in it that does more than look and drop; NULL: nothing */
};

struct reading {
	struct arena *arena;
	struct drift_list *drifts;
	struct foreign *tables;
	size_t count, capacity;
};

static const char *family_word(uint8_t family)
{
	static const struct {
		uint8_t family;
		const char *word;
	} words[] = {
		{ NFPROTO_INET, "inet" }, { NFPROTO_IPV4, "ip" }, { NFPROTO_IPV6, "ip6" },
		{ NFPROTO_ARP, "arp" }, { NFPROTO_BRIDGE, "bridge" }, { NFPROTO_NETDEV, "netdev" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i].family == family)
			return words[i].word;
	return "?";
}

static const char *hook_word(uint8_t family, uint32_t hook)
{
	static const char *const usual[] = { "prerouting", "input", "forward", "output", "postrouting",
					     "ingress" };
	static const char *const device[] = { "ingress", "egress" };
	static const char *const arp[] = { "input", "output", "forward" };

	if (family == NFPROTO_NETDEV)
		return hook < 2 ? device[hook] : "?";
	if (family == NFPROTO_ARP)
		return hook < 3 ? arp[hook] : "?";
	return hook < 6 ? usual[hook] : "?";
}

static struct foreign *table_of(struct reading *r, const struct nlmsghdr *nlh, const char *name)
{
	const struct nfgenmsg *head = mnl_nlmsg_get_payload(nlh);

	if (!name || (head->nfgen_family == NFPROTO_INET && !strcmp(name, SHAPE_TABLE)))
		return NULL;
	for (size_t i = 0; i < r->count; i++)
		if (r->tables[i].family == head->nfgen_family && !strcmp(r->tables[i].name, name))
			return &r->tables[i];
	if (r->count == r->capacity) {
		size_t capacity = r->capacity ? 2 * r->capacity : 16;
		struct foreign *tables = arena_array(r->arena, capacity, sizeof(*tables));

		if (r->count)
			memcpy(tables, r->tables, r->count * sizeof(*tables));
		r->tables = tables;
		r->capacity = capacity;
	}
	r->tables[r->count] = (struct foreign){ .family = head->nfgen_family,
						.name = arena_printf(r->arena, "%s", name) };
	return &r->tables[r->count++];
}

/* ---- tables and chains ---- */

static int each_table(const struct nlmsghdr *nlh, void *data)
{
	struct nftnl_table *table = nftnl_table_alloc();
	bool good = table && nftnl_table_nlmsg_parse(nlh, table) >= 0;
	struct foreign *foreign;

	if (good && (foreign = table_of(data, nlh, nftnl_table_get_str(table, NFTNL_TABLE_NAME))))
		foreign->owned = nftnl_table_get_u32(table, NFTNL_TABLE_FLAGS) == NFT_TABLE_F_OWNER;
	nftnl_table_free(table);
	return good ? MNL_CB_OK : MNL_CB_ERROR;
}

static void take_chain(struct reading *r, struct foreign *table, const struct nftnl_chain *chain)
{
	const char *type = nftnl_chain_get_str(chain, NFTNL_CHAIN_TYPE);

	table->chains++;
	if (!nftnl_chain_is_set(chain, NFTNL_CHAIN_HOOKNUM))
		return;
	table->hooks = arena_printf(
		r->arena, "%s%s%s (priority %d)", table->hooks ? table->hooks : "", table->hooks ? ", " : "",
		hook_word(table->family, nftnl_chain_get_u32(chain, NFTNL_CHAIN_HOOKNUM)),
		nftnl_chain_get_s32(chain, NFTNL_CHAIN_PRIO));
	if (!table->deed && type && strcmp(type, "filter"))
		table->deed = arena_printf(r->arena, "a chain of type %s", type);
}

static int each_chain(const struct nlmsghdr *nlh, void *data)
{
	struct nftnl_chain *chain = nftnl_chain_alloc();
	bool good = chain && nftnl_chain_nlmsg_parse(nlh, chain) >= 0;
	struct foreign *table;

	if (good && (table = table_of(data, nlh, nftnl_chain_get_str(chain, NFTNL_CHAIN_TABLE))))
		take_chain(data, table, chain);
	nftnl_chain_free(chain);
	return good ? MNL_CB_OK : MNL_CB_ERROR;
}

/* ---- rules ---- */

/* Expressions that look, count or end a packet's way; `source`: unless they write this register back. */
static const struct {
	const char *name;
	uint16_t source;
} harmless[] = {
	{ "bitwise", 0 }, { "byteorder", 0 }, { "cmp", 0 }, { "connlimit", 0 }, { "counter", 0 },
	{ "ct", NFTNL_EXPR_CT_SREG }, { "exthdr", NFTNL_EXPR_EXTHDR_SREG }, { "fib", 0 }, { "hash", 0 },
	{ "immediate", 0 }, { "last", 0 }, { "limit", 0 }, { "log", 0 }, { "lookup", 0 }, { "match", 0 },
	{ "meta", NFTNL_EXPR_META_SREG }, { "numgen", 0 }, { "osf", 0 },
	{ "payload", NFTNL_EXPR_PAYLOAD_SREG }, { "quota", 0 }, { "range", 0 }, { "reject", 0 },
	{ "rt", 0 }, { "socket", 0 }, { "tunnel", 0 }, { "xfrm", 0 },
};

static bool is_harmless(const struct nftnl_expr *expr, const char *name)
{
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		if (!strcmp(harmless[i].name, name))
			return !harmless[i].source || !nftnl_expr_is_set(expr, harmless[i].source);
	return false;
}

struct judging {
	struct arena *arena;
	struct foreign *table;
};

static int judge_expression(struct nftnl_expr *expr, void *data)
{
	struct judging *j = data;
	const char *name = nftnl_expr_get_str(expr, NFTNL_EXPR_NAME);

	if (!j->table->deed && !(name && is_harmless(expr, name)))
		j->table->deed = arena_printf(j->arena, "a rule with \"%s\"", name ? name : "?");
	return 0;
}

static int each_rule(const struct nlmsghdr *nlh, void *data)
{
	struct reading *r = data;
	struct nftnl_rule *rule = nftnl_rule_alloc();
	struct judging j = { .arena = r->arena };
	int parsed;

	if (!rule)
		return MNL_CB_ERROR;
	parsed = nftnl_rule_nlmsg_parse(nlh, rule);
	j.table = table_of(r, nlh, nftnl_rule_get_str(rule, NFTNL_RULE_TABLE));
	if (j.table && parsed < 0 && !j.table->deed)
		j.table->deed = "a rule of an unknown kind";
	if (j.table)
		j.table->rules++;
	if (j.table)
		nftnl_expr_foreach(rule, judge_expression, &j);
	nftnl_rule_free(rule);
	return MNL_CB_OK;
}

static int each_flowtable(const struct nlmsghdr *nlh, void *data)
{
	struct reading *r = data;
	struct nftnl_flowtable *flowtable = nftnl_flowtable_alloc();
	const struct foreign *table = NULL;

	if (flowtable && nftnl_flowtable_nlmsg_parse(nlh, flowtable) >= 0)
		table = table_of(r, nlh, nftnl_flowtable_get_str(flowtable, NFTNL_FLOWTABLE_TABLE));
	if (table)
		drift_add(r->drifts, &(struct drift){ .code = DRIFT_FOREIGN_FLOWTABLE },
			  arena_printf(r->arena, "table %s %s", family_word(table->family), table->name),
			  "it has a flow table: the connections in it pass without being asked");
	nftnl_flowtable_free(flowtable);
	return MNL_CB_OK;
}

/* A running supervisor's own: it can only drop, and no other program can have changed it. */
static bool is_guard(const struct foreign *table)
{
	return table->family == NFPROTO_INET && !strcmp(table->name, SHAPE_GUARD) && table->owned &&
	       !table->deed && table->chains == 1 && table->rules == shape_guard.rule_count;
}

/* Likewise. It sees only what the box itself sends, before the gate's own output decides on it. */
static bool is_self_test(const struct foreign *table)
{
	return table->family == NFPROTO_INET && !strcmp(table->name, SHAPE_SELF_TEST) && table->owned &&
	       table->chains == 1 && table->rules == shape_self_test.rule_count && table->hooks &&
	       !strncmp(table->hooks, "output ", 7);
}

static void report_table(struct reading *r, const struct foreign *table)
{
	if (is_guard(table) || is_self_test(table))
		return;
	const char *where;

	where = arena_printf(r->arena, "table %s %s", family_word(table->family), table->name);
	if (!strcmp(table->name, SHAPE_TABLE))
		drift_add(r->drifts, &(struct drift){ .code = DRIFT_TABLE_TWICE }, where,
			  "it has the name of the gate's table, which is of family inet alone");
	if (table->hooks && table->deed)
		drift_add(r->drifts, &(struct drift){ .code = DRIFT_FOREIGN_HOOK }, where,
			  "a table that is not the gate's sees packets at %s, and may change them or decide "
			  "for the gate: it has %s", table->hooks, table->deed);
	else if (table->hooks)
		drift_add(r->drifts, &(struct drift){ .code = DRIFT_FOREIGN_HOOK, .warning = true }, where,
			  "a table that is not the gate's sees packets at %s; it can only drop them",
			  table->hooks);
}

/* ---- the old iptables ---- */

/* They cannot be read by netlink. A filter table can only drop; nat, mangle and raw change packets. */
static void report_legacy(struct reading *r, const char *path, const char *family)
{
	FILE *in = fopen(path, "re");
	char line[LINE_MAX_BYTES];

	while (in && fgets(line, sizeof(line), in)) {
		bool drops = !strncmp(line, "filter", 6) || !strncmp(line, "security", 8);

		line[strcspn(line, "\n")] = '\0';
		drift_add(r->drifts, &(struct drift){ .code = DRIFT_LEGACY_TABLE, .warning = drops },
			  arena_printf(r->arena, "%s-legacy table %s", family, line),
			  "the old %s sees packets on this machine; %s", family,
			  drops ? "this table can only drop them" : "this table can change them");
	}
	if (in)
		fclose(in);
}

int foreign_report(struct link *link, struct drift_list *drifts)
{
	struct reading r = { .arena = drifts->arena, .drifts = drifts };
	int error = frame_dump(link, NFT_MSG_GETTABLE, each_table, &r);

	if (!error)
		error = frame_dump(link, NFT_MSG_GETCHAIN, each_chain, &r);
	if (!error)
		error = frame_dump(link, NFT_MSG_GETRULE, each_rule, &r);
	if (!error)
		error = frame_dump(link, NFT_MSG_GETFLOWTABLE, each_flowtable, &r);
	if (error)
		return error;
	for (size_t i = 0; i < r.count; i++)
		report_table(&r, &r.tables[i]);
	report_legacy(&r, "/proc/net/ip_tables_names", "iptables");
	report_legacy(&r, "/proc/net/ip6_tables_names", "ip6tables");
	return 0;
}

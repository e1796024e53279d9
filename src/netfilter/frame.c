/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/frame.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/flowtable.h>
#include <libnftnl/object.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#define CHAINS_MAX 64u /* of the shape */

struct reading {
	struct drift_list *drifts;
	struct frame *frame;
	size_t faults;
	bool chain_found[CHAINS_MAX]; /* drop places, then shape_chains */
	bool set_seen[SHAPE_SETS];    /* in whatever form */
};

/* Counted even when nobody wants to know. */
__attribute__((format(printf, 4, 5)))
static void report(struct reading *r, enum drift_code code, const char *where, const char *format, ...)
{
	char text[256];
	va_list args;

	r->faults++;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	drift_add(r->drifts, &(struct drift){ .code = code }, where, "%s", text);
}

static bool is_ours(const struct nlmsghdr *nlh, const char *table)
{
	const struct nfgenmsg *head = mnl_nlmsg_get_payload(nlh);

	return head->nfgen_family == NFPROTO_INET && table && !strcmp(table, SHAPE_TABLE);
}

static const char *or_unknown(const char *name)
{
	return name ? name : "?";
}

/* ---- the table ---- */

static void judge_table(struct reading *r, const struct nftnl_table *table)
{
	uint32_t flags = nftnl_table_get_u32(table, NFTNL_TABLE_FLAGS);

	r->frame->table = true;
	if (flags & NFT_TABLE_F_DORMANT)
		report(r, DRIFT_TABLE_ASLEEP, "table inet " SHAPE_TABLE,
		      "the gate's table is put to sleep (flag \"dormant\"): none of its rules "
		      "holds");
	else if (flags)
		report(r, DRIFT_TABLE_CHANGED, "table inet " SHAPE_TABLE,
		      "the gate's table has flags that it should not have (0x%x)", flags);
}

static int each_table(const struct nlmsghdr *nlh, void *data)
{
	struct nftnl_table *table = nftnl_table_alloc();
	int result = MNL_CB_ERROR;

	if (table && nftnl_table_nlmsg_parse(nlh, table) >= 0) {
		if (is_ours(nlh, nftnl_table_get_str(table, NFTNL_TABLE_NAME)))
			judge_table(data, table);
		result = MNL_CB_OK;
	}
	nftnl_table_free(table);
	return result;
}

/* ---- chains ---- */

static size_t chain_count(void)
{
	return SHAPE_DROPS + shape_chain_count;
}

static struct shape_chain chain_at(size_t i)
{
	if (i < SHAPE_DROPS)
		return (struct shape_chain){ .name = shape_drops[i].name };
	return shape_chains[i - SHAPE_DROPS];
}

static bool hook_fits(const struct nftnl_chain *chain, const struct shape_chain *shape)
{
	const char *type = nftnl_chain_get_str(chain, NFTNL_CHAIN_TYPE);

	if (nftnl_chain_get_u32(chain, NFTNL_CHAIN_FLAGS) & ~(uint32_t)NFT_CHAIN_BASE)
		return false;
	if (!shape->hook)
		return !nftnl_chain_is_set(chain, NFTNL_CHAIN_HOOKNUM);
	return nftnl_chain_is_set(chain, NFTNL_CHAIN_HOOKNUM) &&
	       nftnl_chain_get_u32(chain, NFTNL_CHAIN_HOOKNUM) == shape->hook_number &&
	       nftnl_chain_get_s32(chain, NFTNL_CHAIN_PRIO) == shape->priority && type &&
	       !strcmp(type, "filter");
}

static void judge_hook(struct reading *r, const struct nftnl_chain *chain,
		       const struct shape_chain *shape, const char *where)
{
	uint32_t policy = shape->drop ? NF_DROP : NF_ACCEPT;

	if (!hook_fits(chain, shape))
		report(r, DRIFT_CHAIN_CHANGED, where,
		       shape->hook ? "it is not called where it should be, or not so: %s, priority %d" :
				     "it is called from a hook; it should be called by other chains alone",
		       shape->hook, shape->priority);
	else if (shape->hook && nftnl_chain_get_u32(chain, NFTNL_CHAIN_POLICY) != policy)
		report(r, DRIFT_CHAIN_POLICY, where, "its policy is %s, it should be %s",
		      shape->drop ? "accept" : "drop", shape->drop ? "drop" : "accept");
}

static void judge_chain(struct reading *r, const struct nftnl_chain *chain)
{
	const char *name = or_unknown(nftnl_chain_get_str(chain, NFTNL_CHAIN_NAME));
	char where[128];

	snprintf(where, sizeof(where), "chain %s", name);
	for (size_t i = 0; i < chain_count(); i++) {
		struct shape_chain shape = chain_at(i);

		if (strcmp(shape.name, name))
			continue;
		r->chain_found[i] = true;
		judge_hook(r, chain, &shape, where);
		return;
	}
	report(r, DRIFT_CHAIN_ADDED, where, "the gate's table has no chain of this name%s",
	      nftnl_chain_is_set(chain, NFTNL_CHAIN_HOOKNUM) ? "; it sees packets" : "");
}

static int each_chain(const struct nlmsghdr *nlh, void *data)
{
	struct nftnl_chain *chain = nftnl_chain_alloc();
	int result = MNL_CB_ERROR;

	if (chain && nftnl_chain_nlmsg_parse(nlh, chain) >= 0) {
		if (is_ours(nlh, nftnl_chain_get_str(chain, NFTNL_CHAIN_TABLE)))
			judge_chain(data, chain);
		result = MNL_CB_OK;
	}
	nftnl_chain_free(chain);
	return result;
}

/* ---- sets ---- */

static int count_counters(struct nftnl_expr *expr, void *data)
{
	const char *name = nftnl_expr_get_str(expr, NFTNL_EXPR_NAME);
	int *counters = data;

	/* anything else than one counter makes it something else than one */
	*counters += name && !strcmp(name, "counter") ? 1 : 100;
	return 0;
}

static bool set_fits(struct nftnl_set *set, const struct shape_set *shape)
{
	uint32_t exact = shape->map ? NFT_SET_MAP : 0;
	uint32_t flags = shape->exact ? exact : NFT_SET_INTERVAL | NFT_SET_CONCAT;
	int counters = 0;

	nftnl_set_expr_foreach(set, count_counters, &counters);
	return counters == shape->exact && nftnl_set_get_u32(set, NFTNL_SET_FLAGS) == flags &&
	       nftnl_set_get_u32(set, NFTNL_SET_KEY_TYPE) == shape->key_type &&
	       nftnl_set_get_u32(set, NFTNL_SET_KEY_LEN) == shape->key_length &&
	       nftnl_set_get_u32(set, NFTNL_SET_DESC_SIZE) == shape->most &&
	       (!shape->map || (nftnl_set_get_u32(set, NFTNL_SET_DATA_TYPE) == SHAPE_TYPE_MARK &&
				nftnl_set_get_u32(set, NFTNL_SET_DATA_LEN) == sizeof(uint32_t)));
}

static void judge_set(struct reading *r, struct nftnl_set *set)
{
	const char *name = or_unknown(nftnl_set_get_str(set, NFTNL_SET_NAME));
	char where[128];

	for (unsigned id = 0; id < SHAPE_SETS; id++) {
		if (strcmp(name, shape_sets[id].name))
			continue;
		r->set_seen[id] = true;
		r->frame->set_found[id] = set_fits(set, &shape_sets[id]);
		snprintf(where, sizeof(where), "%s %s", shape_sets[id].keyword, name);
		if (!r->frame->set_found[id])
			report(r, DRIFT_SET_CHANGED, where, "it was declared with another type or other flags");
		return;
	}
	snprintf(where, sizeof(where), "set %s", name);
	report(r, DRIFT_SET_ADDED, where, "the gate's table has no set or map of this name");
}

static int each_set(const struct nlmsghdr *nlh, void *data)
{
	struct nftnl_set *set = nftnl_set_alloc();
	int result = MNL_CB_ERROR;

	if (set && nftnl_set_nlmsg_parse(nlh, set) >= 0) {
		if (is_ours(nlh, nftnl_set_get_str(set, NFTNL_SET_TABLE)))
			judge_set(data, set);
		result = MNL_CB_OK;
	}
	nftnl_set_free(set);
	return result;
}

/* ---- counters and other objects ---- */

static void judge_object(struct reading *r, struct nftnl_obj *object)
{
	const char *name = or_unknown(nftnl_obj_get_str(object, NFTNL_OBJ_NAME));
	const struct shape_drop *drop = shape_drop_named(name);
	char where[128];

	snprintf(where, sizeof(where), "object %s", name);
	if (!drop || nftnl_obj_get_u32(object, NFTNL_OBJ_TYPE) != NFT_OBJECT_COUNTER) {
		report(r, DRIFT_OBJECT_ADDED, where, "the gate's table has no such object");
		return;
	}
	r->frame->drops[drop - shape_drops] = (struct frame_count){
		.known = true,
		.packets = nftnl_obj_get_u64(object, NFTNL_OBJ_CTR_PKTS),
		.bytes = nftnl_obj_get_u64(object, NFTNL_OBJ_CTR_BYTES),
	};
}

struct unknown {
	const struct nlmsghdr *nlh;
	bool ours;
};

static int unknown_attribute(const struct nlattr *attr, void *data)
{
	struct unknown *u = data;

	if (mnl_attr_get_type(attr) == NFTA_OBJ_TABLE && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
		u->ours = is_ours(u->nlh, mnl_attr_get_str(attr));
	return MNL_CB_OK;
}

/* Of a kind that this libnftnl does not know: still somebody's, and perhaps in our table. */
static int unknown_object(struct reading *r, const struct nlmsghdr *nlh)
{
	struct unknown u = { .nlh = nlh };

	mnl_attr_parse(nlh, sizeof(struct nfgenmsg), unknown_attribute, &u);
	if (u.ours)
		report(r, DRIFT_OBJECT_ADDED, "table inet " SHAPE_TABLE,
			  "the gate's table holds an object of an unknown kind");
	return MNL_CB_OK;
}

static int each_object(const struct nlmsghdr *nlh, void *data)
{
	struct nftnl_obj *object = nftnl_obj_alloc();

	if (!object || nftnl_obj_nlmsg_parse(nlh, object) < 0) {
		nftnl_obj_free(object);
		return unknown_object(data, nlh);
	}
	if (is_ours(nlh, nftnl_obj_get_str(object, NFTNL_OBJ_TABLE)))
		judge_object(data, object);
	nftnl_obj_free(object);
	return MNL_CB_OK;
}

static int each_flowtable(const struct nlmsghdr *nlh, void *data)
{
	struct nftnl_flowtable *flowtable = nftnl_flowtable_alloc();

	if (flowtable && nftnl_flowtable_nlmsg_parse(nlh, flowtable) >= 0 &&
	    is_ours(nlh, nftnl_flowtable_get_str(flowtable, NFTNL_FLOWTABLE_TABLE)))
		report((struct reading *)data, DRIFT_OBJECT_ADDED, "table inet " SHAPE_TABLE,
		      "the gate's table has a flow table; what it takes up passes the rules by");
	nftnl_flowtable_free(flowtable);
	return MNL_CB_OK;
}

/* ---- all of it ---- */

static void report_missing(struct reading *r)
{
	char where[128];

	for (size_t i = 0; i < chain_count(); i++) {
		snprintf(where, sizeof(where), "chain %s", chain_at(i).name);
		if (!r->chain_found[i])
			report(r, DRIFT_CHAIN_REMOVED, where, "it is not there");
	}
	for (unsigned id = 0; id < SHAPE_SETS; id++) {
		snprintf(where, sizeof(where), "%s %s", shape_sets[id].keyword, shape_sets[id].name);
		if (!r->set_seen[id])
			report(r, DRIFT_SET_REMOVED, where, "it is not there");
	}
	for (size_t i = 0; i < SHAPE_DROPS; i++) {
		snprintf(where, sizeof(where), "object %s", shape_drops[i].name);
		if (!r->frame->drops[i].known)
			report(r, DRIFT_OBJECT_REMOVED, where, "the counter is not there");
	}
}

int frame_dump(struct link *link, uint16_t type, int (*each)(const struct nlmsghdr *, void *),
	       void *data)
{
	char bytes[256];

	return link_ask(link, nftnl_nlmsg_build_hdr(bytes, type, NFPROTO_UNSPEC, NLM_F_DUMP, 1), each,
			data);
}

int frame_read(struct link *link, struct arena *arena, struct drift_list *drifts, struct frame *ret)
{
	static const struct {
		uint16_t type;
		int (*each)(const struct nlmsghdr *, void *);
	} dumps[] = {
		{ NFT_MSG_GETTABLE, each_table }, { NFT_MSG_GETCHAIN, each_chain },
		{ NFT_MSG_GETSET, each_set }, { NFT_MSG_GETOBJ, each_object },
		{ NFT_MSG_GETFLOWTABLE, each_flowtable },
	};
	struct reading r = { .drifts = drifts, .frame = ret };
	int error = 0;

	*ret = (struct frame){ 0 };
	for (size_t i = 0; i < sizeof(dumps) / sizeof(dumps[0]) && !error; i++)
		error = frame_dump(link, dumps[i].type, dumps[i].each, &r);
	if (error)
		return error;
	if (ret->table)
		report_missing(&r);
	else
		report(&r, DRIFT_TABLE_REMOVED, "table inet " SHAPE_TABLE,
		      "the gate's table is not in the kernel: none of its rules holds");
	ret->whole = !r.faults;
	return 0;
}

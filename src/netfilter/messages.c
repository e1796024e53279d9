/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/messages.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/object.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

#include "netfilter/expr.h"

/* Like the arena: without memory there is no going on. */
static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

const char *messages_origin(const struct origin *origin, struct arena *arena)
{
	if (origin->row)
		return rows_name((enum shape_set_id)origin->set, origin->row, arena);
	return origin->kind ? arena_printf(arena, "the %s \"%s\"", origin->kind, origin->name) : NULL;
}

/* ---- table ---- */

static void put_table(struct batch *batch, const char *name, uint32_t table_flags, uint16_t type,
		      uint16_t flags)
{
	const struct origin origin = { .kind = "table", .name = name };
	struct nlmsghdr *nlh = batch_message(batch, type, flags, &origin);
	struct nftnl_table *table = must(nftnl_table_alloc());

	nftnl_table_set_str(table, NFTNL_TABLE_NAME, name);
	nftnl_table_set_u32(table, NFTNL_TABLE_FAMILY, NFPROTO_INET);
	if (type == NFT_MSG_NEWTABLE)
		nftnl_table_set_u32(table, NFTNL_TABLE_FLAGS, table_flags);
	nftnl_table_nlmsg_build_payload(nlh, table);
	nftnl_table_free(table);
}

void messages_table(struct batch *batch, bool delete)
{
	put_table(batch, SHAPE_TABLE, 0, NFT_MSG_NEWTABLE, NLM_F_CREATE); /* wakes it if it sleeps */
	if (delete)
		put_table(batch, SHAPE_TABLE, 0, NFT_MSG_DELTABLE, 0);
}

/* ---- frame ---- */

void messages_counter(struct batch *batch, const char *name, uint64_t packets, uint64_t bytes)
{
	const struct origin origin = { .kind = "counter", .name = name };
	struct nlmsghdr *nlh = batch_message(batch, NFT_MSG_NEWOBJ, NLM_F_CREATE, &origin);
	struct nftnl_obj *counter = must(nftnl_obj_alloc());

	nftnl_obj_set_str(counter, NFTNL_OBJ_TABLE, SHAPE_TABLE);
	nftnl_obj_set_str(counter, NFTNL_OBJ_NAME, name);
	nftnl_obj_set_u32(counter, NFTNL_OBJ_TYPE, NFT_OBJECT_COUNTER);
	nftnl_obj_set_u64(counter, NFTNL_OBJ_CTR_PKTS, packets);
	nftnl_obj_set_u64(counter, NFTNL_OBJ_CTR_BYTES, bytes);
	nftnl_obj_nlmsg_build_payload(nlh, counter);
	nftnl_obj_free(counter);
}

static void fill_set(struct nftnl_set *set, enum shape_set_id id)
{
	const struct shape_set *shape = &shape_sets[id];
	uint32_t exact = shape->map ? NFT_SET_MAP : 0;

	nftnl_set_set_str(set, NFTNL_SET_TABLE, SHAPE_TABLE);
	nftnl_set_set_str(set, NFTNL_SET_NAME, shape->name);
	nftnl_set_set_u32(set, NFTNL_SET_ID, id + 1u);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, shape->key_type);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, shape->key_length);
	nftnl_set_set_u32(set, NFTNL_SET_FLAGS, shape->exact ? exact : NFT_SET_INTERVAL | NFT_SET_CONCAT);
	nftnl_set_set_data(set, NFTNL_SET_USERDATA, shape->hints, shape->hints_length);
	if (!shape->exact) {
		nftnl_set_set_data(set, NFTNL_SET_DESC_CONCAT, shape->parts,
				   (uint32_t)strnlen((const char *)shape->parts, sizeof(shape->parts)));
		return;
	}
	if (shape->map) {
		nftnl_set_set_u32(set, NFTNL_SET_DATA_TYPE, SHAPE_TYPE_MARK);
		nftnl_set_set_u32(set, NFTNL_SET_DATA_LEN, sizeof(uint32_t));
	}
	if (shape->most)
		nftnl_set_set_u32(set, NFTNL_SET_DESC_SIZE, shape->most);
	nftnl_set_add_expr(set, must(nftnl_expr_alloc("counter")));
}

static void put_set(struct batch *batch, enum shape_set_id id)
{
	const struct origin origin = { .kind = "set", .name = shape_sets[id].name };
	struct nlmsghdr *nlh = batch_message(batch, NFT_MSG_NEWSET, NLM_F_CREATE, &origin);
	struct nftnl_set *set = must(nftnl_set_alloc());

	fill_set(set, id);
	nftnl_set_nlmsg_build_payload(nlh, set);
	nftnl_set_free(set);
}

static void put_chain(struct batch *batch, const char *table, const struct shape_chain *shape)
{
	const struct origin origin = { .kind = "chain", .name = shape->name };
	struct nlmsghdr *nlh = batch_message(batch, NFT_MSG_NEWCHAIN, NLM_F_CREATE, &origin);
	struct nftnl_chain *chain = must(nftnl_chain_alloc());

	nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, table);
	nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, shape->name);
	if (shape->hook) {
		nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, "filter");
		nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, shape->hook_number);
		nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, shape->priority);
		nftnl_chain_set_u32(chain, NFTNL_CHAIN_POLICY, shape->drop ? NF_DROP : NF_ACCEPT);
	}
	nftnl_chain_nlmsg_build_payload(nlh, chain);
	nftnl_chain_free(chain);
}

void messages_frame(struct batch *batch)
{
	for (unsigned id = 0; id < SHAPE_SETS; id++)
		put_set(batch, (enum shape_set_id)id);
	for (size_t i = 0; i < SHAPE_DROPS; i++)
		put_chain(batch, SHAPE_TABLE, &(struct shape_chain){ .name = shape_drops[i].name });
	for (size_t i = 0; i < shape_chain_count; i++)
		put_chain(batch, SHAPE_TABLE, &shape_chains[i]);
}

/* ---- rules ---- */

struct rules {
	struct batch *batch;
	const char *table;
	const struct ruleset *ruleset;
	const struct netfilter_kernel *kernel;
};

static void put_rule(const struct rules *r, const char *chain, const struct step *steps)
{
	const struct origin origin = { .kind = "chain", .name = chain };
	struct nlmsghdr *nlh =
		batch_message(r->batch, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, &origin);
	struct nftnl_rule *rule = must(nftnl_rule_alloc());

	nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, r->table);
	nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, chain);
	nftnl_rule_set_u32(rule, NFTNL_RULE_FAMILY, NFPROTO_INET);
	expr_add_steps(rule, steps, r->ruleset, r->kernel);
	nftnl_rule_nlmsg_build_payload(nlh, rule);
	nftnl_rule_free(rule);
}

/* Without a chain's name: all rules of the table. */
static void put_flush(struct batch *batch)
{
	const struct origin origin = { .kind = "table", .name = SHAPE_TABLE };
	struct nlmsghdr *nlh = batch_message(batch, NFT_MSG_DELRULE, 0, &origin);
	struct nftnl_rule *rule = must(nftnl_rule_alloc());

	nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, SHAPE_TABLE);
	nftnl_rule_set_u32(rule, NFTNL_RULE_FAMILY, NFPROTO_INET);
	nftnl_rule_nlmsg_build_payload(nlh, rule);
	nftnl_rule_free(rule);
}

void messages_rules(struct batch *batch, bool flush, const struct ruleset *ruleset,
		    const struct netfilter_kernel *kernel)
{
	const struct rules r = { .batch = batch, .table = SHAPE_TABLE, .ruleset = ruleset,
				 .kernel = kernel };

	if (flush)
		put_flush(batch);
	for (size_t i = 0; i < SHAPE_DROPS; i++) {
		struct shape_rule rules[SHAPE_DROP_RULES];

		shape_drop_rules(&shape_drops[i], rules);
		for (size_t j = 0; j < SHAPE_DROP_RULES; j++)
			put_rule(&r, shape_drops[i].name, rules[j].steps);
	}
	for (size_t i = 0; i < shape_chain_count; i++) {
		for (size_t j = 0; j < shape_chains[i].rule_count; j++)
			put_rule(&r, shape_chains[i].name, shape_chains[i].rules[j].steps);
	}
}

void messages_guard(struct batch *batch)
{
	const struct rules r = { .batch = batch, .table = SHAPE_GUARD };

	put_table(batch, SHAPE_GUARD, NFT_TABLE_F_OWNER, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL);
	put_chain(batch, SHAPE_GUARD, &shape_guard);
	for (size_t i = 0; i < shape_guard.rule_count; i++)
		put_rule(&r, shape_guard.name, shape_guard.rules[i].steps);
}

/* Each bucket has the queue of its number here: that of the inspector that is tried. */
void messages_self_test(struct batch *batch, const struct netfilter_kernel *kernel)
{
	const struct ruleset ruleset = { .queue_first = RULESET_QUEUE, .queue_count = RULESET_QUEUES_MAX };
	const struct rules r = { .batch = batch, .table = SHAPE_SELF_TEST, .ruleset = &ruleset, .kernel = kernel };

	put_table(batch, SHAPE_SELF_TEST, NFT_TABLE_F_OWNER, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL);
	put_chain(batch, SHAPE_SELF_TEST, &shape_self_test);
	for (size_t i = 0; i < shape_self_test.rule_count; i++)
		put_rule(&r, shape_self_test.name, shape_self_test.rules[i].steps);
}

void messages_probe(struct batch *batch)
{
	static const struct step queue[] = { { .kind = STEP_QUEUE }, { .kind = STEP_NONE } };
	const struct ruleset ruleset = { .queue_first = RULESET_QUEUE, .queue_count = 1 };
	const struct netfilter_kernel able = { .queue = true };
	const struct rules r = { .batch = batch, .table = SHAPE_TABLE, .ruleset = &ruleset,
				 .kernel = &able };

	messages_table(batch, false);
	put_chain(batch, SHAPE_TABLE, &(struct shape_chain){ .name = "probe" });
	put_rule(&r, "probe", queue);
}

/* ---- rows ---- */

/* Which of the rows of an interval set it was says nothing to a reader. */
static struct origin row_origin(enum shape_set_id id, const struct row *row)
{
	if (!shape_sets[id].exact)
		return (struct origin){ .kind = "set", .name = shape_sets[id].name };
	return (struct origin){ .row = row, .set = id };
}

/* As nft keeps it: type 0, length, text with its NUL. */
static void set_comment(struct nftnl_set_elem *elem, const char *comment)
{
	uint8_t bytes[2 + SHAPE_COMMENT_MAX + 1] = { 0 };
	size_t length = strnlen(comment, SHAPE_COMMENT_MAX);

	bytes[1] = (uint8_t)(length + 1);
	memcpy(bytes + 2, comment, length);
	nftnl_set_elem_set(elem, NFTNL_SET_ELEM_USERDATA, bytes, (uint32_t)(2 + length + 1));
}

static void set_counter(struct nftnl_set_elem *elem, uint64_t packets, uint64_t bytes)
{
	struct nftnl_expr *counter = must(nftnl_expr_alloc("counter"));

	nftnl_expr_set_u64(counter, NFTNL_EXPR_CTR_PACKETS, packets);
	nftnl_expr_set_u64(counter, NFTNL_EXPR_CTR_BYTES, bytes);
	nftnl_set_elem_add_expr(elem, counter);
}

static void fill_key(struct nftnl_set_elem *elem, enum shape_set_id id, const struct row *row)
{
	nftnl_set_elem_set(elem, NFTNL_SET_ELEM_KEY, row->key, shape_sets[id].key_length);
	if (!shape_sets[id].exact)
		nftnl_set_elem_set(elem, NFTNL_SET_ELEM_KEY_END, row->last, shape_sets[id].key_length);
}

static void fill_content(struct nftnl_set_elem *elem, enum shape_set_id id, const struct row *row,
			 const struct row *counted)
{
	if (!shape_sets[id].exact)
		return;
	if (shape_sets[id].map)
		nftnl_set_elem_set(elem, NFTNL_SET_ELEM_DATA, &row->mark, sizeof(row->mark));
	if (row->comment && *row->comment)
		set_comment(elem, row->comment);
	set_counter(elem, counted ? counted->packets : 0, counted ? counted->bytes : 0);
}

/* One element a message: a refusal then names its row, and nothing can be cut off at 64 kB. */
static void put_row(struct batch *batch, enum shape_set_id id, const struct row *row, uint16_t type,
		    struct nftnl_set_elem *elem)
{
	const struct origin origin = row_origin(id, row);
	struct nlmsghdr *nlh = batch_message(batch, type, type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE | NLM_F_EXCL : 0,
					     &origin);
	struct nftnl_set *set = must(nftnl_set_alloc());

	nftnl_set_set_str(set, NFTNL_SET_TABLE, SHAPE_TABLE);
	nftnl_set_set_str(set, NFTNL_SET_NAME, shape_sets[id].name);
	nftnl_set_elem_add(set, elem);
	nftnl_set_elems_nlmsg_build_payload(nlh, set);
	nftnl_set_free(set);
}

void messages_row_add(struct batch *batch, enum shape_set_id id, const struct row *row,
		      const struct row *counted)
{
	struct nftnl_set_elem *elem = must(nftnl_set_elem_alloc());

	fill_key(elem, id, row);
	fill_content(elem, id, row, counted);
	put_row(batch, id, row, NFT_MSG_NEWSETELEM, elem);
}

void messages_row_delete(struct batch *batch, enum shape_set_id id, const struct row *row)
{
	struct nftnl_set_elem *elem = must(nftnl_set_elem_alloc());

	fill_key(elem, id, row);
	put_row(batch, id, row, NFT_MSG_DELSETELEM, elem);
}

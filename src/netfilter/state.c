/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/state.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/object.h>
#include <libnftnl/set.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

struct reading {
	struct link *link;
	struct arena *arena;
	struct state *state;
	size_t chains, sets, counters;  /* found as they should be */
	size_t strangers;               /* in our table, but not of it */
	bool set_found[SHAPE_SETS];
	enum shape_set_id id;           /* whose rows are being read */
	size_t capacity;                /* of its items */
};

static bool ours(const char *table)
{
	return table && !strcmp(table, SHAPE_TABLE);
}

/* ---- chains ---- */

static const struct shape_chain *chain_named(const char *name)
{
	for (size_t i = 0; i < shape_chain_count; i++) {
		if (!strcmp(shape_chains[i].name, name))
			return &shape_chains[i];
	}
	return NULL;
}

static bool chain_fits(const struct nftnl_chain *chain)
{
	const char *name = nftnl_chain_get_str(chain, NFTNL_CHAIN_NAME);
	const struct shape_chain *shape = chain_named(name);
	bool hooked = nftnl_chain_is_set(chain, NFTNL_CHAIN_HOOKNUM);

	if (!shape)
		return shape_drop_named(name) && !hooked;
	if (!shape->hook)
		return !hooked;
	return hooked && nftnl_chain_get_u32(chain, NFTNL_CHAIN_HOOKNUM) == shape->hook_number &&
	       nftnl_chain_get_s32(chain, NFTNL_CHAIN_PRIO) == shape->priority &&
	       nftnl_chain_get_u32(chain, NFTNL_CHAIN_POLICY) ==
		       (shape->drop ? NF_DROP : NF_ACCEPT);
}

static int each_chain(const struct nlmsghdr *nlh, void *data)
{
	struct reading *r = data;
	struct nftnl_chain *chain = nftnl_chain_alloc();

	if (!chain || nftnl_chain_nlmsg_parse(nlh, chain) < 0) {
		nftnl_chain_free(chain);
		return MNL_CB_ERROR;
	}
	if (ours(nftnl_chain_get_str(chain, NFTNL_CHAIN_TABLE)))
		++*(chain_fits(chain) ? &r->chains : &r->strangers);
	nftnl_chain_free(chain);
	return MNL_CB_OK;
}

/* ---- sets ---- */

static bool set_fits(const struct nftnl_set *set, const struct shape_set *shape)
{
	uint32_t exact = shape->map ? NFT_SET_MAP : 0;
	uint32_t flags = shape->exact ? exact : NFT_SET_INTERVAL | NFT_SET_CONCAT;

	return nftnl_set_get_u32(set, NFTNL_SET_FLAGS) == flags &&
	       nftnl_set_get_u32(set, NFTNL_SET_KEY_TYPE) == shape->key_type &&
	       nftnl_set_get_u32(set, NFTNL_SET_KEY_LEN) == shape->key_length &&
	       (!shape->map || (nftnl_set_get_u32(set, NFTNL_SET_DATA_TYPE) == SHAPE_TYPE_MARK &&
				nftnl_set_get_u32(set, NFTNL_SET_DATA_LEN) == sizeof(uint32_t)));
}

static void take_set(struct reading *r, const struct nftnl_set *set)
{
	const char *name = nftnl_set_get_str(set, NFTNL_SET_NAME);

	for (unsigned id = 0; name && id < SHAPE_SETS; id++) {
		if (!strcmp(name, shape_sets[id].name) && set_fits(set, &shape_sets[id])) {
			r->set_found[id] = true;
			r->sets++;
			return;
		}
	}
	r->strangers++;
}

static int each_set(const struct nlmsghdr *nlh, void *data)
{
	struct reading *r = data;
	struct nftnl_set *set = nftnl_set_alloc();

	if (!set || nftnl_set_nlmsg_parse(nlh, set) < 0) {
		nftnl_set_free(set);
		return MNL_CB_ERROR;
	}
	if (ours(nftnl_set_get_str(set, NFTNL_SET_TABLE)))
		take_set(r, set);
	nftnl_set_free(set);
	return MNL_CB_OK;
}

/* ---- counters ---- */

static void take_object(struct reading *r, struct nftnl_obj *object)
{
	const char *name = nftnl_obj_get_str(object, NFTNL_OBJ_NAME);
	const struct shape_drop *drop = name ? shape_drop_named(name) : NULL;

	if (!drop || nftnl_obj_get_u32(object, NFTNL_OBJ_TYPE) != NFT_OBJECT_COUNTER) {
		r->strangers++;
		return;
	}
	r->counters++;
	r->state->drops[drop - shape_drops] = (struct state_count){
		.known = true,
		.packets = nftnl_obj_get_u64(object, NFTNL_OBJ_CTR_PKTS),
		.bytes = nftnl_obj_get_u64(object, NFTNL_OBJ_CTR_BYTES),
	};
}

static int each_object(const struct nlmsghdr *nlh, void *data)
{
	struct reading *r = data;
	struct nftnl_obj *object = nftnl_obj_alloc();

	if (!object || nftnl_obj_nlmsg_parse(nlh, object) < 0) {
		/* an object of a kind that this libnftnl does not know */
		r->strangers++;
		nftnl_obj_free(object);
		return MNL_CB_OK;
	}
	if (ours(nftnl_obj_get_str(object, NFTNL_OBJ_TABLE)))
		take_object(r, object);
	nftnl_obj_free(object);
	return MNL_CB_OK;
}

/* ---- rows ---- */

static int take_counter(struct nftnl_expr *expr, void *data)
{
	struct row *row = data;
	const char *name = nftnl_expr_get_str(expr, NFTNL_EXPR_NAME);

	if (name && !strcmp(name, "counter")) {
		row->packets = nftnl_expr_get_u64(expr, NFTNL_EXPR_CTR_PACKETS);
		row->bytes = nftnl_expr_get_u64(expr, NFTNL_EXPR_CTR_BYTES);
	}
	return 0;
}

static const char *comment_of(struct arena *arena, struct nftnl_set_elem *elem)
{
	uint32_t length = 0;
	const uint8_t *bytes = nftnl_set_elem_get(elem, NFTNL_SET_ELEM_USERDATA, &length);

	if (!bytes || length < 2 || bytes[0] != 0 || bytes[1] > length - 2)
		return NULL;
	return arena_strndup(arena, (const char *)bytes + 2, strnlen((const char *)bytes + 2, bytes[1]));
}

static void copy_key(struct nftnl_set_elem *elem, uint16_t attribute, uint8_t ret[static SHAPE_KEY_MAX])
{
	uint32_t length = 0;
	const void *bytes = nftnl_set_elem_get(elem, attribute, &length);

	if (bytes && length <= SHAPE_KEY_MAX)
		memcpy(ret, bytes, length);
}

static struct row *next_row(struct reading *r)
{
	struct rows *rows = &r->state->rows[r->id];

	if (rows->count == r->capacity) {
		size_t capacity = r->capacity ? 2 * r->capacity : 64;
		struct row *items = arena_array(r->arena, capacity, sizeof(*items));

		if (rows->count)
			memcpy(items, rows->items, rows->count * sizeof(*items));
		rows->items = items;
		r->capacity = capacity;
	}
	return &rows->items[rows->count++];
}

static int take_element(struct nftnl_set_elem *elem, void *data)
{
	struct reading *r = data;
	struct row *row = next_row(r);
	uint32_t length = 0;
	const void *mark = nftnl_set_elem_get(elem, NFTNL_SET_ELEM_DATA, &length);

	copy_key(elem, NFTNL_SET_ELEM_KEY, row->key);
	copy_key(elem, NFTNL_SET_ELEM_KEY_END, row->last);
	if (mark && length == sizeof(row->mark))
		memcpy(&row->mark, mark, sizeof(row->mark));
	row->comment = comment_of(r->arena, elem);
	nftnl_set_elem_expr_foreach(elem, take_counter, row);
	return 0;
}

static int each_elements(const struct nlmsghdr *nlh, void *data)
{
	struct nftnl_set *set = nftnl_set_alloc();
	bool good = set && nftnl_set_elems_nlmsg_parse(nlh, set) >= 0 &&
		    nftnl_set_elem_foreach(set, take_element, data) >= 0;

	nftnl_set_free(set);
	return good ? MNL_CB_OK : MNL_CB_ERROR;
}

static int read_rows(struct reading *r, enum shape_set_id id)
{
	char bytes[512];
	struct nlmsghdr *nlh =
		nftnl_nlmsg_build_hdr(bytes, NFT_MSG_GETSETELEM, NFPROTO_INET, NLM_F_DUMP, 1);
	struct rows *rows = &r->state->rows[id];
	int error;

	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, SHAPE_TABLE);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, shape_sets[id].name);
	r->id = id;
	r->capacity = 0;
	error = link_ask(r->link, nlh, each_elements, r);
	if (!error && rows->count)
		qsort(rows->items, rows->count, sizeof(*rows->items), rows_compare);
	return error;
}

/* Every table's are dumped; the callbacks pick ours (no table at all is no error then). */
static int read_all(struct reading *r, uint16_t type,
		    int (*each)(const struct nlmsghdr *, void *))
{
	char bytes[256];

	return link_ask(r->link, nftnl_nlmsg_build_hdr(bytes, type, NFPROTO_INET, NLM_F_DUMP, 1), each,
			r);
}

int state_read(struct link *link, struct arena *arena, struct state *ret)
{
	struct reading r = { .link = link, .arena = arena, .state = ret };
	int error;

	*ret = (struct state){ 0 };
	error = link_generation(link, &ret->generation);
	if (!error)
		error = read_all(&r, NFT_MSG_GETCHAIN, each_chain);
	if (!error)
		error = read_all(&r, NFT_MSG_GETSET, each_set);
	if (!error)
		error = read_all(&r, NFT_MSG_GETOBJ, each_object);
	for (unsigned id = 0; id < SHAPE_SETS && !error; id++) {
		if (r.set_found[id])
			error = read_rows(&r, (enum shape_set_id)id);
	}
	ret->frame = !r.strangers && r.chains == shape_chain_count + SHAPE_DROPS &&
		     r.sets == SHAPE_SETS && r.counters == SHAPE_DROPS;
	return error;
}

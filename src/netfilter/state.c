/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/state.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <libnftnl/expr.h>
#include <libnftnl/set.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

struct reading {
	struct link *link;
	struct arena *arena;
	struct state *state;
	enum shape_set_id id; /* whose rows are being read */
	size_t capacity;      /* of its items */
	bool odd;             /* an element that the gate did not make */
};

/* ---- rows ---- */

struct taking {
	struct row *row;
	int counters; /* 1: one and nothing else */
};

static int take_expression(struct nftnl_expr *expr, void *data)
{
	struct taking *t = data;
	const char *name = nftnl_expr_get_str(expr, NFTNL_EXPR_NAME);
	bool counter = name && !strcmp(name, "counter");

	t->counters += counter ? 1 : 100;
	if (counter) {
		t->row->packets = nftnl_expr_get_u64(expr, NFTNL_EXPR_CTR_PACKETS);
		t->row->bytes = nftnl_expr_get_u64(expr, NFTNL_EXPR_CTR_BYTES);
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

/* False when the key is not of that many bytes (0: none). */
static bool copy_key(struct nftnl_set_elem *elem, uint16_t attribute, uint32_t size,
		     uint8_t ret[static SHAPE_KEY_MAX])
{
	uint32_t length = 0;
	const void *bytes = nftnl_set_elem_get(elem, attribute, &length);

	if (bytes && length <= SHAPE_KEY_MAX)
		memcpy(ret, bytes, length);
	return (bytes ? length : 0) == size;
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

/* The gate's elements never expire, stand for one key, and count if their keys are exact. */
static const char *oddity(struct nftnl_set_elem *elem, bool whole, bool counted)
{
	uint32_t flags = nftnl_set_elem_is_set(elem, NFTNL_SET_ELEM_FLAGS) ?
				 nftnl_set_elem_get_u32(elem, NFTNL_SET_ELEM_FLAGS) : 0;

	if (flags & NFT_SET_ELEM_CATCHALL)
		return "it stands for everything";
	if (!whole || flags)
		return "it is not of the form that the gate gives its elements";
	if (nftnl_set_elem_is_set(elem, NFTNL_SET_ELEM_TIMEOUT) ||
	    nftnl_set_elem_is_set(elem, NFTNL_SET_ELEM_EXPIRATION))
		return "it ends by itself";
	return counted ? NULL : "it carries other statements than its counter";
}

static int take_element(struct nftnl_set_elem *elem, void *data)
{
	struct reading *r = data;
	const struct shape_set *shape = &shape_sets[r->id];
	struct taking taking = { .row = next_row(r) };
	struct row *row = taking.row;
	uint32_t length = 0;
	const void *mark = nftnl_set_elem_get(elem, NFTNL_SET_ELEM_DATA, &length);
	bool whole = copy_key(elem, NFTNL_SET_ELEM_KEY, shape->key_length, row->key);

	whole &= copy_key(elem, NFTNL_SET_ELEM_KEY_END, shape->exact ? 0 : shape->key_length, row->last);
	whole &= (mark ? length : 0) == (shape->map ? sizeof(row->mark) : 0);
	if (mark && length == sizeof(row->mark))
		memcpy(&row->mark, mark, sizeof(row->mark));
	row->comment = comment_of(r->arena, elem);
	nftnl_set_elem_expr_foreach(elem, take_expression, &taking);
	row->odd = oddity(elem, whole, taking.counters == shape->exact);
	r->odd |= !!row->odd;
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

int state_read(struct link *link, struct arena *arena, struct drift_list *drifts, struct state *ret)
{
	struct reading r = { .link = link, .arena = arena, .state = ret };
	struct frame frame;
	int error;

	*ret = (struct state){ 0 };
	error = link_generation(link, &ret->generation);
	if (!error)
		error = frame_read(link, arena, drifts, &frame);
	if (error)
		return error;
	memcpy(ret->drops, frame.drops, sizeof(ret->drops));
	memcpy(ret->sets, frame.set_found, sizeof(ret->sets));
	for (unsigned id = 0; id < SHAPE_SETS && !error; id++) {
		if (frame.set_found[id])
			error = read_rows(&r, (enum shape_set_id)id);
	}
	ret->table = frame.table;
	ret->frame = frame.whole && !r.odd;
	return error;
}

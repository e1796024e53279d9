/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/match.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

#define DEPTH_MAX 8

/* What the kernel says of an expression though nobody asked for it; it must then be zero. */
static const struct {
	const char *name;
	uint16_t type;
} silent[] = {
	{ "lookup", NFTA_LOOKUP_FLAGS },
	{ "bitwise", NFTA_BITWISE_OP },
	{ "limit", NFTA_LIMIT_TYPE },
	{ "limit", NFTA_LIMIT_FLAGS },
	{ "limit", NFTA_LIMIT_BURST },
	{ "queue", NFTA_QUEUE_FLAGS },
	{ "exthdr", NFTA_EXTHDR_FLAGS },
	{ "exthdr", NFTA_EXTHDR_OP },
	{ "log", NFTA_LOG_FLAGS },
	{ "log", NFTA_LOG_QTHRESHOLD },
	{ "fib", NFTA_FIB_FLAGS },
	{ "connlimit", NFTA_CONNLIMIT_FLAGS },
};

/* libnftnl sends this name without its NUL, the kernel tells it with one. */
static bool is_bare_name(const char *expression, const struct nlattr *attr)
{
	return !strcmp(expression, "objref") && mnl_attr_get_type(attr) == NFTA_OBJREF_IMM_NAME;
}

/* A run of attributes. */
struct run {
	const char *at;
	size_t left;
};

static struct run run_of(const struct nlattr *nest)
{
	return nest ? (struct run){ mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest) } :
		      (struct run){ NULL, 0 };
}

/* The next attribute, or NULL at the end; one that is cut off ends the run. */
static const struct nlattr *run_next(struct run *run)
{
	const struct nlattr *attr = (const void *)run->at;
	size_t step;

	if (run->left < sizeof(*attr) || attr->nla_len < sizeof(*attr) || attr->nla_len > run->left)
		return NULL;
	step = MNL_ALIGN(attr->nla_len);
	if (step > run->left)
		step = run->left;
	run->at += step;
	run->left -= step;
	return attr;
}

static const struct nlattr *find(const struct nlattr *nest, uint16_t type)
{
	struct run run = run_of(nest);
	const struct nlattr *attr;

	while ((attr = run_next(&run)))
		if (mnl_attr_get_type(attr) == type)
			return attr;
	return NULL;
}

static bool same_bytes(const struct nlattr *a, const struct nlattr *b)
{
	uint16_t size = mnl_attr_get_payload_len(a);

	return size == mnl_attr_get_payload_len(b) &&
	       !memcmp(mnl_attr_get_payload(a), mnl_attr_get_payload(b), size);
}

static bool same_names(const struct nlattr *a, const struct nlattr *b)
{
	const char *x = mnl_attr_get_payload(a), *y = mnl_attr_get_payload(b);
	size_t size = strnlen(x, mnl_attr_get_payload_len(a));

	return size == strnlen(y, mnl_attr_get_payload_len(b)) && !memcmp(x, y, size);
}

static bool is_silent(const char *name, const struct nlattr *attr)
{
	const uint8_t *bytes = mnl_attr_get_payload(attr);

	for (uint16_t i = 0; i < mnl_attr_get_payload_len(attr); i++)
		if (bytes[i])
			return false;
	for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++)
		if (silent[i].type == mnl_attr_get_type(attr) && !strcmp(silent[i].name, name))
			return true;
	return false;
}

static bool same_attributes(const char *name, const struct nlattr *wanted, const struct nlattr *had,
			    int depth);

static bool same_attribute(const char *name, const struct nlattr *wanted, const struct nlattr *had, int depth)
{
	if (wanted->nla_type & NLA_F_NESTED)
		return depth < DEPTH_MAX && same_attributes("", wanted, had, depth + 1);
	return is_bare_name(name, wanted) ? same_names(wanted, had) : same_bytes(wanted, had);
}

/* name: of the expression, on its outermost level; "" below. The order of attributes says nothing. */
static bool same_attributes(const char *name, const struct nlattr *wanted, const struct nlattr *had,
			    int depth)
{
	struct run wants = run_of(wanted), has = run_of(had);
	const struct nlattr *attr, *other;

	while ((attr = run_next(&wants))) {
		other = find(had, mnl_attr_get_type(attr));
		if (!other || !same_attribute(name, attr, other, depth))
			return false;
	}
	while ((attr = run_next(&has)))
		if (!find(wanted, mnl_attr_get_type(attr)) && !is_silent(name, attr))
			return false;
	return !wants.left && !has.left;
}

static bool same_expression(const struct nlattr *wanted, const struct nlattr *had)
{
	const struct nlattr *a = find(wanted, NFTA_EXPR_NAME), *b = find(had, NFTA_EXPR_NAME);

	return a && b && same_bytes(a, b) && mnl_attr_validate(a, MNL_TYPE_NUL_STRING) >= 0 &&
	       same_attributes(mnl_attr_get_str(a), find(wanted, NFTA_EXPR_DATA),
			       find(had, NFTA_EXPR_DATA), 0);
}

bool match_expressions(const struct nlattr *wanted, const struct nlattr *had)
{
	struct run wants = run_of(wanted), has = run_of(had);

	for (;;) {
		const struct nlattr *a = run_next(&wants), *b = run_next(&has);

		if (!a || !b)
			return !a && !b && !wants.left && !has.left;
		if (!same_expression(a, b))
			return false;
	}
}

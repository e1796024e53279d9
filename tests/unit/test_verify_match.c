/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A dumped rule is the wanted one, or it is not: every rule of the shape, every byte of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/duration.h"
#include "netfilter/expr.h"
#include "netfilter/match.h"
#include "netfilter/shape.h"

static const struct ruleset ruleset = { .queue_first = RULESET_QUEUE, .queue_count = 1,
					.log_group = RULESET_LOG_GROUP };

static size_t aligned(size_t length)
{
	return (length + 3) / 4 * 4;
}

/* The expressions of a rule, in a heap block of their exact size. */
static struct nlattr *take_expressions(struct nftnl_rule *rule)
{
	char bytes[8192];
	struct nlmsghdr *nlh = nftnl_nlmsg_build_hdr(bytes, NFT_MSG_NEWRULE, NFPROTO_INET, 0, 1);
	char *at = bytes + sizeof(struct nlmsghdr) + sizeof(struct nfgenmsg), *end;
	struct nlattr *copy = NULL;

	nftnl_rule_nlmsg_build_payload(nlh, rule);
	nftnl_rule_free(rule);
	end = bytes + nlh->nlmsg_len;
	while (at < end) {
		const struct nlattr *attr = (const void *)at;

		if (mnl_attr_get_type(attr) == NFTA_RULE_EXPRESSIONS) {
			copy = malloc(attr->nla_len);
			assert_non_null(copy);
			memcpy(copy, attr, attr->nla_len);
		}
		at += aligned(attr->nla_len);
	}
	assert_non_null(copy);
	return copy;
}

static struct nlattr *build(const struct step *steps, bool queue)
{
	const struct netfilter_kernel kernel = { .queue = queue };
	struct nftnl_rule *rule = nftnl_rule_alloc();

	assert_non_null(rule);
	expr_add_steps(rule, steps, &ruleset, &kernel);
	return take_expressions(rule);
}

/* Offsets of the bytes that say something: payloads of what holds no other attributes. */
static size_t leaves(const char *base, const struct nlattr *nest, size_t *ret, size_t count)
{
	const char *at = mnl_attr_get_payload(nest), *end = at + mnl_attr_get_payload_len(nest);

	while (at < end) {
		const struct nlattr *attr = (const void *)at;

		if (attr->nla_type & NLA_F_NESTED)
			count = leaves(base, attr, ret, count);
		else
			for (size_t i = 0; i < mnl_attr_get_payload_len(attr); i++)
				ret[count++] = (size_t)(at + sizeof(struct nlattr) - base) + i;
		at += aligned(attr->nla_len);
	}
	return count;
}

static size_t check_rule(const struct step *steps, bool queue)
{
	struct nlattr *wanted = build(steps, queue), *had = build(steps, queue);
	size_t offsets[4096], count = leaves((char *)wanted, wanted, offsets, 0);

	assert_true(match_expressions(wanted, had));
	assert_false(match_expressions(wanted, NULL));
	assert_false(match_expressions(NULL, had));
	for (size_t i = 0; i < count; i++)
		for (int bit = 0; bit < 8; bit++) {
			((uint8_t *)had)[offsets[i]] ^= (uint8_t)(1 << bit);
			assert_false(match_expressions(wanted, had));
			((uint8_t *)had)[offsets[i]] ^= (uint8_t)(1 << bit);
		}
	for (uint16_t length = sizeof(struct nlattr); length < wanted->nla_len; length++) {
		struct nlattr *prefix = malloc(length);

		assert_non_null(prefix);
		memcpy(prefix, had, length);
		prefix->nla_len = length;
		assert_false(match_expressions(wanted, prefix));
		assert_false(match_expressions(prefix, had));
		free(prefix);
	}
	free(wanted);
	free(had);
	return count;
}

static void every_bit_of_every_rule_counts(void **state)
{
	size_t bytes = 0;

	for (size_t i = 0; i < shape_chain_count; i++)
		for (size_t j = 0; j < shape_chains[i].rule_count; j++) {
			bytes += check_rule(shape_chains[i].rules[j].steps, true);
			bytes += check_rule(shape_chains[i].rules[j].steps, false);
		}
	for (size_t i = 0; i < SHAPE_DROPS; i++) {
		struct shape_rule rules[SHAPE_DROP_RULES];

		shape_drop_rules(&shape_drops[i], rules);
		for (size_t j = 0; j < SHAPE_DROP_RULES; j++)
			bytes += check_rule(rules[j].steps, true);
	}
	assert_true(bytes > 1000);
}

/* A look-up by the kernel's telling: flags are told though they are zero. */
static struct nlattr *lookup(bool told, uint32_t flags)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();
	struct nftnl_expr *e = nftnl_expr_alloc("lookup");

	assert_non_null(rule);
	assert_non_null(e);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, "homes4");
	if (told)
		nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_FLAGS, flags);
	nftnl_rule_add_expr(rule, e);
	return take_expressions(rule);
}

static void what_the_kernel_adds_must_be_zero(void **state)
{
	struct nlattr *wanted = lookup(false, 0), *silent = lookup(true, 0);
	struct nlattr *inverted = lookup(true, NFT_LOOKUP_F_INV);

	assert_true(match_expressions(wanted, silent));
	assert_false(match_expressions(wanted, inverted));
	assert_false(match_expressions(inverted, wanted));
	assert_false(match_expressions(silent, wanted));
	free(wanted);
	free(silent);
	free(inverted);
}

static void durations(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds; /* 0: refused */
	} cases[] = {
		{ "90s", 90 }, { "30m", 1800 }, { "12h", 43200 }, { "1d", 86400 }, { "3650d", 315360000 },
		{ "", 0 }, { "m", 0 }, { "0m", 0 }, { "30", 0 }, { "30 m", 0 }, { "-5m", 0 }, { "1.5h", 0 },
		{ "30min", 0 }, { "3651d", 0 }, { "99999999999999999999m", 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t seconds = 0;

		assert_int_equal(duration_parse(cases[i].text, &seconds), cases[i].seconds != 0);
		if (cases[i].seconds)
			assert_int_equal(seconds, cases[i].seconds);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_bit_of_every_rule_counts),
		cmocka_unit_test(what_the_kernel_adds_must_be_zero),
		cmocka_unit_test(durations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

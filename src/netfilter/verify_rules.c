/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/verify_rules.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include "netfilter/expr.h"
#include "netfilter/frame.h"
#include "netfilter/match.h"

#define ALIGN_MAX 4096u /* rules of a chain that are matched one by one */

/* A rule: what it does, and in words. */
struct kept {
	const struct nlattr *expressions; /* NULL: none */
	const char *text;                 /* of a wanted one: its comment, or NULL */
};

struct chain_rules {
	const char *name;
	struct kept *wanted, *had;
	size_t wanted_count, had_count, had_capacity;
};

struct reading {
	struct arena *arena;
	struct drift_list *drifts;
	struct chain_rules *chains; /* drop places, then shape_chains */
	size_t chain_count;
	size_t rules;               /* in all of them, as the kernel has them */
};

/* ---- what is wanted ---- */

static int expressions_attribute(const struct nlattr *attr, void *data)
{
	if (mnl_attr_get_type(attr) == NFTA_RULE_EXPRESSIONS)
		*(const struct nlattr **)data = attr;
	return MNL_CB_OK;
}

static const struct nlattr *copy_attribute(const struct nlattr *attr, struct arena *arena)
{
	void *copy;

	if (!attr)
		return NULL;
	copy = arena_alloc(arena, attr->nla_len);
	memcpy(copy, attr, attr->nla_len);
	return copy;
}

static const struct nlattr *expressions_of(const struct nlmsghdr *nlh, struct arena *arena)
{
	const struct nlattr *found = NULL;

	mnl_attr_parse(nlh, sizeof(struct nfgenmsg), expressions_attribute, &found);
	return copy_attribute(found, arena);
}

/* The same bytes that a commit would send. */
static const struct nlattr *wanted_expressions(const struct step *steps, const struct ruleset *ruleset,
					       const struct netfilter_kernel *kernel,
					       struct arena *arena)
{
	char bytes[BATCH_MESSAGE_MAX];
	struct nlmsghdr *nlh = nftnl_nlmsg_build_hdr(bytes, NFT_MSG_NEWRULE, NFPROTO_INET, 0, 1);
	struct nftnl_rule *rule = nftnl_rule_alloc();

	if (!rule)
		abort();
	expr_add_steps(rule, steps, ruleset, kernel);
	nftnl_rule_nlmsg_build_payload(nlh, rule);
	nftnl_rule_free(rule);
	return expressions_of(nlh, arena);
}

static void want_rules(struct reading *r, const char *chain, const struct shape_rule *rules, size_t count,
		       const struct ruleset *ruleset, const struct netfilter_kernel *kernel)
{
	struct chain_rules *c = &r->chains[r->chain_count++];

	*c = (struct chain_rules){ .name = chain, .wanted_count = count };
	c->wanted = arena_array(r->arena, count + 1, sizeof(*c->wanted));
	for (size_t i = 0; i < count; i++)
		c->wanted[i] = (struct kept){
			.expressions = wanted_expressions(rules[i].steps, ruleset, kernel, r->arena),
			.text = rules[i].comment,
		};
}

static void want_all(struct reading *r, const struct ruleset *ruleset,
		     const struct netfilter_kernel *kernel)
{
	r->chains = arena_array(r->arena, SHAPE_DROPS + shape_chain_count, sizeof(*r->chains));
	for (size_t i = 0; i < SHAPE_DROPS; i++) {
		struct shape_rule rules[SHAPE_DROP_RULES];

		shape_drop_rules(&shape_drops[i], rules);
		want_rules(r, shape_drops[i].name, rules, SHAPE_DROP_RULES, ruleset, kernel);
	}
	for (size_t i = 0; i < shape_chain_count; i++)
		want_rules(r, shape_chains[i].name, shape_chains[i].rules, shape_chains[i].rule_count,
			   ruleset, kernel);
}

/* ---- what is there ---- */

static struct kept *next_had(struct reading *r, struct chain_rules *c)
{
	if (c->had_count == c->had_capacity) {
		size_t capacity = c->had_capacity ? 2 * c->had_capacity : 16;
		struct kept *items = arena_array(r->arena, capacity, sizeof(*items));

		if (c->had_count)
			memcpy(items, c->had, c->had_count * sizeof(*items));
		c->had = items;
		c->had_capacity = capacity;
	}
	return &c->had[c->had_count++];
}

/* libnftnl's words for it, on one line: nobody else can say what a stranger wrote. */
static const char *words_of(const struct nftnl_rule *rule, struct arena *arena)
{
	char text[400];
	size_t kept = 0;

	if (nftnl_rule_snprintf(text, sizeof(text), rule, NFTNL_OUTPUT_DEFAULT, 0) < 0)
		return "?";
	text[sizeof(text) - 1] = '\0';
	const char *from = strchr(text, '[');
	if (!from)
		return "no expressions";
	for (const char *p = from; *p; p++) {
		bool blank = *p == ' ' || *p == '\n' || *p == '\t';

		if (!blank || (kept && text[kept - 1] != ' '))
			text[kept++] = blank ? ' ' : *p;
	}
	while (kept && text[kept - 1] == ' ')
		kept--;
	return arena_strndup(arena, text, kept);
}

static void take_rule(struct reading *r, const struct nlmsghdr *nlh, const struct nftnl_rule *rule)
{
	const char *chain = nftnl_rule_get_str(rule, NFTNL_RULE_CHAIN);

	for (size_t i = 0; chain && i < r->chain_count; i++) {
		if (strcmp(r->chains[i].name, chain))
			continue;
		*next_had(r, &r->chains[i]) = (struct kept){
			.expressions = expressions_of(nlh, r->arena),
			.text = words_of(rule, r->arena),
		};
		r->rules++;
	}
}

static int each_rule(const struct nlmsghdr *nlh, void *data)
{
	const struct nfgenmsg *head = mnl_nlmsg_get_payload(nlh);
	struct nftnl_rule *rule = nftnl_rule_alloc();
	const char *table;

	if (!rule)
		return MNL_CB_ERROR;
	/* An expression that libnftnl does not know ends its parsing: names come before expressions. */
	(void)nftnl_rule_nlmsg_parse(nlh, rule);
	table = nftnl_rule_get_str(rule, NFTNL_RULE_TABLE);
	if (head->nfgen_family == NFPROTO_INET && table && !strcmp(table, SHAPE_TABLE))
		take_rule(data, nlh, rule);
	nftnl_rule_free(rule);
	return MNL_CB_OK;
}

/* ---- side by side ---- */

static const char *place(struct reading *r, const struct chain_rules *c)
{
	return arena_printf(r->arena, "chain %s", c->name);
}

/* The comment says it of the rules that follow, too. */
static const char *purpose(const struct chain_rules *c, size_t i)
{
	return c->wanted[i].text ? c->wanted[i].text : "";
}

static void report_gap(struct reading *r, const struct chain_rules *c, size_t wanted, size_t wanted_end,
		       size_t had, size_t had_end)
{
	const char *where = place(r, c);

	for (; wanted < wanted_end && had < had_end; wanted++, had++)
		drift_add(r->drifts, &(struct drift){ .code = DRIFT_RULE_CHANGED }, where,
			  "its rule %zu is not the gate's%s%s%s; it says: %s", had + 1,
			  *purpose(c, wanted) ? " (\"" : "", purpose(c, wanted),
			  *purpose(c, wanted) ? "\")" : "", c->had[had].text);
	for (; wanted < wanted_end; wanted++)
		drift_add(r->drifts, &(struct drift){ .code = DRIFT_RULE_REMOVED }, where,
			  "the rule that should be number %zu is missing%s%s%s", wanted + 1,
			  *purpose(c, wanted) ? " (\"" : "", purpose(c, wanted),
			  *purpose(c, wanted) ? "\")" : "");
	for (; had < had_end; had++)
		drift_add(r->drifts, &(struct drift){ .code = DRIFT_RULE_ADDED }, where,
			  "a rule that is not the gate's stands at number %zu%s; it says: %s", had + 1,
			  had < c->wanted_count ? ", before rules of the gate" : "", c->had[had].text);
}

/*
 * The longest common subsequence, so that one rule inserted is told as one. length[i][j]: of what follows
 * from wanted rule i and found rule j.
 */
static void align(struct reading *r, const struct chain_rules *c)
{
	size_t w = c->wanted_count, h = c->had_count, row = h + 1, i = 0, j = 0, gap_i, gap_j;
	uint32_t *length = arena_array(r->arena, (w + 1) * row, sizeof(*length));
	bool *same = arena_array(r->arena, w * h + 1, sizeof(*same));

	for (i = w; i-- > 0;)
		for (j = h; j-- > 0;) {
			uint32_t down = length[(i + 1) * row + j], right = length[i * row + j + 1];

			same[i * h + j] = match_expressions(c->wanted[i].expressions, c->had[j].expressions);
			length[i * row + j] = same[i * h + j] ? length[(i + 1) * row + j + 1] + 1 :
					      down > right ? down : right;
		}
	for (i = j = gap_i = gap_j = 0; i < w && j < h;) {
		if (same[i * h + j]) {
			report_gap(r, c, gap_i, i, gap_j, j);
			gap_i = ++i;
			gap_j = ++j;
		} else if (length[(i + 1) * row + j] >= length[i * row + j + 1]) {
			i++;
		} else {
			j++;
		}
	}
	report_gap(r, c, gap_i, w, gap_j, h);
}

/* A chain that is not there was told already; so were its rules. */
static bool is_gone(const struct reading *r, const struct chain_rules *c)
{
	for (size_t i = 0; i < r->drifts->count; i++)
		if (r->drifts->items[i].code == DRIFT_CHAIN_REMOVED &&
		    !strcmp(r->drifts->items[i].where + strlen("chain "), c->name))
			return true;
	return false;
}

static void judge_chain(struct reading *r, const struct chain_rules *c)
{
	if (is_gone(r, c))
		return;
	if (c->had_count <= ALIGN_MAX)
		align(r, c);
	else
		drift_add(r->drifts, &(struct drift){ .code = DRIFT_RULE_ADDED }, place(r, c),
			  "it has %zu rules, the gate gives it %zu", c->had_count, c->wanted_count);
}

int verify_rules(struct link *link, const struct ruleset *ruleset, const struct netfilter_kernel *kernel,
		 struct drift_list *drifts)
{
	struct reading r = { .arena = drifts->arena, .drifts = drifts };
	int error;

	want_all(&r, ruleset, kernel);
	error = frame_dump(link, NFT_MSG_GETRULE, each_rule, &r);
	if (error)
		return error;
	if (!r.rules)
		drift_add(drifts, &(struct drift){ .code = DRIFT_TABLE_FLUSHED }, "table inet " SHAPE_TABLE,
			  "none of the rules of the gate's table is there: what its chains' policies do not "
			  "drop passes");
	for (size_t i = 0; r.rules && i < r.chain_count; i++)
		judge_chain(&r, &r.chains[i]);
	return 0;
}

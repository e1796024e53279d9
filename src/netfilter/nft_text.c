/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/nft_text.h"

#include "netfilter/nft_sets.h"

struct text {
	FILE *out;
	const struct ruleset *ruleset;
	bool queue; /* nft's own queue statement may be written */
};

/* ---- steps ---- */

static void put_mark_bits(const struct text *t, const struct step *s)
{
	fprintf(t->out, "meta mark & 0x%08x == 0x%08x", s->a, s->b);
}

static void put_mark_is(const struct text *t, const struct step *s)
{
	fprintf(t->out, "meta mark 0x%08x", s->a);
}

static void put_mark_is_not(const struct text *t, const struct step *s)
{
	fprintf(t->out, "meta mark != 0x%08x", s->a);
}

static void put_mark_set(const struct text *t, const struct step *s)
{
	fprintf(t->out, "meta mark set 0x%08x", s->a);
}

static void put_mark_add(const struct text *t, const struct step *s)
{
	fprintf(t->out, "meta mark set meta mark | 0x%08x", s->a);
}

static void put_family(const struct text *t, const struct step *s)
{
	fprintf(t->out, "meta nfproto ipv%u", s->a);
}

static void put_to_many(const struct text *t, const struct step *s)
{
	fputs("meta pkttype != host", t->out);
}

static void put_from_loopback(const struct text *t, const struct step *s)
{
	fputs("iifname \"lo\"", t->out);
}

static void put_to_loopback(const struct text *t, const struct step *s)
{
	fputs("oifname \"lo\"", t->out);
}

static void put_icmp(const struct text *t, const struct step *s)
{
	fprintf(t->out, "%s type %u", s->a == 4 ? "icmp" : "icmpv6", s->b);
}

static void put_link(const struct text *t, const struct step *s)
{
	fprintf(t->out, "icmpv6 type %u ip6 hoplimit %u", s->a, s->b);
}

static void put_stranger(const struct text *t, const struct step *s)
{
	fprintf(t->out, "iifname . %s saddr != @%s", s->a == 4 ? "ip" : "ip6",
		shape_sets[s->a == 4 ? SHAPE_HOMES4 : SHAPE_HOMES6].name);
}

static void put_find(const struct text *t, const struct step *s)
{
	const char *ip = s->a == 4 ? "ip" : "ip6";

	fprintf(t->out, "meta mark set %s %s . %s %s . meta l4proto . th %s map @%s", ip,
		s->b ? "daddr" : "saddr", ip, s->b ? "saddr" : "daddr", s->b ? "sport" : "dport",
		shape_sets[s->a == 4 ? SHAPE_CONDUITS4 : SHAPE_CONDUITS6].name);
}

static void put_find_related(const struct text *t, const struct step *s)
{
	const char *ip = s->a == 4 ? "ip" : "ip6";

	fprintf(t->out,
		"meta mark set ct original %s saddr . ct original %s daddr . ct protocol . "
		"ct original proto-dst map @%s", ip, ip,
		shape_sets[s->a == 4 ? SHAPE_CONDUITS4 : SHAPE_CONDUITS6].name);
}

static void put_find_quoted(const struct text *t, const struct step *s)
{
	fprintf(t->out, "meta nfproto ipv%u meta mark set ", s->a);
	nft_put_quoted_look_up(t->out, s->a, s->b);
}

static void put_own(const struct text *t, const struct step *s)
{
	fprintf(t->out, "%s %s . meta l4proto . th %s @%s", s->a == 4 ? "ip" : "ip6",
		s->b ? "saddr" : "daddr", s->b ? "sport" : "dport",
		shape_sets[s->a == 4 ? SHAPE_OWN4 : SHAPE_OWN6].name);
}

static void put_closed_now(const struct text *t, const struct step *s)
{
	fprintf(t->out, "meta mark & 0x%08x . meta hour . meta time != @%s", MARK_TIMETABLE,
		shape_sets[SHAPE_WINDOWS].name);
}

static void put_overdue_now(const struct text *t, const struct step *s)
{
	fprintf(t->out, "meta mark . meta time @%s", shape_sets[SHAPE_OVERDUE].name);
}

static void put_fresh(const struct text *t, const struct step *s)
{
	fputs("ct status ! confirmed", t->out);
}

static void put_direction(const struct text *t, const struct step *s)
{
	fprintf(t->out, "ct direction %s", s->a ? "reply" : "original");
}

static void put_state(const struct text *t, const struct step *s)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} words[] = { { SHAPE_STATE_ESTABLISHED, "established" },
		      { SHAPE_STATE_RELATED, "related" },
		      { SHAPE_STATE_NEW, "new" } };
	const char *between = "";

	fputs("ct state ", t->out);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!(s->a & words[i].bit))
			continue;
		fprintf(t->out, "%s%s", between, words[i].name);
		between = ",";
	}
}

static void put_notrack(const struct text *t, const struct step *s)
{
	fputs("notrack", t->out);
}

static void put_count(const struct text *t, const struct step *s)
{
	fprintf(t->out, "counter name \"%s\"", s->name);
}

static void put_limit(const struct text *t, const struct step *s)
{
	fprintf(t->out, "limit rate %u/second burst %u packets", s->a, s->b);
}

static void put_log(const struct text *t, const struct step *s)
{
	put_limit(t, &(struct step){ .a = SHAPE_LOG_RATE, .b = SHAPE_LOG_BURST });
	fprintf(t->out, " log prefix \"" SHAPE_LOG_PREFIX "%s\" group %u snaplen %u", s->name,
		t->ruleset->log_group, SHAPE_LOG_BYTES);
}

static void put_accept(const struct text *t, const struct step *s)
{
	fputs("accept", t->out);
}

static void put_drop(const struct text *t, const struct step *s)
{
	fputs("drop", t->out);
}

static void put_jump(const struct text *t, const struct step *s)
{
	fprintf(t->out, "jump %s", s->name);
}

static void put_goto(const struct text *t, const struct step *s)
{
	fprintf(t->out, "goto %s", s->name);
}

static void put_queue(const struct text *t, const struct step *s)
{
	if (t->queue)
		fprintf(t->out, "queue num %u", ruleset_queue(t->ruleset, s->a));
	else
		fputs("drop", t->out);
}

static void (*const put_step[STEP_KINDS])(const struct text *, const struct step *) = {
	[STEP_MARK_BITS] = put_mark_bits,
	[STEP_MARK_IS] = put_mark_is,
	[STEP_MARK_IS_NOT] = put_mark_is_not,
	[STEP_MARK_SET] = put_mark_set,
	[STEP_MARK_ADD] = put_mark_add,
	[STEP_FAMILY] = put_family,
	[STEP_TO_MANY] = put_to_many,
	[STEP_FROM_LOOPBACK] = put_from_loopback,
	[STEP_TO_LOOPBACK] = put_to_loopback,
	[STEP_LINK] = put_link,
	[STEP_ICMP] = put_icmp,
	[STEP_STRANGER] = put_stranger,
	[STEP_FIND] = put_find,
	[STEP_FIND_RELATED] = put_find_related,
	[STEP_FIND_QUOTED] = put_find_quoted,
	[STEP_OWN] = put_own,
	[STEP_CLOSED_NOW] = put_closed_now,
	[STEP_OVERDUE_NOW] = put_overdue_now,
	[STEP_FRESH] = put_fresh,
	[STEP_DIRECTION] = put_direction,
	[STEP_STATE] = put_state,
	[STEP_NOTRACK] = put_notrack,
	[STEP_COUNT] = put_count,
	[STEP_LIMIT] = put_limit,
	[STEP_LOG] = put_log,
	[STEP_ACCEPT] = put_accept,
	[STEP_DROP] = put_drop,
	[STEP_JUMP] = put_jump,
	[STEP_GOTO] = put_goto,
	[STEP_QUEUE] = put_queue,
};

/* ---- chains ---- */

static bool has_step(const struct shape_rule *rule, enum step_kind kind)
{
	const struct step *s = rule->steps;

	while (s->kind && s->kind != kind)
		s++;
	return s->kind == kind;
}

static void put_rule(const struct text *t, const struct shape_rule *rule)
{
	if (rule->comment)
		fprintf(t->out, "\t\t# %s\n", rule->comment);
	if (rule->comment && has_step(rule, STEP_QUEUE) && !t->queue)
		fputs("\t\t# (this kernel has no nft queue: `gatehouse apply` queues, text cannot)\n", t->out);
	for (const struct step *s = rule->steps; s->kind; s++) {
		fputs(s == rule->steps ? "\t\t" : " ", t->out);
		put_step[s->kind](t, s);
	}
	fputc('\n', t->out);
}

static const char *priority_word(int32_t priority)
{
	return priority < 0 ? "raw" : "filter";
}

static void put_chain(const struct text *t, const struct shape_chain *chain)
{
	fprintf(t->out, "\n\t# %s\n\tchain %s {\n", chain->comment, chain->name);
	if (chain->hook)
		fprintf(t->out, "\t\ttype filter hook %s priority %s; policy %s;\n", chain->hook,
			priority_word(chain->priority), chain->drop ? "drop" : "accept");
	for (size_t i = 0; i < chain->rule_count; i++)
		put_rule(t, &chain->rules[i]);
	fputs("\t}\n", t->out);
}

static void put_drop_chain(const struct text *t, const struct shape_drop *drop)
{
	struct shape_rule rules[SHAPE_DROP_RULES];

	shape_drop_rules(drop, rules);
	put_chain(t, &(struct shape_chain){ .name = drop->name, .comment = drop->comment,
					    .rules = rules, .rule_count = SHAPE_DROP_RULES });
}

/* ---- all of it ---- */

static void put_head(const struct text *t)
{
	fputs("#!/usr/sbin/nft -f\n# The ruleset of site \"", t->out);
	nft_put_plain(t->out, t->ruleset->site);
	fputs("\", written by gatehouse from its rule documents. Change those, not this.\n"
	      "# Loading it replaces the gate's own table in one transaction; other tables stay.\n"
	      "# Path MTU discovery needs net.ipv4.fwmark_reflect=1 and net.ipv6.fwmark_reflect=1 beside it.\n"
	      "# A mark's low 17 bits number the conduit, the next ten its timetable; 0x08000000 open without its\n"
	      "# inspector, 0x10000000 has a timetable, 0x20000000 sent by the device, 0x40000000 inspected,\n"
	      "# 0x80000000 made by the inspector.\n"
	      "\ntable inet " SHAPE_TABLE "\ndelete table inet " SHAPE_TABLE "\n"
	      "\ntable inet " SHAPE_TABLE " {\n", t->out);
}

void nft_text_write(const struct ruleset *ruleset, const struct netfilter_kernel *kernel, FILE *out)
{
	struct text t = { .out = out, .ruleset = ruleset, .queue = !kernel || kernel->queue };

	put_head(&t);
	for (size_t i = 0; i < SHAPE_DROPS; i++)
		fprintf(out, "\tcounter %s { }\n", shape_drops[i].name);
	nft_sets_write(ruleset, out);
	for (size_t i = 0; i < SHAPE_DROPS; i++)
		put_drop_chain(&t, &shape_drops[i]);
	for (size_t i = 0; i < shape_chain_count; i++)
		put_chain(&t, &shape_chains[i]);
	fputs("}\n", out);
	nft_sets_write_rest(ruleset, out);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/diff_rule.h"

#include <string.h>

#include "policy/address.h"
#include "policy/describe.h"

#define WEEK_MINUTES (7 * 24 * 60)

enum diff_change diff_of(unsigned effect)
{
	if (effect == (DIFF_GAINS | DIFF_LOSES))
		return DIFF_CHANGED;
	if (effect)
		return effect == DIFF_GAINS ? DIFF_WIDENED : DIFF_NARROWED;
	return DIFF_UNCHANGED;
}

/* One comparison under way. */
struct pair {
	const struct rule *before, *after;
	struct arena *arena;
	struct diff_rule *out;
	unsigned effect;
};

static void member(struct pair *p, const char *what, unsigned effect, const char *before,
		   const char *after)
{
	p->effect |= effect;
	if (effect && p->out->member_count < DIFF_MEMBERS_MAX)
		p->out->members[p->out->member_count++] =
			(struct diff_member){ what, diff_of(effect), before, after };
}

static const char *number_text(struct pair *p, uint32_t number, const char *zero)
{
	return number ? arena_printf(p->arena, "%u", number) : zero;
}

static const char *end_text(struct pair *p, const struct asset *asset)
{
	char address[ADDRESS_TEXT_SIZE];

	address_format(&asset->address, address);
	return arena_printf(p->arena, "%s (%s)", asset->id, address);
}

static void compare_end(struct pair *p, const char *what, const struct asset *before,
			const struct asset *after)
{
	if (address_compare(&before->address, &after->address))
		member(p, what, DIFF_GAINS | DIFF_LOSES, end_text(p, before), end_text(p, after));
}

static void compare_path(struct pair *p)
{
	const struct rule *a = p->before, *b = p->after;

	compare_end(p, "from", a->from, b->from);
	compare_end(p, "to", a->to, b->to);
	if (a->protocol != b->protocol)
		member(p, "protocol", DIFF_GAINS | DIFF_LOSES, a->protocol->name, b->protocol->name);
	if (a->port != b->port)
		member(p, "port", DIFF_GAINS | DIFF_LOSES, number_text(p, a->port, NULL),
		       number_text(p, b->port, NULL));
}

/* ---- times ---- */

/* The minutes of a week, from Monday, at which a schedule is open. */
static void fill_week(const struct rule *rule, uint8_t week[static WEEK_MINUTES])
{
	memset(week, rule->schedule_count == 0, WEEK_MINUTES);
	for (size_t i = 0; i < rule->schedule_count; i++) {
		const struct schedule *s = &rule->schedules[i];
		int length = s->until - s->from + (s->until <= s->from ? 24 * 60 : 0);

		for (int day = 0; day < 7; day++)
			for (int m = 0; s->days >> day & 1 && m < length; m++)
				week[(day * 24 * 60 + s->from + m) % WEEK_MINUTES] = 1;
	}
}

static void compare_schedules(struct pair *p)
{
	uint8_t before[WEEK_MINUTES], after[WEEK_MINUTES];
	const char *old = describe_schedule(p->before, p->arena);
	const char *new = describe_schedule(p->after, p->arena);
	unsigned effect = 0;

	fill_week(p->before, before);
	fill_week(p->after, after);
	for (int i = 0; i < WEEK_MINUTES; i++)
		effect |= (after[i] > before[i] ? DIFF_GAINS : 0) | (after[i] < before[i] ? DIFF_LOSES : 0);
	member(p, "schedule", effect, old ? old : "always", new ? new : "always");
}

static void compare_expiry(struct pair *p)
{
	int64_t before = p->before->expires == NO_DAY ? INT64_MAX : p->before->expires;
	int64_t after = p->after->expires == NO_DAY ? INT64_MAX : p->after->expires;

	if (before != after)
		member(p, "expires", after > before ? DIFF_GAINS : DIFF_LOSES,
		       p->before->m.expires ? p->before->m.expires->text : "never",
		       p->after->m.expires ? p->after->m.expires->text : "never");
}

/* ---- limits and handling ---- */

/* 0 is no limit. */
static void compare_limit(struct pair *p, const char *what, uint32_t before, uint32_t after)
{
	uint32_t old = before ? before : UINT32_MAX, new = after ? after : UINT32_MAX;

	if (old != new)
		member(p, what, new > old ? DIFF_GAINS : DIFF_LOSES, number_text(p, before, "no limit"),
		       number_text(p, after, "no limit"));
}

static void compare_handling(struct pair *p)
{
	const struct rule *a = p->before, *b = p->after;

	compare_limit(p, "limits.connections", a->max_connections, b->max_connections);
	compare_limit(p, "limits.requests_per_second", a->requests_per_second, b->requests_per_second);
	if (a->mode != b->mode)
		member(p, "mode", b->mode == PROGRAM_OBSERVE ? DIFF_GAINS : DIFF_LOSES,
		       word_name(&words_modes, (int)a->mode), word_name(&words_modes, (int)b->mode));
	if (a->on_violation != b->on_violation)
		member(p, "on_violation", DIFF_GAINS | DIFF_LOSES,
		       word_name(&words_violations, (int)a->on_violation),
		       word_name(&words_violations, (int)b->on_violation));
	if (a->fallback != b->fallback)
		member(p, "if_inspector_down", b->fallback == FALLBACK_OPEN ? DIFF_GAINS : DIFF_LOSES,
		       word_name(&words_fallbacks, (int)a->fallback),
		       word_name(&words_fallbacks, (int)b->fallback));
	if (a->quirks != b->quirks)
		member(p, "quirks", b->quirks & ~a->quirks ? DIFF_GAINS : DIFF_LOSES,
		       a->quirks ? "transaction-id" : "none", b->quirks ? "transaction-id" : "none");
}

unsigned diff_members(const struct rule *before, const struct rule *after, struct arena *arena,
		      struct diff_rule *ret)
{
	struct pair p = { before, after, arena, ret, 0 };

	compare_path(&p);
	compare_schedules(&p);
	compare_expiry(&p);
	if (before->protocol->inspected && after->protocol->inspected)
		compare_handling(&p);
	return p.effect;
}

/* ---- papers ---- */

static const struct paper {
	const char *what;
	size_t offset; /* in struct rule_members */
} papers[] = {
	{ "purpose", offsetof(struct rule_members, purpose) },
	{ "owner", offsetof(struct rule_members, owner) },
	{ "requested_by", offsetof(struct rule_members, requested_by) },
	{ "approved_by", offsetof(struct rule_members, approved_by) },
	{ "approved_on", offsetof(struct rule_members, approved_on) },
	{ "review_by", offsetof(struct rule_members, review_by) },
	{ "reference", offsetof(struct rule_members, reference) },
	{ "uninspected_because", offsetof(struct rule_members, uninspected_because) },
	{ "open_because", offsetof(struct rule_members, open_because) },
};

static const char *paper_text(const struct rule *rule, const struct paper *paper)
{
	const void *at = (const char *)&rule->m + paper->offset;
	const struct value *value = *(const struct value *const *)at;

	return value ? value->text : NULL;
}

static void paper(struct diff_rule *ret, const char *what, const char *before, const char *after)
{
	bool same = before && after ? !strcmp(before, after) : before == after;

	if (!same && ret->paper_count < DIFF_MEMBERS_MAX)
		ret->papers[ret->paper_count++] = (struct diff_member){ what, DIFF_CHANGED, before, after };
}

void diff_papers(const struct rule *before, const struct rule *after, struct diff_rule *ret)
{
	for (size_t i = 0; i < sizeof(papers) / sizeof(papers[0]); i++)
		paper(ret, papers[i].what, paper_text(before, &papers[i]), paper_text(after, &papers[i]));
	/* other names for the same addresses */
	if (!address_compare(&before->from->address, &after->from->address))
		paper(ret, "from", before->from->id, after->from->id);
	if (!address_compare(&before->to->address, &after->to->address))
		paper(ret, "to", before->to->id, after->to->id);
}

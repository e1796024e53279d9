/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What can be judged only when the whole site has been read. */
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "policy/address.h"
#include "policy/check_gate.h"
#include "policy/conduits.h"
#include "policy/load.h"

#define DUE_DAYS 30     /* ahead: a review is due soon */
#define OBSERVE_DAYS 30 /* longest observation from now */

struct zone_network {
	const struct zone *zone;
	const struct network *network;
};

static int compare_networks(const void *a, const void *b)
{
	const struct network *x = ((const struct zone_network *)a)->network;
	const struct network *y = ((const struct zone_network *)b)->network;
	int by = address_compare(&x->address, &y->address);

	if (!by)
		by = (x->prefix > y->prefix) - (x->prefix < y->prefix);
	return by ? by : (x->at->from > y->at->from) - (x->at->from < y->at->from);
}

/* Sorted, a network stands before those inside it: each is compared with the last that holds none. */
static void check_networks(const struct loader *l)
{
	const struct site *site = l->site;
	const struct zone_network *outer = NULL;
	struct zone_network *all;
	size_t count = 0;

	for (size_t i = 0; i < site->zone_count; i++)
		count += site->zones[i].network_count;
	all = arena_array(l->arena, count, sizeof(*all));
	count = 0;
	for (size_t i = 0; i < site->zone_count; i++)
		for (size_t k = 0; k < site->zones[i].network_count; k++)
			if (site->zones[i].networks[k].address.family)
				all[count++] = (struct zone_network){ &site->zones[i],
								      &site->zones[i].networks[k] };
	if (count)
		qsort(all, count, sizeof(*all), compare_networks);
	for (size_t i = 0; i < count; i++) {
		if (outer && network_holds(&outer->network->address, outer->network->prefix,
					   &all[i].network->address))
			report(l, FINDING_OVERLAPPING_NETWORKS, all[i].network->at,
			       arena_printf(l->arena, "the other one is in %s; an address belongs to one zone",
					    place_text(l, outer->network->at)),
			       "%s overlaps %s of the zone \"%s\"", all[i].network->at->text,
			       outer->network->at->text, outer->zone->id);
		else
			outer = &all[i];
	}
}

static int compare_assets(const void *a, const void *b)
{
	const struct asset *x = *(const struct asset *const *)a, *y = *(const struct asset *const *)b;
	int by = address_compare(&x->address, &y->address);

	return by ? by : strcmp(x->id, y->id);
}

static void check_addresses(const struct loader *l)
{
	const struct site *site = l->site;
	const struct asset **sorted = arena_array(l->arena, site->asset_count, sizeof(*sorted));
	size_t count = 0;

	for (size_t i = 0; i < site->asset_count; i++)
		if (site->assets[i].address.family)
			sorted[count++] = &site->assets[i];
	if (count)
		qsort(sorted, count, sizeof(*sorted), compare_assets);
	for (size_t i = 1; i < count; i++) {
		if (address_compare(&sorted[i - 1]->address, &sorted[i]->address))
			continue;
		report(l, FINDING_DUPLICATE_ADDRESS, sorted[i]->address_at,
		       arena_printf(l->arena, "\"%s\" is in %s; each asset has an address of its own",
				    sorted[i - 1]->id, place_text(l, sorted[i - 1]->at)),
		       "%s is also the address of \"%s\"", sorted[i]->address_at->text,
		       sorted[i - 1]->id);
	}
}

static void check_approval(const struct loader *l, const struct rule *rule)
{
	const struct rule_members *m = &rule->m;
	char latest[CALENDAR_DATE_SIZE];

	if (rule->approved_on == NO_DAY)
		return;
	if (rule->approved_on > l->site->today && !l->site->clock_doubted)
		report(l, FINDING_APPROVED_IN_FUTURE, m->approved_on, "write the day of the approval",
		       "the approval has a date in the future");
	if (rule->expires != NO_DAY && rule->expires < rule->approved_on)
		report(l, FINDING_EXPIRES_BEFORE_APPROVAL, m->expires, "correct one of the two dates",
		       "the rule ends before it was approved on %s", m->approved_on->text);
	if (rule->review_by == NO_DAY)
		return;
	calendar_format_date(rule->approved_on + l->site->review_days, latest);
	if (rule->review_by < rule->approved_on)
		report(l, FINDING_REVIEW_BEFORE_APPROVAL, m->review_by, "correct one of the two dates",
		       "the review is due before the approval on %s", m->approved_on->text);
	else if (rule->review_by > rule->approved_on + l->site->review_days)
		report(l, FINDING_REVIEW_TOO_LATE, m->review_by,
		       arena_printf(l->arena, "write %s or an earlier day", latest),
		       "a review is due within %d days of the approval", l->site->review_days);
}

static void check_review(const struct loader *l, const struct rule *rule)
{
	if (rule->review_by == NO_DAY || rule->expired)
		return;
	if (rule->review_by < l->site->today)
		report(l, FINDING_REVIEW_OVERDUE, rule->m.review_by,
		       "ask its owner whether the rule is still needed, then write new dates or remove it",
		       "the review of \"%s\" was due on %s%s", rule->id, rule->m.review_by->text,
		       l->site->overdue == OVERDUE_REFUSE_NEW ? ": it serves no new connection" : "");
	else if (rule->review_by <= l->site->today + DUE_DAYS)
		report(l, FINDING_REVIEW_DUE, rule->m.review_by,
		       "ask its owner whether the rule is still needed",
		       "the review of \"%s\" is due within %d days", rule->id, DUE_DAYS);
}

static void check_expiry(const struct loader *l, struct rule *rule)
{
	if (rule->mode == PROGRAM_OBSERVE)
		report(l, FINDING_OBSERVE, rule->m.mode, "write \"enforce\" when the rule is known to fit",
		       "what \"%s\" does not allow is recorded and let through", rule->id);
	if (rule->mode == PROGRAM_OBSERVE && !rule->m.expires)
		report(l, FINDING_OBSERVE_WITHOUT_EXPIRES, rule->m.mode,
		       "add \"expires\" with a day at most 30 days from now",
		       "a rule that only observes needs an end");
	if (rule->expires == NO_DAY)
		return;
	rule->expired = rule->expires < l->site->today;
	if (rule->expired)
		report(l, FINDING_EXPIRED, rule->m.expires, "remove the rule, or have it approved again",
		       "\"%s\" ended on %s and opens nothing", rule->id, rule->m.expires->text);
	else if (rule->mode == PROGRAM_OBSERVE && rule->expires > l->site->today + OBSERVE_DAYS &&
		 !l->site->clock_doubted)
		report(l, FINDING_OBSERVE_TOO_LONG, rule->m.expires,
		       "write a day at most 30 days from now", "a rule cannot only observe for that long");
}

static void check_ends(const struct loader *l, const struct rule *rule)
{
	const struct asset *from = rule->from, *to = rule->to;

	if (!from || !to)
		return;
	if (from->address.family && to->address.family && from->address.family != to->address.family)
		report(l, FINDING_ADDRESS_FAMILY, rule->m.to, "give both assets IPv4 addresses, or both IPv6",
		       "\"%s\" has an IPv%u address and \"%s\" an IPv%u one: they cannot speak with each other",
		       from->id, from->address.family, to->id, to->address.family);
	if (!from->zone || !to->zone)
		return;
	if (from->zone == to->zone)
		report(l, FINDING_SAME_ZONE, rule->m.to,
		       "the gate guards what goes from one zone to another; correct a zone or remove the rule",
		       "\"%s\" and \"%s\" are both in the zone \"%s\"", from->id, to->id, from->zone->id);
	else if (from->zone->interface && to->zone->interface &&
		 !strcmp(from->zone->interface, to->zone->interface))
		report(l, FINDING_SAME_ZONE, rule->m.to, "give the two zones interfaces of their own",
		       "\"%s\" and \"%s\" are both behind the interface %s", from->id, to->id,
		       from->zone->interface);
	if (to->zone->side == SIDE_IT)
		report(l, FINDING_DEVICE_IN_IT, rule->m.to,
		       "let the IT side ask the plant side, or use a broker in a DMZ",
		       "\"%s\" is on the IT side: the plant side would open connections to it", to->id);
}

static void check_unused(const struct loader *l)
{
	const struct site *site = l->site;

	if (site->partial)
		return;
	/* the asset that a mistyped name meant is not unused */
	for (size_t i = 0; i < site->asset_count && !site->unresolved; i++)
		if (!site->assets[i].used)
			report_name(l, FINDING_UNUSED_ASSET, site->assets[i].at,
				    "remove it if it is gone, or keep it with a \"note\"",
				    "no rule names \"%s\"", site->assets[i].id);
	for (size_t i = 0; i < site->person_count; i++)
		if (!site->people[i].used)
			report_name(l, FINDING_UNUSED_PERSON, site->people[i].at, "remove the entry",
				    "no asset and no rule names \"%s\"", site->people[i].id);
	for (size_t i = 0; i < site->profile_count; i++)
		if (!site->profiles[i].used)
			report_name(l, FINDING_UNUSED_PROFILE, site->profiles[i].at, "remove the entry",
				    "no rule uses the profile \"%s\"", site->profiles[i].id);
}

void check_site(const struct loader *l)
{
	struct site *site = l->site;

	check_networks(l);
	check_addresses(l);
	check_gate(l);
	for (size_t i = 0; i < site->rule_count; i++) {
		struct rule *rule = &site->rules[i];

		check_expiry(l, rule);
		check_approval(l, rule);
		check_review(l, rule);
		check_ends(l, rule);
	}
	check_conduits(l);
	check_unused(l);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "base/nearest.h"
#include "policy/address.h"
#include "policy/load.h"
#include "policy/load_cip.h"
#include "policy/profiles.h"

#define RULE(name) offsetof(struct rule_members, name)
#define BIND_ANY (BIND_TEXT | BIND_NUMBER | BIND_LIST | BIND_MAP | BIND_BOOL | BIND(VALUE_NULL))

static const struct bind_row rule_rows[] = {
	{ "id", BIND_TEXT, RULE(id), true },
	{ "from", BIND_ANY, RULE(from), true }, /* other types are refused with the reason */
	{ "to", BIND_ANY, RULE(to), true },
	{ "protocol", BIND_TEXT, RULE(protocol), true },
	{ "port", BIND_INT, RULE(port), false },
	{ "allow", BIND_LIST, RULE(allow), false },
	{ "profile", BIND_TEXT, RULE(profile), false },
	{ "purpose", BIND_TEXT, RULE(purpose), true },
	{ "owner", BIND_TEXT, RULE(owner), true },
	{ "requested_by", BIND_TEXT, RULE(requested_by), false },
	{ "approved_by", BIND_TEXT, RULE(approved_by), true },
	{ "approved_on", BIND_TEXT, RULE(approved_on), true },
	{ "review_by", BIND_TEXT, RULE(review_by), true },
	{ "expires", BIND_TEXT, RULE(expires), false },
	{ "reference", BIND_TEXT, RULE(reference), false },
	{ "schedule", BIND_LIST, RULE(schedule), false },
	{ "limits", BIND_MAP, RULE(limits), false },
	{ "on_violation", BIND_TEXT, RULE(on_violation), false },
	{ "if_inspector_down", BIND_TEXT, RULE(if_inspector_down), false },
	{ "open_because", BIND_TEXT, RULE(open_because), false },
	{ "mode", BIND_TEXT, RULE(mode), false },
	{ "uninspected_because", BIND_TEXT, RULE(uninspected_because), false },
	{ "quirks", BIND_LIST, RULE(quirks), false },
	{ "route", BIND_LIST, RULE(route), false },
};
static const struct bind_table rule_table = { "a rule", BIND_ROWS(rule_rows) };

/* Members that mean something only where messages are inspected. */
static const size_t inspected_members[] = {
	RULE(allow), RULE(profile), RULE(limits), RULE(on_violation), RULE(if_inspector_down),
	RULE(open_because), RULE(mode), RULE(quirks), RULE(route),
};

struct limit_members {
	const struct value *connections, *requests_per_second;
};
static const struct bind_row limit_rows[] = {
	{ "connections", BIND_INT, offsetof(struct limit_members, connections), false },
	{ "requests_per_second", BIND_INT, offsetof(struct limit_members, requests_per_second), false },
};
static const struct bind_table limit_table = { "\"limits\"", BIND_ROWS(limit_rows) };

struct schedule_members {
	const struct value *days, *from, *to;
};
static const struct bind_row schedule_rows[] = {
	{ "days", BIND_LIST, offsetof(struct schedule_members, days), true },
	{ "from", BIND_TEXT, offsetof(struct schedule_members, from), true },
	{ "to", BIND_TEXT, offsetof(struct schedule_members, to), true },
};
static const struct bind_table schedule_table = { "an entry of \"schedule\"", BIND_ROWS(schedule_rows) };

/* An end of a rule. */
struct end {
	const char *name;     /* of the member */
	enum role role;
	const char *what;
};
static const struct end end_from = { "from", ROLE_SERVER, "server" };
static const struct end end_to = { "to", ROLE_DEVICE, "device" };

static bool names_many(const struct value *at)
{
	return at->type != VALUE_TEXT || !strcmp(at->text, "any") || !strcmp(at->text, "all") ||
	       strpbrk(at->text, "*/, ");
}

static void report_unknown_asset(const struct loader *l, const struct value *at)
{
	struct nearest near = nearest_to(at->text);
	struct address address;
	const char *help = "add it to an assets document";

	for (size_t i = 0; i < l->site->asset_count; i++) {
		const struct asset *asset = &l->site->assets[i];

		nearest_offer(&near, asset->id, asset->at);
	}
	if (address_parse(at->text, &address)) {
		help = "rules name assets; the address stands in an assets document";
		near.best = NULL;
	}
	report(l, FINDING_UNKNOWN_ASSET, at, nearest_help(l, &near, help),
	       "no asset is called \"%.60s\"", at->text);
}

static struct asset *read_end(const struct loader *l, const struct value *at, const struct end *end)
{
	struct asset *asset;

	if (names_many(at)) {
		l->site->unresolved = true;
		report(l, FINDING_NOT_ONE_ASSET, at,
		       "write one rule for each server and device, so that each can be reviewed by itself",
		       "\"%s\" must name exactly one %s", end->name, end->what);
		return NULL;
	}
	asset = find_asset(l->site, at->text);
	if (!asset) {
		l->site->unresolved = true;
		if (!l->site->partial)
			report_unknown_asset(l, at);
		return NULL;
	}
	asset->used = true;
	if (asset->roles && !(asset->roles & end->role))
		report(l, FINDING_WRONG_ROLE, at,
		       arena_printf(l->arena, "its role is given in %s", place_text(l, asset->at)),
		       "\"%s\" must name a %s, and \"%s\" is a %s", end->name, end->what, asset->id,
		       word_name(&words_roles, (int)asset->roles));
	return asset;
}

static const struct profile *read_profile(const struct loader *l, const struct value *at)
{
	const struct profile *builtins = l->builtins;
	const struct site *site = l->site;
	struct profile *own = find_profile(site, at->text);
	struct nearest near = nearest_to(at->text);

	if (own) {
		own->used = true;
		return own;
	}
	for (size_t i = 0; i < site->profile_count; i++)
		nearest_offer(&near, site->profiles[i].id, site->profiles[i].at);
	for (size_t i = 0; i < BUILTIN_PROFILES; i++) {
		if (!strcmp(builtins[i].id, at->text)) {
			if (!builtins[i].broad)
				return &builtins[i];
			report(l, FINDING_BROAD_PROFILE, at,
			       "write a profile of your own with what is really in use",
			       "the profile \"%s\" allows %s", at->text, builtins[i].summary);
			return &builtins[i];
		}
		nearest_offer(&near, builtins[i].id, NULL);
	}
	if (!site->partial)
		report(l, FINDING_UNKNOWN_PROFILE, at,
		       nearest_help(l, &near, "`gatehouse profiles` lists those of the program"),
		       "no profile is called \"%.60s\"", at->text);
	return NULL;
}

static int read_time(const struct loader *l, const struct value *at, int otherwise)
{
	int minutes;

	if (!at)
		return otherwise;
	if (calendar_parse_time(at->text, &minutes))
		return minutes;
	report(l, FINDING_INVALID_TIME, at, "write hours and minutes as in \"06:00\", up to \"24:00\"",
	       "\"%.60s\" is not a time of day", at->text);
	return otherwise;
}

static void read_days(const struct loader *l, const struct value *list, struct schedule *ret)
{
	if (!list)
		return;
	check_filled(l, list);
	for (size_t i = 0; i < list->count; i++) {
		int day = bind_type(&l->bind, &list->items[i], BIND_TEXT) ?
				  read_word(l, &words_weekdays, &list->items[i]) : -1;

		if (day >= 0)
			ret->days |= 1u << day;
	}
}

static void read_schedule(const struct loader *l, const struct value *list, struct rule *ret)
{
	if (!check_filled(l, list))
		return;
	ret->schedules = arena_array(l->arena, list->count, sizeof(*ret->schedules));
	ret->schedule_count = list->count;
	for (size_t i = 0; i < list->count; i++) {
		struct schedule_members m = { 0 };
		struct schedule *s = &ret->schedules[i];

		bind_map(&l->bind, &list->items[i], &schedule_table, &m);
		read_days(l, m.days, s);
		s->from = read_time(l, m.from, 0);
		s->until = read_time(l, m.to, 24 * 60);
		if (s->from == s->until || s->from == 24 * 60)
			report(l, FINDING_IMPOSSIBLE_RANGE, m.to,
			       "a whole day is \"from\": \"00:00\", \"to\": \"24:00\"",
			       "this opens for no time at all");
	}
}

static void read_limits(const struct loader *l, const struct value *at, struct rule *ret)
{
	struct limit_members m = { 0 };

	bind_map(&l->bind, at, &limit_table, &m);
	ret->max_connections = (uint16_t)read_number(l, m.connections, 1, 65535, 0);
	ret->requests_per_second = (uint32_t)read_number(l, m.requests_per_second, 1, 1000000, 0);
}

static void read_quirks(const struct loader *l, const struct value *list, struct rule *ret)
{
	check_filled(l, list);
	for (size_t i = 0; i < list->count; i++) {
		const struct value *at = &list->items[i];
		int quirk = bind_type(&l->bind, at, BIND_TEXT) ? read_word(l, &words_quirks, at) : -1;

		if (quirk < 0)
			continue;
		ret->quirks |= (uint32_t)quirk;
		report(l, FINDING_QUIRK, at, "remove it when the gateway has been replaced",
		       "replies are taken whatever their transaction id is");
	}
}

/* A reason that a member must come with. */
static void need_reason(const struct loader *l, const struct value *at, const struct value *reason,
			const char *member, const char *what)
{
	if (reason)
		check_text(l, reason, true);
	else
		report(l, FINDING_MISSING_REASON, at,
		       arena_printf(l->arena, "add \"%s\": \"...\" with the reason, for the reviewers", member),
		       "%s needs a reason in writing", what);
}

static void read_fallback(const struct loader *l, struct rule *ret)
{
	const struct rule_members *m = &ret->m;
	int word = m->if_inspector_down ? read_word(l, &words_fallbacks, m->if_inspector_down) : -1;

	if (word > 0)
		ret->fallback = (enum fallback)word;
	if (word == FALLBACK_OPEN) {
		need_reason(l, m->if_inspector_down, m->open_because, "open_because",
			    "staying open without the inspector");
		report(l, FINDING_FAILS_OPEN, m->if_inspector_down,
		       "its packets then pass unread, which is recorded; they stop when the whole gate is stopped",
		       "the rule asks that nothing be inspected when the inspector is down");
	} else if (m->open_because) {
		report_name(l, FINDING_NOT_FOR_PROTOCOL, m->open_because, "remove it",
			    "\"open_because\" means something only with \"if_inspector_down\": \"open\"");
	}
}

/* Members that only one of the inspected protocols has. */
static void read_special(const struct loader *l, struct rule *ret)
{
	const struct rule_members *m = &ret->m;
	bool modbus = ret->protocol == &protocols[PROTOCOL_MODBUS];
	const struct value *foreign = modbus ? m->route : m->quirks;

	if (foreign)
		report_name(l, FINDING_NOT_FOR_PROTOCOL, foreign, "remove it",
			    "\"%s\" means nothing for %s", foreign->name, ret->protocol->name);
	else if (modbus && m->quirks)
		read_quirks(l, m->quirks, ret);
	else if (m->route)
		read_routes(l, m->route, &ret->routes);
}

/* Entries without a route of their own have the rule's. */
static void share_routes(struct rule *rule)
{
	for (size_t i = 0; i < rule->cip.count; i++)
		if (!rule->cip.items[i].routes.count)
			rule->cip.items[i].routes = rule->routes;
}

static void read_allow(const struct loader *l, struct rule *ret)
{
	const struct rule_members *m = &ret->m;

	if (m->allow && ret->protocol == &protocols[PROTOCOL_MODBUS])
		load_modbus(l, m->allow, &ret->entries);
	else if (m->allow)
		load_cip(l, m->allow, &ret->cip);
	share_routes(ret);
	if (m->profile)
		ret->profile = read_profile(l, m->profile);
	if (!value_member(ret->at, "allow") && !value_member(ret->at, "profile"))
		report(l, FINDING_MISSING_ALLOW, ret->at, "add what the server may do on the device",
		       "the rule says neither \"allow\" nor \"profile\"");
	if (ret->profile && ret->profile->protocol && ret->profile->protocol != ret->protocol)
		report(l, FINDING_PROFILE_PROTOCOL, m->profile,
		       "choose a profile for the rule's protocol, or write \"allow\"",
		       "the profile \"%s\" is for %s, the rule for %s", ret->profile->id,
		       ret->profile->protocol->name, ret->protocol->name);
}

static void read_inspected(const struct loader *l, struct rule *ret)
{
	const struct rule_members *m = &ret->m;
	int word;

	read_special(l, ret);
	read_allow(l, ret);
	if (m->limits)
		read_limits(l, m->limits, ret);
	if (m->on_violation && (word = read_word(l, &words_violations, m->on_violation)) > 0)
		ret->on_violation = (enum program_on_violation)word;
	if (m->mode && (word = read_word(l, &words_modes, m->mode)) > 0)
		ret->mode = (enum program_mode)word;
	read_fallback(l, ret);
	if (m->uninspected_because)
		report_name(l, FINDING_NOT_FOR_PROTOCOL, m->uninspected_because, "remove it",
			    "%s is inspected and needs no \"uninspected_because\"", ret->protocol->name);
}

static void read_uninspected(const struct loader *l, struct rule *ret)
{
	for (size_t i = 0; i < sizeof(inspected_members) / sizeof(inspected_members[0]); i++) {
		const struct value *at = *(const struct value *const *)(const void *)(
			(const char *)&ret->m + inspected_members[i]);

		if (at)
			report_name(l, FINDING_NOT_FOR_PROTOCOL, at, "remove it",
				    "\"%s\" means nothing for %s, which is not inspected", at->name,
				    ret->protocol->name);
	}
	if (!ret->m.port && !value_member(ret->at, "port"))
		report(l, FINDING_MISSING_PORT, ret->at, "add \"port\": the number of the device's port",
		       "a rule for %s needs a port", ret->protocol->name);
	need_reason(l, ret->m.protocol, ret->m.uninspected_because, "uninspected_because",
		    "traffic that nobody looks at");
	report(l, FINDING_UNINSPECTED, ret->m.protocol,
	       "keep it only while no inspected protocol does the same",
	       "whatever %s carries here passes without being looked at", ret->protocol->name);
}

static void read_names(const struct loader *l, struct rule *ret)
{
	const struct rule_members *m = &ret->m;

	if (m->from)
		ret->from = read_end(l, m->from, &end_from);
	if (m->to)
		ret->to = read_end(l, m->to, &end_to);
	use_person(l, m->owner);
	use_person(l, m->requested_by);
	use_person(l, m->approved_by);
	check_text(l, m->purpose, true);
	check_text(l, m->reference, false);
}

static bool is_rule_id(const char *id)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	size_t len = strlen(id);

	return len && len <= 63 && strspn(id, letters) == len && id[0] != '-' && id[len - 1] != '-' &&
	       !strstr(id, "--");
}

static void load_rule(const struct loader *l, const struct value *at, struct rule *ret)
{
	const struct site *site = l->site;
	struct rule_members *m = &ret->m;

	*ret = (struct rule){ .id = "", .at = at, .on_violation = site->on_violation,
			      .fallback = site->fallback, .mode = PROGRAM_ENFORCE };
	bind_map(&l->bind, at, &rule_table, m);
	if (m->id) {
		ret->id = m->id->text;
		if (!is_rule_id(ret->id))
			report(l, FINDING_INVALID_NAME, m->id,
			       "write lower-case words and digits with hyphens, as in \"historian-reads-press-3\"",
			       "\"%.60s\" cannot be the id of a rule", ret->id);
	}
	read_names(l, ret);
	ret->approved_on = read_date(l, m->approved_on);
	ret->review_by = read_date(l, m->review_by);
	ret->expires = read_date(l, m->expires);
	if (m->schedule)
		read_schedule(l, m->schedule, ret);
	if (!m->protocol || !(ret->protocol = read_protocol(l, m->protocol)))
		return;
	ret->port = (uint16_t)read_number(l, m->port, 1, 65535, ret->protocol->port);
	if (ret->protocol->inspected)
		read_inspected(l, ret);
	else
		read_uninspected(l, ret);
}

static int compare_rules(const void *a, const void *b)
{
	const struct rule *x = a, *y = b;
	int by = strcmp(x->id, y->id);

	if (!by)
		by = strcmp(value_source(x->at)->file, value_source(y->at)->file);
	return by ? by : (x->at->from > y->at->from) - (x->at->from < y->at->from);
}

/* Ids are values here, not names of members, so that doubles are found after sorting. */
static void check_ids(const struct loader *l)
{
	const struct site *site = l->site;

	for (size_t i = 1; i < site->rule_count; i++) {
		const struct rule *first = &site->rules[i - 1], *again = &site->rules[i];

		if (!first->m.id || !again->m.id || strcmp(first->id, again->id) != 0)
			continue;
		report(l, FINDING_DUPLICATE_ID, again->m.id,
		       arena_printf(l->arena, "the other one is in %s; rename one of the two",
				    place_text(l, first->m.id)),
		       "there are two rules called \"%.60s\"", again->id);
	}
}

void load_rules(const struct loader *l, const struct parts *parts)
{
	struct site *site = l->site;

	site->rules = arena_array(l->arena, parts->count, sizeof(*site->rules));
	site->rule_count = parts->count;
	for (size_t i = 0; i < parts->count; i++)
		load_rule(l, parts->items[i], &site->rules[i]);
	if (site->rule_count)
		qsort(site->rules, site->rule_count, sizeof(*site->rules), compare_rules);
	check_ids(l);
}

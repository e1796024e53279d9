/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/calendar.h"
#include "cli/explain.h"
#include "json/writer.h"
#include "policy/address.h"
#include "policy/describe.h"

static const char *text_of(const struct value *at)
{
	return at ? at->text : NULL;
}

static const char *address_text(const struct asset *asset, struct arena *arena)
{
	char text[ADDRESS_TEXT_SIZE];

	address_format(&asset->address, text);
	return arena_strndup(arena, text, strlen(text));
}

static const struct protocol *protocol_of(const struct explanation *e)
{
	if (e->path.protocol)
		return e->path.protocol;
	return e->rule_count ? e->rules[0]->protocol : NULL;
}

static const struct asset *device_of(const struct explanation *e)
{
	return e->path.to ? e->path.to : e->path.from;
}

/* A path that somebody else's rule comes nearest to is still the device owner's affair. */
static size_t people_of(struct explanation *e, struct explain_person *out)
{
	const struct rule *rule = e->nearest;

	if (rule && rule->to != e->path.to)
		rule = NULL;
	if (!rule && !device_of(e))
		rule = e->nearest;
	return explain_people(e->compiled.site, rule, device_of(e), out);
}

/* ---- for people ---- */

static void print_row(const char *name, const char *text)
{
	if (text)
		printf("  %-10s %s\n", name, text);
}

static const char *end_text(const struct asset *asset, const char *text, struct arena *arena)
{
	if (!asset)
		return arena_printf(arena, "%s (no asset has this address)", text);
	return arena_printf(arena, "%s (%s)", asset->id, address_text(asset, arena));
}

static const char *person_text(const struct explain_person *p, struct arena *arena)
{
	if (!p->contact)
		return p->name;
	return arena_printf(arena, "%s, %s", p->name, p->contact);
}

static const char *approval_text(struct explanation *e, const struct rule *rule)
{
	struct explain_person p = explain_person(e->compiled.site, text_of(rule->m.approved_by));
	const char *reference = text_of(rule->m.reference);

	return arena_printf(&e->arena, "%s on %s%s%s", p.name, text_of(rule->m.approved_on),
			    reference ? ", " : "", reference ? reference : "");
}

static const char *review_text(struct explanation *e, const struct rule *rule)
{
	bool overdue = rule->review_by != NO_DAY && rule->review_by < e->compiled.site->today;

	return arena_printf(&e->arena, "by %s%s", text_of(rule->m.review_by), overdue ? ", overdue" : "");
}

static const char *limits_text(struct explanation *e, const struct rule *rule)
{
	const char *text = NULL;

	if (rule->max_connections)
		text = arena_printf(&e->arena, "%u connection%s at once", rule->max_connections,
				    rule->max_connections == 1 ? "" : "s");
	if (rule->requests_per_second)
		text = arena_printf(&e->arena, "%s%s%u requests a second", text ? text : "",
				    text ? ", " : "", rule->requests_per_second);
	return text;
}

static void print_rule(struct explanation *e, const char *title, const struct rule *rule)
{
	struct diag_place place = value_place(rule->m.id, &e->arena);
	struct explain_person owner = explain_person(e->compiled.site, text_of(rule->m.owner));
	const char *breadth[EXPLAIN_BREADTH_MAX];
	size_t count = explain_breadth(rule, &e->arena, breadth);
	struct explain_opening opening;

	explain_opening(e->compiled.site, rule, e->at, &e->arena, &opening);
	print_row(title, arena_printf(&e->arena, "%s (%s:%u)", rule->id, place.file, place.line));
	print_row("purpose", text_of(rule->m.purpose));
	for (size_t i = 0; i < rule_entry_count(rule); i++)
		if (!e->entry || e->entry == rule_entry(rule, i))
			print_row("allows", describe_entry(rule_entry(rule, i), &e->arena));
	for (size_t i = 0; i < rule_cip_count(rule); i++)
		print_row("allows", describe_cip(rule_cip(rule, i), &e->arena));
	for (size_t i = 0; i < count; i++)
		print_row(i ? "" : "breadth", breadth[i]);
	print_row("open", opening.text);
	print_row("schedule", describe_schedule(rule, &e->arena));
	print_row("expires", text_of(rule->m.expires));
	print_row("limits", limits_text(e, rule));
	print_row("owner", person_text(&owner, &e->arena));
	print_row("approved", approval_text(e, rule));
	print_row("review", review_text(e, rule));
}

static void print_refusal(struct explanation *e)
{
	struct explain_person people[2];
	size_t count = people_of(e, people);

	print_row("why", e->note ? e->note : reason_text(e->reason));
	if (e->observed)
		print_row("but", "its conduit only observes: it is recorded and let through");
	if (e->nearest)
		print_rule(e, "nearest", e->nearest);
	else
		print_row("nearest", "no rule has to do with either of the two");
	for (size_t i = 0; i < e->differences.count; i++) {
		const struct explain_difference *d = &e->differences.items[i];

		print_row(i ? "" : "differs", arena_printf(&e->arena, "%s: asked %s, allowed %s", d->what,
							   d->asked, d->allowed));
	}
	for (size_t i = 0; i < count; i++)
		print_row(i ? "" : "call", person_text(&people[i], &e->arena));
}

void explanation_print(struct explanation *e)
{
	const struct protocol *protocol = protocol_of(e);
	const char *port = e->path.port ? arena_printf(&e->arena, " port %u", e->path.port) : "";

	printf("%s: %s -> %s%s%s%s\n",
	       e->reason == REASON_NONE ? "allowed" :
	       arena_printf(&e->arena, "denied (%s)", reason_code(e->reason)),
	       end_text(e->path.from, e->path.from_text, &e->arena),
	       end_text(e->path.to, e->path.to_text, &e->arena), protocol ? ", " : "",
	       protocol ? protocol->name : "", port);
	print_row("asked", e->asked);
	print_row("provided", e->provided);
	for (size_t i = 0; i < e->rule_count; i++)
		print_rule(e, "rule", e->rules[i]);
	if (e->reason != REASON_NONE)
		print_refusal(e);
}

/* ---- for programs ---- */

static void write_person(struct writer *w, struct explain_person p)
{
	writer_open_map(w);
	writer_put_text(w, "id", p.id);
	writer_put_text(w, "name", p.name);
	writer_put_text(w, "contact", p.contact);
	writer_close_map(w);
}

static void write_asset(struct writer *w, const char *name, const struct asset *asset, const char *text,
			struct arena *arena)
{
	writer_name(w, name);
	writer_open_map(w);
	writer_put_text(w, "asset", asset ? asset->id : NULL);
	writer_put_text(w, "address", asset ? address_text(asset, arena) : text);
	writer_put_text(w, "zone", asset ? asset->zone->id : NULL);
	writer_close_map(w);
}

static void write_instant(struct writer *w, const char *name, int64_t at)
{
	if (at)
		writer_put_int(w, name, at);
	else
		writer_put_text(w, name, NULL);
}

static void write_opening(struct explanation *e, struct writer *w, const struct rule *rule)
{
	struct explain_opening opening;

	explain_opening(e->compiled.site, rule, e->at, &e->arena, &opening);
	writer_put_bool(w, "open", opening.open);
	write_instant(w, "changes", opening.changes);
	writer_put_text(w, "opening", opening.text);
	writer_put_text(w, "schedule", describe_schedule(rule, &e->arena));
	writer_put_text(w, "expires", text_of(rule->m.expires));
	writer_put_bool(w, "expired", rule->expired);
}

static void write_papers(struct explanation *e, struct writer *w, const struct rule *rule)
{
	const struct site *site = e->compiled.site;

	writer_put_text(w, "purpose", text_of(rule->m.purpose));
	writer_name(w, "owner");
	write_person(w, explain_person(site, text_of(rule->m.owner)));
	writer_name(w, "approved_by");
	write_person(w, explain_person(site, text_of(rule->m.approved_by)));
	writer_put_text(w, "requested_by", text_of(rule->m.requested_by));
	writer_put_text(w, "approved_on", text_of(rule->m.approved_on));
	writer_put_text(w, "review_by", text_of(rule->m.review_by));
	writer_put_bool(w, "review_overdue", rule->review_by != NO_DAY && rule->review_by < site->today);
	writer_put_text(w, "reference", text_of(rule->m.reference));
}

static void write_handling(struct writer *w, const struct rule *rule)
{
	writer_put_bool(w, "inspected", rule->protocol->inspected);
	if (!rule->protocol->inspected)
		return;
	writer_put_text(w, "mode", word_name(&words_modes, (int)rule->mode));
	writer_put_text(w, "on_violation", word_name(&words_violations, (int)rule->on_violation));
	writer_put_text(w, "if_inspector_down", word_name(&words_fallbacks, (int)rule->fallback));
	writer_put_uint(w, "max_connections", rule->max_connections);
	writer_put_uint(w, "requests_per_second", rule->requests_per_second);
}

static void write_texts(struct writer *w, const char *name, const char **texts, size_t count)
{
	writer_name(w, name);
	writer_open_list(w);
	for (size_t i = 0; i < count; i++)
		writer_text(w, texts[i]);
	writer_close_list(w);
}

static void write_rule(struct explanation *e, struct writer *w, const struct rule *rule)
{
	struct diag_place place = value_place(rule->m.id, &e->arena);
	const char *breadth[EXPLAIN_BREADTH_MAX];
	size_t count = explain_breadth(rule, &e->arena, breadth);

	writer_open_map(w);
	writer_put_text(w, "id", rule->id);
	writer_put_text(w, "file", place.file);
	writer_put_uint(w, "line", place.line);
	writer_put_text(w, "from", rule->from->id);
	writer_put_text(w, "to", rule->to->id);
	writer_put_text(w, "protocol", rule->protocol->name);
	writer_put_text(w, "transport", rule->protocol->transport == IPPROTO_TCP ? "tcp" : "udp");
	writer_put_uint(w, "port", rule->port);
	write_papers(e, w, rule);
	write_opening(e, w, rule);
	write_handling(w, rule);
	writer_name(w, "allows");
	writer_open_list(w);
	for (size_t i = 0; i < rule_entry_count(rule); i++)
		writer_text(w, describe_entry(rule_entry(rule, i), &e->arena));
	for (size_t i = 0; i < rule_cip_count(rule); i++)
		writer_text(w, describe_cip(rule_cip(rule, i), &e->arena));
	writer_close_list(w);
	write_texts(w, "breadth", breadth, count);
	writer_close_map(w);
}

static void write_differences(struct writer *w, const struct explain_differences *list)
{
	writer_name(w, "differences");
	writer_open_list(w);
	for (size_t i = 0; i < list->count; i++) {
		writer_open_map(w);
		writer_put_text(w, "what", list->items[i].what);
		writer_put_text(w, "asked", list->items[i].asked);
		writer_put_text(w, "allowed", list->items[i].allowed);
		writer_close_map(w);
	}
	writer_close_list(w);
}

static void write_refusal(struct explanation *e, struct writer *w)
{
	struct explain_person people[2];
	size_t count = e->reason == REASON_NONE ? 0 : people_of(e, people);

	writer_name(w, "nearest");
	if (e->nearest)
		write_rule(e, w, e->nearest);
	else
		writer_text(w, NULL);
	write_differences(w, &e->differences);
	writer_name(w, "call");
	writer_open_list(w);
	for (size_t i = 0; i < count; i++)
		write_person(w, people[i]);
	writer_close_list(w);
}

void explanation_write(struct explanation *e)
{
	bool allowed = e->reason == REASON_NONE;
	const struct protocol *protocol = protocol_of(e);
	struct writer w;

	writer_init(&w, stdout, true);
	writer_open_map(&w);
	writer_put_text(&w, "verdict", allowed ? "allow" : "deny");
	writer_put_text(&w, "reason", allowed ? NULL : reason_code(e->reason));
	writer_put_text(&w, "text", allowed ? NULL : e->note ? e->note : reason_text(e->reason));
	writer_put_bool(&w, "observed", e->observed);
	writer_put_text(&w, "rule", e->rule_count == 1 ? e->rules[0]->id : NULL);
	write_asset(&w, "from", e->path.from, e->path.from_text, &e->arena);
	write_asset(&w, "to", e->path.to, e->path.to_text, &e->arena);
	writer_put_text(&w, "protocol", protocol ? protocol->name : NULL);
	writer_put_text(&w, "request", e->asked);
	writer_put_text(&w, "provided", e->provided);
	writer_put_text(&w, "entry", e->entry ? describe_entry(e->entry, &e->arena) : NULL);
	writer_put_int(&w, "at", e->at);
	writer_name(&w, "rules");
	writer_open_list(&w);
	for (size_t i = 0; i < e->rule_count; i++)
		write_rule(e, &w, e->rules[i]);
	writer_close_list(&w);
	write_refusal(e, &w);
	writer_close_map(&w);
	putchar('\n');
}

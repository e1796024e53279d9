/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "cli/plan.h"
#include "json/writer.h"
#include "policy/address.h"
#include "policy/describe.h"

static const char *address_text(const struct address *address, struct arena *arena)
{
	char text[ADDRESS_TEXT_SIZE];

	address_format(address, text);
	return arena_strndup(arena, text, strlen(text));
}

/* ---- for people ---- */

/* `effect`: there is such a difference, if not in units and addresses then in what is done with them. */
static void print_cells(const char *verb, const struct diff_cells *cells, size_t count, bool effect)
{
	if (effect && !count)
		printf("        %s other requests there: more at once, across ranges, or other values\n", verb);
	for (size_t i = 0; i < count; i++)
		if (cells[i].name)
			printf("        %s %s\n", verb, cells[i].name);
		else
			printf("        %s unit %s: addresses %s\n", verb, cells[i].units, cells[i].addresses);
}

static void print_service(const struct diff_service *s)
{
	printf("    %s: %s\n", s->function, diff_word(s->change));
	for (size_t i = 0; i < s->before_count; i++)
		printf("      - %s\n", s->before[i]);
	for (size_t i = 0; i < s->after_count; i++)
		printf("      + %s\n", s->after[i]);
	if (!s->before_count || !s->after_count)
		return;
	print_cells("gains", s->gained, s->gained_count, s->change != DIFF_NARROWED);
	print_cells("loses", s->lost, s->lost_count, s->change != DIFF_WIDENED);
}

static void print_member(const struct diff_member *m, bool effect)
{
	printf("    %s: %s -> %s", m->what, m->before ? m->before : "none", m->after ? m->after : "none");
	if (effect)
		printf(" (%s)", diff_word(m->change));
	putchar('\n');
}

static void print_rule(const struct diff_rule *r, struct arena *arena)
{
	static const char signs[DIFF_CHANGES] = { ' ', '+', '-', '~', '~', '~' };
	const struct rule *rule = r->after ? r->after : r->before;

	printf("\n%c %s: %s\n", signs[r->change], r->id,
	       r->change == DIFF_UNCHANGED ? "permits what it did; its papers change" : diff_word(r->change));
	printf("    %s (%s) -> %s (%s), %s port %u\n", rule->from->id,
	       address_text(&rule->from->address, arena), rule->to->id,
	       address_text(&rule->to->address, arena), rule->protocol->name, rule->port);
	for (size_t i = 0; i < r->service_count; i++)
		print_service(&r->services[i]);
	for (size_t i = 0; i < r->member_count; i++)
		print_member(&r->members[i], true);
	for (size_t i = 0; i < r->paper_count; i++)
		print_member(&r->papers[i], false);
}

static void print_conduit(const struct diff_conduit *c, struct arena *arena)
{
	static const char *const words[] = { [DIFF_CONNECTIONS_STAY] = "stay",
					     [DIFF_CONNECTIONS_RESET] = "are reset",
					     [DIFF_CONNECTIONS_NEW] = "can be opened" };

	printf("    %s -> %s %s port %u (%s): connections %s%s%s\n",
	       address_text(&c->conduit.server, arena), address_text(&c->conduit.device, arena),
	       c->conduit.transport == IPPROTO_TCP ? "tcp" : "udp", c->conduit.port, c->conduit.rules,
	       words[c->connections], c->why ? ": " : "", c->why ? c->why : "");
}

static const char *plural(size_t count)
{
	return count == 1 ? "" : "s";
}

void plan_print(const struct diff *diff, struct arena *arena)
{
	for (size_t i = 0; i < diff->rule_count; i++)
		if (diff->rules[i].change != DIFF_UNCHANGED || diff->rules[i].paper_count)
			print_rule(&diff->rules[i], arena);
	if (diff->site_count)
		puts("\n  the site");
	for (size_t i = 0; i < diff->site_count; i++)
		print_member(&diff->site[i], false);
	puts("\n  live connections");
	for (size_t i = 0; i < diff->conduit_count; i++)
		print_conduit(&diff->conduits[i], arena);
	printf("    %zu conduit%s stay%s open, with %s connections\n", diff->conduits_stay,
	       plural(diff->conduits_stay), diff->conduits_stay == 1 ? "s" : "",
	       diff->conduits_stay == 1 ? "its" : "their");
	puts("");
	for (unsigned c = DIFF_ADDED; c < DIFF_CHANGES; c++)
		printf("%zu %s, ", diff->counts[c], diff_word((enum diff_change)c));
	printf("%zu unchanged", diff->counts[DIFF_UNCHANGED]);
	if (diff->papers_only)
		printf(" (%zu with other papers)", diff->papers_only);
	putchar('\n');
}

/* ---- for programs ---- */

static void write_texts(struct writer *w, const char *name, const char **texts, size_t count)
{
	writer_name(w, name);
	writer_open_list(w);
	for (size_t i = 0; i < count; i++)
		writer_text(w, texts[i]);
	writer_close_list(w);
}

static void write_cells(struct writer *w, const char *name, const struct diff_cells *cells, size_t count)
{
	writer_name(w, name);
	writer_open_list(w);
	for (size_t i = 0; i < count; i++) {
		writer_open_map(w);
		if (cells[i].name) {
			writer_put_text(w, "name", cells[i].name);
		} else {
			writer_put_text(w, "units", cells[i].units);
			writer_put_text(w, "addresses", cells[i].addresses);
		}
		writer_close_map(w);
	}
	writer_close_list(w);
}

static void write_service(struct writer *w, const struct diff_service *s)
{
	writer_open_map(w);
	writer_put_text(w, "function", s->function);
	writer_put_uint(w, "code", s->code);
	writer_put_text(w, "change", diff_word(s->change));
	write_texts(w, "before", s->before, s->before_count);
	write_texts(w, "after", s->after, s->after_count);
	write_cells(w, "gained", s->gained, s->gained_count);
	write_cells(w, "lost", s->lost, s->lost_count);
	writer_close_map(w);
}

static void write_members(struct writer *w, const char *name, const struct diff_member *members,
			  size_t count)
{
	writer_name(w, name);
	writer_open_list(w);
	for (size_t i = 0; i < count; i++) {
		writer_open_map(w);
		writer_put_text(w, "what", members[i].what);
		writer_put_text(w, "change", diff_word(members[i].change));
		writer_put_text(w, "before", members[i].before);
		writer_put_text(w, "after", members[i].after);
		writer_close_map(w);
	}
	writer_close_list(w);
}

static void write_rule(struct writer *w, const struct diff_rule *r)
{
	writer_open_map(w);
	writer_put_text(w, "id", r->id);
	writer_put_text(w, "change", diff_word(r->change));
	writer_name(w, "services");
	writer_open_list(w);
	for (size_t i = 0; i < r->service_count; i++)
		write_service(w, &r->services[i]);
	writer_close_list(w);
	write_members(w, "members", r->members, r->member_count);
	write_members(w, "papers", r->papers, r->paper_count);
	writer_close_map(w);
}

static void write_conduit(struct writer *w, const struct diff_conduit *c)
{
	static const char *const words[] = { [DIFF_CONNECTIONS_STAY] = "stay",
					     [DIFF_CONNECTIONS_RESET] = "reset",
					     [DIFF_CONNECTIONS_NEW] = "new" };
	char text[ADDRESS_TEXT_SIZE];

	writer_open_map(w);
	address_format(&c->conduit.server, text);
	writer_put_text(w, "server", text);
	address_format(&c->conduit.device, text);
	writer_put_text(w, "device", text);
	writer_put_text(w, "transport", c->conduit.transport == IPPROTO_TCP ? "tcp" : "udp");
	writer_put_uint(w, "port", c->conduit.port);
	writer_put_text(w, "rules", c->conduit.rules);
	writer_put_text(w, "change", diff_word(c->change));
	writer_put_text(w, "connections", words[c->connections]);
	writer_put_text(w, "why", c->why);
	writer_close_map(w);
}

static void write_summary(struct writer *w, const struct diff *diff)
{
	writer_name(w, "summary");
	writer_open_map(w);
	for (unsigned c = 0; c < DIFF_CHANGES; c++)
		writer_put_uint(w, diff_word((enum diff_change)c), diff->counts[c]);
	writer_put_uint(w, "papers_only", diff->papers_only);
	writer_put_uint(w, "conduits_stay", diff->conduits_stay);
	writer_close_map(w);
}

void plan_write(const struct diff *diff, const char *site, const char *against)
{
	struct writer w;

	writer_init(&w, stdout, true);
	writer_open_map(&w);
	writer_put_text(&w, "site", site);
	writer_put_text(&w, "against", against);
	writer_name(&w, "rules");
	writer_open_list(&w);
	for (size_t i = 0; i < diff->rule_count; i++)
		write_rule(&w, &diff->rules[i]);
	writer_close_list(&w);
	write_members(&w, "site_changes", diff->site, diff->site_count);
	writer_name(&w, "conduits");
	writer_open_list(&w);
	for (size_t i = 0; i < diff->conduit_count; i++)
		write_conduit(&w, &diff->conduits[i]);
	writer_close_list(&w);
	write_summary(&w, diff);
	writer_close_map(&w);
	putchar('\n');
}

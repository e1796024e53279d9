/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/learn_rules.h"

#include <stdlib.h>
#include <string.h>

#include "cli/traffic.h"

#define NEIGHBOURS 250u /* servers (devices) that share the first three bytes of an address */

static void open_document(struct writer *w, FILE *out, const char *kind)
{
	char schema[64];

	snprintf(schema, sizeof(schema), "../schemas/%s.schema.json", kind);
	writer_init(w, out, true);
	writer_open_map(w);
	writer_put_text(w, "$schema", schema);
}

static void close_document(struct writer *w, FILE *out)
{
	writer_close_map(w);
	fputc('\n', out);
}

/* ---- for people ---- */

static void write_head(struct writer *w, const struct learn_rule *r, const char *from, const char *to)
{
	writer_put_text(w, "id", r->id);
	writer_put_text(w, "from", from);
	writer_put_text(w, "to", to);
	writer_put_text(w, "protocol", r->protocol->name);
	if (r->port != r->protocol->port)
		writer_put_uint(w, "port", r->port);
}

/* Who answers for it, and why it is needed, only people know. */
static void write_blanks(struct writer *w)
{
	static const char *const blanks[] = { "purpose", "owner", "approved_by", "approved_on", "review_by" };

	for (size_t i = 0; i < sizeof(blanks) / sizeof(blanks[0]); i++)
		writer_put_text(w, blanks[i], "");
}

size_t learn_rules_write(struct learn_rules *rules, const char *origin, FILE *out)
{
	struct writer w;
	char note[512];
	size_t written = 0;

	open_document(&w, out, "rules");
	snprintf(note, sizeof(note), "Learned from %s: what was seen, not what should be. Fill in what is empty, take out "
		 "what nobody needs.", origin);
	writer_put_text(&w, "note", note);
	writer_name(&w, "rules");
	writer_open_list(&w);
	for (size_t i = 0; i < rules->count; i++) {
		struct learn_rule *r = &rules->items[i];

		if (!r->learn.count)
			continue;
		writer_open_map(&w);
		write_head(&w, r, r->from, r->to);
		writer_name(&w, "allow");
		learn_write(&r->learn, &w);
		write_blanks(&w);
		writer_close_map(&w);
		written++;
	}
	writer_close_list(&w);
	close_document(&w, out);
	return written;
}

/* ---- for a trial ---- */

static void write_site(FILE *out)
{
	fputs("{\"$schema\": \"site.schema.json\", \"site\": \"trial\", \"timezone\": \"UTC\", \"zones\": {"
	      "\"it\": {\"side\": \"it\", \"interface\": \"eth0\", \"networks\": [\"10.0.0.0/9\"]},"
	      "\"ot\": {\"side\": \"ot\", \"interface\": \"eth1\", \"networks\": [\"10.128.0.0/9\"]}},"
	      "\"people\": {\"somebody\": {\"name\": \"Somebody\", \"contact\": \"here\"}}}", out);
}

/* Hosts of the trial's own; the capture's take their place later. */
static void write_asset(struct writer *w, const char *name, const char *role, const char *zone, unsigned network,
			size_t number)
{
	char address[32];

	snprintf(address, sizeof(address), "10.%u.%zu.%zu", network, number / NEIGHBOURS, 1 + number % NEIGHBOURS);
	writer_name(w, name);
	writer_open_map(w);
	writer_put_text(w, "role", role);
	writer_put_text(w, "zone", zone);
	writer_put_text(w, "address", address);
	writer_put_text(w, "owner", "somebody");
	writer_put_text(w, "description", "A host of the trial");
	writer_close_map(w);
}

static void write_assets(const struct learn_rules *rules, FILE *out)
{
	struct writer w;
	char name[32];

	open_document(&w, out, "assets");
	writer_name(&w, "assets");
	writer_open_map(&w);
	for (size_t i = 0; i < rules->count; i++) {
		snprintf(name, sizeof(name), "server-%zu", i);
		write_asset(&w, name, "server", "it", 0, i);
		snprintf(name, sizeof(name), "device-%zu", i);
		write_asset(&w, name, "device", "ot", 128, i);
	}
	writer_close_map(&w);
	close_document(&w, out);
}

/* Something to begin with: what may come with any entry, and hardly more. */
static void write_seed(struct writer *w, const struct learn_rule *r)
{
	writer_open_list(w);
	writer_open_map(w);
	if (r->protocol->program == PROGRAM_ETHERNET_IP) {
		writer_put_bool(w, "browse-tags", true);
	} else {
		writer_put_text(w, "function", "read-exception-status");
		writer_put_uint(w, "unit", 255);
	}
	writer_close_map(w);
	writer_close_list(w);
}

static void write_trial_rule(struct writer *w, struct learn_rule *r, size_t i, enum learn_trial trial)
{
	static const char *const filled[][2] = {
		{ "purpose", "A trial of what was learned" }, { "owner", "somebody" }, { "approved_by", "somebody" },
		{ "approved_on", "2026-01-01" }, { "review_by", "2026-03-01" },
	};
	char from[32], to[32];

	snprintf(from, sizeof(from), "server-%zu", i);
	snprintf(to, sizeof(to), "device-%zu", i);
	writer_open_map(w);
	write_head(w, r, from, to);
	writer_name(w, "allow");
	if (r->learn.count)
		learn_write(&r->learn, w);
	else
		write_seed(w, r);
	for (size_t k = 0; k < sizeof(filled) / sizeof(filled[0]); k++)
		writer_put_text(w, filled[k][0], filled[k][1]);
	if (trial == LEARN_OBSERVING) {
		writer_put_text(w, "mode", "observe");
		writer_put_text(w, "expires", "2026-01-20");
	}
	writer_close_map(w);
}

static void write_trial_rules(struct learn_rules *rules, enum learn_trial trial, FILE *out)
{
	struct writer w;

	open_document(&w, out, "rules");
	writer_name(&w, "rules");
	writer_open_list(&w);
	for (size_t i = 0; i < rules->count; i++)
		if (rules->items[i].learn.count || trial == LEARN_OBSERVING)
			write_trial_rule(&w, &rules->items[i], i, trial);
	writer_close_list(&w);
	close_document(&w, out);
}

/* Memory streams into the arena. */
struct text {
	char *bytes;
	size_t len;
	FILE *out;
};

static FILE *begin_text(struct text *t)
{
	t->out = open_memstream(&t->bytes, &t->len);
	if (!t->out)
		abort();
	return t->out;
}

static struct document end_text(struct text *t, const char *path, struct arena *arena)
{
	struct document document = { .path = path };

	fclose(t->out);
	document.text = arena_strndup(arena, t->bytes, t->len);
	document.len = t->len;
	free(t->bytes);
	return document;
}

void learn_rules_site(struct learn_rules *rules, enum learn_trial trial, struct documents *ret)
{
	struct text t;

	ret->items = arena_array(rules->arena, 3, sizeof(*ret->items));
	ret->count = 0;
	write_assets(rules, begin_text(&t));
	ret->items[ret->count++] = end_text(&t, "trial/assets.json", rules->arena);
	write_trial_rules(rules, trial, begin_text(&t));
	ret->items[ret->count++] = end_text(&t, "trial/rules.json", rules->arena);
	write_site(begin_text(&t));
	ret->items[ret->count++] = end_text(&t, "trial/site.json", rules->arena);
}

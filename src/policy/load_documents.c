/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which document is of which kind, and their parts put together. */
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "policy/load.h"

enum kind { KIND_SITE, KIND_ASSETS, KIND_PROFILES, KIND_RULES, KIND_COUNT };

struct kind_row {
	const char *schema;  /* the last part of "$schema" */
	const char *member;  /* that holds the parts; NULL: the document itself is the part */
	unsigned types;
};

static const struct kind_row kinds[KIND_COUNT] = {
	[KIND_SITE] = { "site.schema.json", NULL, 0 },
	[KIND_ASSETS] = { "assets.schema.json", "assets", BIND_MAP },
	[KIND_PROFILES] = { "profiles.schema.json", "profiles", BIND_MAP },
	[KIND_RULES] = { "rules.schema.json", "rules", BIND_LIST },
};

/* The members or elements of one document. */
struct piece {
	enum kind kind;
	const struct value *document;
	const struct value *parts; /* NULL: none could be read */
};

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool find_kind(const struct loader *l, const struct value *document, enum kind *ret)
{
	static const char help[] = "\"$schema\" ends in site.schema.json, assets.schema.json, "
				   "profiles.schema.json or rules.schema.json";
	const struct value *at = value_member(document, "$schema");
	struct nearest near;

	if (!at || at->type != VALUE_TEXT) {
		report(l, FINDING_UNKNOWN_KIND, document, help,
		       "the document does not name its kind with \"$schema\"");
		return false;
	}
	near = nearest_to(last_part(at->text));
	for (size_t i = 0; i < KIND_COUNT; i++) {
		*ret = (enum kind)i;
		if (!strcmp(kinds[i].schema, last_part(at->text)))
			return true;
		nearest_offer(&near, kinds[i].schema, NULL);
	}
	report(l, FINDING_UNKNOWN_KIND, at, nearest_help(l, &near, help),
	       "there is no kind of document \"%.60s\"", last_part(at->text));
	return false;
}

struct list_members {
	const struct value *schema, *parts;
};

static void read_piece(const struct loader *l, struct piece *piece)
{
	const struct kind_row *kind = &kinds[piece->kind];
	const struct bind_row rows[] = {
		{ "$schema", BIND_TEXT, offsetof(struct list_members, schema), true },
		{ kind->member, kind->types, offsetof(struct list_members, parts), true },
	};
	const struct bind_table table = { "the document", BIND_ROWS(rows) };
	struct list_members m = { 0 };

	bind_map(&l->bind, piece->document, &table, &m);
	piece->parts = m.parts;
	if (m.parts && m.parts->type == VALUE_MAP)
		bind_duplicates(&l->bind, m.parts);
}

/* False when the document is not of a kind. */
static bool parse_document(const struct loader *l, const struct document *document,
			   struct piece *ret)
{
	struct value_source source = { .file = document->path, .text = document->text,
				       .len = document->len };

	ret->document = value_parse(&source, l->arena, l->bind.diags);
	if (!ret->document || !bind_type(&l->bind, ret->document, BIND_MAP) ||
	    !find_kind(l, ret->document, &ret->kind))
		return false;
	if (kinds[ret->kind].member)
		read_piece(l, ret);
	return true;
}

static struct parts gather(const struct loader *l, const struct piece *pieces, size_t count,
			   enum kind kind)
{
	struct parts parts = { 0 };
	size_t total = 0;

	for (size_t i = 0; i < count; i++)
		if (pieces[i].kind == kind && pieces[i].parts)
			total += pieces[i].parts->count;
	parts.items = arena_array(l->arena, total, sizeof(const struct value *));
	for (size_t i = 0; i < count; i++) {
		if (pieces[i].kind != kind || !pieces[i].parts)
			continue;
		for (size_t k = 0; k < pieces[i].parts->count; k++)
			parts.items[parts.count++] = &pieces[i].parts->items[k];
	}
	return parts;
}

struct numbered {
	const struct value *part;
	size_t number;
};

static int compare_numbered(const void *a, const void *b)
{
	const struct numbered *x = a, *y = b;
	int by = strcmp(x->part->name, y->part->name);

	return by ? by : (x->number > y->number) - (x->number < y->number);
}

void unique_parts(const struct loader *l, const char *what, struct parts *parts)
{
	struct numbered *sorted = arena_array(l->arena, parts->count, sizeof(*sorted));
	size_t kept = 0;

	for (size_t i = 0; i < parts->count; i++)
		sorted[i] = (struct numbered){ .part = parts->items[i], .number = i };
	if (parts->count)
		qsort(sorted, parts->count, sizeof(*sorted), compare_numbered);
	for (size_t i = 0; i < parts->count; i++) {
		const struct value *part = sorted[i].part;
		const struct value *first = kept ? parts->items[kept - 1] : NULL;

		if (!first || strcmp(first->name, part->name)) {
			parts->items[kept++] = part;
			continue;
		}
		/* twice in one document is a duplicate member, which has been reported */
		if (value_source(first) != value_source(part))
			report_name(l, FINDING_DUPLICATE_ID, part,
				    arena_printf(l->arena, "the first one is in %s; rename one of the two",
						 place_text(l, first)),
				    "there are two %s called \"%.60s\"", what, part->name);
	}
	parts->count = kept;
}

/* The site document; findings when there is none or a second. */
static void load_site_document(const struct loader *l, const struct piece *pieces, size_t count)
{
	const struct value *first = NULL;

	for (size_t i = 0; i < count; i++) {
		if (pieces[i].kind != KIND_SITE)
			continue;
		if (first)
			report(l, FINDING_SECOND_SITE, value_member(pieces[i].document, "$schema"),
			       arena_printf(l->arena, "the first one is %s; keep one",
					    value_source(first)->file),
			       "this is a second site document");
		else
			first = pieces[i].document;
	}
	if (first)
		load_site(l, first);
	else if (!l->site->partial)
		report(l, FINDING_MISSING_SITE, NULL,
		       "add one with \"$schema\": \"../schemas/site.schema.json\"",
		       "the folder holds no site document");
}

/* Rules of a grant are like others, but end at an instant. */
static void limit_rules(const struct loader *l, const struct document *grant)
{
	for (size_t i = 0; i < l->site->rule_count; i++)
		if (!strcmp(value_source(l->site->rules[i].at)->file, grant->path))
			l->site->rules[i].until = grant->until;
}

void load_documents(const struct loader *l, const struct documents *documents)
{
	struct piece *pieces = arena_array(l->arena, documents->count, sizeof(*pieces));
	struct parts assets, profiles, rules;
	size_t count = 0;

	for (size_t i = 0; i < documents->count; i++) {
		if (parse_document(l, &documents->items[i], &pieces[count]))
			count++;
		else
			l->site->partial = true;
	}
	load_site_document(l, pieces, count);
	assets = gather(l, pieces, count, KIND_ASSETS);
	profiles = gather(l, pieces, count, KIND_PROFILES);
	rules = gather(l, pieces, count, KIND_RULES);
	load_assets(l, &assets);
	load_profiles(l, &profiles);
	load_rules(l, &rules);
	for (size_t i = 0; i < documents->count; i++)
		if (documents->items[i].until)
			limit_rules(l, &documents->items[i]);
}

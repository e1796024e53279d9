/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bundle/grant.h"

#include <string.h>

#include "base/calendar.h"
#include "bundle/judge.h"
#include "bundle/payload.h"
#include "bundle/refuse.h"
#include "json/text.h"

/* ---- writing ---- */

static void put_grant(struct writer *w, const struct grant *grant)
{
	char created[INSTANT_SIZE], begin_by[INSTANT_SIZE];

	payload_format_instant(grant->created, created);
	payload_format_instant(grant->begin_by, begin_by);
	writer_open_map(w);
	writer_put_int(w, "format", 1);
	writer_put_text(w, "site", grant->site);
	writer_put_text(w, "created", created);
	writer_put_text(w, "begin_by", begin_by);
	writer_put_int(w, "seconds", grant->seconds);
	writer_put_text(w, "note", grant->note);
	document_list_put(w, grant->documents, grant->document_count);
	writer_close_map(w);
}

char *grant_payload(const struct grant *grant, struct arena *arena)
{
	struct json_text text;
	struct writer *w = json_text_begin(&text, false);

	if (!w)
		return NULL;
	put_grant(w, grant);
	return json_text_keep(&text, arena);
}

/* ---- reading ---- */

struct grant_members {
	const struct value *format, *site, *created, *begin_by, *seconds, *note, *documents;
};

static bool read_times(const struct binder *b, const struct grant_members *m, struct grant *ret)
{
	ret->seconds = m->seconds->integer;
	if (!payload_instant(b, m->created, &ret->created) || !payload_instant(b, m->begin_by, &ret->begin_by))
		return false;
	if (ret->begin_by < ret->created || ret->begin_by - ret->created > GRANT_VALID_MOST)
		return payload_refuse(b, m->begin_by, "make it again", "it must begin within a week");
	return (ret->seconds >= 1 && ret->seconds <= TRUST_GRANT_HOURS_MAX * 3600) ||
	       payload_refuse(b, m->seconds, "make it again", "a grant cannot last so long");
}

static bool is_kind(const char *schema, const char *kind)
{
	const char *last = schema ? strrchr(schema, '/') : NULL;

	return schema && !strcmp(last ? last + 1 : schema, kind);
}

/* A profile or a site document could change what rules mean that were reviewed without it. */
static bool only_adds(const struct binder *b, const struct value *at, const struct bundle_document *d)
{
	struct value_source *source = arena_alloc(b->arena, sizeof(*source));
	const struct value *document;
	const char *schema;

	*source = (struct value_source){ .file = d->path, .text = d->text, .len = d->len };
	document = value_parse(source, b->arena, b->diags);
	schema = value_member_text(document, "$schema");
	return document && (is_kind(schema, "rules.schema.json") || is_kind(schema, "assets.schema.json") ||
			    payload_refuse(b, at, "put only \"rules\" and \"assets\" into it",
					   "%s is neither a document of rules nor one of assets", d->path));
}

static bool read_documents(const struct binder *b, const struct value *list, struct grant *ret)
{
	if (!document_list_read(b, list, &ret->documents, &ret->document_count))
		return false;
	for (size_t i = 0; i < ret->document_count; i++)
		if (!only_adds(b, &list->items[i], &ret->documents[i]))
			return false;
	return ret->document_count || payload_refuse(b, list, "make it again", "it grants nothing");
}

bool grant_from(const struct envelope *envelope, struct arena *arena, struct diag_list *diags, struct grant *ret)
{
#define ROW(name, types) { #name, types, offsetof(struct grant_members, name), true }
	static const struct bind_row rows[] = {
		ROW(format, BIND_INT), ROW(site, BIND_TEXT), ROW(created, BIND_TEXT), ROW(begin_by, BIND_TEXT),
		ROW(seconds, BIND_INT), ROW(note, BIND_TEXT), ROW(documents, BIND_LIST),
	};
#undef ROW
	static const struct bind_table table = { "a grant", BIND_ROWS(rows) };
	const struct binder b = { arena, diags };
	struct grant_members m = { 0 };
	size_t before = diags->errors;

	*ret = (struct grant){ .file = envelope->file };
	memcpy(ret->digest, envelope->digest, sizeof(ret->digest));
	if (!bind_map(&b, envelope->value, &table, &m) || diags->errors != before)
		return false;
	if (m.format->integer != 1)
		return payload_refuse(&b, m.format, "use a newer program", "this program does not know that format");
	return payload_text(&b, m.site, &ret->site) && payload_text(&b, m.note, &ret->note) &&
	       read_times(&b, &m, ret) && read_documents(&b, m.documents, ret) && diags->errors == before;
}

/* ---- judging ---- */

static bool check_times(const struct grant *grant, const struct trust *trust, int64_t now, struct diag_list *diags)
{
	char begin_by[INSTANT_SIZE];

	if (!trust->grant_hours)
		return refuse(diags, grant->file, "no-grants", "make a bundle; or allow grants by `trust rotate`",
			      "the trust document of %s allows no grants", trust->site);
	if (grant->seconds > trust->grant_hours * 3600)
		return refuse(diags, grant->file, "grant-too-long", "make it again, shorter",
			      "it lasts %lld seconds; the trust document of %s allows %lld hours",
			      (long long)grant->seconds, trust->site, (long long)trust->grant_hours);
	payload_format_instant(grant->begin_by, begin_by);
	return now <= grant->begin_by || refuse(diags, grant->file, "grant-expired", "let it be made again",
						"it was to begin by %s", begin_by);
}

bool grant_judge(const struct envelope *envelope, const struct grant *grant, const struct trust *trust, int64_t now,
		 struct diag_list *diags)
{
	if (strcmp(grant->site, trust->site) != 0)
		return refuse(diags, grant->file, "wrong-site", "look which file you meant",
			      "it is for %s; the trust document is of %s", grant->site, trust->site);
	return judge_grant(envelope, trust, now / CALENDAR_DAY_SECONDS, diags) && check_times(grant, trust, now, diags);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bundle/bundle.h"

#include <string.h>

#include "base/calendar.h"
#include "bundle/judge.h"
#include "bundle/payload.h"
#include "bundle/refuse.h"
#include "json/text.h"

/* ---- writing ---- */

static void put_bundle(struct writer *w, const struct bundle *bundle, int64_t now)
{
	char created[INSTANT_SIZE], apply_by[CALENDAR_DATE_SIZE];

	payload_format_instant(now, created);
	calendar_format_date(bundle->apply_by, apply_by);
	writer_open_map(w);
	writer_put_int(w, "format", 1);
	writer_put_text(w, "site", bundle->site);
	writer_put_int(w, "serial", bundle->serial);
	if (bundle->reset_from != NO_SERIAL)
		writer_put_int(w, "reset_from", bundle->reset_from);
	writer_put_text(w, "created", created);
	writer_put_text(w, "apply_by", apply_by);
	if (bundle->note)
		writer_put_text(w, "note", bundle->note);
	writer_put_text(w, "proposer", bundle->proposer);
	document_list_put(w, bundle->documents, bundle->document_count);
	writer_name(w, "permits");
	writer_open_map(w);
	writer_put_int(w, "format", bundle->permits_format);
	writer_put_text(w, "sha256", bundle->permits);
	writer_close_map(w);
	writer_close_map(w);
}

char *bundle_payload(const struct bundle *bundle, int64_t now, struct arena *arena)
{
	struct json_text text;
	struct writer *w = json_text_begin(&text, false);

	if (!w)
		return NULL;
	put_bundle(w, bundle, now);
	return json_text_keep(&text, arena);
}

/* ---- reading ---- */

struct bundle_members {
	const struct value *format, *site, *serial, *reset_from, *created, *apply_by, *note, *proposer, *documents,
		*permits;
};

struct permits_members {
	const struct value *format, *sha256;
};

static bool read_digest(const struct binder *b, const struct value *at, const char **ret)
{
	*ret = at->text;
	return digest_is_one(at->text) || payload_refuse(b, at, "make it again with `bundle create`",
							 "this is no SHA-256");
}

static bool read_permits(const struct binder *b, const struct value *map, struct bundle *bundle)
{
	static const struct bind_row rows[] = {
		{ "format", BIND_INT, offsetof(struct permits_members, format), true },
		{ "sha256", BIND_TEXT, offsetof(struct permits_members, sha256), true },
	};
	static const struct bind_table table = { "a permit list", BIND_ROWS(rows) };
	struct permits_members m = { 0 };

	if (!bind_map(b, map, &table, &m) || !read_digest(b, m.sha256, &bundle->permits))
		return false;
	bundle->permits_format = m.format->integer;
	return true;
}

static bool read_proposer(const struct binder *b, const struct value *at, struct bundle *bundle)
{
	bundle->proposer = at->text;
	return key_id_is_one(at->text) ||
	       payload_refuse(b, at, "make it again with `bundle create`", "this is no key id");
}

static bool read_reset(const struct binder *b, const struct value *at, struct bundle *bundle)
{
	bundle->reset_from = at ? at->integer : NO_SERIAL;
	return !at || (at->integer >= 0 && at->integer < bundle->serial) ||
	       payload_refuse(b, at, "name the serial that is left, 0 on a new box", "a reset only goes up");
}

static bool read_members(const struct binder *b, const struct bundle_members *m, struct bundle *ret)
{
	int64_t created;

	ret->created = m->created->text;
	if (m->format->integer != 1)
		return payload_refuse(b, m->format, "use a newer program", "this program does not know that format");
	return payload_text(b, m->site, &ret->site) && payload_serial(b, m->serial, &ret->serial) &&
	       read_reset(b, m->reset_from, ret) && payload_instant(b, m->created, &created) &&
	       payload_day(b, m->apply_by, 0, &ret->apply_by) && read_proposer(b, m->proposer, ret) &&
	       (!m->note || payload_text(b, m->note, &ret->note)) &&
	       document_list_read(b, m->documents, &ret->documents, &ret->document_count) &&
	       read_permits(b, m->permits, ret);
}

bool bundle_from(const struct envelope *envelope, struct arena *arena, struct diag_list *diags,
		 struct bundle *ret)
{
#define ROW(name, types, required) { #name, types, offsetof(struct bundle_members, name), required }
	static const struct bind_row rows[] = {
		ROW(format, BIND_INT, true), ROW(site, BIND_TEXT, true), ROW(serial, BIND_INT, true),
		ROW(reset_from, BIND_INT, false), ROW(created, BIND_TEXT, true), ROW(apply_by, BIND_TEXT, true),
		ROW(note, BIND_TEXT, false), ROW(proposer, BIND_TEXT, true), ROW(documents, BIND_LIST, true),
		ROW(permits, BIND_MAP, true),
	};
#undef ROW
	static const struct bind_table table = { "a bundle", BIND_ROWS(rows) };
	const struct binder b = { arena, diags };
	struct bundle_members m = { 0 };
	size_t before = diags->errors;

	*ret = (struct bundle){ .file = envelope->file };
	memcpy(ret->digest, envelope->digest, sizeof(ret->digest));
	return bind_map(&b, envelope->value, &table, &m) && diags->errors == before && read_members(&b, &m, ret) &&
	       diags->errors == before;
}

struct bundle *bundle_copy(const struct bundle *from, struct arena *arena)
{
	struct bundle *to = arena_alloc(arena, sizeof(*to));
	const char **texts[] = { &to->file, &to->site, &to->created, &to->note, &to->proposer, &to->permits };

	*to = *from;
	to->documents = NULL;
	to->document_count = 0;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		*texts[i] = *texts[i] ? arena_printf(arena, "%s", *texts[i]) : NULL;
	return to;
}

/* ---- judging ---- */

static bool check_apply_by(const struct bundle *bundle, int64_t today, struct diag_list *diags)
{
	char text[CALENDAR_DATE_SIZE];

	calendar_format_date(bundle->apply_by, text);
	return today <= bundle->apply_by ||
	       refuse(diags, bundle->file, "bundle-expired", "make it again with a new serial, and let it be signed",
		      "it was to be applied by %s; since then somebody may have thought better of it", text);
}

bool bundle_judge(const struct envelope *envelope, const struct bundle *bundle, const struct trust *trust,
		  int64_t today, struct diag_list *diags)
{
	if (strcmp(bundle->site, trust->site) != 0)
		return refuse(diags, bundle->file, "wrong-site", "look which file you meant",
			      "it is for %s; the trust document is of %s", bundle->site, trust->site);
	return judge(envelope, trust, bundle->proposer, today, diags) && check_apply_by(bundle, today, diags);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bundle/trust.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/calendar.h"
#include "base/failure.h"
#include "base/file.h"
#include "base/nearest.h"
#include "bundle/payload.h"
#include "bundle/pem.h"
#include "bundle/refuse.h"
#include "json/text.h"

#define DRAFT_MAX (1u << 20)

static const char *const role_names[ROLES] = {
	[ROLE_OT_APPROVER] = "ot-approver",
	[ROLE_OT_ENGINEER] = "ot-engineer",
	[ROLE_IT_COUNTERSIGN] = "it-countersign",
};

const char *trust_role_name(enum trust_role role)
{
	return role_names[role];
}

static bool read_role(const struct binder *b, const struct value *at, const char *word, enum trust_role *ret)
{
	struct nearest near = nearest_to(word);

	for (unsigned i = 0; i < ROLES; i++) {
		if (!strcmp(role_names[i], word)) {
			*ret = (enum trust_role)i;
			return true;
		}
		nearest_offer(&near, role_names[i], NULL);
	}
	return payload_refuse(b, at, near.best ? arena_printf(b->arena, "did you mean \"%s\"?", near.best) :
			      "ot-approver, ot-engineer or it-countersign", "there is no role \"%s\"", word);
}

/* ---- keys ---- */

struct key_members {
	const struct value *person, *role, *public, *from, *until, *revoked;
};

static bool read_public(const struct binder *b, const struct value *at, struct trust_key *key)
{
	if (!pem_parse_public(at->text, b->arena, &key->public) || !key_is_usable(&key->public))
		return payload_refuse(b, at, "take what `gatehouse key export` prints, whole or its middle line",
				      "this is no public Ed25519 key");
	key_id(&key->public, key->id);
	return true;
}

static bool read_times(const struct binder *b, const struct key_members *m, struct trust_key *key)
{
	return payload_day(b, m->from, 0, &key->from) && payload_day(b, m->until, 0, &key->until) &&
	       payload_day(b, m->revoked, TRUST_NEVER, &key->revoked) &&
	       (key->from <= key->until || payload_refuse(b, m->until, "look at both days", "it ends before it begins"));
}

static bool read_key(const struct binder *b, const struct value *at, struct trust_key *key)
{
#define ROW(name, required) { #name, BIND_TEXT, offsetof(struct key_members, name), required }
	static const struct bind_row rows[] = {
		ROW(person, true), ROW(role, true), ROW(public, true), ROW(from, true), ROW(until, true),
		ROW(revoked, false),
	};
#undef ROW
	static const struct bind_table table = { "a key", BIND_ROWS(rows) };
	struct key_members m = { 0 };

	key->name = at->name;
	return bind_type(b, at, BIND_MAP) && bind_map(b, at, &table, &m) &&
	       payload_text(b, m.person, &key->person) && read_role(b, m.role, m.role->text, &key->role) &&
	       read_public(b, m.public, key) && read_times(b, &m, key);
}

/* Against those before it. */
static bool check_key(const struct binder *b, const struct value *at, const struct trust *trust,
		      const struct trust_key *key)
{
	for (const struct trust_key *other = trust->keys; other < key; other++) {
		if (!strcmp(other->id, key->id))
			return payload_refuse(b, at, "every person has a key of their own",
					      "\"%s\" is the same key as \"%s\"", key->name, other->name);
		if (!strcasecmp(other->person, key->person) && other->role != key->role)
			return payload_refuse(b, at, "a person signs in one role; an ot-approver may also propose",
					      "%s is %s as well as %s", key->person, role_names[key->role],
					      role_names[other->role]);
	}
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct trust_key *)a)->name, ((const struct trust_key *)b)->name);
}

static bool read_keys(const struct binder *b, const struct value *map, struct trust *trust)
{
	if (map->count > TRUST_KEYS_MAX)
		return payload_refuse(b, map, "take out keys that nobody has any more", "more than %u keys",
				      TRUST_KEYS_MAX);
	bind_duplicates(b, map);
	for (size_t i = 0; i < map->count; i++) {
		struct trust_key *key = &trust->keys[trust->key_count];

		if (!read_key(b, &map->items[i], key) || !check_key(b, &map->items[i], trust, key))
			return false;
		trust->key_count++;
	}
	qsort(trust->keys, trust->key_count, sizeof(trust->keys[0]), by_name);
	return true;
}

/* ---- thresholds ---- */

static bool read_threshold(const struct binder *b, const struct value *map, struct trust_threshold *ret)
{
	if (!bind_type(b, map, BIND_MAP))
		return false;
	bind_duplicates(b, map);
	for (size_t i = 0; i < map->count; i++) {
		const struct value *number = &map->items[i];
		enum trust_role role;

		if (!read_role(b, number, number->name, &role) || !bind_type(b, number, BIND_INT))
			return false;
		if (number->integer < 1 || number->integer > TRUST_KEYS_MAX)
			return payload_refuse(b, number, "leave a role out that need not sign",
					      "so many signatures cannot be");
		ret->wants[role] = (unsigned)number->integer;
	}
	return ret->wants[ROLE_OT_APPROVER] ||
	       payload_refuse(b, map, "add \"ot-approver\": 1",
			      "OT holds the pen: without an ot-approver nothing is accepted");
}

static bool read_thresholds(const struct binder *b, const struct value *list, struct trust *trust)
{
	if (!list->count || list->count > TRUST_THRESHOLDS_MAX)
		return payload_refuse(b, list, "one way to approve at least, eight at most",
				      "there are %zu thresholds", (size_t)list->count);
	for (size_t i = 0; i < list->count; i++)
		if (!read_threshold(b, &list->items[i], &trust->thresholds[trust->threshold_count++]))
			return false;
	return true;
}

/* ---- reachable? ---- */

/* Is it the first key of its person that could sign before the document ends? */
static bool stands_for_person(const struct trust *trust, const struct trust_key *key)
{
	if (key->revoked != TRUST_NEVER)
		return false;
	for (const struct trust_key *other = trust->keys; other < key; other++)
		if (!strcasecmp(other->person, key->person) && other->revoked == TRUST_NEVER)
			return false;
	return true;
}

/* With one person more, who proposes. */
static bool reaches(const struct trust_threshold *t, const unsigned persons[static ROLES])
{
	unsigned left = 0;

	for (unsigned i = 0; i < ROLES; i++) {
		if (persons[i] < t->wants[i])
			return false;
		left += persons[i] - t->wants[i];
	}
	return left > 0;
}

static bool check_reachable(const struct binder *b, const struct value *at, const struct trust *trust)
{
	unsigned persons[ROLES] = { 0 };

	for (size_t i = 0; i < trust->key_count; i++)
		persons[trust->keys[i].role] += stands_for_person(trust, &trust->keys[i]);
	for (size_t i = 0; i < trust->threshold_count; i++)
		if (reaches(&trust->thresholds[i], persons))
			return true;
	return payload_refuse(b, at, "add keys, or lower a threshold",
			      "no threshold can be reached: who proposes a bundle does not count, and each person "
			      "counts once");
}

/* ---- the document ---- */

struct trust_members {
	const struct value *schema, *format, *site, *serial, *created, *until, *keys, *thresholds, *grant_hours;
};

#define ROW(name, types, required) { #name, types, offsetof(struct trust_members, name), required }
#define ROWS \
	ROW(site, BIND_TEXT, true), ROW(serial, BIND_INT, true), ROW(until, BIND_TEXT, true), \
	ROW(keys, BIND_MAP, true), ROW(thresholds, BIND_LIST, true), ROW(grant_hours, BIND_INT, false)

static const struct bind_row payload_rows[] = { ROWS, ROW(format, BIND_INT, true), ROW(created, BIND_TEXT, true) };
static const struct bind_row draft_rows[] = {
	ROWS, { "$schema", BIND_TEXT, offsetof(struct trust_members, schema), false },
};
static const struct bind_table payload_table = { "a trust document", BIND_ROWS(payload_rows) };
static const struct bind_table draft_table = { "a draft of a trust document", BIND_ROWS(draft_rows) };

static bool read_grant_hours(const struct binder *b, const struct value *at, struct trust *ret)
{
	ret->grant_hours = at ? at->integer : 0;
	return !at || (ret->grant_hours >= 1 && ret->grant_hours <= TRUST_GRANT_HOURS_MAX) ||
	       payload_refuse(b, at, "1 to 72; leave it out where no grants are wanted", "a grant cannot last so long");
}

static bool read_trust(const struct binder *b, const struct value *value, const struct trust_members *m,
		       struct trust *ret)
{
	size_t before = b->diags->errors;

	return payload_text(b, m->site, &ret->site) && payload_serial(b, m->serial, &ret->serial) &&
	       payload_day(b, m->until, 0, &ret->until) && read_keys(b, m->keys, ret) &&
	       read_thresholds(b, m->thresholds, ret) && check_reachable(b, m->thresholds, ret) &&
	       read_grant_hours(b, m->grant_hours, ret) &&
	       b->diags->errors == before;
}

bool trust_from(const struct envelope *envelope, struct arena *arena, struct diag_list *diags,
		struct trust *ret)
{
	const struct binder b = { arena, diags };
	struct trust_members m = { 0 };
	size_t before = diags->errors;
	int64_t created;

	*ret = (struct trust){ .file = envelope->file };
	memcpy(ret->digest, envelope->digest, sizeof(ret->digest));
	if (!bind_map(&b, envelope->value, &payload_table, &m) || diags->errors != before)
		return false;
	if (m.format->integer != 1)
		return payload_refuse(&b, m.format, "use a newer program", "this program does not know that format");
	ret->created = m.created->text;
	return payload_instant(&b, m.created, &created) && read_trust(&b, envelope->value, &m, ret);
}

bool trust_read_draft(const char *path, struct arena *arena, struct diag_list *diags, struct trust *ret)
{
	struct value_source source = { .file = path };
	const struct binder b = { arena, diags };
	struct trust_members m = { 0 };
	const struct value *value;
	size_t before = diags->errors;
	char *text;
	int r = file_read(path, DRAFT_MAX, arena, &text, &source.len);

	*ret = (struct trust){ .file = path };
	if (r < 0)
		return refuse(diags, path, "unreadable", "name the draft that you wrote", "it cannot be read: %s",
			      failure_text(r));
	source.text = text;
	value = value_parse(&source, arena, diags);
	if (value)
		bind_duplicates(&b, value);
	return value && bind_type(&b, value, BIND_MAP) && bind_map(&b, value, &draft_table, &m) &&
	       read_trust(&b, value, &m, ret) && diags->errors == before;
}

/* ---- writing ---- */

static void put_day(struct writer *w, const char *name, int64_t day)
{
	char text[CALENDAR_DATE_SIZE];

	calendar_format_date(day, text);
	writer_put_text(w, name, text);
}

/* The middle line of its PEM form. */
static const char *public_text(const struct public_key *key, struct arena *arena)
{
	char *text = strchr(pem_public(key, arena), '\n') + 1;

	text[strcspn(text, "\n")] = '\0';
	return text;
}

static void put_key(struct writer *w, const struct trust_key *key, struct arena *arena)
{
	writer_name(w, key->name);
	writer_open_map(w);
	writer_put_text(w, "person", key->person);
	writer_put_text(w, "role", role_names[key->role]);
	writer_put_text(w, "public", public_text(&key->public, arena));
	put_day(w, "from", key->from);
	put_day(w, "until", key->until);
	if (key->revoked != TRUST_NEVER)
		put_day(w, "revoked", key->revoked);
	writer_close_map(w);
}

static void put_threshold(struct writer *w, const struct trust_threshold *t)
{
	writer_open_map(w);
	for (unsigned i = 0; i < ROLES; i++)
		if (t->wants[i])
			writer_put_uint(w, role_names[i], t->wants[i]);
	writer_close_map(w);
}

static void put_trust(struct writer *w, const struct trust *t, int64_t now, struct arena *arena)
{
	char created[INSTANT_SIZE];

	payload_format_instant(now, created);
	writer_open_map(w);
	writer_put_int(w, "format", 1);
	writer_put_text(w, "site", t->site);
	writer_put_int(w, "serial", t->serial);
	writer_put_text(w, "created", created);
	put_day(w, "until", t->until);
	writer_name(w, "keys");
	writer_open_map(w);
	for (size_t i = 0; i < t->key_count; i++)
		put_key(w, &t->keys[i], arena);
	writer_close_map(w);
	writer_name(w, "thresholds");
	writer_open_list(w);
	for (size_t i = 0; i < t->threshold_count; i++)
		put_threshold(w, &t->thresholds[i]);
	writer_close_list(w);
	if (t->grant_hours)
		writer_put_int(w, "grant_hours", t->grant_hours);
	writer_close_map(w);
}

char *trust_payload(const struct trust *draft, int64_t now, struct arena *arena)
{
	struct json_text text;
	struct writer *w = json_text_begin(&text, false);

	if (!w)
		return NULL;
	put_trust(w, draft, now, arena);
	return json_text_keep(&text, arena);
}

const struct trust_key *trust_find(const struct trust *trust, const char *id)
{
	for (size_t i = 0; i < trust->key_count; i++)
		if (!strcmp(trust->keys[i].id, id))
			return &trust->keys[i];
	return NULL;
}

const char *trust_thresholds_text(const struct trust *trust, struct arena *arena)
{
	const char *text = "";

	for (size_t i = 0; i < trust->threshold_count; i++) {
		const char *and = i ? ", or " : "";

		for (unsigned role = 0; role < ROLES; role++) {
			if (!trust->thresholds[i].wants[role])
				continue;
			text = arena_printf(arena, "%s%s%u %s", text, and, trust->thresholds[i].wants[role],
					    role_names[role]);
			and = " and ";
		}
	}
	return text;
}

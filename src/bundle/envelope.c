/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bundle/envelope.h"

#include <errno.h>
#include <string.h>

#include "base/failure.h"
#include "base/file.h"
#include "bundle/base64.h"
#include "bundle/refuse.h"
#include "json/bind.h"
#include "json/canonical.h"

static const struct {
	const char *name;
	const char *type;
} payloads[PAYLOAD_TYPES] = {
	[PAYLOAD_BUNDLE] = { "bundle", "application/vnd.gatehouse.bundle+json" },
	[PAYLOAD_TRUST] = { "trust document", "application/vnd.gatehouse.trust+json" },
	[PAYLOAD_DECISION] = { "review decision", "application/vnd.gatehouse.decision+json" },
	[PAYLOAD_GRANT] = { "grant", "application/vnd.gatehouse.grant+json" },
	[PAYLOAD_IMAGE] = { "system image", "application/vnd.gatehouse.image+json" },
};

const char *payload_name(enum payload_type type)
{
	return payloads[type].name;
}

/* What is signed: DSSE's pre-authentication encoding. Made once: payloads can be large. */
static void make_signed(struct envelope *e, struct arena *arena)
{
	const char *type = payloads[e->type].type;
	const char *head = arena_printf(arena, "DSSEv1 %zu %s %zu ", strlen(type), type, e->payload_len);
	size_t head_len = strlen(head);
	char *whole = arena_alloc(arena, head_len + e->payload_len);

	memcpy(whole, head, head_len);
	memcpy(whole + head_len, e->payload, e->payload_len);
	e->signed_bytes = whole;
	e->signed_len = head_len + e->payload_len;
	digest_of(e->payload, e->payload_len, e->digest);
}

bool envelope_make(enum payload_type type, const char *payload, struct arena *arena, struct envelope *ret)
{
	const struct value_source source = { .file = payloads[type].name, .text = payload,
					     .len = strlen(payload) };
	struct diag_list diags;

	diag_init(&diags, arena);
	*ret = (struct envelope){ .file = source.file, .type = type };
	ret->value = value_parse(&source, arena, &diags);
	ret->payload = ret->value ? canonical_text(ret->value, arena, &ret->payload_len) : NULL;
	if (!ret->payload)
		return false;
	make_signed(ret, arena);
	return true;
}

/* ---- text ---- */

char *envelope_text(const struct envelope *e, struct arena *arena, size_t *ret_len)
{
	const char *list = "";
	char *text;

	for (size_t i = 0; i < e->signature_count; i++)
		list = arena_printf(arena, "%s%s{\"keyid\":\"%s\",\"sig\":\"%s\"}", list, i ? "," : "",
				    e->signatures[i].key_id,
				    base64_encode(e->signatures[i].bytes, SIGNATURE_SIZE, arena));
	text = arena_printf(arena, "{\"payload\":\"%s\",\"payloadType\":\"%s\",\"signatures\":[%s]}\n",
			    base64_encode(e->payload, e->payload_len, arena), payloads[e->type].type, list);
	*ret_len = strlen(text);
	return text;
}

/* ---- reading ---- */

struct envelope_members {
	const struct value *payload, *payload_type, *signatures;
};

struct signature_members {
	const struct value *key_id, *sig;
};

static bool read_signature(const struct binder *b, const struct value *at, struct signature *ret)
{
	static const struct bind_row rows[] = {
		{ "keyid", BIND_TEXT, offsetof(struct signature_members, key_id), true },
		{ "sig", BIND_TEXT, offsetof(struct signature_members, sig), true },
	};
	static const struct bind_table table = { "a signature", BIND_ROWS(rows) };
	struct signature_members m = { 0 };

	if (!bind_map(b, at, &table, &m))
		return false;
	if (!key_id_is_one(m.key_id->text) || !base64_decode_into(m.sig->text, ret->bytes, SIGNATURE_SIZE)) {
		bind_finding(b, DIAG_ERROR, "bad-signature", at, "take the original file",
			     "this is no Ed25519 signature with the id of its key");
		return false;
	}
	memcpy(ret->key_id, m.key_id->text, KEY_ID_SIZE);
	return true;
}

static bool read_signatures(const struct binder *b, const struct value *list, struct envelope *e)
{
	if (list->count > SIGNATURES_MAX)
		return refuse(b->diags, e->file, "too-many-signatures", "take the original file",
			      "it has %zu signatures; %u is the most", (size_t)list->count, SIGNATURES_MAX);
	for (size_t i = 0; i < list->count; i++) {
		if (!read_signature(b, &list->items[i], &e->signatures[i]))
			return false;
		if (i && strcmp(e->signatures[i - 1].key_id, e->signatures[i].key_id) >= 0)
			return refuse(b->diags, e->file, "not-canonical", "take the original file",
				      "signatures are not sorted by their keys, or one is there twice");
		e->signature_count++;
	}
	return true;
}

static bool check_type(const struct value *at, enum payload_type wanted, const struct envelope *e,
		       struct diag_list *diags)
{
	if (!strcmp(at->text, payloads[wanted].type))
		return true;
	for (size_t i = 0; i < PAYLOAD_TYPES; i++)
		if (!strcmp(at->text, payloads[i].type))
			return refuse(diags, e->file, "wrong-type", "look which file you meant",
				      "this is a %s; a %s is wanted", payloads[i].name, payloads[wanted].name);
	return refuse(diags, e->file, "wrong-type", "look which file you meant",
		      "it holds something that this program does not know; a %s is wanted",
		      payloads[wanted].name);
}

static bool read_payload(const struct value *at, struct arena *arena, struct diag_list *diags,
			 struct envelope *e)
{
	e->payload = (const char *)base64_decode(at->text, arena, &e->payload_len);
	if (!e->payload)
		return refuse(diags, e->file, "not-canonical", "take the original file", "its payload is no base64");
	make_signed(e, arena);
	e->value = canonical_parse(e->file, e->payload, e->payload_len, arena, diags);
	return e->value && (e->value->type == VALUE_MAP ||
			    refuse(diags, e->file, "not-canonical", "take the original file",
				   "its payload is no object"));
}

static bool read_members(const struct value *value, struct arena *arena, struct diag_list *diags,
			 struct envelope *e)
{
	static const struct bind_row rows[] = {
		{ "payload", BIND_TEXT, offsetof(struct envelope_members, payload), true },
		{ "payloadType", BIND_TEXT, offsetof(struct envelope_members, payload_type), true },
		{ "signatures", BIND_LIST, offsetof(struct envelope_members, signatures), true },
	};
	static const struct bind_table table = { "a signed file", BIND_ROWS(rows) };
	const struct binder b = { arena, diags };
	struct envelope_members m = { 0 };

	return bind_map(&b, value, &table, &m) && check_type(m.payload_type, e->type, e, diags) &&
	       read_payload(m.payload, arena, diags, e) && read_signatures(&b, m.signatures, e);
}

bool envelope_parse(const char *file, const char *text, size_t len, enum payload_type type,
		    struct arena *arena, struct diag_list *diags, struct envelope *ret)
{
	const struct value_source source = { .file = file, .text = text, .len = len };
	const struct value *value;
	size_t own_len;

	*ret = (struct envelope){ .file = file, .type = type };
	if (len > ENVELOPE_MAX)
		return refuse(diags, file, "too-large", "look which file this is", "it is larger than %u MiB",
			      ENVELOPE_MAX >> 20);
	value = value_parse(&source, arena, diags);
	if (!value || !read_members(value, arena, diags, ret))
		return false;
	text = len == strlen(text) ? text : "";
	return !strcmp(envelope_text(ret, arena, &own_len), text) ||
	       refuse(diags, file, "not-canonical", "take the original file",
		      "it was changed after it was signed, or made by another program");
}

bool envelope_read(const char *path, enum payload_type type, struct arena *arena, struct diag_list *diags,
		   struct envelope *ret)
{
	char *text;
	size_t len;
	int r = file_read(path, ENVELOPE_MAX, arena, &text, &len);

	if (r == -EFBIG)
		return refuse(diags, path, "too-large", "look which file this is", "it is larger than %u MiB",
			      ENVELOPE_MAX >> 20);
	if (r < 0)
		return refuse(diags, path, "unreadable", "name a file that this user may read", "it cannot be read: %s",
			      r == -EINVAL ? "it is no regular file" : failure_text(r));
	return envelope_parse(path, text, len, type, arena, diags, ret);
}

/* ---- signatures ---- */

/* Where a key's signature is, or belongs. */
static size_t find_place(const struct envelope *e, const char *id)
{
	size_t i = 0;

	while (i < e->signature_count && strcmp(e->signatures[i].key_id, id) < 0)
		i++;
	return i;
}

int envelope_sign(struct envelope *e, const struct private_key *key)
{
	struct signature new;
	size_t at;
	int r;

	key_id(&key->public, new.key_id);
	at = find_place(e, new.key_id);
	r = key_sign(key, e->signed_bytes, e->signed_len, new.bytes);
	if (r < 0)
		return r;
	if (at == e->signature_count || strcmp(e->signatures[at].key_id, new.key_id) != 0) {
		if (e->signature_count == SIGNATURES_MAX)
			return -ENOSPC;
		memmove(&e->signatures[at + 1], &e->signatures[at],
			(e->signature_count++ - at) * sizeof(e->signatures[0]));
	}
	e->signatures[at] = new;
	return 0;
}

bool envelope_verify(const struct envelope *e, const struct signature *signature,
		     const struct public_key *key)
{
	return key_verify(key, e->signed_bytes, e->signed_len, signature->bytes);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/bundle_show.h"

#include <stdio.h>
#include <string.h>

#include "base/calendar.h"
#include "json/writer.h"

static const char *signer_state(const struct envelope *e, const struct signature *s, const struct trust_key *key)
{
	return !key ? "unknown" : envelope_verify(e, s, &key->public) ? "good" : "bad";
}

static void print_signer(const struct site_input *input, const struct signature *s, const struct trust *trust)
{
	const struct trust_key *key = trust ? trust_find(trust, s->key_id) : NULL;
	const char *proposes = strcmp(s->key_id, input->bundle->proposer) ? "" : ", proposes";

	if (key)
		printf("  %s  %s, %s (%s)%s\n", s->key_id, signer_state(input->envelope, s, key), key->person,
		       trust_role_name(key->role), proposes);
	else
		printf("  %s  %s%s\n", s->key_id, trust ? "not in the trust document" :
		       "not checked: no trust document", proposes);
}

static void print_documents(const struct bundle *b)
{
	char digest[DIGEST_SIZE];

	printf("documents\n");
	for (size_t i = 0; i < b->document_count; i++) {
		digest_of(b->documents[i].text, b->documents[i].len, digest);
		printf("  %s  %s\n", digest, b->documents[i].path);
	}
}

static void print(const struct site_input *input, const struct trust *trust)
{
	const struct bundle *b = input->bundle;
	char apply_by[CALENDAR_DATE_SIZE];

	calendar_format_date(b->apply_by, apply_by);
	printf("Bundle of %s, serial %lld, created %s, to be applied by %s\n", b->site, (long long)b->serial,
	       b->created, apply_by);
	if (b->reset_from != NO_SERIAL)
		printf("It RESETS the serial: it may jump from %lld.\n", (long long)b->reset_from);
	if (b->note)
		printf("note: %s\n", b->note);
	printf("digest  %s\npermits %s (format %lld)\n", b->digest, b->permits, (long long)b->permits_format);
	print_documents(b);
	printf("signatures\n");
	for (size_t i = 0; i < input->envelope->signature_count; i++)
		print_signer(input, &input->envelope->signatures[i], trust);
}

static void write_signer(struct writer *w, const struct site_input *input, const struct signature *s,
			 const struct trust *trust)
{
	const struct trust_key *key = trust ? trust_find(trust, s->key_id) : NULL;

	writer_open_map(w);
	writer_put_text(w, "key", s->key_id);
	writer_put_text(w, "state", signer_state(input->envelope, s, key));
	writer_put_text(w, "person", key ? key->person : NULL);
	writer_put_text(w, "role", key ? trust_role_name(key->role) : NULL);
	writer_close_map(w);
}

static void write_documents(struct writer *w, const struct bundle *b)
{
	char digest[DIGEST_SIZE];

	writer_name(w, "documents");
	writer_open_list(w);
	for (size_t i = 0; i < b->document_count; i++) {
		digest_of(b->documents[i].text, b->documents[i].len, digest);
		writer_open_map(w);
		writer_put_text(w, "path", b->documents[i].path);
		writer_put_text(w, "sha256", digest);
		writer_close_map(w);
	}
	writer_close_list(w);
}

static void write_json(const struct site_input *input, const struct trust *trust)
{
	const struct bundle *b = input->bundle;
	char apply_by[CALENDAR_DATE_SIZE];
	struct writer w;

	calendar_format_date(b->apply_by, apply_by);
	writer_init(&w, stdout, true);
	writer_open_map(&w);
	writer_put_text(&w, "site", b->site);
	writer_put_int(&w, "serial", b->serial);
	writer_name(&w, "reset_from");
	if (b->reset_from != NO_SERIAL)
		writer_int(&w, b->reset_from);
	else
		writer_text(&w, NULL);
	writer_put_text(&w, "created", b->created);
	writer_put_text(&w, "apply_by", apply_by);
	writer_put_text(&w, "note", b->note);
	writer_put_text(&w, "digest", b->digest);
	writer_put_text(&w, "permits", b->permits);
	writer_put_text(&w, "proposer", b->proposer);
	write_documents(&w, b);
	writer_name(&w, "signatures");
	writer_open_list(&w);
	for (size_t i = 0; i < input->envelope->signature_count; i++)
		write_signer(&w, input, &input->envelope->signatures[i], trust);
	writer_close_list(&w);
	writer_close_map(&w);
	putchar('\n');
}

void bundle_show(const struct site_input *input, const struct trust *trust, bool json)
{
	if (json)
		write_json(input, trust);
	else
		print(input, trust);
}

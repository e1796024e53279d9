/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bundle/judge.h"

#include <string.h>
#include <strings.h>

#include "base/calendar.h"
#include "bundle/refuse.h"

/* Signatures that are good, with whose they are. */
struct signers {
	const struct trust_key *keys[SIGNATURES_MAX];
	size_t count;
};

static bool check_dates(const struct envelope *e, const struct trust_key *key, int64_t today,
			struct diag_list *diags)
{
	char from[CALENDAR_DATE_SIZE], until[CALENDAR_DATE_SIZE];

	if (key->from <= today && today <= key->until)
		return true;
	calendar_format_date(key->from, from);
	calendar_format_date(key->until, until);
	return refuse(diags, e->file, "expired-key",
		      "let somebody else sign, or give this person a new key by `trust rotate`; if the day is wrong, "
		      "set the clock", "the key \"%s\" of %s is good from %s until %s, not today", key->name,
		      key->person, from, until);
}

static bool check_signature(const struct envelope *e, const struct signature *s, const struct trust_key *key,
			    struct diag_list *diags)
{
	if (!envelope_verify(e, s, &key->public))
		return refuse(diags, e->file, "bad-signature", "take the original file; who changed it?",
			      "the signature of \"%s\" (%s) is not of this content", key->name, key->person);
	if (key->revoked != TRUST_NEVER)
		return refuse(diags, e->file, "revoked-key", "somebody else must sign",
			      "the key \"%s\" of %s is revoked", key->name, key->person);
	return true;
}

static bool unknown(const struct envelope *e, const struct signature *s, const struct trust *trust,
		    struct diag_list *diags)
{
	return refuse(diags, e->file, "unknown-key", "take this signature out, or add the key by `trust rotate`",
		      "it is signed by the key %s, which the trust document of %s (serial %lld) does not know",
		      s->key_id, trust->site, (long long)trust->serial);
}

static bool counts(const struct signers *signers, size_t i, const char *proposer)
{
	const struct trust_key *key = signers->keys[i];

	if (proposer && !strcasecmp(key->person, proposer))
		return false;
	for (size_t k = 0; k < i; k++)
		if (!strcasecmp(signers->keys[k]->person, key->person))
			return false;
	return true;
}

static bool meets(const struct trust_threshold *t, const unsigned have[static ROLES])
{
	for (unsigned i = 0; i < ROLES; i++)
		if (have[i] < t->wants[i])
			return false;
	return true;
}

static bool check_threshold(const struct envelope *e, const struct trust *trust, const struct signers *signers,
			    const char *proposer, struct diag_list *diags)
{
	unsigned have[ROLES] = { 0 };

	for (size_t i = 0; i < signers->count; i++)
		have[signers->keys[i]->role] += counts(signers, i, proposer);
	for (size_t i = 0; i < trust->threshold_count; i++)
		if (meets(&trust->thresholds[i], have))
			return true;
	return refuse(diags, e->file, "threshold", "let the others sign; who proposed does not count, nor does a person "
		      "twice", "it is approved by %u ot-approver, %u ot-engineer and %u it-countersign; wanted are %s "
		      "(trust document of %s, serial %lld)", have[ROLE_OT_APPROVER], have[ROLE_OT_ENGINEER],
		      have[ROLE_IT_COUNTERSIGN], trust_thresholds_text(trust, diags->arena), trust->site,
		      (long long)trust->serial);
}

/* All signatures against one document. */
static bool read_signers(const struct envelope *e, const struct trust *trust, int64_t today,
			 struct diag_list *diags, struct signers *ret)
{
	for (size_t i = 0; i < e->signature_count; i++) {
		const struct trust_key *key = trust_find(trust, e->signatures[i].key_id);

		if (!key)
			return unknown(e, &e->signatures[i], trust, diags);
		if (!check_signature(e, &e->signatures[i], key, diags) || !check_dates(e, key, today, diags))
			return false;
		ret->keys[ret->count++] = key;
	}
	return true;
}

static bool check_site(const struct envelope *e, const struct trust *trust, int64_t today,
		       struct diag_list *diags)
{
	char until[CALENDAR_DATE_SIZE];

	if (today <= trust->until)
		return true;
	calendar_format_date(trust->until, until);
	return refuse(diags, e->file, "trust-expired", "`gatehouse trust rotate` with a new one; what runs goes on",
		      "the trust document of %s ended on %s, so nothing new is accepted", trust->site, until);
}

bool judge(const struct envelope *envelope, const struct trust *trust, const char *proposer, int64_t today,
	   struct diag_list *diags)
{
	const struct trust_key *author = proposer ? trust_find(trust, proposer) : NULL;
	struct signers signers = { 0 };
	bool signed_by_author = !proposer;

	if (!check_site(envelope, trust, today, diags) ||
	    !read_signers(envelope, trust, today, diags, &signers))
		return false;
	for (size_t i = 0; i < signers.count; i++)
		signed_by_author |= signers.keys[i] == author;
	if (!signed_by_author)
		return refuse(diags, envelope->file, "not-proposed", "make it again with `bundle create`",
			      "who proposed it (key %s) did not sign it", proposer);
	return check_threshold(envelope, trust, &signers, author ? author->person : NULL, diags);
}

bool judge_grant(const struct envelope *envelope, const struct trust *trust, int64_t today, struct diag_list *diags)
{
	struct signers signers = { 0 };

	if (!check_site(envelope, trust, today, diags) || !read_signers(envelope, trust, today, diags, &signers))
		return false;
	for (size_t i = 0; i < signers.count; i++)
		if (signers.keys[i]->role == ROLE_OT_APPROVER)
			return true;
	return refuse(diags, envelope->file, "threshold", "let an ot-approver make it", "no ot-approver signed it");
}

bool judge_first(const struct envelope *envelope, const struct trust *trust, int64_t today,
		 struct diag_list *diags)
{
	return judge(envelope, trust, NULL, today, diags);
}

/* ---- rotation: each signature must be known to one of the two documents ---- */

static bool check_signers(const struct envelope *e, const struct trust *new, const struct trust *old,
			  int64_t today, struct diag_list *diags, struct signers *ret_new, struct signers *ret_old)
{
	for (size_t i = 0; i < e->signature_count; i++) {
		const struct signature *s = &e->signatures[i];
		const struct trust_key *in_new = trust_find(new, s->key_id), *in_old = trust_find(old, s->key_id);

		if (!in_new && !in_old)
			return unknown(e, s, old, diags);
		if (!check_signature(e, s, in_old ? in_old : in_new, diags))
			return false;
		if (in_old)
			ret_old->keys[ret_old->count++] = in_old;
		if (in_new && in_new->revoked == TRUST_NEVER && check_dates(e, in_new, today, diags))
			ret_new->keys[ret_new->count++] = in_new;
	}
	return true;
}

bool judge_next(const struct envelope *envelope, const struct trust *trust, const struct trust *old,
		int64_t today, struct diag_list *diags)
{
	struct signers by_new = { 0 }, by_old = { 0 };
	size_t before = diags->errors;

	if (strcmp(trust->site, old->site) != 0)
		return refuse(diags, envelope->file, "wrong-site", "look which file you meant",
			      "it is for %s; this box guards %s", trust->site, old->site);
	if (trust->serial != old->serial + 1)
		return refuse(diags, envelope->file, "wrong-serial", "make the next one from the one in force",
			      "its serial is %lld; the one in force has %lld, so %lld must follow",
			      (long long)trust->serial, (long long)old->serial, (long long)old->serial + 1);
	return check_site(envelope, trust, today, diags) &&
	       check_signers(envelope, trust, old, today, diags, &by_new, &by_old) &&
	       diags->errors == before && check_threshold(envelope, old, &by_old, NULL, diags) &&
	       check_threshold(envelope, trust, &by_new, NULL, diags);
}

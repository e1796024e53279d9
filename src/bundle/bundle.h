/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A bundle: all documents of one site in one signed file, with its serial, until when it may be applied first, who
 * proposed it, and the digest of the permit list that was reviewed. It knows nothing of rules: whether its documents
 * come to that list is for who compiles them to say.
 */
#include "bundle/document_list.h"
#include "bundle/trust.h"

#define SERIAL_STEP 1000 /* a bundle may be so far ahead of the last one */
#define NO_SERIAL (-1)

struct bundle {
	const char *file;
	const char *site;
	int64_t serial;
	int64_t reset_from;   /* the serial that it leaves by a jump, 0 on a box without any; or NO_SERIAL */
	const char *created;  /* "2026-11-25T22:00:00Z" */
	int64_t apply_by;     /* last day for its first apply, as in base/calendar.h, UTC */
	const char *note;     /* or NULL */
	const char *proposer; /* key id */
	struct bundle_document *documents; /* sorted by path */
	size_t document_count;
	int64_t permits_format;
	const char *permits;  /* digest */
	char digest[DIGEST_SIZE]; /* of the payload */
};

/* The payload's text, created at an instant (seconds UTC); `file`, `created` and `digest` do not matter. */
char *bundle_payload(const struct bundle *bundle, int64_t now, struct arena *arena);

/* The content of an envelope. False with findings; signatures are judged by bundle_judge(). */
bool bundle_from(const struct envelope *envelope, struct arena *arena, struct diag_list *diags,
		 struct bundle *ret);

/* The same, without its documents, in another arena. */
struct bundle *bundle_copy(const struct bundle *from, struct arena *arena);

/* May it be applied for the first time at this site, on this day? False with findings. */
bool bundle_judge(const struct envelope *envelope, const struct bundle *bundle, const struct trust *trust,
		  int64_t today, struct diag_list *diags);

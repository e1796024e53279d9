/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A grant: rules for a few hours, for an emergency. One ot-approver signs, and only where the trust document allows
 * grants; its time begins when somebody at the box begins it, once. It adds rules and assets to what is in force and
 * changes nothing there: documents of other kinds are refused.
 */
#include "bundle/document_list.h"
#include "bundle/trust.h"

#define GRANT_VALID_MOST (7 * 86400) /* seconds from `created` within which it must begin */

struct grant {
	const char *file;
	const char *site;
	int64_t created;      /* seconds UTC */
	int64_t begin_by;     /* seconds UTC */
	int64_t seconds;      /* that it lasts */
	const char *note;     /* why; for who is at the box, and for the log */
	struct bundle_document *documents; /* sorted by path */
	size_t document_count;
	char digest[DIGEST_SIZE]; /* of the payload */
};

/* The payload's text; `file` and `digest` do not matter. */
char *grant_payload(const struct grant *grant, struct arena *arena);

/* The content of an envelope. False with findings; signatures are judged by grant_judge(). */
bool grant_from(const struct envelope *envelope, struct arena *arena, struct diag_list *diags, struct grant *ret);

/* May it begin at this site now (seconds UTC)? False with findings. */
bool grant_judge(const struct envelope *envelope, const struct grant *grant, const struct trust *trust, int64_t now,
		 struct diag_list *diags);

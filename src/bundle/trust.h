/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The trust document: whose signatures put rules in force at a site. Keys with their person and role, and
 * thresholds, each of which names at least one ot-approver: IT alone is never enough. A person has one role, so
 * that signatures of distinct persons can be counted role by role.
 */
#include "bundle/envelope.h"

enum trust_role { ROLE_OT_APPROVER, ROLE_OT_ENGINEER, ROLE_IT_COUNTERSIGN, ROLES };

const char *trust_role_name(enum trust_role role);

#define TRUST_KEYS_MAX 64u
#define TRUST_THRESHOLDS_MAX 8u
#define TRUST_GRANT_HOURS_MAX 72
#define TRUST_NEVER INT64_MAX

/* Days are counted as in base/calendar.h, in UTC; both ends belong to the time. */
struct trust_key {
	const char *name;
	const char *person;
	enum trust_role role;
	struct public_key public;
	char id[KEY_ID_SIZE];
	int64_t from, until;
	int64_t revoked;    /* from this day on; TRUST_NEVER */
};

struct trust_threshold {
	unsigned wants[ROLES]; /* signatures */
};

struct trust {
	const char *file;
	const char *site;
	int64_t serial;
	const char *created; /* "2026-11-25T22:00:00Z"; NULL in a draft */
	int64_t until;       /* last day on which it accepts anything new */
	struct trust_key keys[TRUST_KEYS_MAX]; /* sorted by name */
	size_t key_count;
	struct trust_threshold thresholds[TRUST_THRESHOLDS_MAX];
	size_t threshold_count;
	int64_t grant_hours; /* that a grant may last; 0: there are none at this site */
	char digest[DIGEST_SIZE]; /* of the payload; "" in a draft */
};

/* What a person wrote: the payload without `format` and `created`. False with findings. */
bool trust_read_draft(const char *path, struct arena *arena, struct diag_list *diags, struct trust *ret);

/* The payload of a signed one. False with findings; signatures are judged by bundle/judge.h. */
bool trust_from(const struct envelope *envelope, struct arena *arena, struct diag_list *diags,
		struct trust *ret);

/* The payload's text of a draft, created at an instant (seconds UTC). */
char *trust_payload(const struct trust *draft, int64_t now, struct arena *arena);

/* By its id, or NULL. */
const struct trust_key *trust_find(const struct trust *trust, const char *key_id);

/* "two ot-approver, or one ot-approver and one it-countersign" */
const char *trust_thresholds_text(const struct trust *trust, struct arena *arena);

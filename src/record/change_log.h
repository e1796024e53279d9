/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The change log: every change of what is in force, who made it, in STATE/changes.jsonl. Append-only; each line
 * carries the digest of the one before, and STATE/changes.head says where the log ends. What was changed, cut or
 * moved stays visible: a line is always chained to what the head says, never to what is found.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "bundle/digest.h"

#define CHANGE_KEYS_MAX 32u
#define CHANGE_DETAILS_MAX 8u

struct change_detail {
	const char *name;  /* a literal that no other member has: "bundle", "trust" */
	const char *value;
};

struct change {
	const char *event; /* "trust-init", "bundle-trial", "bundle-confirmed", ... */
	const char *user;  /* who was at the box; "gatehouse": it did so by itself */
	const char *keys[CHANGE_KEYS_MAX]; /* ids of the keys that signed for it */
	size_t key_count;
	const char *text;  /* a sentence */
	struct change_detail details[CHANGE_DETAILS_MAX];
	size_t detail_count;
};

/* Where a log ends. */
struct change_head {
	int64_t number;    /* of the last line; 0: none */
	char digest[DIGEST_SIZE];
};

/* Appends, synced. Several processes may do so at once. Negative errno: it is not recorded. */
__attribute__((warn_unused_result)) int change_log_append(const char *state, const struct change *change);

/* Adds a detail; NULL values are left out. */
void change_add(struct change *change, const char *name, const char *value);

/*
 * Checks every line of a log's text and its chain, and that it goes through `through`, where it once ended (NULL: not
 * known). False with findings ("log-line", "log-chain", "log-cut"); *ret is where it ends in any case. `file` is for
 * the findings.
 */
bool change_log_check(const char *file, const char *text, size_t len, const struct change_head *through,
		      struct arena *arena, struct diag_list *diags, struct change_head *ret);

/* "12:3a5c..." as `log verify` prints it, and back. */
const char *change_head_text(const struct change_head *head, struct arena *arena);
bool change_head_parse(const char *text, struct change_head *ret);

/* What the box says where its log ends. -ENOENT: nothing; -EBADMSG: damaged. */
__attribute__((warn_unused_result))
int change_head_read(const char *state, struct arena *arena, struct change_head *ret);

__attribute__((warn_unused_result))
int change_head_write(const char *state, const struct change_head *head, struct arena *arena);

/*
 * A log that was exported from the box before becomes the beginning of this one's, whose own must be a beginning of it.
 * `end`: where it ends, by change_log_check(). -EEXIST: this box has another log; else negative errno.
 */
__attribute__((warn_unused_result))
int change_log_import(const char *state, const char *text, size_t len, const struct change_head *end);

#define CHANGE_LOG "changes.jsonl"
#define CHANGE_LOG_MAX (256u << 20) /* bytes that are read */

/*
 * The last change whose event begins so ("bundle-"): its event, and its detail of that name. -ENOENT: none; else
 * negative errno.
 */
__attribute__((warn_unused_result))
int change_log_last(const char *state, const char *prefix, const char *detail, struct arena *arena,
		    const char **ret_event, const char **ret_detail);

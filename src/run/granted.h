/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Which grants run on a box (STATE/grants.json): each as it was signed, who began it, and when it ends. One that is
 * over is remembered as long as it could be begun, so that it begins once.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "bundle/grant.h"
#include "policy/documents.h"

#define GRANTED_MAX 32u

struct granted {
	struct arena arena;       /* its texts */
	char digest[DIGEST_SIZE];
	const char *user;
	const char *envelope;     /* the file's bytes, a text */
	int64_t begun, ends;      /* seconds UTC */
	int64_t begin_by;
	bool over;
	bool untold;              /* its last step is not in the change log yet */
};

struct granted_list {
	struct granted items[GRANTED_MAX];
	size_t count;
};

/* No file is no grant. -EBADMSG: damaged, none runs; else negative errno. */
__attribute__((warn_unused_result)) int granted_load(const char *state, struct granted_list *ret);
__attribute__((warn_unused_result)) int granted_store(const char *state, const struct granted_list *list);
void granted_free(struct granted_list *list);

/* Takes a copy of what is said of it. NULL: there are too many. */
struct granted *granted_add(struct granted_list *list, const struct granted *granted);

/* Forgets those that are over and can no longer begin. True: there were some. */
bool granted_forget(struct granted_list *list, int64_t now);

/* By the beginning of its digest, or NULL. */
struct granted *granted_find(struct granted_list *list, const char *digest);

/* How many run. */
size_t granted_running(const struct granted_list *list);

/* Reads what one says. False: it is not what it was. */
bool granted_read(const struct granted *granted, struct arena *arena, struct envelope *ret_envelope, struct grant *ret);

/* Adds documents of a grant that ends then. */
void granted_append(const struct grant *grant, int64_t until, struct arena *arena, struct documents *documents);

/* The same of all that run; how many could not be read. */
size_t granted_documents(const struct granted_list *list, struct arena *arena, struct documents *documents);

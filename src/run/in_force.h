/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What is in force by the state folder: the bundle on trial or confirmed (bundle/slots.h), else the documents of a
 * site folder that was applied (STATE/in-force.json). The one place that knows which.
 */
#include "bundle/slots.h"
#include "policy/documents.h"

struct in_force {
	const char *path;          /* of what was read, for messages */
	struct documents documents;
	struct bundle *bundle;     /* NULL: a site folder */
};

/* Is there anything? What cannot be looked at counts. slots: those that are known, or NULL: as they are on disk. */
bool in_force_exists(const char *state, const struct slots *slots);

/* -ENOENT: nothing; -EBADMSG: damaged, perhaps with findings; else negative errno. ret->path is set in any case. */
__attribute__((warn_unused_result))
int in_force_load(const char *state, const struct slots *slots, struct arena *arena, struct diag_list *diags,
		  struct in_force *ret);

/* Puts the documents of a folder in force. */
__attribute__((warn_unused_result))
int in_force_store_folder(const char *state, const struct documents *documents);

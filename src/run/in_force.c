/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/in_force.h"

#include <errno.h>
#include <unistd.h>

#include "run/bundle_site.h"
#include "run/child.h"

static const char *folder_path(const char *state, struct arena *arena)
{
	return arena_printf(arena, "%s/in-force.json", state);
}

/* The digest of the bundle in force, or "". */
static int find_bundle(const char *state, const struct slots *known, struct arena *arena, const char **ret)
{
	struct slots *slots = arena_alloc(arena, sizeof(*slots));
	char boot[BOOT_ID_SIZE];
	int r = 0;

	if (known)
		*slots = *known;
	else
		r = slots_load(state, arena, slots);
	if (r < 0)
		return r;
	r = slots_boot_id(boot);
	*ret = r < 0 ? slots->confirmed : slots_current(slots, boot, child_now());
	return 0;
}

bool in_force_exists(const char *state, const struct slots *slots)
{
	struct arena arena = { 0 };
	const char *digest = "";
	bool exists = find_bundle(state, slots, &arena, &digest) < 0 || *digest ||
		      access(folder_path(state, &arena), F_OK) == 0 || errno != ENOENT;

	arena_free(&arena);
	return exists;
}

static int load_bundle(const char *state, const char *digest, struct arena *arena, struct diag_list *diags,
		       struct in_force *ret)
{
	struct envelope *envelope = arena_alloc(arena, sizeof(*envelope));

	ret->path = arena_printf(arena, "%s/bundles/%s", state, digest);
	ret->bundle = arena_alloc(arena, sizeof(*ret->bundle));
	if (!slots_get(state, digest, arena, diags, envelope, ret->bundle))
		return -EBADMSG;
	bundle_site_documents(ret->bundle, arena, &ret->documents);
	return 0;
}

int in_force_load(const char *state, const struct slots *slots, struct arena *arena, struct diag_list *diags,
		  struct in_force *ret)
{
	const char *digest = "";
	int r = find_bundle(state, slots, arena, &digest);

	*ret = (struct in_force){ .path = arena_printf(arena, "%s/bundles.json", state) };
	if (r < 0)
		return r;
	if (*digest)
		return load_bundle(state, digest, arena, diags, ret);
	ret->path = folder_path(state, arena);
	return documents_load(ret->path, arena, &ret->documents);
}

int in_force_store_folder(const char *state, const struct documents *documents)
{
	struct arena arena = { 0 };
	int r = documents_store(documents, folder_path(state, &arena));

	arena_free(&arena);
	return r;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bundle/trust_store.h"

#include <errno.h>
#include <unistd.h>

#include "base/file.h"

static const char *path_of(const char *state, struct arena *arena)
{
	return arena_printf(arena, "%s/" TRUST_FILE, state);
}

bool trust_store_exists(const char *state)
{
	struct arena arena = { 0 };
	bool exists = access(path_of(state, &arena), F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR);

	arena_free(&arena);
	return exists;
}

int trust_store_load(const char *state, struct arena *arena, struct diag_list *diags, struct trust *ret)
{
	const char *path = path_of(state, arena);
	struct envelope *envelope = arena_alloc(arena, sizeof(*envelope));

	if (!trust_store_exists(state))
		return -ENOENT;
	return envelope_read(path, PAYLOAD_TRUST, arena, diags, envelope) &&
	       trust_from(envelope, arena, diags, ret) ? 0 : -EBADMSG;
}

int trust_store_put(const char *state, const struct envelope *envelope)
{
	struct arena arena = { 0 };
	size_t len;
	const char *text = envelope_text(envelope, &arena, &len);
	int r = file_replace(path_of(state, &arena), text, len, 0600);

	arena_free(&arena);
	return r;
}

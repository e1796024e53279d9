/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/actor.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/failure.h"

const char *actor_user(struct arena *arena)
{
	const char *behind = getenv("SUDO_USER");
	const struct passwd *account = getpwuid(getuid());
	const char *own = account ? account->pw_name : arena_printf(arena, "%u", getuid());

	return behind && *behind ? arena_printf(arena, "%s (as %s)", behind, own) : arena_printf(arena, "%s", own);
}

void actor_signers(const struct envelope *envelope, struct change *change)
{
	for (size_t i = 0; i < envelope->signature_count && i < CHANGE_KEYS_MAX; i++)
		change->keys[change->key_count++] = envelope->signatures[i].key_id;
}

void actor_record(const char *state, const struct change *change)
{
	int r = change_log_append(state, change);

	if (r < 0)
		fprintf(stderr, "gatehouse: it is done, but not in the change log (%s/" CHANGE_LOG "): %s\n", state,
			failure_text(r));
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/guard.h"

#include "netfilter/messages.h"

static void ignore(const struct refusal *refusal, void *data)
{
}

int guard_open(struct guard *ret)
{
	struct arena arena = { 0 };
	struct batch batch;
	int error = link_open(&ret->link);

	if (error)
		return error;
	batch_begin(&batch, &arena, 0);
	messages_guard(&batch);
	batch_end(&batch, true);
	error = link_send(&ret->link, &batch, ignore, NULL);
	if (error)
		link_close(&ret->link);
	arena_free(&arena);
	return error;
}

void guard_close(struct guard *guard)
{
	link_close(&guard->link);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/probe.h"

#include <errno.h>

#include "netfilter/messages.h"

static void ignore(const struct refusal *refusal, void *data)
{
}

int netfilter_probe(struct link *link, struct netfilter_kernel *ret)
{
	struct arena arena = { 0 };
	struct batch batch;
	int error;

	batch_begin(&batch, &arena, 0);
	messages_probe(&batch);
	batch_end(&batch, false);
	error = link_send(link, &batch, ignore, NULL);
	arena_free(&arena);
	ret->queue = !error;
	/* The kernel answers ENOENT for an expression that it does not have. */
	return error == -ENOENT ? 0 : error;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/guard.h"

#include "netfilter/messages.h"
#include "netfilter/probe.h"

static void ignore(const struct refusal *refusal, void *data)
{
}

/* With `kernel`: the self-test's table, otherwise the guard. */
static int load(struct guard *guard, const struct netfilter_kernel *kernel)
{
	struct arena arena = { 0 };
	struct batch batch;
	int error;

	batch_begin(&batch, &arena, 0);
	if (kernel)
		messages_self_test(&batch, kernel);
	else
		messages_guard(&batch);
	batch_end(&batch, true);
	error = link_send(&guard->link, &batch, ignore, NULL);
	if (error)
		link_close(&guard->link);
	arena_free(&arena);
	return error;
}

int guard_open(struct guard *ret)
{
	int error = link_open(&ret->link);

	return error ? error : load(ret, NULL);
}

int guard_open_self_test(struct guard *ret)
{
	struct netfilter_kernel kernel;
	int error = link_open(&ret->link);

	if (error)
		return error;
	error = netfilter_probe(&ret->link, &kernel);
	if (!error)
		return load(ret, &kernel);
	link_close(&ret->link);
	return error;
}

void guard_close(struct guard *guard)
{
	link_close(&guard->link);
}

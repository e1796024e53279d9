/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/inspect_report.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static uint64_t lost;

static bool deliver(const struct inspect_message *message, int flags)
{
	ssize_t n;

	do
		n = send(INSPECT_CHANNEL, message, sizeof(*message), flags | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EAGAIN && errno != ENOBUFS && errno != ENOMEM)
		_exit(INSPECT_EXIT_STOPPED);
	return n >= 0;
}

static void deliver_or_count(const struct inspect_message *message)
{
	if (!deliver(message, MSG_DONTWAIT))
		lost++;
}

void report(enum inspect_message_kind kind, uint32_t conduit)
{
	deliver_or_count(&(struct inspect_message){ .kind = kind, .conduit = conduit });
}

void report_answer(enum inspect_message_kind kind)
{
	while (!deliver(&(struct inspect_message){ .kind = kind }, 0))
		;
}

void report_number(enum inspect_message_kind kind, uint64_t number)
{
	deliver_or_count(&(struct inspect_message){ .kind = kind, .number = number });
}

void report_event(const struct core_event *event)
{
	deliver_or_count(&(struct inspect_message){
		.kind = INSPECT_EVENT, .conduit = event->conduit, .event = *event });
}

void report_lost(uint64_t count)
{
	lost += count;
}

void report_failure(const char *what, int error)
{
	struct inspect_message message = { .kind = INSPECT_FAILED, .number = (uint64_t)error };

	snprintf(message.what, sizeof(message.what), "%s", what);
	deliver_or_count(&message);
}

void report_catch_up(void)
{
	const struct inspect_message message = { .kind = INSPECT_LOST, .number = lost };

	if (lost && deliver(&message, MSG_DONTWAIT))
		lost = 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/crew.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/failure.h"
#include "run/sockets.h"
#include "run/spawn.h"
#include "run/supervisor.h"

#define MESSAGES_A_ROUND 256
#define LOAD_PATIENCE 15000 /* ms until all must have taken a program */
#define QUEUE_PATIENCE 5000 /* ms until a queue must be free */

static const char *start_failure(int error)
{
	return error == -EBUSY ? "another program has the packet queue; end it first" :
	       error == -ENOENT ? "the program gatehouse-inspect is missing; it belongs beside gatehouse" :
	       failure_text(error);
}

/* ---- what they say ---- */

static void on_message(struct supervisor *s, const struct inspect_message *message)
{
	switch ((enum inspect_message_kind)message->kind) {
	case INSPECT_READY:
	case INSPECT_LOADED:
	case INSPECT_REFUSED:
		break;
	case INSPECT_EVENT:
		feed_event(s, &message->event);
		events_core(&s->events, &message->event);
		break;
	case INSPECT_TRAPPED:
		events_trap(&s->events, message->conduit);
		break;
	case INSPECT_QUARANTINED:
		events_quarantined(&s->events, message->conduit);
		break;
	case INSPECT_LOST:
		events_lost(&s->events, message->number);
		break;
	case INSPECT_OPENED:
		events_failed_open(&s->events);
		supervisor_warn(s, "the inspector of the conduits that fail open makes no progress: their packets pass "
			"uninspected");
		break;
	case INSPECT_CLOSED:
		events_inspects_again(&s->events, message->number);
		supervisor_warn(s, "conduits that fail open are inspected again");
		break;
	case INSPECT_FAILED:
		supervisor_warn(s, "an inspector cannot start (%s: %s)", message->what,
		     failure_text((int)message->number));
		break;
	}
}

/* At most so many: a flood of events must not keep the supervisor from everything else. */
static void read_messages(struct supervisor *s, struct child *child, unsigned most)
{
	struct inspect_message message;

	while (most-- && child_receive(child, &message) == 1)
		on_message(s, &message);
}

static void tend_stand_in(struct supervisor *s)
{
	struct inspect_message message;

	while (stand_in_receive(&s->crew.stand_in, &message))
		on_message(s, &message);
	if (stand_in_mind(&s->crew.stand_in))
		supervisor_warn(s, "the stand-in of the conduits that fail open ended; starting it again");
}

/* ---- life and death ---- */

static void on_end(struct supervisor *s, struct child *child)
{
	struct child_end end;

	read_messages(s, child, UINT_MAX); /* nobody adds to them any more */
	feed_read_inspectors(s);
	child_collect(child, &end);
	events_restarted(&s->events, &end);
	if (end.quarantined)
		events_quarantined(&s->events, end.conduit);
	supervisor_warn(s, "the inspector of queue %u ended (%s %d%s); starting it again", child->queue,
	     end.killed ? "signal" : "status", end.status, end.in_decision ? ", while deciding" : "");
}

static void revive(struct supervisor *s, struct child *child)
{
	int r = child_revive(child);
	char text[200];

	if (r >= 0)
		return;
	snprintf(text, sizeof(text), "the inspector of queue %u cannot be started: %s. Its traffic is closed; trying again",
		 child->queue, failure_text(r));
	s->voice->warn(text);
	events_deed(&s->events, EVENTS_NOT_STARTED, text);
}

static bool is_ready(const struct pollfd *fd)
{
	return fd->fd >= 0 && fd->revents;
}

static void tend(struct supervisor *s, struct child *child, bool talks, bool ended)
{
	if (talks)
		read_messages(s, child, MESSAGES_A_ROUND);
	if (ended)
		on_end(s, child);
	if (child_watch(child))
		supervisor_warn(s, "the inspector of queue %u does not get on: it is killed and started again",
		     child->queue);
	revive(s, child);
}

size_t crew_wait(struct supervisor *s, struct pollfd *fds, int *ret_timeout)
{
	struct crew *crew = &s->crew;
	size_t n = 0;

	*ret_timeout = 1000;
	for (size_t i = 0; i < crew->count; i++) {
		int soon = child_timeout(&crew->members[i]);

		*ret_timeout = soon < *ret_timeout ? soon : *ret_timeout;
		fds[n++] = (struct pollfd){ .fd = crew->members[i].channel, .events = POLLIN };
		fds[n++] = (struct pollfd){ .fd = crew->members[i].pid_fd, .events = POLLIN };
	}
	fds[n++] = (struct pollfd){ .fd = crew->stand_in.channel, .events = POLLIN };
	fds[n++] = (struct pollfd){ .fd = crew->stand_in.pid_fd, .events = POLLIN };
	return n;
}

void crew_tend(struct supervisor *s, const struct pollfd *fds)
{
	for (size_t i = 0; i < s->crew.count; i++)
		tend(s, &s->crew.members[i], is_ready(&fds[2 * i]), is_ready(&fds[2 * i + 1]));
	tend_stand_in(s);
	watchdog_tick(s);
}

/* ---- start ---- */

static int add_member(struct supervisor *s, uint16_t queue, int queue_fd)
{
	struct child *child = &s->crew.members[s->crew.count];
	int r = child_init(child, s->crew.program_fd, queue, queue_fd);

	if (r == 0)
		r = child_start(child);
	if (r == 0)
		s->crew.count++;
	else
		child_discard(child);
	return r;
}

/*
 * A socket on it. Inspectors of a gate that was killed a moment ago hold their queues until they are gone
 * themselves, and systemd starts the next one at once.
 */
static int await_queue(struct supervisor *s, uint16_t queue)
{
	const struct timespec moment = { .tv_nsec = 20000000 };
	int64_t until = child_now() + QUEUE_PATIENCE;
	int fd = socket_queue(queue);

	if (fd == -EBUSY)
		supervisor_warn(s, "packet queue %u is in use, perhaps by a gate that is about to end; waiting for it", queue);
	while (fd == -EBUSY && child_now() < until) {
		nanosleep(&moment, NULL);
		fd = socket_queue(queue);
	}
	return fd;
}

static int add_inspector(struct supervisor *s, uint16_t queue)
{
	int fd = await_queue(s, queue);

	if (fd < 0)
		return fd;
	close(fd);
	return add_member(s, queue, -1);
}

int crew_start(struct supervisor *s, unsigned queues)
{
	struct crew *crew = &s->crew;
	int r;

	stand_in_init(&crew->stand_in);
	crew->program_fd = spawn_program();
	r = crew->program_fd < 0 ? crew->program_fd : 0;
	for (unsigned i = 0; r == 0 && i < queues; i++)
		r = add_inspector(s, (uint16_t)(RULESET_QUEUE + i));
	crew->queues = crew->count;
	if (r < 0)
		supervisor_warn(s, "the inspector cannot be started: %s", start_failure(r));
	return r;
}

static bool fails_open(const struct ruleset *ruleset)
{
	for (size_t i = 0; i < ruleset->conduit_count; i++)
		if (ruleset->conduits[i].mark & MARK_OPEN)
			return true;
	return false;
}

/* The socket on the queue stays the supervisor's: packets wait in it while no inspector runs, for the stand-in. */
int crew_reinforce(struct supervisor *s, const struct ruleset *ruleset)
{
	uint16_t queue = ruleset_queue(ruleset, RULESET_BUCKET_OPEN);
	struct crew *crew = &s->crew;
	int fd, r;

	if (!fails_open(ruleset) || crew->stand_in.child)
		return 0;
	fd = await_queue(s, queue);
	if (fd < 0)
		return fd;
	r = add_member(s, queue, fd);
	if (r < 0) {
		close(fd);
		return r;
	}
	return stand_in_start(&crew->stand_in, &crew->members[crew->count - 1]);
}

/* ---- programs ---- */

/* INSPECT_LOADED when all have it in force, INSPECT_REFUSED when one refused, 0 while answers are missing. */
static uint32_t answer_of(const struct crew *crew)
{
	bool all = true;

	for (size_t i = 0; i < crew->count; i++) {
		if (crew->members[i].answer == INSPECT_REFUSED)
			return INSPECT_REFUSED;
		all &= crew->members[i].answer == INSPECT_LOADED;
	}
	return all ? INSPECT_LOADED : 0;
}

int crew_load(struct supervisor *s, const void *program, size_t length)
{
	int64_t until = child_now() + LOAD_PATIENCE;
	struct pollfd fds[CREW_FDS];
	int timeout;

	for (size_t i = 0; i < s->crew.count; i++) {
		int r = child_load(&s->crew.members[i], program, length);

		if (r < 0 && r != -EPIPE) /* a process that has just died gets it when it is started again */
			return r;
	}
	while (answer_of(&s->crew) == 0 && child_now() < until) {
		size_t n = crew_wait(s, fds, &timeout);

		poll(fds, n, timeout < 100 ? timeout : 100);
		crew_tend(s, fds);
	}
	if (answer_of(&s->crew) == 0)
		return -ETIMEDOUT;
	return answer_of(&s->crew) == INSPECT_LOADED ? 0 : -ENOEXEC;
}

/* ---- the rest ---- */

const struct child *crew_member(const struct crew *crew, const struct ruleset *ruleset, uint32_t mark)
{
	uint32_t bucket = mark & MARK_OPEN ? RULESET_BUCKET_OPEN : mark & (RULESET_BUCKETS - 1);

	for (size_t i = 0; i < crew->count; i++)
		if (crew->members[i].queue == ruleset_queue(ruleset, bucket))
			return &crew->members[i];
	return NULL;
}

bool crew_serves(const struct crew *crew)
{
	for (size_t i = 0; i < crew->count; i++)
		if (crew->members[i].state != CHILD_SERVING)
			return false;
	return true;
}

void crew_stop(struct crew *crew)
{
	stand_in_stop(&crew->stand_in);
	for (size_t i = 0; i < crew->count; i++)
		child_stop(&crew->members[i]);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/inspect_stand_in.h"

#include <poll.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

#include "run/inspect_queue.h"
#include "run/inspect_report.h"

#define LOOK_MS 100
#define PATIENCE 10 /* looks: a restart takes less, so that it opens nothing and costs no connection */

struct stand_in {
	struct board *board;
	uint64_t turn;     /* of the last look, without the bit that says "deciding" */
	int64_t looked_at; /* ms */
	unsigned still;    /* looks in a row that found the same turn */
	uint64_t passed;   /* packets of this opening */
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool is_open(const struct stand_in *s)
{
	return atomic_load(&s->board->openings) % 2;
}

static void give_back(struct stand_in *s)
{
	if (!is_open(s))
		return;
	atomic_fetch_add(&s->board->openings, 1);
	report_number(INSPECT_CLOSED, s->passed);
}

static void count(struct stand_in *s, const struct queued *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		s->board->uninspected_by[list[i].mark & MARK_CONDUIT]++;
	s->board->uninspected += n;
	s->passed += n;
}

/* One verdict for all: those too that the inspector took and never answered, which are older. */
static void pass_all(struct stand_in *s, const struct queued *list, size_t n)
{
	if (queue_answer_up_to(INSPECT_QUEUE, list[n - 1].queue, list[n - 1].id, QUEUE_PASS) < 0)
		_exit(INSPECT_EXIT_QUEUE);
	count(s, list, n);
}

/* The queue is taken before anything is read from it, and left as it was when nothing was there. */
static void let_pass(struct stand_in *s)
{
	struct queued list[QUEUE_BATCH];
	bool begins = !is_open(s), overrun;
	int n;

	if (begins)
		atomic_fetch_add(&s->board->openings, 1);
	n = queue_receive(INSPECT_QUEUE, QUEUE_LOOK, list, &overrun);
	if (n < 0)
		_exit(INSPECT_EXIT_QUEUE);
	if (begins && n == 0)
		atomic_fetch_sub(&s->board->openings, 1);
	if (begins && n > 0) {
		s->passed = 0;
		report_number(INSPECT_OPENED, 0);
	}
	if (n > 0)
		pass_all(s, list, (size_t)n);
}

/* Looks are counted, not time: on a machine that stands still as a whole nobody looked either. */
static bool stands_still(struct stand_in *s)
{
	uint64_t turn = atomic_load(&s->board->turn) / 2;
	int64_t now = now_ms();

	if (turn != s->turn)
		s->still = 0;
	else if (now - s->looked_at >= LOOK_MS && s->still < PATIENCE)
		s->still++;
	else
		return s->still >= PATIENCE;
	s->turn = turn;
	s->looked_at = now;
	return s->still >= PATIENCE;
}

void stand_in_serve(struct board *board)
{
	struct stand_in s = { .board = board, .turn = atomic_load(&board->turn) / 2, .looked_at = now_ms() };
	struct pollfd fds[2] = { { .fd = INSPECT_CHANNEL, .events = POLLIN },
				 { .fd = -1, .events = POLLIN } };

	for (;;) {
		fds[1].fd = stands_still(&s) ? INSPECT_QUEUE : -1;
		if (fds[1].fd < 0)
			give_back(&s);
		fds[0].revents = fds[1].revents = 0;
		poll(fds, 2, LOOK_MS);
		if (fds[0].revents)
			_exit(INSPECT_EXIT_STOPPED);
		if (fds[1].revents && stands_still(&s))
			let_pass(&s);
		atomic_fetch_add(&board->looks, 1);
		report_catch_up();
	}
}

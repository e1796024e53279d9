/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gatehouse-inspect: the host of one decision core on one packet queue. Started by the supervisor with
 * its descriptors (run/channel.h); confines itself; then moves packets between queue and core until
 * the supervisor closes the channel.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "run/inspect_confine.h"
#include "run/inspect_judge.h"
#include "run/inspect_raw.h"
#include "run/inspect_report.h"

#define TICK_MS 100
#define ROUNDS_MAX 8 /* batches before the timers and the channel get their turn */

struct inspector {
	struct judge judge;
	const uint8_t *mailbox;
	bool loaded; /* a program is in force: packets may be taken */
	int64_t ticked; /* ms */
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- packets ---- */

static void send_made(struct inspector *in, const struct judgement *judgement)
{
	const struct core_io *io = vm_io(in->judge.vm);

	for (uint32_t i = 0; i < judgement->made; i++)
		if (!raw_send(&io->made[i]))
			in->judge.board->unsent++;
}

static void flush_or_end(void)
{
	if (queue_flush(INSPECT_QUEUE) < 0)
		_exit(INSPECT_EXIT_QUEUE);
}

static void run_steps(struct inspector *in, struct judgement (*step)(struct judge *judge))
{
	struct judgement judgement;

	do {
		judgement = step(&in->judge);
		send_made(in, &judgement);
	} while (judgement.more);
}

static void run_timers(struct inspector *in)
{
	run_steps(in, judge_tick);
	in->ticked = now_ms();
	report_catch_up();
}

/* What the gate says itself goes out behind everything that was let through before it. */
static void handle_packet(struct inspector *in, const struct queued *packet)
{
	struct judgement judgement = judge_packet(&in->judge, packet);

	if (queue_answer(INSPECT_QUEUE, packet, judgement.verdict, judgement.bytes,
			 judgement.length) < 0)
		_exit(INSPECT_EXIT_QUEUE);
	if (judgement.made) {
		flush_or_end();
		send_made(in, &judgement);
	}
	if (judgement.more)
		run_timers(in);
}

static void handle_queue(struct inspector *in)
{
	struct queued list[QUEUE_BATCH];
	bool more = true, overrun;

	for (int round = 0; more && round < ROUNDS_MAX; round++) {
		int n = queue_receive(INSPECT_QUEUE, list, &more, &overrun);

		if (n < 0)
			_exit(INSPECT_EXIT_QUEUE);
		if (overrun)
			in->judge.board->overruns++;
		in->judge.board->received += (uint64_t)n;
		for (int i = 0; i < n; i++)
			handle_packet(in, &list[i]);
		flush_or_end();
	}
}

/* ---- commands ---- */

/* Connections that the new program ends are reset before the supervisor goes on to the kernel. */
static void handle_load(struct inspector *in, uint32_t length)
{
	if (length > PROGRAM_MAX || !judge_load(&in->judge, in->mailbox, length)) {
		report_answer(INSPECT_REFUSED);
		return;
	}
	in->loaded = true;
	run_steps(in, judge_sweep);
	report_answer(INSPECT_LOADED);
}

static void handle_channel(struct inspector *in)
{
	struct inspect_command command;
	ssize_t n = recv(INSPECT_CHANNEL, &command, sizeof(command), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != sizeof(command))
		_exit(INSPECT_EXIT_STOPPED);
	if (command.kind == INSPECT_LOAD)
		handle_load(in, command.length);
}

static void serve(struct inspector *in)
{
	struct pollfd fds[2] = { { .fd = INSPECT_CHANNEL, .events = POLLIN },
				 { .fd = -1, .events = POLLIN } };

	for (;;) {
		int64_t wait = in->ticked + TICK_MS - now_ms();

		fds[1].fd = in->loaded ? INSPECT_QUEUE : -1;
		fds[0].revents = fds[1].revents = 0;
		poll(fds, 2, wait > 0 ? (int)wait : 0);
		if (fds[0].revents)
			handle_channel(in);
		if (fds[1].revents)
			handle_queue(in);
		if (now_ms() - in->ticked >= TICK_MS)
			run_timers(in);
	}
}

/* ---- set-up ---- */

__attribute__((noreturn))
static void give_up(const char *step, int error)
{
	report_failure(step, error);
	_exit(INSPECT_EXIT_SETUP);
}

static void *map(int fd, size_t size, int protection, const char *step)
{
	void *p = mmap(NULL, size, protection, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		give_up(step, errno);
	close(fd);
	return p;
}

static void start_core(struct inspector *in, bool keep)
{
	size_t size = vm_memory_size();

	if (!keep && size && ftruncate(INSPECT_MEMORY, (off_t)size) < 0)
		give_up("size the core's memory", errno);
	in->judge.vm = vm_open(size ? INSPECT_MEMORY : -1, keep);
	if (!in->judge.vm)
		give_up("start the core", ENOMEM);
	close(INSPECT_MEMORY);
	in->judge.board->memory_size = size;
	in->judge.board->totals_offset = vm_totals_offset(in->judge.vm);
}

int main(int argc, char **argv)
{
	static struct inspector in;
	const char *step;
	int r;

	if (argc != 3)
		return INSPECT_EXIT_SETUP;
	prctl(PR_SET_NAME, "gatehouse-inspect"); /* exec'd by descriptor: some kernels name it after that */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	in.judge.board = map(INSPECT_BOARD, sizeof(*in.judge.board), PROT_READ | PROT_WRITE, "map the board");
	in.mailbox = map(INSPECT_MAILBOX, PROGRAM_MAX, PROT_READ, "map the mailbox");
	start_core(&in, strcmp(argv[1], INSPECT_KEEP) == 0);
	r = inspect_confine(INSPECT_CHANNEL, INSPECT_MEMORY, atoi(argv[2]), &step);
	if (r < 0)
		give_up(step, -r);
	report(INSPECT_READY, 0);
	serve(&in);
}

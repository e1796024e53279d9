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
#include "run/inspect_stand_in.h"

#define TICK_MS 100

struct inspector {
	struct judge judge;
	uint8_t *mailbox; /* read-only */
	bool loaded;  /* a program is in force: packets may be taken */
	bool begun;   /* the first packet was seen */
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

/* False while a stand-in has the queue. What passed it by, the core did not see: its state is void. */
static bool has_queue(struct inspector *in)
{
	struct board *board = in->judge.board;
	uint64_t openings = atomic_load(&board->openings);

	if (openings % 2)
		return false;
	if (openings != board->openings_known) {
		judge_forget(&in->judge);
		board->openings_known = openings;
	}
	return true;
}

/* On a queue that outlived an inspector wait those that it took and did not answer: peers send them again. */
static void drop_left_over(struct inspector *in, const struct queued *first)
{
	if (!in->begun &&
	    queue_answer_up_to(INSPECT_QUEUE, first->queue, first->id - 1, QUEUE_DROP) < 0)
		_exit(INSPECT_EXIT_QUEUE);
	in->begun = true;
}

static void drop(const struct queued *packet)
{
	if (queue_answer(INSPECT_QUEUE, packet, QUEUE_DROP, NULL, 0) < 0)
		_exit(INSPECT_EXIT_QUEUE);
}

/* Asked again after the packets were taken: what a stand-in let pass before is known by now. */
static void handle_packets(struct inspector *in, const struct queued *list, size_t count)
{
	bool mine = has_queue(in);

	if (mine && count)
		drop_left_over(in, &list[0]);
	for (size_t i = 0; i < count; i++)
		if (mine)
			handle_packet(in, &list[i]);
		else
			drop(&list[i]);
}

/* Sleeps in the receive itself: to poll first would be a third system call for each packet that comes alone. */
static void handle_queue(struct inspector *in)
{
	struct queued list[QUEUE_BATCH];
	bool overrun;
	int n = queue_receive(INSPECT_QUEUE, QUEUE_WAIT, list, &overrun);

	if (n < 0)
		_exit(INSPECT_EXIT_QUEUE);
	if (overrun)
		in->judge.board->overruns++;
	in->judge.board->received += (uint64_t)n;
	handle_packets(in, list, (size_t)n);
	flush_or_end();
}

/* ---- commands ---- */

/* Connections that the new program ends are reset before the supervisor goes on to the kernel. */
static void handle_load(struct inspector *in, uint32_t length)
{
	bool accepted = length <= PROGRAM_MAX && judge_load(&in->judge, in->mailbox, length);

	/* It was copied: the pages are the supervisor's, and need not count here. */
	madvise(in->mailbox, PROGRAM_MAX, MADV_DONTNEED);
	if (!accepted) {
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

static void wait_for_command(void)
{
	struct pollfd channel = { .fd = INSPECT_CHANNEL, .events = POLLIN };

	poll(&channel, 1, TICK_MS);
}

/* Commands have their turn with the timers: a policy may be a tenth of a second late, a packet not. */
__attribute__((noreturn))
static void serve(struct inspector *in)
{
	for (;;) {
		bool serves = in->loaded && has_queue(in);

		if (serves)
			handle_queue(in);
		else
			wait_for_command();
		if (serves && now_ms() - in->ticked < TICK_MS)
			continue;
		handle_channel(in);
		if (in->loaded)
			run_timers(in);
		else
			in->ticked = now_ms(); /* the core's turn says that packets are decided on */
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
	in->judge.board->uses_offset = vm_uses_offset(in->judge.vm);
	if (!keep)
		in->judge.board->taken = 0;
}

/* From here on the process has nothing but the descriptors below `end`. */
static void confine(int end, const char *parent)
{
	const char *step;
	int r = inspect_confine(INSPECT_CHANNEL, (unsigned)end, atoi(parent), &step);

	if (r < 0)
		give_up(step, -r);
	report(INSPECT_READY, 0);
}

static struct board *map_board(void)
{
	return map(INSPECT_BOARD, sizeof(struct board), PROT_READ | PROT_WRITE, "map the board");
}

__attribute__((noreturn))
static void stand_in(const char *parent)
{
	struct board *board = map_board();

	confine(INSPECT_RAW4, parent);
	stand_in_serve(board);
}

__attribute__((noreturn))
static void inspect(bool keep, const char *parent)
{
	static struct inspector in;

	in.judge.board = map_board();
	in.mailbox = map(INSPECT_MAILBOX, PROGRAM_MAX, PROT_READ, "map the mailbox");
	start_core(&in, keep);
	if (queue_set_patience(INSPECT_QUEUE, TICK_MS) < 0)
		give_up("set the queue's time limit", errno);
	confine(INSPECT_MEMORY, parent);
	serve(&in);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return INSPECT_EXIT_SETUP;
	prctl(PR_SET_NAME, "gatehouse-inspect"); /* exec'd by descriptor: some kernels name it after that */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (strcmp(argv[1], INSPECT_STAND_IN) == 0)
		stand_in(argv[2]);
	inspect(strcmp(argv[1], INSPECT_KEEP) == 0, argv[2]);
}

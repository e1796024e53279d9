/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "run/sockets.h"
#include "run/spawn.h"

#define BACKOFF_FIRST 100  /* ms */
#define BACKOFF_MOST 5000
#define HEALTHY_AFTER 60000
#define STUCK_AFTER 3000   /* without a single call of the core; it is called every 100 ms */
#define CHANNEL_BUFFER (1 << 20)
#define COPY_TRIES 200     /* a decision takes microseconds; the later half of the tries gives up the processor */

int64_t child_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- set-up ---- */

static int new_memory(const char *name, size_t size)
{
	int fd = memfd_create(name, MFD_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)size) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

static int new_shared(const char *name, size_t size, int *ret_fd, void *ret_address)
{
	void *address;

	*ret_fd = new_memory(name, size);
	if (*ret_fd < 0)
		return *ret_fd;
	address = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, *ret_fd, 0);
	if (address == MAP_FAILED)
		return -errno;
	memcpy(ret_address, &address, sizeof(address));
	return 0;
}

int child_init(struct child *child, int program_fd, uint16_t queue, int queue_fd)
{
	int r;

	*child = (struct child){ .queue = queue, .queue_fd = queue_fd, .program_fd = program_fd,
				 .memory_fd = -1, .board_fd = -1, .mailbox_fd = -1, .pid_fd = -1,
				 .channel = -1 };
	child->memory_fd = new_memory("gatehouse-core", 0);
	if (child->memory_fd < 0)
		return child->memory_fd;
	r = new_shared("gatehouse-board", sizeof(*child->board), &child->board_fd, &child->board);
	if (r < 0)
		return r;
	return new_shared("gatehouse-mailbox", PROGRAM_MAX, &child->mailbox_fd, &child->mailbox);
}

void child_discard(struct child *child)
{
	const int fds[] = { child->memory_fd, child->board_fd, child->mailbox_fd };

	if (child->board)
		munmap(child->board, sizeof(*child->board));
	if (child->mailbox)
		munmap(child->mailbox, PROGRAM_MAX);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	*child = (struct child){ .pid_fd = -1, .channel = -1 };
}

/* ---- start ---- */

/* Descriptors made for one process; the supervisor closes them all once it is forked. */
static int make_descriptors(struct child *child, int fds[static INSPECT_END], int *ret_channel)
{
	int pair[2], size = CHANNEL_BUFFER;

	fds[INSPECT_QUEUE] = child->queue_fd < 0 ? socket_queue(child->queue) :
			     fcntl(child->queue_fd, F_DUPFD_CLOEXEC, 0);
	fds[INSPECT_RAW4] = socket_raw(AF_INET);
	fds[INSPECT_RAW6] = socket_raw(AF_INET6);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	fds[INSPECT_CHANNEL] = pair[1];
	*ret_channel = pair[0];
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	fds[INSPECT_MEMORY] = child->memory_fd;
	fds[INSPECT_BOARD] = child->board_fd;
	fds[INSPECT_MAILBOX] = child->mailbox_fd;
	for (int i = INSPECT_CHANNEL; i < INSPECT_END; i++)
		if (fds[i] < 0)
			return fds[i];
	return 0;
}

static void close_made(const int fds[static INSPECT_END])
{
	for (int i = INSPECT_CHANNEL; i < INSPECT_MEMORY; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static void plan_restart(struct child *child)
{
	child->state = CHILD_DOWN;
	child->restart_at = child_now() + child->backoff;
	child->backoff = child->backoff ? child->backoff * 2 : BACKOFF_FIRST;
	if (child->backoff > BACKOFF_MOST)
		child->backoff = BACKOFF_MOST;
}

/* State worth keeping: the core's memory has a size, and nobody died while changing it. */
static bool can_keep(const struct child *child)
{
	return child->board->memory_size && atomic_load(&child->board->turn) % 2 == 0;
}

int child_start(struct child *child)
{
	int fds[INSPECT_END] = { -1, -1, -1, -1, -1, -1, -1, -1, -1, -1 }, channel = -1;
	bool keep = can_keep(child);
	int r;

	if (!keep) /* down: to whoever watches this is no progress */
		atomic_fetch_and(&child->board->turn, ~1ull);
	r = make_descriptors(child, fds, &channel);
	if (r == 0)
		r = spawn(child->program_fd, fds, keep ? INSPECT_KEEP : INSPECT_FRESH, &child->pid,
			  &child->pid_fd);
	close_made(fds);
	if (r < 0) {
		if (channel >= 0)
			close(channel);
		plan_restart(child);
		return r;
	}
	child->channel = channel;
	child->state = CHILD_STARTING;
	child->since = time(NULL);
	child->started_at = child->watched_at = child_now();
	child->watched_turn = atomic_load(&child->board->turn);
	return 0;
}

/* ---- talk ---- */

static int send_load(struct child *child)
{
	struct inspect_command command = { .kind = INSPECT_LOAD, .length = child->program_length };

	if (send(child->channel, &command, sizeof(command), MSG_NOSIGNAL) < 0)
		return -errno;
	return 0;
}

int child_load(struct child *child, const void *program, size_t length)
{
	if (length > PROGRAM_MAX)
		return -EFBIG;
	memcpy(child->mailbox, program, length);
	child->program_length = (uint32_t)length;
	child->answer = 0;
	return child->state >= CHILD_WAITING ? send_load(child) : 0;
}

static void note(struct child *child, const struct inspect_message *message)
{
	if (message->kind == INSPECT_READY) {
		child->state = CHILD_WAITING;
		if (child->program_length && send_load(child) < 0)
			kill(child->pid, SIGKILL);
	}
	if (message->kind == INSPECT_LOADED)
		child->state = CHILD_SERVING;
	if (message->kind == INSPECT_LOADED || message->kind == INSPECT_REFUSED)
		child->answer = message->kind;
}

int child_receive(struct child *child, struct inspect_message *ret)
{
	ssize_t n;

	if (child->channel < 0)
		return 0;
	n = recv(child->channel, ret, sizeof(*ret), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n != sizeof(*ret))
		return -EPIPE;
	ret->what[sizeof(ret->what) - 1] = '\0';
	note(child, ret);
	return 1;
}

/* ---- end ---- */

static void forget_process(struct child *child)
{
	if (child->memory)
		munmap((void *)(uintptr_t)child->memory, child->memory_size);
	if (child->pid_fd >= 0)
		close(child->pid_fd);
	if (child->channel >= 0)
		close(child->channel);
	child->memory = NULL;
	child->pid = 0;
	child->pid_fd = child->channel = -1;
}

/* A packet that ends the process counts like one that traps. */
static void blame(struct child *child, struct child_end *end)
{
	_Atomic uint8_t *traps;

	end->in_decision = atomic_load(&child->board->turn) % 2 == 1;
	end->conduit = end->in_decision ? atomic_load(&child->board->conduit) : 0;
	if (!end->conduit)
		return;
	traps = &child->board->traps[end->conduit & MARK_CONDUIT];
	if (*traps < QUARANTINE_AFTER)
		end->quarantined = ++*traps == QUARANTINE_AFTER;
}

void child_collect(struct child *child, struct child_end *ret)
{
	int status = 0;

	*ret = (struct child_end){ 0 };
	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		;
	ret->killed = WIFSIGNALED(status);
	ret->status = ret->killed ? WTERMSIG(status) : WEXITSTATUS(status);
	blame(child, ret);
	if (child->state != CHILD_SERVING)
		child->board->memory_size = 0; /* whatever it was: the next one starts fresh */
	forget_process(child);
	if (child_now() - child->started_at >= HEALTHY_AFTER)
		child->backoff = 0;
	plan_restart(child);
}

bool child_watch(struct child *child)
{
	uint64_t turn = atomic_load(&child->board->turn);
	int64_t now = child_now();

	if (child->state == CHILD_DOWN)
		return false;
	if (child->state == CHILD_WAITING || turn != child->watched_turn) {
		child->watched_turn = turn;
		child->watched_at = now;
	}
	if (now - child->watched_at < STUCK_AFTER)
		return false;
	child->watched_at = now;
	return kill(child->pid, SIGKILL) == 0;
}

int child_revive(struct child *child)
{
	if (child->state != CHILD_DOWN || child_now() < child->restart_at)
		return 0;
	child->restarts++;
	return child_start(child);
}

int child_timeout(const struct child *child)
{
	int64_t left = child->restart_at - child_now();

	if (child->state != CHILD_DOWN)
		return STUCK_AFTER / 3;
	return left > 0 ? (int)left : 0;
}

/* The closed channel asks it to end; it gets a moment to answer the packets it holds. */
void child_stop(struct child *child)
{
	struct timespec moment = { .tv_nsec = 10000000 };
	int status;

	if (!child->pid)
		return;
	if (child->channel >= 0)
		close(child->channel);
	child->channel = -1;
	for (int i = 0; i < 100; i++) {
		if (waitpid(child->pid, &status, WNOHANG) != 0) {
			forget_process(child);
			return;
		}
		nanosleep(&moment, NULL);
	}
	kill(child->pid, SIGKILL);
	waitpid(child->pid, &status, 0);
	forget_process(child);
}

/* A block of the core's memory, or NULL while it cannot be seen. */
static const void *see(struct child *child, uint64_t offset, size_t size)
{
	const struct board *board = child->board;
	void *p;

	if (child->state < CHILD_WAITING || board->memory_size == 0 || offset > board->memory_size ||
	    board->memory_size - offset < size || offset % sizeof(uint64_t))
		return NULL;
	if (!child->memory) {
		p = mmap(NULL, board->memory_size, PROT_READ, MAP_SHARED, child->memory_fd, 0);
		if (p == MAP_FAILED)
			return NULL;
		child->memory = p;
		child->memory_size = board->memory_size;
	}
	return child->memory_size >= offset + size ? child->memory + offset : NULL;
}

const struct core_totals *child_totals(struct child *child)
{
	return see(child, child->board->totals_offset, sizeof(struct core_totals));
}

const struct core_uses *child_uses(struct child *child)
{
	return see(child, child->board->uses_offset, sizeof(struct core_uses));
}

/* Has the process ended? Then nobody changes its memory any more. */
static bool has_ended(const struct child *child)
{
	struct pollfd poll_fd = { .fd = child->pid_fd, .events = POLLIN };

	return child->pid_fd < 0 || poll(&poll_fd, 1, 0) != 0;
}

bool child_copy(const struct child *child, const void *from, size_t size, void *ret)
{
	for (unsigned i = 0; i < COPY_TRIES; i++) {
		uint64_t turn = atomic_load(&child->board->turn);

		memcpy(ret, from, size);
		atomic_thread_fence(memory_order_seq_cst);
		if (turn % 2 == 0 && atomic_load(&child->board->turn) == turn)
			return true;
		if (i >= COPY_TRIES / 2)
			sched_yield();
	}
	return has_ended(child);
}

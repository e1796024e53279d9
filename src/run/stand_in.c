/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/stand_in.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/spawn.h"

#define RESTART_AFTER 100  /* ms */
#define STUCK_AFTER 3000   /* ms without a look; it looks every 100 ms */

void stand_in_init(struct stand_in *stand_in)
{
	*stand_in = (struct stand_in){ .pid_fd = -1, .channel = -1 };
}

int stand_in_start(struct stand_in *stand_in, const struct child *child)
{
	int pair[2], r, fds[INSPECT_END];

	stand_in->child = child;
	stand_in->restart_at = child_now() + RESTART_AFTER;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	for (int i = 0; i < INSPECT_END; i++)
		fds[i] = -1;
	fds[INSPECT_CHANNEL] = pair[1];
	fds[INSPECT_QUEUE] = child->queue_fd;
	fds[INSPECT_BOARD] = child->board_fd;
	r = spawn(child->program_fd, fds, INSPECT_STAND_IN, &stand_in->pid, &stand_in->pid_fd);
	close(pair[1]);
	if (r < 0) {
		close(pair[0]);
		return r;
	}
	stand_in->channel = pair[0];
	stand_in->looks = atomic_load(&child->board->looks);
	stand_in->looked_at = child_now();
	return 0;
}

int stand_in_receive(struct stand_in *stand_in, struct inspect_message *ret)
{
	return stand_in->channel >= 0 &&
	       recv(stand_in->channel, ret, sizeof(*ret), MSG_DONTWAIT) == sizeof(*ret);
}

static void forget(struct stand_in *stand_in)
{
	close(stand_in->pid_fd);
	if (stand_in->channel >= 0)
		close(stand_in->channel);
	stand_in->pid = 0;
	stand_in->pid_fd = stand_in->channel = -1;
}

static void watch(struct stand_in *stand_in)
{
	uint64_t looks = atomic_load(&stand_in->child->board->looks);

	if (looks != stand_in->looks) {
		stand_in->looks = looks;
		stand_in->looked_at = child_now();
	}
	if (child_now() - stand_in->looked_at >= STUCK_AFTER)
		kill(stand_in->pid, SIGKILL);
}

bool stand_in_mind(struct stand_in *stand_in)
{
	bool ended = stand_in->pid && waitpid(stand_in->pid, NULL, WNOHANG) == stand_in->pid;

	if (!stand_in->child)
		return false;
	if (ended) {
		forget(stand_in);
		stand_in->restart_at = child_now() + RESTART_AFTER;
	}
	if (stand_in->pid)
		watch(stand_in);
	else if (child_now() >= stand_in->restart_at && stand_in_start(stand_in, stand_in->child) < 0)
		stand_in->restart_at = child_now() + RESTART_AFTER;
	return ended;
}

void stand_in_stop(struct stand_in *stand_in)
{
	if (!stand_in->pid)
		return;
	kill(stand_in->pid, SIGKILL); /* it holds nothing that is worth an end in order */
	waitpid(stand_in->pid, NULL, 0);
	forget(stand_in);
}

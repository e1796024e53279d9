/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ABOVE_ALL 64 /* descriptors from here on are in nobody's way */
#define PROGRAM_NAME "gatehouse-inspect"

int spawn_program(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof(PROGRAM_NAME));
	char *name;
	int fd;

	if (n < 0)
		return -errno;
	path[n] = '\0';
	name = strrchr(path, '/');
	memcpy(name ? name + 1 : path, PROGRAM_NAME, sizeof(PROGRAM_NAME));
	fd = open(path, O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* In the forked process: every descriptor to its number. Moved up first, so that none is overwritten. */
static int place_descriptors(const int fds[static INSPECT_END])
{
	int moved[INSPECT_END];

	for (int i = INSPECT_CHANNEL; i < INSPECT_END; i++) {
		moved[i] = fds[i] < 0 ? -1 : fcntl(fds[i], F_DUPFD_CLOEXEC, ABOVE_ALL);
		if (moved[i] < 0 && fds[i] >= 0)
			return -1;
	}
	for (int i = INSPECT_CHANNEL; i < INSPECT_END; i++)
		if (moved[i] >= 0 && dup2(moved[i], i) < 0)
			return -1;
	return 0;
}

__attribute__((noreturn))
static void become(int program_fd, const int fds[static INSPECT_END], const char *role)
{
	char parent[16], word[16], name[] = PROGRAM_NAME;
	char *argv[] = { name, word, parent, NULL }, *environment[] = { NULL };
	sigset_t none;
	int program;

	snprintf(parent, sizeof(parent), "%d", getppid());
	snprintf(word, sizeof(word), "%s", role);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	program = fcntl(program_fd, F_DUPFD_CLOEXEC, ABOVE_ALL);
	if (program >= 0 && place_descriptors(fds) == 0)
		syscall(SYS_execveat, program, "", argv, environment, AT_EMPTY_PATH);
	_exit(INSPECT_EXIT_SETUP);
}

int spawn(int program_fd, const int fds[static INSPECT_END], const char *role, pid_t *ret_pid,
	  int *ret_pid_fd)
{
	pid_t pid = fork();
	int r;

	if (pid < 0)
		return -errno;
	if (pid == 0)
		become(program_fd, fds, role);
	*ret_pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (*ret_pid_fd >= 0) {
		*ret_pid = pid;
		return 0;
	}
	r = -errno;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return r;
}

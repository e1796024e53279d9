/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inspector's confinement, tried from inside: each attempt in a process of its own. */
#include "run/inspect_confine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define CONFINED 40 /* exit status: the attempt came back */
#define NOT_CONFINED 41
#define KEPT 3      /* the one descriptor that stays */

/* Confines a child, lets it try, returns its wait status. */
static int confined(void (*attempt)(void))
{
	pid_t parent = getpid(), pid;
	int status, pair[2];
	const char *step;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(pair[0], KEPT);
		if (inspect_confine(KEPT, KEPT + 1, parent, &step) < 0)
			_exit(NOT_CONFINED);
		attempt();
		_exit(CONFINED);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(pair[0]);
	close(pair[1]);
	return status;
}

static void assert_killed(void (*attempt)(void))
{
	int status = confined(attempt);

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

static void try_nothing(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	if (send(KEPT, "x", 1, 0) != 1 || send(KEPT + 1, "x", 1, 0) != -1)
		_exit(NOT_CONFINED);
}

static void try_open(void)
{
	open("/etc/passwd", O_RDONLY);
}

static void try_old_open(void)
{
	syscall(SYS_open, "/etc/passwd", O_RDONLY);
}

static void try_socket(void)
{
	socket(AF_INET, SOCK_STREAM, 0);
}

static void try_exec(void)
{
	char *argv[] = { NULL };

	execve("/bin/true", argv, argv);
}

static void try_fork(void)
{
	fork();
}

static void try_ptrace(void)
{
	ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}

static void try_code(void)
{
	mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void try_user(void)
{
	if (setuid(0) == 0)
		_exit(NOT_CONFINED);
}

static void what_it_needs_works(void **state)
{
	int status;

	if (geteuid() != 0)
		skip();
	status = confined(try_nothing);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), CONFINED);
}

static void everything_else_kills(void **state)
{
	if (geteuid() != 0)
		skip();
	assert_killed(try_open);
	assert_killed(try_old_open);
	assert_killed(try_socket);
	assert_killed(try_exec);
	assert_killed(try_fork);
	assert_killed(try_ptrace);
	assert_killed(try_code);
	assert_killed(try_user);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_needs_works),
		cmocka_unit_test(everything_else_kills),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

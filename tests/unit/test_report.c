/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inspector's messages when events come faster than the supervisor reads them. */
#include "run/inspect_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MORE_THAN_FIT 20000

/* The inspector: floods, says that it did, then answers a command. */
static void flood_and_answer(int channel, int done)
{
	static const struct core_event event = { .kind = CORE_EVENT_DENIED };

	dup2(channel, INSPECT_CHANNEL);
	for (int i = 0; i < MORE_THAN_FIT; i++)
		report_event(&event);
	if (write(done, "", 1) != 1)
		_exit(1);
	report_answer(INSPECT_LOADED);
	_exit(0);
}

/* A reload under a flood of events succeeds: else whoever floods could keep the policy from changing. */
static void test_an_answer_comes_through_a_flood(void **state)
{
	struct inspect_message message = { 0 };
	int channel[2], done[2], status;
	char byte;
	pid_t pid;

	assert_int_equal(pipe(done), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, channel), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		flood_and_answer(channel[1], done[1]);
	close(channel[1]);
	close(done[1]);
	assert_int_equal(read(done[0], &byte, 1), 1);
	while (recv(channel[0], &message, sizeof(message), 0) == sizeof(message))
		if (message.kind == INSPECT_LOADED)
			break;
	assert_int_equal(message.kind, INSPECT_LOADED);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(channel[0]);
	close(done[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_answer_comes_through_a_flood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

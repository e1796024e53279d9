/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/inspect_account.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void assert_account(const char *text, uid_t user, gid_t group)
{
	char path[] = "/tmp/test_account.XXXXXX";
	int fd = mkstemp(path);
	uid_t u = 0;
	gid_t g = 0;

	assert_true(fd >= 0);
	dprintf(fd, "%s", text);
	close(fd);
	inspect_account(path, &u, &g);
	unlink(path);
	assert_int_equal(u, user);
	assert_int_equal(g, group);
}

static void the_account_is_found(void **state)
{
	assert_account("root:x:0:0::/root:/bin/sh\ngatehouse-inspect:x:998:997:gatehouse inspector:/:/sbin/nologin\n",
		       998, 997);
}

static void without_it_nobody(void **state)
{
	assert_account("", 65534, 65534);
	assert_account("root:x:0:0::/root:/bin/sh\ngatehouse-inspector:x:998:997::/:\n", 65534, 65534);
	assert_account("x:gatehouse-inspect:x:998:997::/:\n", 65534, 65534);
}

static void never_root_and_never_half(void **state)
{
	assert_account("gatehouse-inspect:x:0:997::/:\n", 65534, 65534);
	assert_account("gatehouse-inspect:x:998:0::/:\n", 65534, 65534);
	assert_account("gatehouse-inspect:x:+998:997::/:\n", 65534, 65534);
	assert_account("gatehouse-inspect:x:4294967296:997::/:\n", 65534, 65534);
	assert_account("gatehouse-inspect:x:998", 65534, 65534);
	assert_account("gatehouse-inspect:x", 65534, 65534);
	assert_account("gatehouse-inspect:", 65534, 65534);
}

static void without_a_file_nobody(void **state)
{
	uid_t u = 0;
	gid_t g = 0;

	inspect_account("/nonexistent/passwd", &u, &g);
	assert_int_equal(u, 65534);
	assert_int_equal(g, 65534);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_account_is_found),
		cmocka_unit_test(without_it_nobody),
		cmocka_unit_test(never_root_and_never_half),
		cmocka_unit_test(without_a_file_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

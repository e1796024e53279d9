/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The usage ledger's file: damaged, read while it is written, its writer killed. */
#include "lab_ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

static void spoil(size_t from, size_t length)
{
	int fd = open(path, O_RDWR);

	assert_true(fd >= 0);
	for (size_t i = 0; i < length; i++)
		assert_int_equal(pwrite(fd, "\xa5", 1, (off_t)(from + i)), 1);
	close(fd);
}

static size_t set_aside(void)
{
	char pattern[128];
	glob_t found = { 0 };
	size_t n;

	snprintf(pattern, sizeof(pattern), "%s.damaged-*Z", path);
	n = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
	globfree(&found);
	return n;
}

static void fill(void)
{
	struct ledger *l = new_ledger();
	char text[64];

	for (int i = 0; i < 500; i++) {
		struct ledger_subject s = detail(text);

		snprintf(text, sizeof(text), "unit=1 address=%d", i);
		ledger_add(l, &s, 1, 0, NOW);
	}
	ledger_flush(l, NOW);
	ledger_free(l);
}

static void a_damaged_file_is_set_aside(void **state)
{
	static const struct {
		size_t from, length;
	} damages[] = { { 0, 4096 }, { 0, 16 }, { 4096, 20000 }, { 16384, 512 }, { 40, 30 } };

	for (size_t i = 0; i < sizeof(damages) / sizeof(*damages); i++) {
		struct ledger_subject a = rule("after");
		struct ledger *l;

		unlink(path);
		fill();
		spoil(damages[i].from, damages[i].length);
		l = new_ledger();
		ledger_add(l, &a, 7, 0, NOW);
		ledger_flush(l, NOW + (int64_t)i);
		assert_int_equal(told[LEDGER_SET_ASIDE], i + 1);
		assert_int_equal(told[LEDGER_FAILED], 0);
		assert_int_equal(sums(LEDGER_USAGE, NULL).count, 7);
		ledger_free(l);
	}
	assert_int_equal(set_aside(), 3); /* the newest three are kept */
}

static void a_file_that_is_damaged_in_use_is_set_aside(void **state)
{
	struct ledger *l = new_ledger();
	struct ledger_subject a = rule("a");

	read_one(l, 1, 10, &a, 10, 0, NOW);
	ledger_flush(l, NOW);
	ledger_free(l); /* so that all of it is in the file itself */
	l = new_ledger();
	read_one(l, 1, 10, &a, 10, 0, NOW);
	ledger_flush(l, NOW);
	assert_int_equal(truncate(path, 100), 0);
	spoil(0, 100);
	read_one(l, 1, 25, &a, 25, 0, NOW);
	ledger_flush(l, NOW);
	ledger_flush(l, NOW + 10);
	/* Whether the damage is met at once or later is SQLite's; what was counted since is there. */
	ledger_free(l);
	l = new_ledger();
	read_one(l, 1, 25, &a, 25, 0, NOW);
	ledger_flush(l, NOW + 20);
	assert_true(sums(LEDGER_USAGE, "a").count >= 25);
	ledger_free(l);
}

static void a_file_of_a_later_version_is_left_as_it_is(void **state)
{
	struct ledger *l;

	fill();
	spoil(60, 4); /* user_version in the header */
	l = new_ledger();
	ledger_flush(l, NOW);
	assert_int_equal(set_aside(), 1);
	ledger_free(l);
}

static void a_reader_sees_one_moment_while_others_write(void **state)
{
	struct ledger *l = new_ledger();
	struct ledger_subject a = rule("a");
	struct ledger_reader *reader;
	struct sum before = { 0 }, after = { 0 };

	ledger_add(l, &a, 1, 0, NOW);
	ledger_flush(l, NOW);
	assert_int_equal(ledger_reader_open(path, &reader), 0);
	assert_int_equal(ledger_read_sums(reader, LEDGER_USAGE, 0, FAR, add_row, &before), 0);
	ledger_add(l, &a, 1, 0, NOW);
	ledger_flush(l, NOW);
	assert_int_equal(told[LEDGER_FAILED], 0);
	assert_int_equal(ledger_read_sums(reader, LEDGER_USAGE, 0, FAR, add_row, &after), 0);
	ledger_reader_close(reader);
	assert_int_equal(before.count, 1);
	assert_int_equal(after.count, 1);
	assert_int_equal(sums(LEDGER_USAGE, NULL).count, 2);
	ledger_free(l);
}

static void a_ledger_that_is_not_there_cannot_be_read(void **state)
{
	struct ledger_reader *reader;

	assert_int_equal(ledger_reader_open(path, &reader), -ENOENT);
	assert_int_equal(access(path, F_OK), -1);
}

/* Both rules are counted in every transaction: a file that was killed in one shows them equal. */
static void a_kill_leaves_whole_transactions(void **state)
{
	for (int round = 0; round < 20; round++) {
		uint64_t before = round ? sums(LEDGER_USAGE, "a").count : 0, after;
		int status, pair[2];
		char byte;
		pid_t pid;

		assert_int_equal(pipe(pair), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			struct ledger *l = new_ledger();
			struct ledger_subject a = rule("a"), b = rule("b");

			for (int i = 0;; i++) {
				ledger_add(l, &a, 1, 0, NOW);
				ledger_add(l, &b, 1, 0, NOW);
				ledger_flush(l, NOW);
				(void)!write(pair[1], "x", 1);
			}
		}
		close(pair[1]);
		for (int i = 0; i <= round; i++)
			assert_int_equal(read(pair[0], &byte, 1), 1);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		close(pair[0]);
		after = sums(LEDGER_USAGE, "a").count;
		assert_true(after >= before + (uint64_t)round + 1);
		assert_int_equal(sums(LEDGER_USAGE, "b").count, after);
		assert_int_equal(set_aside(), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_damaged_file_is_set_aside),
		TEST(a_file_that_is_damaged_in_use_is_set_aside),
		TEST(a_file_of_a_later_version_is_left_as_it_is),
		TEST(a_reader_sees_one_moment_while_others_write),
		TEST(a_ledger_that_is_not_there_cannot_be_read),
		TEST(a_kill_leaves_whole_transactions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "bundle/key_file.h"
#include "cli/options.h"

static int say(const char *what, int error)
{
	fprintf(stderr, "gatehouse: the passphrase of %s cannot be read: %s\n", what,
		error == -ENXIO || error == -ENOTTY ?
			"there is no terminal; give it by --passphrase-fd" :
		error == -ENODATA ? "nothing is there" :
		error == -EMSGSIZE ? "it is too long" :
		error == -ENOMEM ? "there is no memory that can be locked (`ulimit -l`)" : strerror(-error));
	return error;
}

/* One line of a terminal with its echo off. Ctrl-C waits until the echo is on again. */
static int read_unseen(int terminal, const char *prompt, struct secret *ret)
{
	struct termios before, unseen;
	sigset_t all, mask;
	int r = 0;

	if (tcgetattr(terminal, &before) < 0)
		return -errno;
	unseen = before;
	unseen.c_lflag &= ~(tcflag_t)ECHO;
	unseen.c_lflag |= ICANON | ECHONL;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &mask);
	if (tcsetattr(terminal, TCSAFLUSH, &unseen) < 0)
		r = -errno;
	dprintf(terminal, "%s", prompt);
	if (r == 0)
		r = secret_read_line(terminal, ret);
	tcsetattr(terminal, TCSAFLUSH, &before);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	return r;
}

static int ask_terminal(const char *prompt, struct secret *ret)
{
	int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	int r = terminal < 0 ? -errno : read_unseen(terminal, prompt, ret);

	if (terminal >= 0)
		close(terminal);
	return r;
}

static int ask(const char *before, const char *what, int fd, struct secret *ret)
{
	char prompt[256];

	if (fd != PASSPHRASE_TERMINAL)
		return secret_read_line(fd, ret);
	snprintf(prompt, sizeof(prompt), "%s %s: ", before, what);
	return ask_terminal(prompt, ret);
}

bool passphrase_ask(const char *what, int fd, struct secret *ret)
{
	int r = ask("Passphrase of", what, fd, ret);

	return r == 0 || say(what, r) == 0;
}

static bool same(const struct secret *a, const struct secret *b)
{
	return a->size == b->size && !memcmp(a->bytes, b->bytes, a->size);
}

static bool typed_again(const char *what, int fd, const struct secret *first)
{
	struct secret second;
	bool good;

	if (fd != PASSPHRASE_TERMINAL)
		return true;
	if (ask("The same again of", what, fd, &second) < 0)
		return false;
	good = same(first, &second);
	secret_free(&second);
	if (!good)
		fputs("gatehouse: they differ; nothing was written\n", stderr);
	return good;
}

bool passphrase_choose(const char *what, int fd, struct secret *ret)
{
	int r = ask("New passphrase of", what, fd, ret);

	if (r < 0)
		return say(what, r) == 0;
	if (ret->size < PASSPHRASE_LEAST)
		fprintf(stderr, "gatehouse: a passphrase has %u characters at least; four words that you choose are "
			"good\n", PASSPHRASE_LEAST);
	else if (typed_again(what, fd, ret))
		return true;
	secret_free(ret);
	return false;
}

bool passphrase_option(int argc, char **argv, int *i, int *ret_fd, const char **ret_wrong)
{
	const char *text;
	char *end;
	long fd;

	if (!option_value(argc, argv, i, "--passphrase-fd", &text))
		return false;
	fd = text ? strtol(text, &end, 10) : -1;
	if (!text || !*text || *end || fd < 0 || fd > 1023)
		*ret_wrong = "--passphrase-fd wants the number of an open descriptor, 0 for standard input";
	else
		*ret_fd = (int)fd;
	return true;
}

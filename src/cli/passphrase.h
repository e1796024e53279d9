/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Passphrases: typed at the terminal without being shown, or a line of a descriptor (for scripts). */
#include <stdbool.h>

#include "bundle/secret.h"

#define PASSPHRASE_TERMINAL (-1)

/* Asks for one, or takes the descriptor's next line. False: said on stderr. */
bool passphrase_ask(const char *what, int fd, struct secret *ret);

/* For a new key: long enough, and typed twice at a terminal. False: said on stderr. */
bool passphrase_choose(const char *what, int fd, struct secret *ret);

/* "--passphrase-fd N" at argv[*i]; false: another option. *ret_wrong: what is wrong with N, or left as it is. */
bool passphrase_option(int argc, char **argv, int *i, int *ret_fd, const char **ret_wrong);

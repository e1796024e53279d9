/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * STATE/spool: where something else (rsync, Ansible, scp) may put a bundle, which then goes on trial as `apply` would have
 * it. Only the one that has the site's name, SITE.bundle; with two bundles in the folder none is taken. It leaves the
 * folder in any case: refused, as SITE.bundle.refused.
 */
#include <stdbool.h>

struct supervisor;

struct spool {
	int fd;    /* inotify; -1: not watched */
};

/* What cannot be watched is said, and does not matter otherwise. Looks at what is there already. */
void spool_open(struct supervisor *s);
void spool_close(struct supervisor *s);

/* To poll for reading; -1 = none. */
int spool_fd(const struct supervisor *s);
void spool_read(struct supervisor *s);

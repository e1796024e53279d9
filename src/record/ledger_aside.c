/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/ledger_file.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define KEPT 3u

/* Names sort by their time. */
static void forget_oldest(const char *path)
{
	char pattern[PATH_MAX], wal[PATH_MAX + 8];
	glob_t found = { 0 };

	snprintf(pattern, sizeof(pattern), "%s.damaged-*Z", path);
	if (glob(pattern, 0, NULL, &found) == 0)
		for (size_t i = 0; i + KEPT < found.gl_pathc; i++) {
			snprintf(wal, sizeof(wal), "%s-wal", found.gl_pathv[i]);
			unlink(found.gl_pathv[i]);
			unlink(wal);
		}
	globfree(&found);
}

int ledger_file_set_aside(const char *path, int64_t now)
{
	char aside[PATH_MAX], from[PATH_MAX + 8], to[PATH_MAX + 8], when[32];
	time_t t = now;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm);
	if ((size_t)snprintf(aside, sizeof(aside), "%s.damaged-%s", path, when) >= sizeof(aside))
		return -ENAMETOOLONG;
	if (rename(path, aside) < 0)
		return -errno;
	snprintf(from, sizeof(from), "%s-wal", path);
	snprintf(to, sizeof(to), "%s-wal", aside);
	if (rename(from, to) < 0 && errno != ENOENT)
		return -errno;
	snprintf(from, sizeof(from), "%s-shm", path);
	unlink(from);
	forget_oldest(path);
	return 0;
}

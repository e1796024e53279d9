/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BESIDE ".new-" /* in the name of what is not in its place yet */

static int read_all(int fd, char *bytes, size_t len, size_t *ret_len)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n = read(fd, bytes + have, len - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	*ret_len = have;
	return 0;
}

static int read_open(int fd, size_t max, struct arena *arena, char **ret_bytes, size_t *ret_len)
{
	struct stat st;
	char *bytes;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if ((uintmax_t)st.st_size > max)
		return -EFBIG;
	bytes = arena_alloc(arena, (size_t)st.st_size + 1);
	r = read_all(fd, bytes, (size_t)st.st_size, ret_len);
	if (r < 0)
		return r;
	*ret_bytes = bytes;
	return 0;
}

int file_read(const char *path, size_t max, struct arena *arena, char **ret_bytes, size_t *ret_len)
{
	/* O_NONBLOCK: a FIFO of that name must not hold us up before it is refused */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int r;

	if (fd < 0)
		return -errno;
	r = read_open(fd, max, arena, ret_bytes, ret_len);
	close(fd);
	return r;
}

static int write_all(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

static int sync_folder_of(const char *path)
{
	char copy[PATH_MAX];
	int fd, r = 0;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* some file systems cannot sync a folder and need not */
	if (fsync(fd) < 0 && errno != EINVAL)
		r = -errno;
	close(fd);
	return r;
}

static int write_synced(int fd, const void *bytes, size_t len, unsigned mode)
{
	int r = write_all(fd, bytes, len);

	if (r == 0 && fchmod(fd, (mode_t)mode) < 0)
		r = -errno;
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	return r;
}

static bool is_left_over(const char *name)
{
	const char *beside = strstr(name, BESIDE);

	return beside && strlen(beside) == sizeof(BESIDE "XXXXXX") - 1;
}

void file_sweep(const char *folder)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (is_left_over(entry->d_name))
			unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
}

int file_replace(const char *path, const void *bytes, size_t len, unsigned mode)
{
	char beside[PATH_MAX];
	int fd, r;

	if ((size_t)snprintf(beside, sizeof(beside), "%s" BESIDE "XXXXXX", path) >= sizeof(beside))
		return -ENAMETOOLONG;
	fd = mkostemp(beside, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = write_synced(fd, bytes, len, mode);
	if (r == 0 && rename(beside, path) < 0)
		r = -errno;
	if (r < 0) {
		unlink(beside);
		return r;
	}
	return sync_folder_of(path);
}

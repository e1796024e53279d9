/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/event_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TAIL_MAX (256u << 10) /* bytes of the file's end that are looked at */

/* The log writes the member itself, always in this form: no need to parse every line. */
static bool is_one_of(const char *line, const char *const *events)
{
	char needle[64];

	for (; *events; events++) {
		snprintf(needle, sizeof(needle), "\"event\": \"%s\"", *events);
		if (strstr(line, needle))
			return true;
	}
	return false;
}

static int read_tail(const char *path, struct arena *arena, char **ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t n;
	int r;

	if (fd < 0)
		return -errno;
	*ret = arena_alloc(arena, TAIL_MAX + 1);
	r = fstat(fd, &st) < 0 ? -errno : 0;
	n = r < 0 ? 0 : pread(fd, *ret, TAIL_MAX, st.st_size > TAIL_MAX ? st.st_size - TAIL_MAX : 0);
	if (n < 0)
		r = -errno;
	close(fd);
	if (r == 0 && st.st_size > TAIL_MAX) {
		char *whole = strchr(*ret, '\n');

		*ret = whole ? whole + 1 : *ret + n;
	}
	return r;
}

int event_log_recent(const char *path, const char *const *events, size_t most, struct arena *arena,
		     const char ***ret_lines)
{
	const char **ring = arena_array(arena, most + 1, sizeof(*ring));
	size_t found = 0, kept;
	char *text, *line;
	int r = read_tail(path, arena, &text);

	if (r < 0)
		return r;
	while ((line = strsep(&text, "\n")) != NULL)
		if (*line && (!events || is_one_of(line, events)))
			ring[found++ % most] = line;
	kept = found < most ? found : most;
	*ret_lines = arena_array(arena, kept + 1, sizeof(**ret_lines));
	for (size_t i = 0; i < kept; i++)
		(*ret_lines)[i] = ring[(found - kept + i) % most];
	return (int)kept;
}

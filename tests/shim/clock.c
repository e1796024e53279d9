/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Preloaded into a program, shows it another CLOCK_REALTIME: the true one and an offset that the test writes into
 * the file CLOCK_SHIM (seconds, then whether the kernel shall say "synchronised", two int64_t). CLOCK_BOOTTIME and
 * the kernel's own clock stay as they are.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *shown; /* [0] seconds to add, [1] synchronised */

__attribute__((constructor))
static void attach(void)
{
	const char *path = getenv("CLOCK_SHIM");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *map = fd < 0 ? MAP_FAILED : mmap(NULL, 2 * sizeof(*shown), PROT_READ, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		abort();
	shown = map;
	close(fd);
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	int r = (int)syscall(SYS_clock_gettime, clock, ret);

	if (r == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		ret->tv_sec += shown[0];
	return r;
}

time_t time(time_t *ret)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (ret)
		*ret = now.tv_sec;
	return now.tv_sec;
}

int adjtimex(struct timex *timex)
{
	timex->status = shown[1] ? 0 : STA_UNSYNC;
	return shown[1] ? TIME_OK : TIME_ERROR;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/inspect_raw.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "run/channel.h"

static bool send_to(int fd, const struct core_made *made, const void *to, socklen_t to_size)
{
	ssize_t n;

	do
		n = sendto(fd, made->bytes, made->length, MSG_DONTWAIT | MSG_NOSIGNAL, to, to_size);
	while (n < 0 && errno == EINTR);
	return n >= 0;
}

bool raw_send(const struct core_made *made)
{
	struct sockaddr_in to4 = { .sin_family = AF_INET };
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6 };

	if (made->bytes[0] >> 4 == 4) {
		memcpy(&to4.sin_addr, made->bytes + 16, sizeof(to4.sin_addr));
		return send_to(INSPECT_RAW4, made, &to4, sizeof(to4));
	}
	memcpy(&to6.sin6_addr, made->bytes + 24, sizeof(to6.sin6_addr));
	return send_to(INSPECT_RAW6, made, &to6, sizeof(to6));
}

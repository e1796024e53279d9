/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bundle/secret.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

int secret_new(size_t size, struct secret *ret)
{
	*ret = (struct secret){ 0 };
	if (sodium_init() < 0)
		return -ENOMEM;
	ret->bytes = sodium_malloc(size);
	if (!ret->bytes)
		return -ENOMEM;
	/* sodium_malloc() tries to lock and does not say whether it could */
	if (sodium_mlock(ret->bytes, size) < 0) {
		sodium_free(ret->bytes);
		ret->bytes = NULL;
		return -ENOMEM;
	}
	memset(ret->bytes, 0, size);
	ret->size = size;
	return 0;
}

void secret_free(struct secret *secret)
{
	if (secret->bytes)
		sodium_free(secret->bytes);
	*secret = (struct secret){ 0 };
}

/* Into secret->bytes; returns the length, or negative errno. */
static ssize_t read_line(int fd, struct secret *secret)
{
	for (size_t have = 0; have < secret->size; have++) {
		ssize_t n = read(fd, secret->bytes + have, 1);

		if (n < 0 && errno == EINTR) {
			have--;
			continue;
		}
		if (n < 0)
			return -errno;
		if (n == 0 && !have)
			return -ENODATA;
		if (n == 0 || secret->bytes[have] == '\n')
			return (ssize_t)have;
	}
	return -EMSGSIZE;
}

int secret_read_line(int fd, struct secret *ret)
{
	struct secret line;
	ssize_t len;
	int r = secret_new(SECRET_LINE_MAX, &line);

	if (r < 0)
		return r;
	len = read_line(fd, &line);
	r = len < 0 ? (int)len : secret_new((size_t)len + 1, ret);
	if (r == 0) {
		memcpy(ret->bytes, line.bytes, (size_t)len);
		ret->size = (size_t)len;
	}
	secret_free(&line);
	return r;
}

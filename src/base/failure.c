/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/failure.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	int error;
	const char *text;
} texts[] = {
	{ EPERM, "no permission; run this as root (sudo)" },
	{ EACCES, "no permission; run this as root (sudo)" },
	{ ENOENT, "it does not exist, or the folder above it does not; look at the spelling" },
	{ ENOTDIR, "this, or something above it, is a file where a folder is needed" },
	{ EISDIR, "this is a folder where a file is needed" },
	{ ENOSPC, "the disk is full; make room on it" },
	{ EDQUOT, "no more disk space is allowed to this user; make room" },
	{ EROFS, "the disk is read-only; if it should not be, look for disk errors in `journalctl -k`" },
	{ EIO, "the disk fails; look for disk errors in `journalctl -k`" },
	{ ENAMETOOLONG, "this path is too long; choose a shorter one" },
	{ EBADMSG, "its content is not what this program writes; it is damaged, or of another version" },
	{ ENOMEM, "not enough memory" },
	{ EMFILE, "no descriptors are left: too many files are open in this process" },
	{ ENFILE, "no descriptors are left: too many files are open on this box" },
};

const char *failure_text(int error)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].error == abs(error))
			return texts[i].text;
	return strerror(abs(error));
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Whom the inspector becomes: the account gatehouse-inspect, which owns nothing and which nothing else runs as; where
 * it does not exist (not installed, a test), nobody. Read from the file itself: name services would load
 * libraries into the inspector.
 */
#include <sys/types.h>

#define ACCOUNT_NAME "gatehouse-inspect"
#define ACCOUNT_NOBODY 65534u

/* path: "/etc/passwd". Never root: such a line is passed over. */
void inspect_account(const char *path, uid_t *ret_user, gid_t *ret_group);

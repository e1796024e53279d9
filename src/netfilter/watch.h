/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Says that somebody changed the ruleset of this network namespace, and who: a descriptor for an event loop
 * that becomes readable after every transaction that was committed.
 */
#include <stdbool.h>
#include <stdint.h>

struct mnl_socket;

struct watch {
	struct mnl_socket *socket;
};

struct watch_change {
	bool foreign;      /* by another process than this one; also when it cannot be told */
	uint32_t pid;      /* of the last foreign one; 0 = unknown */
	char program[32];  /* its name as the kernel knows it; "" = unknown */
};

/* Negative errno: -EPERM without CAP_NET_ADMIN. */
__attribute__((warn_unused_result)) int watch_open(struct watch *ret);
void watch_close(struct watch *watch);

/* To poll for reading. */
int watch_fd(const struct watch *watch);

/* Reads all that is there, without blocking. Negative errno on failure. */
__attribute__((warn_unused_result))
int watch_read(struct watch *watch, struct watch_change *ret);

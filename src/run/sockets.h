/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The sockets that an inspector is born with. Made by the supervisor, which has the rights to; all are
 * close-on-exec. Results are descriptors or negative errno.
 */
#include <stdint.h>

/*
 * A netlink socket bound to NFQUEUE `number`: whole packets, never fail-open. From its close on the kernel
 * drops what waits and what comes. -EBUSY when another program is on that queue.
 */
__attribute__((warn_unused_result)) int socket_queue(uint16_t number);

/* A raw socket that takes whole IP packets and marks them MARK_MADE; family AF_INET or AF_INET6. */
__attribute__((warn_unused_result)) int socket_raw(int family);

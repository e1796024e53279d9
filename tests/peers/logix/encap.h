/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * EtherNet/IP encapsulation: one frame in, at most one frame out. Knows sessions and the items around a
 * message; connected messages carry a sequence count, and a repeated one is not carried out again.
 */
#include <netinet/in.h>

#include "wire.h"

enum { ENCAP_HEADER = 24, FRAME_MOST = 8192 };

enum encap_next { ENCAP_GO_ON, ENCAP_CLOSE };

/* One TCP connection as the encapsulation sees it. A datagram has one of its own, without session. */
struct link {
	struct sockaddr_in peer;
	uint32_t session; /* 0 = none registered */
	bool datagram;
};

/* `frame` is one whole frame. What is to be sent is appended to `out`, which may stay empty. */
enum encap_next encap_answer(struct link *link, struct in frame, struct out *out);

/* The size of the frame that begins there, 0 while that cannot be said yet. */
size_t encap_size(const uint8_t *bytes, size_t size);

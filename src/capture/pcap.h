/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Reads capture files (pcap and pcapng) and yields the IP packet of every frame: Ethernet with any
 * number of VLAN tags, Linux cooked v1 and v2, raw IP, BSD loopback. The only place that knows
 * libpcap and link layers. It judges nothing inside the IP packet and keeps no packet after the
 * next call.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct capture;

struct capture_packet {
	uint64_t frame;       /* number in the file, from 1 */
	struct timespec time; /* since the epoch */
	const uint8_t *ip;    /* the IP packet and link padding; NULL: the frame has none */
	size_t length;        /* bytes at ip */
	bool truncated;       /* the file holds less of the frame than was on the wire */
};

#define CAPTURE_ERROR 320u /* size of a message */

/* NULL when the file cannot be read as a capture: then `error` says why, in words for people. */
struct capture *capture_open(const char *path, char error[static CAPTURE_ERROR]);

/*
 * 1: *ret is the next frame, valid until the next call. 0: the end of the file. Negative: the file
 * is damaged from here on (capture_error says how).
 */
__attribute__((warn_unused_result))
int capture_next(struct capture *capture, struct capture_packet *ret);

/* Why capture_next() failed; valid until capture_close(). */
const char *capture_error(struct capture *capture);

void capture_close(struct capture *capture);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/pcap.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "base/failure.h"

#define ETHERTYPE_IPV4 0x0800u
#define ETHERTYPE_IPV6 0x86ddu

/*
 * Moves the cursor from the start of a link-layer frame to its payload; false: no IP packet inside.
 */
struct link {
	int type; /* DLT_* */
	bool (*open)(struct cursor *c);
};

struct capture {
	pcap_t *pcap;
	const struct link *link;
	uint64_t frame;
};

/* Follows VLAN tags (customer, provider and the old provider type) to an IP EtherType. */
static bool open_ethertype(struct cursor *c, uint16_t type)
{
	while (type == 0x8100u || type == 0x88a8u || type == 0x9100u) {
		cursor_take(c, 2);
		type = cursor_be16(c);
	}
	return !c->bad && (type == ETHERTYPE_IPV4 || type == ETHERTYPE_IPV6);
}

static bool open_ethernet(struct cursor *c)
{
	cursor_take(c, 12);
	return open_ethertype(c, cursor_be16(c));
}

static bool open_cooked(struct cursor *c)
{
	cursor_take(c, 14);
	return open_ethertype(c, cursor_be16(c));
}

static bool open_cooked_v2(struct cursor *c)
{
	uint16_t type = cursor_be16(c);

	cursor_take(c, 18);
	return open_ethertype(c, type);
}

static bool open_raw(struct cursor *c)
{
	return cursor_left(c) > 0 && (c->p[0] >> 4 == 4 || c->p[0] >> 4 == 6);
}

/*
 * The family is in the byte order of whoever wrote the file; the IP version nibble says the same.
 */
static bool open_loopback(struct cursor *c)
{
	cursor_take(c, 4);
	return !c->bad && open_raw(c);
}

static const struct link links[] = {
	{ DLT_EN10MB, open_ethernet },
	{ DLT_LINUX_SLL, open_cooked },
	{ DLT_LINUX_SLL2, open_cooked_v2 },
	{ DLT_RAW, open_raw },
	{ DLT_IPV4, open_raw },
	{ DLT_IPV6, open_raw },
	{ DLT_NULL, open_loopback },
	{ DLT_LOOP, open_loopback },
};

static const struct link *find_link(int type)
{
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (links[i].type == type)
			return &links[i];
	return NULL;
}

static const char *link_name(int type)
{
	const char *name = pcap_datalink_val_to_description(type);

	return name ? name : "unknown";
}

struct capture *capture_open(const char *path, char error[static CAPTURE_ERROR])
{
	char reason[PCAP_ERRBUF_SIZE] = "";
	struct capture *capture = calloc(1, sizeof(*capture));
	FILE *file = capture ? fopen(path, "rb") : NULL;

	if (!capture) {
		snprintf(error, CAPTURE_ERROR, "out of memory");
		return NULL;
	}
	if (!file) {
		snprintf(error, CAPTURE_ERROR, "%s", failure_text(errno));
		free(capture);
		return NULL;
	}
	capture->pcap = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO,
								 reason);
	if (!capture->pcap) {
		snprintf(error, CAPTURE_ERROR, "%s (it wants a pcap or pcapng file, as Wireshark and "
			 "tcpdump write them)", reason);
		fclose(file);
		free(capture);
		return NULL;
	}
	capture->link = find_link(pcap_datalink(capture->pcap));
	if (!capture->link) {
		snprintf(error, CAPTURE_ERROR,
			 "link type %d (%s) is not read; Ethernet, Linux cooked, raw IP and BSD "
			 "loopback are", pcap_datalink(capture->pcap),
			 link_name(pcap_datalink(capture->pcap)));
		capture_close(capture);
		return NULL;
	}
	return capture;
}

int capture_next(struct capture *capture, struct capture_packet *ret)
{
	struct pcap_pkthdr *header;
	const uint8_t *bytes;
	int got = pcap_next_ex(capture->pcap, &header, &bytes);
	struct cursor c;

	if (got == PCAP_ERROR_BREAK)
		return 0;
	if (got != 1)
		return -EBADMSG;
	c = cursor_over(bytes, header->caplen);
	*ret = (struct capture_packet){
		.frame = ++capture->frame,
		/* with nanosecond precision libpcap counts nanoseconds in tv_usec */
		.time = { .tv_sec = header->ts.tv_sec, .tv_nsec = header->ts.tv_usec },
		.truncated = header->caplen < header->len,
	};
	if (capture->link->open(&c)) {
		ret->ip = c.p;
		ret->length = cursor_left(&c);
	}
	return 1;
}

const char *capture_error(struct capture *capture)
{
	return pcap_geterr(capture->pcap);
}

void capture_close(struct capture *capture)
{
	if (!capture)
		return;
	pcap_close(capture->pcap);
	free(capture);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cheapest queue program there is, to measure the inspector against: receives packets from NFQUEUE
 * in batches and accepts every batch with one verdict. Says "ready" when its queues are bound.
 *
 *   accept_all [-q FIRST-QUEUE] [-n QUEUES]    default 4410, 1
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>

#define QUEUES 16u
#define BATCH 64u
#define PACKET 4096u /* bytes copied of each, as much as an Ethernet packet has */

static uint8_t buffers[BATCH][PACKET + 512];

static void fail(const char *what)
{
	fprintf(stderr, "accept_all: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct nlmsghdr *message(char *buffer, uint16_t kind, uint16_t queue)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *family;

	header->nlmsg_type = (uint16_t)(NFNL_SUBSYS_QUEUE << 8 | kind);
	header->nlmsg_flags = NLM_F_REQUEST;
	family = mnl_nlmsg_put_extra_header(header, sizeof(*family));
	*family = (struct nfgenmsg){ .nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0,
				     .res_id = htons(queue) };
	return header;
}

static void configure(struct mnl_socket *socket, struct nlmsghdr *header)
{
	char answer[8192];
	ssize_t len;

	header->nlmsg_flags |= NLM_F_ACK;
	if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0)
		fail("sendto");
	len = mnl_socket_recvfrom(socket, answer, sizeof(answer));
	if (len < 0 || mnl_cb_run(answer, (size_t)len, 0, 0, NULL, NULL) < 0)
		fail("NFQUEUE");
}

static struct mnl_socket *bind_queue(uint16_t queue)
{
	char buffer[256];
	struct mnl_socket *socket = mnl_socket_open(NETLINK_NETFILTER);
	struct nfqnl_msg_config_cmd bind = { .command = NFQNL_CFG_CMD_BIND };
	struct nfqnl_msg_config_params copy = { .copy_range = htonl(PACKET),
						.copy_mode = NFQNL_COPY_PACKET };
	struct nlmsghdr *header;
	int on = 1, size = 8 << 20;

	if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
		fail("netlink");
	header = message(buffer, NFQNL_MSG_CONFIG, queue);
	mnl_attr_put(header, NFQA_CFG_CMD, sizeof(bind), &bind);
	configure(socket, header);
	header = message(buffer, NFQNL_MSG_CONFIG, queue);
	mnl_attr_put(header, NFQA_CFG_PARAMS, sizeof(copy), &copy);
	mnl_attr_put_u32(header, NFQA_CFG_QUEUE_MAXLEN, htonl(16384));
	configure(socket, header);
	mnl_socket_setsockopt(socket, NETLINK_NO_ENOBUFS, &on, sizeof(on));
	setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return socket;
}

static int find_id(const struct nlattr *attribute, void *data)
{
	uint32_t *id = data;

	if (mnl_attr_get_type(attribute) == NFQA_PACKET_HDR) {
		const struct nfqnl_msg_packet_hdr *packet = mnl_attr_get_payload(attribute);

		*id = ntohl(packet->packet_id);
	}
	return MNL_CB_OK;
}

/* Accepts everything up to the newest packet of this batch. */
static void serve(struct mnl_socket *socket, uint16_t queue)
{
	struct mmsghdr messages[BATCH];
	struct iovec parts[BATCH];
	struct nfqnl_msg_verdict_hdr verdict = { .verdict = htonl(NF_ACCEPT) };
	char buffer[256];
	uint32_t id = 0;

	memset(messages, 0, sizeof(messages));
	for (unsigned i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){ .iov_base = buffers[i], .iov_len = sizeof(buffers[i]) };
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	int count = recvmmsg(mnl_socket_get_fd(socket), messages, BATCH, MSG_DONTWAIT, NULL);

	if (count <= 0)
		return;
	for (int i = 0; i < count; i++)
		mnl_attr_parse((struct nlmsghdr *)(void *)buffers[i], sizeof(struct nfgenmsg), find_id, &id);
	verdict.id = htonl(id);
	struct nlmsghdr *header = message(buffer, NFQNL_MSG_VERDICT_BATCH, queue);

	mnl_attr_put(header, NFQA_VERDICT_HDR, sizeof(verdict), &verdict);
	if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0)
		fail("verdict");
}

int main(int argc, char **argv)
{
	unsigned first = 4410, count = 1;
	struct mnl_socket *sockets[QUEUES];
	struct pollfd waits[QUEUES];
	int option;

	while ((option = getopt(argc, argv, "q:n:")) != -1) {
		if (option == 'q')
			first = (unsigned)atoi(optarg);
		else if (option == 'n')
			count = (unsigned)atoi(optarg);
		else
			return 2;
	}
	if (!count || count > QUEUES)
		return 2;
	for (unsigned i = 0; i < count; i++) {
		sockets[i] = bind_queue((uint16_t)(first + i));
		waits[i] = (struct pollfd){ .fd = mnl_socket_get_fd(sockets[i]), .events = POLLIN };
	}
	puts("ready");
	fflush(stdout);
	while (poll(waits, count, -1) >= 0 || errno == EINTR)
		for (unsigned i = 0; i < count; i++)
			if (waits[i].revents)
				serve(sockets[i], (uint16_t)(first + i));
	fail("poll");
}

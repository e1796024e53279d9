/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

#include "protocol/program.h"

#define RECEIVE_BUFFER (16 << 20) /* bytes: bursts while the inspector is not scheduled */
#define QUEUE_LENGTH 8192u        /* packets that may wait for a verdict */
#define COPY_RANGE 0xffffu

static struct nlmsghdr *config_message(void *buffer, uint16_t number, uint32_t sequence)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_CONFIG;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	nlh->nlmsg_seq = sequence;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = AF_UNSPEC;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(number);
	return nlh;
}

/* Sends one request and waits for its acknowledgement; packets that arrive before it are not expected. */
static int request(int fd, const struct nlmsghdr *nlh)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	uint8_t answer[4096] __attribute__((aligned(8)));
	const struct nlmsghdr *reply = (const struct nlmsghdr *)(const void *)answer;
	const struct nlmsgerr *error;
	ssize_t n;

	if (sendto(fd, nlh, nlh->nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return -errno;
	n = recv(fd, answer, sizeof(answer), 0);
	if (n < 0)
		return -errno;
	if (!mnl_nlmsg_ok(reply, (int)n) || reply->nlmsg_type != NLMSG_ERROR ||
	    reply->nlmsg_len < NLMSG_HDRLEN + sizeof(*error))
		return -EPROTO;
	error = mnl_nlmsg_get_payload(reply);
	return error->error;
}

/* Copy mode last: from then on packets come. */
static int configure(int fd, uint16_t number)
{
	struct nfqnl_msg_config_cmd bind = { .command = NFQNL_CFG_CMD_BIND };
	struct nfqnl_msg_config_params whole = { .copy_range = htonl(COPY_RANGE),
						 .copy_mode = NFQNL_COPY_PACKET };
	uint8_t buffer[512] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = config_message(buffer, number, 1);
	int r;

	mnl_attr_put(nlh, NFQA_CFG_CMD, sizeof(bind), &bind);
	r = request(fd, nlh);
	if (r < 0)
		return r;
	nlh = config_message(buffer, number, 2);
	mnl_attr_put_u32(nlh, NFQA_CFG_QUEUE_MAXLEN, htonl(QUEUE_LENGTH));
	mnl_attr_put(nlh, NFQA_CFG_PARAMS, sizeof(whole), &whole);
	return request(fd, nlh);
}

static int bind_any(int fd)
{
	struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	int size = RECEIVE_BUFFER;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0 ||
	    bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0)
		return -errno;
	return 0;
}

int socket_queue(uint16_t number)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	int r;

	if (fd < 0)
		return -errno;
	r = bind_any(fd);
	if (r == 0) {
		r = configure(fd, number);
		r = r == -EPERM ? -EBUSY : r; /* the rights were there a moment ago: the queue is another's */
	}
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

int socket_raw(int family)
{
	int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	uint32_t mark = MARK_MADE;
	int r;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/inspect_queue.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>

#define MESSAGE_MAX (65536u + 4096u)   /* one packet with its attributes */
#define BLOCK_MAX (160u << 10)         /* of verdicts: below the socket's default send buffer */
#define ANSWER_MAX (65536u + 128u)     /* one verdict with payload */
#define SEND_TRIES 50

static uint8_t received[QUEUE_BATCH][MESSAGE_MAX];
static uint8_t block[BLOCK_MAX];
static size_t block_used;

static int attribute_into(const struct nlattr *attr, void *data)
{
	const struct nfqnl_msg_packet_hdr *header;
	struct queued *packet = data;

	switch (mnl_attr_get_type(attr)) {
	case NFQA_PACKET_HDR:
		if (mnl_attr_get_payload_len(attr) < sizeof(*header))
			return MNL_CB_ERROR;
		header = mnl_attr_get_payload(attr);
		packet->id = ntohl(header->packet_id);
		break;
	case NFQA_MARK:
		if (mnl_attr_get_payload_len(attr) < sizeof(uint32_t))
			return MNL_CB_ERROR;
		packet->mark = ntohl(mnl_attr_get_u32(attr));
		break;
	case NFQA_PAYLOAD:
		packet->bytes = mnl_attr_get_payload(attr);
		packet->length = mnl_attr_get_payload_len(attr);
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

/* False for anything but a packet (an error report for a verdict, for one). */
static bool parse(const uint8_t *bytes, size_t length, struct queued *ret)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)(const void *)bytes;
	const struct nfgenmsg *nfg;

	if (!mnl_nlmsg_ok(nlh, (int)length) || mnl_nlmsg_get_payload_len(nlh) < sizeof(*nfg))
		return false;
	if (nlh->nlmsg_type != (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET))
		return false;
	nfg = mnl_nlmsg_get_payload(nlh);
	*ret = (struct queued){ .queue = ntohs(nfg->res_id) };
	return mnl_attr_parse(nlh, sizeof(*nfg), attribute_into, ret) == MNL_CB_OK;
}

int queue_set_patience(int fd, unsigned ms)
{
	struct timeval limit = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ? -errno : 0;
}

/* The heads stay as they are from one receive to the next: what the kernel writes into them is read at once. */
static struct mmsghdr *receive_heads(void)
{
	static struct mmsghdr heads[QUEUE_BATCH];
	static struct iovec parts[QUEUE_BATCH];

	for (size_t i = 0; !heads[QUEUE_BATCH - 1].msg_hdr.msg_iov && i < QUEUE_BATCH; i++) {
		parts[i] = (struct iovec){ .iov_base = received[i], .iov_len = MESSAGE_MAX };
		heads[i].msg_hdr.msg_iov = &parts[i];
		heads[i].msg_hdr.msg_iovlen = 1;
	}
	return heads;
}

int queue_receive(int fd, enum queue_mode mode, struct queued *list, bool *ret_overrun)
{
	struct mmsghdr *heads = receive_heads();
	int flags = mode == QUEUE_WAIT ? MSG_WAITFORONE : MSG_DONTWAIT;
	int got = recvmmsg(fd, heads, QUEUE_BATCH, flags, NULL);
	int count = 0;

	*ret_overrun = got < 0 && errno == ENOBUFS;
	if (got < 0)
		return errno == ENOBUFS || errno == EAGAIN || errno == EINTR ? 0 : -errno;
	for (int i = 0; i < got; i++)
		if (!(heads[i].msg_hdr.msg_flags & MSG_TRUNC) &&
		    parse(received[i], heads[i].msg_len, &list[count]))
			count++;
	return count;
}

/* The kernel may be short of memory for a moment; verdicts that never come leave packets hanging. */
int queue_flush(int fd)
{
	ssize_t n = 0;

	for (int i = 0; block_used && i < SEND_TRIES; i++) {
		n = send(fd, block, block_used, 0);
		if (n >= 0 || (errno != EINTR && errno != ENOBUFS && errno != ENOMEM && errno != EAGAIN))
			break;
	}
	block_used = 0;
	return n < 0 ? -errno : 0;
}

static uint32_t kernel_verdict(enum queue_verdict verdict)
{
	return htonl(verdict == QUEUE_DROP ? NF_DROP : NF_ACCEPT);
}

static struct nlmsghdr *put_head(uint8_t *at, uint8_t type, uint16_t queue)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(at);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = (uint16_t)(NFNL_SUBSYS_QUEUE << 8 | type);
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = AF_UNSPEC;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(queue);
	return nlh;
}

int queue_answer_up_to(int fd, uint16_t queue, uint32_t id, enum queue_verdict verdict)
{
	struct nfqnl_msg_verdict_hdr header = { .verdict = kernel_verdict(verdict), .id = htonl(id) };
	struct nlmsghdr *nlh;
	int r = queue_flush(fd);

	if (r < 0)
		return r;
	nlh = put_head(block, NFQNL_MSG_VERDICT_BATCH, queue);
	mnl_attr_put(nlh, NFQA_VERDICT_HDR, sizeof(header), &header);
	block_used = nlh->nlmsg_len;
	return queue_flush(fd);
}

int queue_answer(int fd, const struct queued *packet, enum queue_verdict verdict,
		 const uint8_t *bytes, size_t length)
{
	struct nfqnl_msg_verdict_hdr header = {
		.verdict = kernel_verdict(verdict),
		.id = htonl(packet->id),
	};
	struct nlmsghdr *nlh;

	if (block_used + ANSWER_MAX > sizeof(block)) {
		int r = queue_flush(fd);

		if (r < 0)
			return r;
	}
	nlh = put_head(block + block_used, NFQNL_MSG_VERDICT, packet->queue);
	mnl_attr_put(nlh, NFQA_VERDICT_HDR, sizeof(header), &header);
	if (verdict == QUEUE_REPLACE)
		mnl_attr_put(nlh, NFQA_PAYLOAD, length, bytes);
	block_used += (nlh->nlmsg_len + 3u) & ~3u; /* netlink's alignment */
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#define RECEIVE_BUFFER (1 << 20) /* bytes: for many refusals at once */
#define RECEIVE_BYTES (1u << 16) /* of one datagram */

int link_open(struct link *link)
{
	int on = 1, size = RECEIVE_BUFFER;

	link->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!link->socket)
		return -errno;
	if (mnl_socket_bind(link->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		int error = -errno;

		link_close(link);
		return error;
	}
	link->port = mnl_socket_get_portid(link->socket);
	/* Comforts: without them refusals are told less well, and that is all. */
	(void)mnl_socket_setsockopt(link->socket, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)mnl_socket_setsockopt(link->socket, NETLINK_CAP_ACK, &on, sizeof(on));
	(void)setsockopt(mnl_socket_get_fd(link->socket), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return 0;
}

void link_close(struct link *link)
{
	if (link->socket)
		mnl_socket_close(link->socket);
	link->socket = NULL;
}

int link_ask(struct link *link, const struct nlmsghdr *request,
	     int (*each)(const struct nlmsghdr *, void *), void *data)
{
	static _Thread_local char bytes[RECEIVE_BYTES];
	int result = MNL_CB_OK;

	if (mnl_socket_sendto(link->socket, request, request->nlmsg_len) < 0)
		return -errno;
	while (result > MNL_CB_STOP) {
		ssize_t n = mnl_socket_recvfrom(link->socket, bytes, sizeof(bytes));

		if (n < 0)
			return -errno;
		result = mnl_cb_run(bytes, (size_t)n, request->nlmsg_seq, link->port, each, data);
	}
	return result < 0 ? -errno : 0;
}

static int generation_attribute(const struct nlattr *attr, void *data)
{
	if (mnl_attr_get_type(attr) == NFTA_GEN_ID && !mnl_attr_validate(attr, MNL_TYPE_U32))
		*(uint32_t *)data = ntohl(mnl_attr_get_u32(attr));
	return MNL_CB_OK;
}

static int generation_each(const struct nlmsghdr *nlh, void *data)
{
	return mnl_attr_parse(nlh, sizeof(struct nfgenmsg), generation_attribute, data) < 0 ?
		       MNL_CB_ERROR : MNL_CB_STOP;
}

int link_generation(struct link *link, uint32_t *ret)
{
	char bytes[256];
	struct nlmsghdr *nlh = nftnl_nlmsg_build_hdr(bytes, NFT_MSG_GETGEN, AF_UNSPEC, 0, 1);

	*ret = 0;
	return link_ask(link, nlh, generation_each, ret);
}

/* ---- batches ---- */

static void batch_grow(struct batch *batch)
{
	if (batch->capacity - batch->length < BATCH_MESSAGE_MAX) {
		size_t capacity = batch->capacity ? 2 * batch->capacity : 16 * BATCH_MESSAGE_MAX;
		char *bytes = arena_alloc(batch->arena, capacity);

		if (batch->length)
			memcpy(bytes, batch->bytes, batch->length);
		batch->bytes = bytes;
		batch->capacity = capacity;
	}
	if (batch->next >= batch->origin_capacity) {
		size_t capacity = batch->origin_capacity ? 2 * batch->origin_capacity : 256;
		struct origin *origins = arena_array(batch->arena, capacity, sizeof(*origins));

		if (batch->origin_capacity)
			memcpy(origins, batch->origins, batch->origin_capacity * sizeof(*origins));
		batch->origins = origins;
		batch->origin_capacity = capacity;
	}
}

/* Messages are finished by whoever built them; their length is known when the next one is wanted. */
static void batch_settle(struct batch *batch)
{
	if (batch->length < batch->capacity)
		batch->length += ((const struct nlmsghdr *)(batch->bytes + batch->length))->nlmsg_len;
	batch_grow(batch);
}

void batch_begin(struct batch *batch, struct arena *arena, uint32_t generation)
{
	struct nlmsghdr *nlh;

	*batch = (struct batch){ .arena = arena };
	batch_grow(batch);
	nlh = nftnl_batch_begin(batch->bytes, batch->next++);
	if (generation)
		mnl_attr_put_u32(nlh, NFNL_BATCH_GENID, htonl(generation));
}

struct nlmsghdr *batch_message(struct batch *batch, uint16_t type, uint16_t flags,
			       const struct origin *origin)
{
	/* The first message is acknowledged: proof that the kernel came to its end. */
	uint16_t ack = batch->next == 1 ? NLM_F_ACK : 0;

	batch_settle(batch);
	batch->origins[batch->next] = *origin;
	return nftnl_nlmsg_build_hdr(batch->bytes + batch->length, type, NFPROTO_INET,
				     (uint16_t)(flags | ack), batch->next++);
}

void batch_end(struct batch *batch, bool commit)
{
	batch_settle(batch);
	if (commit) {
		nftnl_batch_end(batch->bytes + batch->length, batch->next++);
		batch_settle(batch);
	}
}

/* ---- answers to a batch ---- */

struct answers {
	const struct batch *batch;
	void (*refused)(const struct refusal *, void *);
	void *data;
	bool done;   /* the first message was acknowledged */
	int error;   /* the first one, negative */
};

static int words_attribute(const struct nlattr *attr, void *data)
{
	if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG &&
	    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
		*(const char **)data = mnl_attr_get_str(attr);
	return MNL_CB_OK;
}

static const char *kernel_words(const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);
	size_t skip = sizeof(*err);
	const char *words = NULL;

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return NULL;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		skip += err->msg.nlmsg_len - sizeof(err->msg);
	mnl_attr_parse(nlh, (unsigned)skip, words_attribute, &words);
	return words;
}

static void take_answer(struct answers *a, const struct nlmsghdr *nlh)
{
	static const struct origin whole = { 0 };
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);
	uint32_t sequence;

	if (nlh->nlmsg_type != NLMSG_ERROR || mnl_nlmsg_get_payload_len(nlh) < sizeof(*err))
		return;
	sequence = err->msg.nlmsg_seq;
	if (!err->error) {
		a->done = true;
		return;
	}
	if (!a->error)
		a->error = err->error;
	a->refused(&(struct refusal){
			   .origin = sequence && sequence < a->batch->next ? &a->batch->origins[sequence] : &whole,
			   .error = -err->error,
			   .text = kernel_words(nlh),
		   }, a->data);
}

/* The kernel has answered everything before sendmsg() returns: what is not there now will not come. */
static int receive_answers(int fd, struct answers *a)
{
	static _Thread_local char bytes[RECEIVE_BYTES];

	for (;;) {
		ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		int left = (int)n;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		for (const struct nlmsghdr *nlh = (const void *)bytes; mnl_nlmsg_ok(nlh, left);
		     nlh = mnl_nlmsg_next(nlh, &left))
			take_answer(a, nlh);
	}
}

/* A batch is one datagram; the kernel must be willing to take it whole. */
static int send_whole(int fd, const struct batch *batch)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	int size = (int)(2 * batch->length + (1u << 16));

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) < 0)
		return -errno;
	if (sendto(fd, batch->bytes, batch->length, 0, (const struct sockaddr *)&kernel,
		   sizeof(kernel)) != (ssize_t)batch->length)
		return errno ? -errno : -EMSGSIZE;
	return 0;
}

int link_send(struct link *link, const struct batch *batch,
	      void (*refused)(const struct refusal *, void *), void *data)
{
	struct answers a = { .batch = batch, .refused = refused, .data = data };
	int fd = mnl_socket_get_fd(link->socket);
	int r;

	errno = 0;
	r = send_whole(fd, batch);
	if (r >= 0)
		r = receive_answers(fd, &a);
	if (a.error)
		return a.error;
	if (r < 0)
		return r;
	return a.done ? 0 : -EIO;
}

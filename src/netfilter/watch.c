/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/watch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/filter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#define RECEIVE_BYTES 8192
#define GENERATION (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN)

/*
 * One message ends every transaction and tells who made it. The others (one a row) are left out by the
 * kernel, or a policy of 10,000 rules would overrun the socket with its own news.
 */
static int only_generations(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(GENERATION), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno : 0;
}

int watch_open(struct watch *ret)
{
	int error;

	ret->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!ret->socket)
		return -errno;
	error = only_generations(watch_fd(ret));
	if (!error && mnl_socket_bind(ret->socket, 1u << (NFNLGRP_NFTABLES - 1), MNL_SOCKET_AUTOPID) < 0)
		error = -errno;
	if (error)
		watch_close(ret);
	return error;
}

void watch_close(struct watch *watch)
{
	if (watch->socket)
		mnl_socket_close(watch->socket);
	watch->socket = NULL;
}

int watch_fd(const struct watch *watch)
{
	return mnl_socket_get_fd(watch->socket);
}

static int take_attribute(const struct nlattr *attr, void *data)
{
	struct watch_change *change = data;
	uint16_t type = mnl_attr_get_type(attr);

	if (type == NFTA_GEN_PROC_PID && mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
		change->pid = ntohl(mnl_attr_get_u32(attr));
	if (type == NFTA_GEN_PROC_NAME && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0) {
		strncpy(change->program, mnl_attr_get_str(attr), sizeof(change->program) - 1);
		change->program[sizeof(change->program) - 1] = '\0';
	}
	return MNL_CB_OK;
}

static int take_message(const struct nlmsghdr *nlh, void *data)
{
	struct watch_change *ret = data, change = { .foreign = true };

	if (nlh->nlmsg_type != GENERATION ||
	    mnl_attr_parse(nlh, sizeof(struct nfgenmsg), take_attribute, &change) < 0)
		return MNL_CB_OK;
	/* In a process namespace of its own the number is another: then it is foreign, and found to be clean. */
	if (change.pid != (uint32_t)getpid())
		*ret = change;
	return MNL_CB_OK;
}

int watch_read(struct watch *watch, struct watch_change *ret)
{
	char bytes[RECEIVE_BYTES];

	*ret = (struct watch_change){ 0 };
	for (;;) {
		ssize_t n = recv(watch_fd(watch), bytes, sizeof(bytes), MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == ENOBUFS) {
			ret->foreign = true;
			continue;
		}
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		(void)mnl_cb_run(bytes, (size_t)n, 0, 0, take_message, ret);
	}
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/nflog.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>

#include "base/cursor.h"
#include "netfilter/shape.h"

#define RECEIVE_BYTES (1u << 16)
#define RECEIVE_BUFFER (1 << 20) /* bytes: a burst of drops while the reader is busy */
#define IP6_EXTENSIONS_MAX 8

_Static_assert(sizeof(((struct nflog_message *)0)->in) >= IF_NAMESIZE, "a name fits");

/* ---- the packet ---- */

static void take_address(struct cursor *c, uint8_t family, struct address *ret)
{
	size_t size = family == 4 ? 4 : 16;
	const uint8_t *bytes = cursor_take(c, size);

	if (!bytes)
		return;
	ret->family = family;
	memcpy(ret->b, bytes, size);
}

static void take_ports(struct cursor *c, struct nflog_message *m)
{
	if (m->transport != IPPROTO_TCP && m->transport != IPPROTO_UDP)
		return;
	m->source_port = cursor_be16(c);
	m->destination_port = cursor_be16(c);
	m->has_ports = !c->bad;
}

static void take_ip4(struct cursor *c, struct nflog_message *m)
{
	size_t header = (size_t)(cursor_u8(c) & 0xf) * 4;
	uint16_t fragment;

	(void)cursor_u8(c);
	m->length = cursor_be16(c);
	(void)cursor_be16(c);
	fragment = cursor_be16(c) & 0x1fff;
	(void)cursor_u8(c);
	m->transport = cursor_u8(c);
	(void)cursor_be16(c);
	take_address(c, 4, &m->source);
	take_address(c, 4, &m->destination);
	if (header < 20 || fragment)
		return;
	(void)cursor_take(c, header - 20);
	take_ports(c, m);
}

static bool is_extension(uint8_t header)
{
	return header == IPPROTO_HOPOPTS || header == IPPROTO_ROUTING || header == IPPROTO_DSTOPTS;
}

static void take_ip6(struct cursor *c, struct nflog_message *m)
{
	(void)cursor_be32(c);
	m->length = cursor_be16(c) + 40u;
	m->transport = cursor_u8(c);
	(void)cursor_u8(c);
	take_address(c, 6, &m->source);
	take_address(c, 6, &m->destination);
	for (int i = 0; i < IP6_EXTENSIONS_MAX && is_extension(m->transport); i++) {
		m->transport = cursor_u8(c);
		(void)cursor_take(c, (size_t)cursor_u8(c) * 8 + 6);
	}
	take_ports(c, m);
}

void nflog_decode_packet(const uint8_t *bytes, size_t length, struct nflog_message *ret)
{
	struct cursor c = cursor_over(bytes, length);

	if (length && bytes[0] >> 4 == 4)
		take_ip4(&c, ret);
	else if (length && bytes[0] >> 4 == 6)
		take_ip6(&c, ret);
}

/* ---- the message around it ---- */

static void take_prefix(const struct nlattr *attr, struct nflog_message *m)
{
	const size_t ours = sizeof(SHAPE_LOG_PREFIX) - 1;
	size_t length = strnlen(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));

	if (length >= sizeof(m->prefix))
		length = sizeof(m->prefix) - 1;
	memcpy(m->prefix, mnl_attr_get_payload(attr), length);
	m->prefix[length] = 0;
	m->reason = m->prefix + (strncmp(m->prefix, SHAPE_LOG_PREFIX, ours) ? length : ours);
}

static void take_interface(const struct nlattr *attr, char ret[static IF_NAMESIZE])
{
	if (!if_indextoname(ntohl(mnl_attr_get_u32(attr)), ret))
		ret[0] = 0; /* it is gone since */
}

static int take_attribute(const struct nlattr *attr, void *data)
{
	struct nflog_message *m = data;
	uint16_t type = mnl_attr_get_type(attr);
	bool number = mnl_attr_get_payload_len(attr) == sizeof(uint32_t);

	if (type == NFULA_PREFIX)
		take_prefix(attr, m);
	else if (type == NFULA_PAYLOAD)
		nflog_decode_packet(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr), m);
	else if (type == NFULA_MARK && number)
		m->mark = ntohl(mnl_attr_get_u32(attr));
	else if (type == NFULA_IFINDEX_INDEV && number)
		take_interface(attr, m->in);
	else if (type == NFULA_IFINDEX_OUTDEV && number)
		take_interface(attr, m->out);
	return MNL_CB_OK;
}

static bool is_packet(const struct nlmsghdr *nlh)
{
	return nlh->nlmsg_type == (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET) &&
	       nlh->nlmsg_len >= NLMSG_LENGTH(sizeof(struct nfgenmsg));
}

int nflog_read(struct nflog *log, void (*each)(const struct nflog_message *, void *), void *data)
{
	static _Thread_local char bytes[RECEIVE_BYTES];
	ssize_t n = recv(mnl_socket_get_fd(log->socket), bytes, sizeof(bytes), MSG_DONTWAIT);
	int left = (int)n, count = 0;

	if (n < 0 && errno == ENOBUFS) {
		log->lost++;
		return 0;
	}
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	for (const struct nlmsghdr *nlh = (const void *)bytes; mnl_nlmsg_ok(nlh, left);
	     nlh = mnl_nlmsg_next(nlh, &left)) {
		struct nflog_message m = { .reason = "" };

		if (!is_packet(nlh) ||
		    mnl_attr_parse(nlh, sizeof(struct nfgenmsg), take_attribute, &m) < 0)
			continue;
		each(&m, data);
		count++;
	}
	return count;
}

/* ---- opening ---- */

static struct nlmsghdr *put_config(char *bytes, uint16_t group, uint8_t command)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(bytes);
	struct nfulnl_msg_config_cmd cmd = { .command = command };
	struct nfgenmsg *head;

	nlh->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	nlh->nlmsg_seq = 1;
	head = mnl_nlmsg_put_extra_header(nlh, sizeof(*head));
	*head = (struct nfgenmsg){ .nfgen_family = AF_UNSPEC, .res_id = htons(group) };
	if (command)
		mnl_attr_put(nlh, NFULA_CFG_CMD, sizeof(cmd), &cmd);
	return nlh;
}

static int ask(struct mnl_socket *socket, const struct nlmsghdr *nlh)
{
	char bytes[1024];
	ssize_t n;

	if (mnl_socket_sendto(socket, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	n = mnl_socket_recvfrom(socket, bytes, sizeof(bytes));
	if (n < 0)
		return -errno;
	return mnl_cb_run(bytes, (size_t)n, 1, mnl_socket_get_portid(socket), NULL, NULL) < 0 ? -errno : 0;
}

/* The modes come before binding: from then on packets may stand between us and the answers. */
static int configure(struct mnl_socket *socket, uint16_t group)
{
	const struct nfulnl_msg_config_mode mode = { .copy_range = htonl(SHAPE_LOG_BYTES),
						     .copy_mode = NFULNL_COPY_PACKET };
	char bytes[256];
	struct nlmsghdr *nlh = put_config(bytes, group, NFULNL_CFG_CMD_BIND);

	/* In one message with binding, and every packet delivered at once. */
	mnl_attr_put(nlh, NFULA_CFG_MODE, sizeof(mode), &mode);
	mnl_attr_put_u32(nlh, NFULA_CFG_QTHRESH, htonl(1));
	return ask(socket, nlh);
}

int nflog_open(uint16_t group, struct nflog *ret)
{
	int size = RECEIVE_BUFFER, error = 0;

	*ret = (struct nflog){ .socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC) };
	if (!ret->socket)
		return -errno;
	if (mnl_socket_bind(ret->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		error = -errno;
	(void)setsockopt(nflog_fd(ret), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (!error)
		error = configure(ret->socket, group);
	if (error)
		nflog_close(ret);
	return error;
}

void nflog_close(struct nflog *log)
{
	if (log->socket)
		mnl_socket_close(log->socket);
	log->socket = NULL;
}

int nflog_fd(const struct nflog *log)
{
	return mnl_socket_get_fd(log->socket);
}

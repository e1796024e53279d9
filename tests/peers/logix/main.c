/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An EtherNet/IP device that behaves like a Logix controller, for tests and the demo: identity, tags by
 * name and by instance, listing, templates, messages unconnected and connected, I/O over UDP, and the old
 * data files N7 and F8. One process, one loop. Prints on standard output, a line at once: "ready", "open
 * PEER", "request PEER HEX" (a whole frame, before it is acted on), "close PEER", and "did ..." for
 * whatever was carried out.
 *
 *   logix [-a ADDRESS] [-p PORT] [-u I/O PORT] [-n TAGS] [-q] [--slot N] [--no-large-open]
 *         [--io-ends-with-session] [--deny TAG] [--deny-writes]
 *         [--deny-style parts|all|whole|zero]
 *
 * Default 0.0.0.0, 44818, 2222, 40 more tags "Zone_N". -q: prints nothing but "ready".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connections.h"
#include "device.h"
#include "encap.h"
#include "tags.h"

enum { PEERS_MOST = 512 };

struct peer {
	int fd; /* -1 = free */
	char name[32];
	struct link link;
	uint8_t bytes[FRAME_MOST];
	size_t size;
};

struct device device = { .port = 44818, .io_port = 2222, .running = true };
static struct peer peers[PEERS_MOST];

static void fail(const char *what)
{
	fprintf(stderr, "logix: %s: %s\n", what, strerror(errno));
	exit(1);
}

void say(const char *format, ...)
{
	va_list arguments;

	if (device.quiet)
		return;
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
}

const char *hex(const void *bytes, size_t size)
{
	static char texts[4][2 * 64 + 4];
	static unsigned turn;
	char *text = texts[turn++ % 4];
	size_t shown = size < 64 ? size : 64;

	text[0] = '\0';
	for (size_t i = 0; i < shown; i++)
		sprintf(text + 2 * i, "%02x", ((const uint8_t *)bytes)[i]);
	return shown < size ? strcat(text, "...") : text;
}

/* -- connections of TCP ---------------------------------------------------------------------------------------- */

static void say_request(const struct peer *peer, const uint8_t *frame, size_t size)
{
	if (device.quiet)
		return;
	printf("request %s ", peer->name);
	for (size_t i = 0; i < size; i++)
		printf("%02x", frame[i]);
	putchar('\n');
}

static void peer_close(struct peer *peer)
{
	close(peer->fd);
	peer->fd = -1;
	say("close %s", peer->name);
	if (peer->link.session)
		connections_session_over(peer->link.session);
}

static void peer_accept(int listener)
{
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	int on = 1, fd = accept4(listener, (struct sockaddr *)&from, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct peer *peer = peers;

	if (fd < 0)
		return;
	while (peer < peers + PEERS_MOST && peer->fd >= 0)
		peer++;
	if (peer == peers + PEERS_MOST) {
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	peer->fd = fd;
	peer->size = 0;
	peer->link = (struct link){ .peer = from };
	snprintf(peer->name, sizeof(peer->name), "%s:%u", inet_ntoa(from.sin_addr), ntohs(from.sin_port));
	say("open %s", peer->name);
}

/* Answers the frame that begins the buffer; false when the connection is over. */
static bool peer_answer(struct peer *peer, size_t size)
{
	uint8_t bytes[FRAME_MOST];
	struct out out = { .at = bytes, .room = sizeof(bytes) };

	say_request(peer, peer->bytes, size);
	enum encap_next next = encap_answer(&peer->link, in_of(peer->bytes, size), &out);

	peer->size -= size;
	memmove(peer->bytes, peer->bytes + size, peer->size);
	if (out.len && send(peer->fd, out.at, out.len, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)out.len)
		return false;
	return next == ENCAP_GO_ON;
}

static void peer_read(struct peer *peer)
{
	ssize_t got = recv(peer->fd, peer->bytes + peer->size, sizeof(peer->bytes) - peer->size, MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	bool alive = got > 0;

	peer->size += alive ? (size_t)got : 0;
	while (alive) {
		size_t size = encap_size(peer->bytes, peer->size);

		if (size > sizeof(peer->bytes))
			alive = false;
		if (size == 0 || size > peer->size)
			break;
		alive = peer_answer(peer, size);
	}
	if (!alive)
		peer_close(peer);
}

/* -- datagrams --------------------------------------------------------------------------------------------------- */

static void datagram_read(int fd, bool io)
{
	uint8_t bytes[FRAME_MOST], answer[512];
	struct link link = { .datagram = true };
	struct out out = { .at = answer, .room = sizeof(answer) };
	socklen_t size = sizeof(link.peer);
	ssize_t got = recvfrom(fd, bytes, sizeof(bytes), MSG_DONTWAIT, (struct sockaddr *)&link.peer, &size);

	if (got <= 0)
		return;
	if (io) {
		io_consume(bytes, (size_t)got, &link.peer);
		return;
	}
	if (encap_size(bytes, (size_t)got) == (size_t)got)
		encap_answer(&link, in_of(bytes, (size_t)got), &out);
	if (out.len)
		sendto(fd, out.at, out.len, MSG_DONTWAIT, (struct sockaddr *)&link.peer, sizeof(link.peer));
}

static int bound(const char *address, uint16_t port, int type)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	int on = 1, fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (inet_pton(AF_INET, address, &to.sin_addr) != 1) {
		fprintf(stderr, "logix: %s is not an IPv4 address\n", address);
		exit(2);
	}
	if (fd < 0)
		fail("socket");
	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&to, sizeof(to)) || (type == SOCK_STREAM && listen(fd, 512)))
		fail("bind");
	return fd;
}

/* -- the loop ------------------------------------------------------------------------------------------------------ */

enum { POLL_TCP, POLL_UDP, POLL_IO, POLL_PEERS };

static int wait_for(struct pollfd *fds)
{
	uint64_t now = now_us(), next = connections_tick();
	struct timespec span = { 3600, 0 };

	for (int i = 0; i < PEERS_MOST; i++)
		fds[POLL_PEERS + i] = (struct pollfd){ .fd = peers[i].fd, .events = POLLIN };
	if (next != UINT64_MAX) {
		uint64_t left = next > now ? next - now : 0;

		span = (struct timespec){ (time_t)(left / 1000000), (long)(left % 1000000) * 1000 };
	}
	return ppoll(fds, POLL_PEERS + PEERS_MOST, &span, NULL);
}

static void turn(struct pollfd *fds)
{
	wait_for(fds);
	io_produce(fds[POLL_IO].fd);
	if (fds[POLL_IO].revents)
		datagram_read(fds[POLL_IO].fd, true);
	if (fds[POLL_UDP].revents)
		datagram_read(fds[POLL_UDP].fd, false);
	for (int i = 0; i < PEERS_MOST; i++)
		if (peers[i].fd >= 0 && fds[POLL_PEERS + i].revents)
			peer_read(&peers[i]);
	if (fds[POLL_TCP].revents)
		peer_accept(fds[POLL_TCP].fd);
	if (!device.reset)
		return;
	device.reset = false;
	connections_end_all("reset");
	for (int i = 0; i < PEERS_MOST; i++)
		if (peers[i].fd >= 0)
			peer_close(&peers[i]);
}

static void serve(const char *address)
{
	static struct pollfd fds[POLL_PEERS + PEERS_MOST];

	for (int i = 0; i < PEERS_MOST; i++)
		peers[i].fd = -1;
	fds[POLL_TCP] = (struct pollfd){ bound(address, device.port, SOCK_STREAM), POLLIN, 0 };
	fds[POLL_UDP] = (struct pollfd){ bound(address, device.port, SOCK_DGRAM), POLLIN, 0 };
	fds[POLL_IO] = (struct pollfd){ bound(address, device.io_port, SOCK_DGRAM), POLLIN, 0 };
	puts("ready");
	for (;;)
		turn(fds);
}

/* -- arguments ------------------------------------------------------------------------------------------------------ */

static enum deny_style style_of(const char *word)
{
	static const char *const words[] = { [DENY_PARTS] = "parts", [DENY_ALL] = "all", [DENY_WHOLE] = "whole",
					     [DENY_ZERO] = "zero" };

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i], word) == 0)
			return (enum deny_style)i;
	fprintf(stderr, "logix: %s is no style of denial\n", word);
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "slot", required_argument, NULL, 's' },          { "no-large-open", no_argument, NULL, 'L' },
		{ "io-ends-with-session", no_argument, NULL, 'e' }, { "deny", required_argument, NULL, 'd' },
		{ "deny-style", required_argument, NULL, 'y' },    { "deny-writes", no_argument, NULL, 'w' },
		{ NULL, 0, NULL, 0 },
	};
	const char *address = "0.0.0.0";
	unsigned fillers = 40;
	int option;

	while ((option = getopt_long(argc, argv, "a:p:u:n:q", longs, NULL)) != -1) {
		if (option == 'a')
			address = optarg;
		else if (option == 'p')
			device.port = (uint16_t)atoi(optarg);
		else if (option == 'u')
			device.io_port = (uint16_t)atoi(optarg);
		else if (option == 'n')
			fillers = (unsigned)atoi(optarg);
		else if (option == 'q')
			device.quiet = true;
		else if (option == 's')
			device.slot = (unsigned)atoi(optarg);
		else if (option == 'L')
			device.no_large_open = true;
		else if (option == 'e')
			device.io_ends_with_session = true;
		else if (option == 'd')
			device.denied = optarg;
		else if (option == 'w')
			device.deny_writes = true;
		else if (option == 'y')
			device.deny_style = style_of(optarg);
		else
			return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	tags_make(fillers);
	serve(address);
}

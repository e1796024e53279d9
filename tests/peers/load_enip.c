/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * EtherNet/IP load: N connections to tests/peers/logix, each with a session, one request outstanding and the next
 * sent when its answer has come. A request reads the tag Count (DINT, 0) once, or 30 times in one packet. Every answer is
 * held byte for byte against the one that is right. Prints one JSON object; exit code 0 when every answer was right.
 *
 *   load_enip [-s SOURCE] [-p PORT] [-c CONNECTIONS] [-n TRANSACTIONS] [-k KIND] HOST
 *
 * KIND: unconnected (each request an Unconnected Send to 1/0), connected (a class 3 connection to the message
 * router at 1/0), multiple (a Multiple Service Packet of 30 reads on such a connection).
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS 256
#define PARTS 30
#define HEADER 24 /* of the encapsulation */
#define RR_DATA 40 /* where the CIP message begins: unconnected */
#define UNIT_DATA 46 /* and connected; its sequence count stands before it */
#define FRAME_MAX 1024

enum kind { UNCONNECTED, CONNECTED, MULTIPLE, KINDS };

struct bytes {
	size_t n;
	uint8_t b[FRAME_MAX];
};

struct connection {
	int fd;
	uint16_t sequence;
	bool waits;
	uint32_t session, id; /* id: of the class 3 connection, towards the device */
	uint32_t answers_to;
	uint64_t sent;
	size_t have;
	uint8_t got[FRAME_MAX];
	struct bytes request, reply; /* the same each time but for the number of the request */
};

static const char *const kind_names[KINDS] = { "unconnected", "connected", "multiple" };
static const uint8_t read_count[] = "\x4c\x04\x91\x05" "Count\0\x01";   /* and the 00 that ends the string */
static const uint8_t count_read[] = { 0xcc, 0, 0, 0, 0xc4, 0, 0, 0, 0, 0 };

static struct sockaddr_in source = { .sin_family = AF_INET }, target = { .sin_family = AF_INET };
static unsigned connection_count = 1;
static uint64_t transactions = 10000, asked, answered, wrong;
static enum kind kind;
static uint32_t *latencies; /* microseconds */
static struct connection connections[CONNECTIONS];

static void fail(const char *what)
{
	fprintf(stderr, "load_enip: %s\n", what);
	exit(1);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- messages ---- */

static void add(struct bytes *to, const void *from, size_t n)
{
	if (n > sizeof(to->b) - to->n)
		fail("a message of its own is too long");
	memcpy(to->b + to->n, from, n);
	to->n += n;
}

static void le(struct bytes *to, uint32_t value, unsigned size)
{
	uint8_t b[4] = { (uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24) };

	add(to, b, size);
}

static uint32_t le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static size_t frame_size(const uint8_t *frame)
{
	return HEADER + (size_t)(frame[2] | frame[3] << 8);
}

/* The header; its length is set by close_frame(). */
static void open_frame(struct bytes *m, unsigned command, uint32_t session)
{
	m->n = 0;
	le(m, command, 4);
	le(m, session, 4);
	for (unsigned i = 0; i < 4; i++)
		le(m, 0, 4);
}

static void close_frame(struct bytes *m)
{
	m->b[2] = (uint8_t)(m->n - HEADER);
	m->b[3] = (uint8_t)((m->n - HEADER) >> 8);
}

static void put_unconnected(struct bytes *m, uint32_t session, const struct bytes *cip)
{
	open_frame(m, 0x6f, session);
	le(m, 0, 4);
	le(m, 0, 2);
	le(m, 2, 2);
	le(m, 0, 4);
	le(m, 0xb2, 2);
	le(m, (uint32_t)cip->n, 2);
	add(m, cip->b, cip->n);
	close_frame(m);
}

static void put_connected(struct bytes *m, uint32_t session, uint32_t id, const struct bytes *cip)
{
	open_frame(m, 0x70, session);
	le(m, 0, 4);
	le(m, 0, 2);
	le(m, 2, 2);
	le(m, 0x000400a1, 4);
	le(m, id, 4);
	le(m, 0xb1, 2);
	le(m, (uint32_t)cip->n + 2, 2);
	le(m, 0, 2);
	add(m, cip->b, cip->n);
	close_frame(m);
}

/* Count parts of one size behind their offsets. */
static void put_parts(struct bytes *m, const uint8_t *part, size_t size)
{
	le(m, PARTS, 2);
	for (unsigned i = 0; i < PARTS; i++)
		le(m, (uint32_t)(2 + 2 * PARTS + i * size), 2);
	for (unsigned i = 0; i < PARTS; i++)
		add(m, part, size);
}

static void prepare(struct connection *c)
{
	struct bytes ask = { 0 }, reply = { 0 };

	if (kind == UNCONNECTED) {
		add(&ask, "\x52\x02\x20\x06\x24\x01\x07\xf9", 8);
		le(&ask, sizeof(read_count), 2);
	} else if (kind == MULTIPLE) {
		add(&ask, "\x0a\x02\x20\x02\x24\x01", 6);
		add(&reply, "\x8a\0\0\0", 4);
		put_parts(&ask, read_count, sizeof(read_count));
		put_parts(&reply, count_read, sizeof(count_read));
	}
	if (kind != MULTIPLE) {
		add(&ask, read_count, sizeof(read_count));
		add(&reply, count_read, sizeof(count_read));
	}
	if (kind == UNCONNECTED) {
		add(&ask, "\x01\0\x01\0", 4);
		put_unconnected(&c->request, c->session, &ask);
		put_unconnected(&c->reply, c->session, &reply);
	} else {
		put_connected(&c->request, c->session, c->id, &ask);
		put_connected(&c->reply, c->session, c->answers_to, &reply);
	}
}

/* ---- setting up, one after another ---- */

static void exchange(struct connection *c, const struct bytes *m)
{
	ssize_t n = 0;

	if (send(c->fd, m->b, m->n, MSG_NOSIGNAL) != (ssize_t)m->n)
		fail("a connection was lost");
	for (c->have = 0; c->have < HEADER || c->have < frame_size(c->got); c->have += (size_t)n) {
		n = recv(c->fd, c->got + c->have, sizeof(c->got) - c->have, 0);
		if (n <= 0)
			fail("a connection was closed");
	}
	c->have = 0;
}

static void open_class_3(struct connection *c)
{
	uint32_t number = (uint32_t)(c - connections);
	struct bytes ask = { 0 }, m = { 0 };

	c->answers_to = 0x10000u + number;
	add(&ask, "\x54\x02\x20\x06\x24\x01\x0a\x0e\0\0\0\0", 12);
	le(&ask, c->answers_to, 4);
	le(&ask, number, 2); /* serial, vendor, originator */
	le(&ask, 7, 2);
	le(&ask, 0x1234, 4);
	add(&ask, "\x03\0\0\0\x80\x84\x1e\0\xf4\x43\x80\x84\x1e\0\xf4\x43\xa3\x03\x01\0\x20\x02\x24\x01", 24);
	put_unconnected(&m, c->session, &ask);
	exchange(c, &m);
	if (c->got[RR_DATA] != 0xd4 || c->got[RR_DATA + 2])
		fail("no class 3 connection");
	c->id = le32(c->got + RR_DATA + 4);
}

static void open_connection(struct connection *c)
{
	struct bytes m;
	int on = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || bind(c->fd, (struct sockaddr *)&source, sizeof(source)) ||
	    connect(c->fd, (struct sockaddr *)&target, sizeof(target)))
		fail("not connected");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	open_frame(&m, 0x65, 0);
	le(&m, 1, 4);
	close_frame(&m);
	exchange(c, &m);
	c->session = le32(c->got + 4);
	if (kind != UNCONNECTED)
		open_class_3(c);
	prepare(c);
}

/* ---- at work ---- */

/* Every request has a number: connected its sequence count, unconnected it stands in the sender's context. */
static void number(struct connection *c, struct bytes *m)
{
	uint8_t *at = m->b + (kind == UNCONNECTED ? 12 : UNIT_DATA - 2);

	at[0] = (uint8_t)c->sequence;
	at[1] = (uint8_t)(c->sequence >> 8);
}

static void ask(struct connection *c)
{
	if (asked == transactions)
		return;
	asked++;
	c->sequence++;
	number(c, &c->request);
	number(c, &c->reply);
	c->waits = true;
	c->sent = now();
	if (send(c->fd, c->request.b, c->request.n, MSG_NOSIGNAL) != (ssize_t)c->request.n)
		fail("a connection was lost");
}

static void receive(struct connection *c)
{
	ssize_t n = recv(c->fd, c->got + c->have, sizeof(c->got) - c->have, 0);

	if (n <= 0)
		fail("a connection was closed");
	c->have += (size_t)n;
	if (c->have < HEADER || c->have < frame_size(c->got))
		return;
	wrong += c->have != c->reply.n || memcmp(c->got, c->reply.b, c->have) != 0;
	latencies[answered++] = (uint32_t)((now() - c->sent) / 1000);
	c->have = 0;
	c->waits = false;
	ask(c);
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static uint32_t percentile(double part)
{
	return latencies[(uint64_t)((double)(answered - 1) * part)];
}

static void report(double seconds)
{
	qsort(latencies, answered, sizeof(*latencies), by_size);
	printf("{\"transactions\": %llu, \"seconds\": %.3f, \"per_second\": %.0f, \"p50_us\": %u, \"p99_us\": %u, "
	       "\"p999_us\": %u, \"wrong\": %llu}\n", (unsigned long long)answered, seconds,
	       (double)answered / seconds, percentile(0.5), percentile(0.99), percentile(0.999),
	       (unsigned long long)wrong);
}

/* Whose fault it may be that an answer is missing: bytes that the other end has not acknowledged, or has. */
static void stalled(void)
{
	for (struct connection *c = connections; c < connections + connection_count; c++) {
		struct sockaddr_in own = { 0 };
		socklen_t own_size = sizeof(own), size = sizeof(struct tcp_info);
		struct tcp_info tcp = { 0 };

		if (!c->waits)
			continue;
		getsockname(c->fd, (struct sockaddr *)&own, &own_size);
		getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &tcp, &size);
		fprintf(stderr, "load_enip: port %u waits for answer %u: %u segments unacknowledged, sent again %u "
			"times, %zu bytes of the answer are there\n", ntohs(own.sin_port), c->sequence,
			tcp.tcpi_unacked, tcp.tcpi_retransmits, c->have);
	}
	fail("no answer within ten seconds");
}

static bool take_kind(const char *name)
{
	for (kind = 0; kind < KINDS; kind++)
		if (!strcmp(kind_names[kind], name))
			return true;
	return false;
}

static void parse(int argc, char **argv)
{
	bool good = true;
	int option;

	target.sin_port = htons(44818);
	while (good && (option = getopt(argc, argv, "s:p:c:n:k:")) != -1) {
		switch (option) {
		case 's': good = inet_pton(AF_INET, optarg, &source.sin_addr) == 1; break;
		case 'p': target.sin_port = htons((uint16_t)atoi(optarg)); break;
		case 'c': connection_count = (unsigned)atoi(optarg); break;
		case 'n': transactions = strtoull(optarg, NULL, 10); break;
		case 'k': good = take_kind(optarg); break;
		default: good = false;
		}
	}
	if (!good || optind + 1 != argc || inet_pton(AF_INET, argv[optind], &target.sin_addr) != 1 ||
	    connection_count < 1 || connection_count > CONNECTIONS || transactions < 1 || transactions > 50000000) {
		fprintf(stderr, "load_enip: see the top of load_enip.c\n");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event events[64];

	parse(argc, argv);
	latencies = calloc(transactions, sizeof(*latencies));
	if (!latencies || epoll < 0)
		return 1;
	for (unsigned i = 0; i < connection_count; i++) {
		struct epoll_event reading = { .events = EPOLLIN, .data.ptr = &connections[i] };

		open_connection(&connections[i]);
		epoll_ctl(epoll, EPOLL_CTL_ADD, connections[i].fd, &reading);
	}
	uint64_t start = now();

	for (unsigned i = 0; i < connection_count; i++)
		ask(&connections[i]);
	while (answered < transactions) {
		int n = epoll_wait(epoll, events, 64, 10000);

		if (n <= 0)
			stalled();
		for (int i = 0; i < n; i++)
			receive(events[i].data.ptr);
	}
	report((double)(now() - start) / 1e9);
	return wrong ? 1 : 0;
}

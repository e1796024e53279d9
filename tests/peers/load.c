/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Modbus/TCP load: N connections, each with so many requests outstanding, a mix of allowed reads, allowed
 * writes and writes that the gate must deny. Every answer is checked against its request: transaction,
 * unit, function, size, the device's known values (see plc.c), an exception for every denied write.
 * Prints one JSON object. Exit code 0 when every answer was right and the number asked for was reached.
 *
 *   load [-s SOURCE] [-p PORT] [-c CONNECTIONS] [-d DEPTH] [-n TRANSACTIONS] [-t SECONDS]
 *        [-m READS:WRITES:DENIED] [-r] HOST
 *
 * -t ends it after so many seconds, whatever -n says (0 = only -n). -r opens a lost connection again and
 * counts it, and gives up an answer after two seconds; without it either is a failure. The denied write
 * is of DENIED_VALUE to register DENIED_REGISTER: neither occurs in any allowed request.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
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

#define CONNECTIONS 4096
#define DEPTH 32
#define UNIT 1
#define READ_QUANTITY 10
#define WRITE_REGISTER 120
#define WRITE_LIMIT 1500
#define DENIED_REGISTER 666
#define DENIED_VALUE 0xdead
#define GIVE_UP_NS 2000000000ull

enum kind { READ, WRITE, DENIED, KINDS };

struct request {
	enum kind kind;
	uint16_t transaction, address, value;
	uint64_t sent;
};

struct connection {
	int fd; /* -1 = to be opened */
	bool connecting;
	uint64_t since; /* opened, or may be opened again from then on */
	uint16_t transaction;
	unsigned count;
	struct request open[DEPTH]; /* outstanding, oldest first; answers may come in any order */
	size_t have;
	uint8_t bytes[4096];
};

static struct options {
	struct sockaddr_in source, target;
	unsigned connections, depth, mix[KINDS];
	uint64_t transactions;
	double seconds;
	bool reconnect;
} options = { .connections = 1, .depth = 1, .mix = { 9, 1, 0 }, .transactions = 10000 };

static struct connection connections[CONNECTIONS];
static uint32_t *latencies; /* microseconds, of answered requests */
static uint64_t asked, answered, counts[KINDS], wrong, reconnects, given_up, next_kind;
static int epoll;

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void complain(const struct request *r, const uint8_t *frame, size_t len, const char *why)
{
	if (wrong++ >= 5)
		return;
	fprintf(stderr, "load: %s: request kind %d transaction %u address %u value %u, answer ", why,
		(int)r->kind, r->transaction, r->address, r->value);
	for (size_t i = 0; i < len; i++)
		fprintf(stderr, "%02x", frame[i]);
	fputc('\n', stderr);
}

/* What is wrong with this answer; NULL = nothing. */
static const char *judge(const struct request *r, const uint8_t *frame, size_t len)
{
	if (be16(frame + 2) || frame[6] != UNIT)
		return "another protocol or unit";
	if (r->kind == DENIED)
		return len == 9 && frame[7] == 0x86 && frame[8] >= 1 && frame[8] <= 3
			       ? NULL : "a forbidden write was not answered by an exception";
	if (r->kind == WRITE)
		return len == 12 && frame[7] == 6 && be16(frame + 8) == r->address &&
				       be16(frame + 10) == r->value
			       ? NULL : "not the echo of the write";
	if (len != 9 + 2 * READ_QUANTITY || frame[7] != 3 || frame[8] != 2 * READ_QUANTITY)
		return "not the answer to the read";
	for (unsigned i = 0; i < READ_QUANTITY; i++)
		if (be16(frame + 9 + 2 * i) != r->address + i)
			return "other values than the device has";
	return NULL;
}

static void drop(struct connection *c)
{
	if (c->fd >= 0)
		close(c->fd);
	if (c->count || !c->connecting)
		reconnects++;
	given_up += c->count;
	asked -= c->count;
	*c = (struct connection){ .fd = -1, .since = now() + 20000000u, .transaction = c->transaction };
}

static bool lost(struct connection *c, const char *why)
{
	if (!options.reconnect) {
		fprintf(stderr, "load: connection lost: %s\n", why);
		exit(1);
	}
	drop(c);
	return false;
}

static void open_connection(struct connection *c)
{
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT, .data.ptr = c };

	if (fd < 0 || bind(fd, (struct sockaddr *)&options.source, sizeof(options.source))) {
		perror("load: socket");
		exit(1);
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	*c = (struct connection){ .fd = fd, .connecting = true, .since = now(),
				  .transaction = c->transaction };
	if (connect(fd, (struct sockaddr *)&options.target, sizeof(options.target)) &&
	    errno != EINPROGRESS) {
		lost(c, strerror(errno));
		return;
	}
	epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static enum kind pick(void)
{
	uint64_t sum = options.mix[READ] + options.mix[WRITE] + options.mix[DENIED];
	uint64_t n = (next_kind++ * 2654435761u >> 16) % sum; /* spread evenly, the same every time */

	return n < options.mix[READ] ? READ : n < options.mix[READ] + options.mix[WRITE] ? WRITE : DENIED;
}

static struct request next_request(struct connection *c)
{
	struct request r = { .kind = pick(), .transaction = c->transaction++, .sent = now() };

	if (r.kind == READ) {
		r.address = (uint16_t)(asked % 90);
		r.value = READ_QUANTITY;
	} else if (r.kind == WRITE) {
		r.address = WRITE_REGISTER;
		r.value = (uint16_t)(asked % (WRITE_LIMIT + 1));
	} else {
		r.address = DENIED_REGISTER;
		r.value = DENIED_VALUE;
	}
	return r;
}

static void ask(struct connection *c)
{
	uint8_t bytes[DEPTH * 12], *p = bytes;

	while (c->count < options.depth && asked < options.transactions) {
		struct request r = next_request(c);
		uint8_t frame[12] = { (uint8_t)(r.transaction >> 8), (uint8_t)r.transaction, 0, 0, 0, 6,
				      UNIT, r.kind == READ ? 3 : 6, (uint8_t)(r.address >> 8),
				      (uint8_t)r.address, (uint8_t)(r.value >> 8), (uint8_t)r.value };

		memcpy(p, frame, sizeof(frame));
		p += sizeof(frame);
		c->open[c->count++] = r;
		asked++;
	}
	if (p > bytes && send(c->fd, bytes, (size_t)(p - bytes), MSG_NOSIGNAL) != p - bytes)
		lost(c, strerror(errno));
}

/* False: it answers nothing that was asked. */
static bool answer(struct connection *c, const uint8_t *frame, size_t len)
{
	struct request *r = c->open;
	const char *why;

	while (r < c->open + c->count && (len < 9 || r->transaction != be16(frame)))
		r++;
	if (r == c->open + c->count)
		return false;
	why = judge(r, frame, len);
	if (why)
		complain(r, frame, len, why);
	latencies[answered++] = (uint32_t)((now() - r->sent) / 1000);
	counts[r->kind]++;
	c->count--;
	memmove(r, r + 1, (size_t)(c->open + c->count - r) * sizeof(*r));
	return true;
}

/* Returns false when the connection is gone. */
static bool receive(struct connection *c)
{
	ssize_t n = recv(c->fd, c->bytes + c->have, sizeof(c->bytes) - c->have, 0);
	size_t at = 0;

	if (n < 0 && errno == EAGAIN)
		return true;
	if (n <= 0)
		return lost(c, n ? strerror(errno) : "closed by the peer");
	c->have += (size_t)n;
	while (c->have - at >= 9 && c->have - at >= 6u + be16(c->bytes + at + 4)) {
		size_t len = 6u + be16(c->bytes + at + 4);

		if (!answer(c, c->bytes + at, len)) {
			complain(&(struct request){ 0 }, c->bytes + at, len, "an answer to nothing");
			return lost(c, "an answer to nothing");
		}
		at += len;
	}
	memmove(c->bytes, c->bytes + at, c->have - at);
	c->have -= at;
	return true;
}

static void handle(struct connection *c, uint32_t events)
{
	struct epoll_event reading = { .events = EPOLLIN, .data.ptr = c };

	if (c->fd < 0)
		return;
	if (c->connecting && events & (EPOLLERR | EPOLLHUP)) {
		lost(c, "not connected");
		return;
	}
	if (c->connecting && events & EPOLLOUT) {
		c->connecting = false;
		epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &reading);
		ask(c);
	} else if (events && receive(c)) {
		ask(c);
	}
}

static void watch(void)
{
	uint64_t t = now();

	for (unsigned i = 0; i < options.connections; i++) {
		struct connection *c = &connections[i];
		uint64_t since = c->count ? c->open[0].sent : c->since;

		if (c->fd < 0 && t > c->since)
			open_connection(c);
		else if (c->fd >= 0 && (c->count || c->connecting) && t > since + GIVE_UP_NS)
			lost(c, "no answer within two seconds");
	}
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static uint32_t percentile(double part)
{
	return answered ? latencies[(uint64_t)((double)(answered - 1) * part)] : 0;
}

static void report(double seconds)
{
	qsort(latencies, answered, sizeof(*latencies), by_size);
	printf("{\"transactions\": %llu, \"seconds\": %.3f, \"per_second\": %.0f, \"p50_us\": %u, "
	       "\"p99_us\": %u, \"p999_us\": %u, \"reads\": %llu, \"writes\": %llu, \"denied\": %llu, "
	       "\"wrong\": %llu, \"reconnects\": %llu, \"given_up\": %llu}\n",
	       (unsigned long long)answered, seconds, (double)answered / seconds, percentile(0.5),
	       percentile(0.99), percentile(0.999), (unsigned long long)counts[READ],
	       (unsigned long long)counts[WRITE], (unsigned long long)counts[DENIED],
	       (unsigned long long)wrong, (unsigned long long)reconnects, (unsigned long long)given_up);
}

static void parse(int argc, char **argv)
{
	int option;

	options.source = (struct sockaddr_in){ .sin_family = AF_INET };
	options.target = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(502) };
	while ((option = getopt(argc, argv, "s:p:c:d:n:t:m:r")) != -1) {
		bool good = true;

		switch (option) {
		case 's': good = inet_pton(AF_INET, optarg, &options.source.sin_addr) == 1; break;
		case 'p': options.target.sin_port = htons((uint16_t)atoi(optarg)); break;
		case 'c': options.connections = (unsigned)atoi(optarg); break;
		case 'd': options.depth = (unsigned)atoi(optarg); break;
		case 'n': options.transactions = strtoull(optarg, NULL, 10); break;
		case 't': options.seconds = atof(optarg); break;
		case 'm':
			good = sscanf(optarg, "%u:%u:%u", &options.mix[READ], &options.mix[WRITE],
				      &options.mix[DENIED]) == 3;
			break;
		case 'r': options.reconnect = true; break;
		default: good = false;
		}
		if (!good)
			exit(2);
	}
	if (optind + 1 != argc || inet_pton(AF_INET, argv[optind], &options.target.sin_addr) != 1 ||
	    options.connections < 1 || options.connections > CONNECTIONS || options.depth < 1 ||
	    options.depth > DEPTH || options.transactions > 50000000 ||
	    !(options.mix[READ] + options.mix[WRITE] + options.mix[DENIED])) {
		fprintf(stderr, "load: see the top of load.c\n");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct epoll_event events[64];

	parse(argc, argv);
	latencies = calloc(options.transactions + 1, sizeof(*latencies));
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!latencies || epoll < 0)
		return 1;
	for (unsigned i = 0; i < options.connections; i++) {
		connections[i].fd = -1;
		open_connection(&connections[i]);
	}
	uint64_t start = now(), watched = start;

	while (answered < options.transactions) {
		int n = epoll_wait(epoll, events, 64, 10);
		uint64_t t = now();

		for (int i = 0; i < n; i++)
			handle(events[i].data.ptr, events[i].events);
		if (t - watched > 10000000) {
			watched = t;
			watch();
		}
		if (options.seconds > 0 && (double)(t - start) / 1e9 >= options.seconds)
			break;
	}
	report((double)(now() - start) / 1e9);
	return wrong || (answered < options.transactions && options.seconds <= 0) ? 1 : 0;
}

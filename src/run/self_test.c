/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/self_test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/failure.h"
#include "run/sockets.h"
#include "run/supervisor.h"

#define EVERY 60000   /* ms */
#define PATIENCE 5000
#define MODBUS_PORT 502

/* Write single register 0 of unit 1 to 0. */
static const uint8_t frame[] = { 0, 1, 0, 0, 0, 6, 1, 6, 0, 0, 0, 0 };

struct packet {
	struct iphdr ip;
	struct tcphdr tcp;
	uint8_t frame[sizeof(frame)];
};

static void make_packet(struct packet *ret)
{
	*ret = (struct packet){
		.ip = { .version = 4, .ihl = 5, .ttl = 1, .protocol = IPPROTO_TCP,
			.saddr = htonl(INADDR_LOOPBACK), .daddr = htonl(INADDR_LOOPBACK) },
		.tcp = { .source = htons(MODBUS_PORT), .dest = htons(MODBUS_PORT), .doff = 5, .psh = 1, .ack = 1 },
	};
	memcpy(ret->frame, frame, sizeof(frame));
}

static bool send_to_queue(const struct self_test *t, uint32_t bucket)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	uint32_t mark = RULESET_SELF_TEST(bucket);
	struct packet packet;

	make_packet(&packet);
	if (setsockopt(t->fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) < 0)
		return false;
	/* EPERM: a rule or a queue without an inspector dropped it at once. It was sent, and is missed. */
	return sendto(t->fd, &packet, sizeof(packet), MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&to,
		      sizeof(to)) > 0 || errno == EPERM;
}

static unsigned count_restarts(const struct crew *crew)
{
	unsigned restarts = 0;

	for (size_t i = 0; i < crew->queues; i++)
		restarts += crew->members[i].restarts;
	return restarts;
}

static void begin(struct supervisor *s)
{
	struct self_test *t = &s->self_test;
	bool sent = true;

	for (size_t i = 0; i < s->crew.queues; i++) {
		t->before[i] = s->crew.members[i].board->tried;
		sent &= send_to_queue(t, (uint32_t)i);
	}
	t->restarts = count_restarts(&s->crew);
	t->possible = t->under_way = sent;
	t->due = child_now() + EVERY;
	t->patience = child_now() + PATIENCE;
}

static bool is_denied(const struct supervisor *s)
{
	for (size_t i = 0; i < s->crew.queues; i++)
		if (s->crew.members[i].board->tried == s->self_test.before[i])
			return false;
	return true;
}

static void denied(struct supervisor *s)
{
	struct self_test *t = &s->self_test;

	if (self_test_fails(t))
		events_deed(&s->events, EVENTS_SELF_TEST_WORKS, "What the gate sends itself to be denied is denied again.");
	t->misses = 0;
	t->times++;
	t->denied_at = time(NULL);
	t->under_way = false;
}

static void missed(struct supervisor *s)
{
	static const char text[] = "What the gate sends itself to be denied was not denied in time by an inspector.";
	struct self_test *t = &s->self_test;

	t->under_way = false;
	t->due = 0; /* again at once */
	if (++t->misses != SELF_TEST_MISSES)
		return;
	events_deed(&s->events, EVENTS_SELF_TEST_FAILED, text);
	s->voice->warn(text);
}

void self_test_tick(struct supervisor *s)
{
	struct self_test *t = &s->self_test;
	int64_t now = child_now();
	bool serves = s->policy && crew_serves(&s->crew);

	if (!t->open)
		return;
	if (t->under_way && (!serves || t->restarts != count_restarts(&s->crew))) {
		t->under_way = false; /* what it held is gone with it */
		t->due = 0;
	}
	if (t->under_way && is_denied(s))
		denied(s);
	else if (t->under_way && now >= t->patience)
		missed(s);
	if (!t->under_way && serves && now >= t->due)
		begin(s);
}

void self_test_soon(struct self_test *test)
{
	test->due = 0;
}

bool self_test_fails(const struct self_test *test)
{
	return test->misses >= SELF_TEST_MISSES;
}

void self_test_open(struct supervisor *s)
{
	struct self_test *t = &s->self_test;
	int r = guard_open_self_test(&t->table);

	t->open = r == 0;
	t->fd = r == 0 ? socket_raw(AF_INET) : -1;
	if (r == 0 && t->fd < 0) {
		r = t->fd;
		self_test_close(t);
	}
	t->possible = r == 0;
	if (r < 0)
		supervisor_warn(s, "whether the inspectors deny cannot be tried (%s)", failure_text(r));
}

void self_test_close(struct self_test *test)
{
	if (test->fd >= 0)
		close(test->fd);
	if (test->open)
		guard_close(&test->table);
	*test = (struct self_test){ .fd = -1 };
}

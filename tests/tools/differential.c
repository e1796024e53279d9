/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The decision core against the kernel's own TCP. The device is a socket of this machine, reached through a TUN
 * interface behind the core; the server is a stream of Modbus requests, allowed and forbidden, which this program
 * sends by hand: cut at random, out of order, repeated, damaged, lost before and behind the core. What the socket
 * reads must be, at every moment, the requests that the core has said it allows and at most the beginning of the
 * next one; and they must be the permitted ones of what was sent. Reassembly is the kernel's; nothing of the
 * engine is used to judge it.
 *
 *   differential CONNECTIONS [SEED]      (in a network namespace of its own, as root)
 *
 * Connection i has the seed SEED + i, and its number is printed when it fails. One line of figures at the end.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../unit/lab_packet.h"
#include "../unit/lab_policy.h"

#define INTERFACE "ghdiff"
#define REQUESTS_MAX 24u
#define REQUEST_BYTES 12u
#define STREAM_MAX (REQUESTS_MAX * REQUEST_BYTES)
#define RECEIVED_MAX 4096u
#define STEPS_MAX 20000u
#define MILLISECOND 1000000ull

static uint64_t random_state, seed;
static int tun, listener;
static struct { uint64_t segments, requests, allowed, answered, reset, bytes; } figures;

/* The server, and what is known of its connection. */
static struct {
	uint16_t port;
	uint32_t isn, una;     /* una: the oldest byte that was not acknowledged to it */
	uint32_t expected;     /* the device's next byte */
	bool open, reset;
	bool rude;             /* cuts forbidden requests as well: that ends in a reset */
	bool damaged;          /* a bit was turned over */
	unsigned requests;
	bool allowed[REQUESTS_MAX];
	uint8_t stream[STREAM_MAX];
} server;

/* The device: its socket, what that gave, and what the core has said is allowed. */
static struct {
	int fd;                /* 0 = not accepted yet */
	size_t received, said, answered;
	uint8_t bytes[RECEIVED_MAX], allowed[RECEIVED_MAX];
} device;

static unsigned draw(unsigned below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)(random_state % below);
}

static void require(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "differential: %s (seed %llu)\n", what, (unsigned long long)seed);
	exit(1);
}

static bool before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/* ---- the core between the two ------------------------------------------------------------------------ */

/* The bytes of a request as the core says that it read them. */
static void note_event(const struct core_event *e)
{
	uint8_t *out = device.allowed + device.said;

	figures.answered += e->kind == CORE_EVENT_DENIED && e->action == CORE_ACTION_REPLIED;
	if (e->kind != CORE_EVENT_ALLOWED || !e->to_device)
		return;
	require(device.said + REQUEST_BYTES <= RECEIVED_MAX, "more was allowed than was sent");
	memcpy(out, (const uint8_t[]){ 0, 0, 0, 0, 0, 6, e->unit, e->function }, 8);
	lab_put16(out, e->transaction);
	lab_put16(out + 8, e->address);
	lab_put16(out + 10, e->function == 6 ? e->value : e->quantity);
	device.said += REQUEST_BYTES;
}

/* Lost now and then: so the device lacks what the core took as delivered. */
static void to_kernel(const uint8_t *packet, size_t length)
{
	if (device.fd && !draw(16))
		return;
	require(write(tun, packet, length) == (ssize_t)length, "the TUN interface took no packet");
}

static void to_server(const uint8_t *packet, size_t length)
{
	const uint8_t *tcp = packet + 20;
	uint32_t seq = lab_get32(tcp + 4), ack = lab_get32(tcp + 8);
	uint32_t size = (uint32_t)(length - 20 - (size_t)(tcp[12] >> 4) * 4);

	if (tcp[2] << 8 != (server.port & 0xff00) || tcp[3] != (server.port & 0xff))
		return;
	if (tcp[13] & LAB_RST) {
		server.reset = true;
		return;
	}
	if (tcp[13] & LAB_SYN) {
		server.expected = seq + 1;
		server.una = server.isn + 1;
		server.open = true;
		return;
	}
	require(!before(server.isn + 1 + server.requests * REQUEST_BYTES, ack), "what was never sent is acknowledged");
	if (before(server.una, ack))
		server.una = ack;
	if (!before(server.expected, seq) && before(server.expected, seq + size))
		server.expected = seq + size;
}

static void decide(const uint8_t *packet, size_t length, void (*onward)(const uint8_t *, size_t))
{
	struct core_io *io = core_io();

	memcpy(io->packet, packet, length);
	io->length = (uint32_t)length;
	io->mark = MARK_INSPECTED | LAB_CONDUIT;
	core_packet();
	for (uint32_t i = 0; i < io->event_count; i++)
		note_event(&io->events[i]);
	if (io->verdict != CORE_DROP)
		onward(io->packet, io->length);
	for (uint32_t i = 0; i < io->made_count; i++)
		(io->made[i].to_device ? to_kernel : to_server)(io->made[i].bytes, io->made[i].length);
}

static void send_segment(uint8_t flags, uint32_t seq, const uint8_t *data, size_t length)
{
	uint8_t packet[2048];
	struct lab_packet p = {
		.family = 4, .source = lab_server, .target = lab_device, .source_port = server.port,
		.target_port = LAB_PORT, .seq = seq, .ack = flags & LAB_ACK ? server.expected : 0, .flags = flags,
		.data = data, .length = length,
	};

	figures.segments++;
	decide(packet, lab_write(&p, packet), to_kernel);
}

/* What the device's kernel has to say; sometimes it is lost on its way to the gate. */
static void hear_kernel(void)
{
	uint8_t packet[2048];
	ssize_t length;

	while ((length = read(tun, packet, sizeof(packet))) > 0)
		if (packet[0] == 0x45 && packet[9] == IPPROTO_TCP && (!server.open || draw(16)))
			decide(packet, (size_t)length, to_server);
}

/* ---- the device ------------------------------------------------------------------------------------------ */

/* Echoes writes; answers a read with zeroes. */
static void answer(const uint8_t *request)
{
	uint8_t reply[9 + 250] = { 0 };
	size_t length = request[7] == 3 ? 9u + 2u * request[11] : REQUEST_BYTES;

	memcpy(reply, request, request[7] == 3 ? 8 : REQUEST_BYTES);
	lab_put16(reply + 4, (unsigned)length - 6);
	if (request[7] == 3)
		reply[8] = (uint8_t)(2 * request[11]);
	(void)!send(device.fd, reply, length, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Reads what has come and holds it against what was allowed. */
static void serve(void)
{
	ssize_t n = recv(device.fd, device.bytes + device.received, RECEIVED_MAX - device.received, MSG_DONTWAIT);
	size_t whole;

	if (n > 0)
		device.received += (size_t)n;
	whole = device.received / REQUEST_BYTES * REQUEST_BYTES;
	require(whole <= device.said, "the device has a request that was not allowed");
	require(!memcmp(device.bytes, device.allowed, whole), "the device has other bytes than were allowed");
	for (; device.answered < whole; device.answered += REQUEST_BYTES)
		answer(device.bytes + device.answered);
}

/* ---- one connection ---------------------------------------------------------------------------------------- */

/* Three kinds that the lab's policy permits, and three that it does not. */
static bool make_request(unsigned i, uint8_t *out)
{
	static const struct { uint8_t function; uint16_t first, span, value, values; bool allowed; } kinds[] = {
		{ 3, 0, 90, 1, 10, true }, { 3, 0, 90, 1, 10, true }, { 6, 120, 1, 0, 1501, true },
		{ 3, 95, 5, 6, 20, false }, { 6, 121, 500, 0, 1501, false }, { 6, 120, 1, 1501, 60000, false },
	};
	unsigned kind = draw(sizeof(kinds) / sizeof(kinds[0]));

	memcpy(out, (const uint8_t[]){ 0, 0, 0, 0, 0, 6, 1, kinds[kind].function }, 8);
	lab_put16(out, i);
	lab_put16(out + 8, kinds[kind].first + draw(kinds[kind].span));
	lab_put16(out + 10, kinds[kind].value + draw(kinds[kind].values));
	return kinds[kind].allowed;
}

static uint32_t whole_forbidden(uint32_t end)
{
	uint32_t rest = end % REQUEST_BYTES;

	return rest && !server.allowed[end / REQUEST_BYTES] ? end + REQUEST_BYTES - rest : end;
}

/* Any piece of the stream, most of them where the device still waits; now and then with a bit turned over. */
static void misbehave(void)
{
	uint8_t data[STREAM_MAX];
	uint32_t end = server.requests * REQUEST_BYTES;
	uint32_t at = server.una - server.isn - 1;
	uint32_t from = draw(4) ? at : at > 40 ? at - draw(40) : draw(at + 30);
	uint32_t size = 1 + draw(draw(3) ? 30 : STREAM_MAX);

	if (from >= end)
		from = end - 1;
	if (size > end - from)
		size = end - from;
	size = server.rude ? size : whole_forbidden(from + size) - from;
	memcpy(data, server.stream + from, size);
	if (server.rude && !draw(100)) {
		data[draw(size)] ^= (uint8_t)(1u << draw(8));
		server.damaged = true;
	}
	if (draw(12))
		send_segment(LAB_ACK | LAB_PSH, server.isn + 1 + from, data, size);
}

static bool all_acknowledged(void)
{
	return server.una == server.isn + 1 + server.requests * REQUEST_BYTES;
}

static void open_connection(uint64_t number)
{
	memset(&server, 0, sizeof(server));
	memset(&device, 0, sizeof(device));
	seed = number;
	random_state = number * 0x9e3779b97f4a7c15ull + 1;
	server.port = (uint16_t)(20000 + number % 40000);
	server.isn = draw(4) ? (uint32_t)random_state : 0xffffffffu - draw(300);
	server.rude = draw(2);
	server.requests = 1 + draw(REQUESTS_MAX);
	for (unsigned i = 0; i < server.requests; i++)
		server.allowed[i] = make_request(i, server.stream + i * REQUEST_BYTES);
	send_segment(LAB_SYN, server.isn, NULL, 0);
	hear_kernel();
	require(server.open, "the connection did not open");
	send_segment(LAB_ACK, server.una, NULL, 0);
	device.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	require(device.fd >= 0, "the device did not accept");
}

/* The lab's policy in the test's own words. */
static bool permitted(const uint8_t *request)
{
	unsigned address = lab_get32(request + 8) >> 16, value = lab_get32(request + 8) & 0xffff;

	if (request[6] != 1)
		return false;
	return request[7] == 3 ? value > 0 && address + value <= 100 : request[7] == 6 && address == 120 && value <= 1500;
}

/* Is what was allowed, in order, what of the stream is permitted: all of it, or up to where it was reset? */
static bool in_order(void)
{
	size_t at = 0;

	for (unsigned i = 0; i < server.requests && (at < device.said || !server.reset); i++) {
		if (!server.allowed[i])
			continue;
		if (at == device.said || memcmp(device.allowed + at, server.stream + i * REQUEST_BYTES, REQUEST_BYTES))
			return false;
		at += REQUEST_BYTES;
	}
	return at == device.said;
}

static void judge(void)
{
	for (size_t at = 0; at < device.said; at += REQUEST_BYTES)
		require(permitted(device.allowed + at), "the core allowed what the policy does not");
	require(server.damaged || in_order(), "the core allowed other requests than the permitted ones of the stream");
	require(server.reset ? server.rude : device.received == device.said, "an honest connection was reset");
	figures.requests += server.requests;
	figures.allowed += device.said / REQUEST_BYTES;
	figures.reset += server.reset;
	figures.bytes += device.received;
}

static void run(uint64_t number)
{
	unsigned steps = 0;

	open_connection(number);
	while (!server.reset && !(all_acknowledged() && device.received == device.said)) {
		require(steps++ < STEPS_MAX, "not every request was decided");
		core_io()->now += MILLISECOND;
		misbehave();
		serve();
		hear_kernel();
		if (!draw(8))
			send_segment(LAB_ACK, server.una, NULL, 0);
	}
	serve();
	judge();
	send_segment(LAB_RST | LAB_ACK, server.una, NULL, 0);
	close(device.fd);
	hear_kernel();
	core_io()->now += 100 * MILLISECOND;
	core_tick();
}

/* ---- the lab --------------------------------------------------------------------------------------------- */

static void command(const char *line)
{
	require(system(line) == 0, line);
}

static void open_tun(void)
{
	struct ifreq request = { .ifr_name = INTERFACE, .ifr_flags = IFF_TUN | IFF_NO_PI };

	tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	require(tun >= 0 && !ioctl(tun, TUNSETIFF, &request), "no TUN interface");
	command("ip addr add 10.2.0.2/32 dev " INTERFACE);
	command("ip link set " INTERFACE " up");
	command("ip route add 10.1.0.2/32 dev " INTERFACE);
}

static void open_listener(void)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(LAB_PORT),
				    .sin_addr.s_addr = htonl(0x0a020002) };

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	require(listener >= 0 && !bind(listener, (struct sockaddr *)&here, sizeof(here)) && !listen(listener, 64),
		"no listening socket");
}

int main(int argc, char **argv)
{
	struct lab_program program = lab_program();

	if (argc < 2) {
		fprintf(stderr, "differential: see the top of differential.c\n");
		return 2;
	}
	uint64_t count = strtoull(argv[1], NULL, 10), first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;

	open_tun();
	open_listener();
	require(lab_load(&program) == 1, "the policy was refused");
	core_io()->trace = 1;
	core_io()->now = 1000 * MILLISECOND;
	for (uint64_t i = first; i < first + count; i++)
		run(i);
	printf("connections %llu segments %llu requests %llu allowed %llu answered %llu reset %llu bytes %llu\n",
	       (unsigned long long)count, (unsigned long long)figures.segments, (unsigned long long)figures.requests,
	       (unsigned long long)figures.allowed, (unsigned long long)figures.answered,
	       (unsigned long long)figures.reset, (unsigned long long)figures.bytes);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A Modbus/TCP device made of libmodbus, for tests and the demo: a thread a connection, one shared data
 * table. Prints on standard output, a line at once: "ready", "open PEER", "request PEER HEX" (the whole
 * frame as it arrived, before it is acted on), "close PEER". Register n starts with the value n mod 65536,
 * coil n with n mod 2.
 *
 *   plc [-a ADDRESS] [-p PORT] [-n ITEMS] [-q]   default 0.0.0.0, 502, 10000 of each table;
 *                                                -q: prints nothing but "ready"
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <modbus.h>

static modbus_mapping_t *table;
static bool quiet;
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;

struct peer {
	int fd;
	char name[64];
};

static void fail(const char *what)
{
	fprintf(stderr, "plc: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void log_request(const char *peer, const uint8_t *frame, int len)
{
	char line[96 + 2 * MODBUS_TCP_MAX_ADU_LENGTH + 2];

	if (quiet)
		return;
	int at = snprintf(line, sizeof(line), "request %s ", peer);

	for (int i = 0; i < len; i++)
		at += snprintf(line + at, sizeof(line) - (size_t)at, "%02x", frame[i]);
	puts(line);
}

static void *serve(void *argument)
{
	struct peer *peer = argument;
	uint8_t frame[MODBUS_TCP_MAX_ADU_LENGTH];
	modbus_t *modbus = modbus_new_tcp(NULL, 0);

	if (!modbus || modbus_set_socket(modbus, peer->fd))
		fail("modbus_new_tcp");
	/* A frame may arrive byte by byte, with pauses. */
	modbus_set_byte_timeout(modbus, 60, 0);
	modbus_set_response_timeout(modbus, 0, 1000);
	if (!quiet)
		printf("open %s\n", peer->name);
	for (;;) {
		int len = modbus_receive(modbus, frame);

		if (len < 0)
			break;
		if (len == 0)
			continue;
		pthread_mutex_lock(&table_lock);
		log_request(peer->name, frame, len);
		int sent = modbus_reply(modbus, frame, len, table);

		pthread_mutex_unlock(&table_lock);
		if (sent < 0 && errno != EMBXILFUN && errno != EMBXILADD && errno != EMBXILVAL)
			break;
	}
	if (!quiet)
		printf("close %s\n", peer->name);
	modbus_close(modbus);
	modbus_free(modbus);
	free(peer);
	return NULL;
}

static int listen_on(const char *address, unsigned port)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	bool is_six = inet_pton(AF_INET6, address, &six.sin6_addr) == 1;
	int on = 1, fd;

	if (!is_six && inet_pton(AF_INET, address, &four.sin_addr) != 1) {
		fprintf(stderr, "plc: %s is not an address\n", address);
		exit(2);
	}
	fd = socket(is_six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		fail("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)); /* libmodbus serves 1,000 connections a process */
	if (bind(fd, is_six ? (void *)&six : (void *)&four, is_six ? sizeof(six) : sizeof(four)) ||
	    listen(fd, 1024))
		fail("listen");
	return fd;
}

static void accept_one(int listener)
{
	struct sockaddr_storage from;
	socklen_t size = sizeof(from);
	char text[INET6_ADDRSTRLEN] = "?";
	struct peer *peer = calloc(1, sizeof(*peer));
	pthread_t thread;
	int on = 1;

	if (!peer)
		fail("memory");
	peer->fd = accept4(listener, (struct sockaddr *)&from, &size, SOCK_CLOEXEC);
	if (peer->fd < 0) {
		free(peer);
		return;
	}
	setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (from.ss_family == AF_INET6)
		inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&from)->sin6_addr, text, sizeof(text));
	else
		inet_ntop(AF_INET, &((struct sockaddr_in *)&from)->sin_addr, text, sizeof(text));
	snprintf(peer->name, sizeof(peer->name), "%s:%u", text,
		 ntohs(((struct sockaddr_in *)&from)->sin_port));
	if (pthread_create(&thread, NULL, serve, peer))
		fail("thread");
	pthread_detach(thread);
}

int main(int argc, char **argv)
{
	const char *address = "0.0.0.0";
	int port = 502, items = 10000, option;

	while ((option = getopt(argc, argv, "a:p:n:q")) != -1) {
		if (option == 'a')
			address = optarg;
		else if (option == 'p')
			port = atoi(optarg);
		else if (option == 'n')
			items = atoi(optarg);
		else if (option == 'q')
			quiet = true;
		else
			return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	table = modbus_mapping_new(items, items, items, items);
	if (!table)
		fail("memory");
	for (int i = 0; i < items; i++) {
		table->tab_registers[i] = (uint16_t)i;
		table->tab_input_registers[i] = (uint16_t)i;
		table->tab_bits[i] = (uint8_t)(i & 1);
		table->tab_input_bits[i] = (uint8_t)(i & 1);
	}
	int listener = listen_on(address, (unsigned)port);

	puts("ready");
	for (;;)
		accept_one(listener);
}

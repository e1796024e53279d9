/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A libmodbus client that keeps one connection and does what standard input says, a command a line:
 *
 *   read ADDRESS COUNT | input ADDRESS COUNT | write ADDRESS VALUE | many ADDRESS VALUE... | coil ADDRESS 0|1
 *
 * Answers each with one line on standard output: "ok VALUE...", "exception CODE" or "lost REASON" (after
 * which it ends with exit code 1). Prints "connected" first. Addresses count from 0.
 *
 *   session HOST [PORT [UNIT [LOCAL-ADDRESS [SECONDS]]]]     SECONDS: how long it waits for an answer, 3
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <modbus.h>

static int connect_from(const char *local, const char *host, int port)
{
	struct sockaddr_in from = { .sin_family = AF_INET };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct timeval limit = { .tv_sec = 3 };
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || inet_pton(AF_INET, host, &to.sin_addr) != 1)
		return -1;
	/* SO_SNDTIMEO bounds connect() too. */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if ((local && (inet_pton(AF_INET, local, &from.sin_addr) != 1 ||
		       bind(fd, (struct sockaddr *)&from, sizeof(from)))) ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to))) {
		if (errno == EINPROGRESS || errno == EAGAIN)
			errno = ETIMEDOUT;
		close(fd);
		return -1;
	}
	return fd;
}

/* Returns what libmodbus says: -1 with errno, else done; *ret_count values to print. */
static int perform(modbus_t *modbus, char *line, uint16_t *values, int *ret_count)
{
	char *rest = line, *word = strsep(&rest, " \n");
	long numbers[128];
	int count = 0;

	for (char *w; rest && count < 128 && (w = strsep(&rest, " \n"));)
		if (*w)
			numbers[count++] = strtol(w, NULL, 0);
	*ret_count = 0;
	if (!strcmp(word, "read") && count == 2 && numbers[1] > 0 && numbers[1] <= 125) {
		*ret_count = (int)numbers[1];
		return modbus_read_registers(modbus, (int)numbers[0], *ret_count, values);
	}
	if (!strcmp(word, "input") && count == 2 && numbers[1] > 0 && numbers[1] <= 125) {
		*ret_count = (int)numbers[1];
		return modbus_read_input_registers(modbus, (int)numbers[0], *ret_count, values);
	}
	if (!strcmp(word, "write") && count == 2)
		return modbus_write_register(modbus, (int)numbers[0], (uint16_t)numbers[1]);
	if (!strcmp(word, "coil") && count == 2)
		return modbus_write_bit(modbus, (int)numbers[0], numbers[1] != 0);
	if (!strcmp(word, "many") && count > 1) {
		for (int i = 1; i < count; i++)
			values[i - 1] = (uint16_t)numbers[i];
		return modbus_write_registers(modbus, (int)numbers[0], count - 1, values);
	}
	fprintf(stderr, "session: what is \"%s\"?\n", word);
	exit(2);
}

int main(int argc, char **argv)
{
	char line[1024];
	uint16_t values[128];

	if (argc < 2)
		return 2;
	int port = argc > 2 ? atoi(argv[2]) : 502;
	int fd = connect_from(argc > 4 ? argv[4] : NULL, argv[1], port);
	modbus_t *modbus = modbus_new_tcp(argv[1], port);

	if (fd < 0 || !modbus) {
		printf("lost %s\n", strerror(errno));
		return 1;
	}
	modbus_set_socket(modbus, fd);
	modbus_set_slave(modbus, argc > 3 ? atoi(argv[3]) : 1);
	modbus_set_response_timeout(modbus, argc > 5 ? (uint32_t)atoi(argv[5]) : 3, 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("connected");
	while (fgets(line, sizeof(line), stdin)) {
		int count, result = perform(modbus, line, values, &count);

		if (result < 0 && errno > MODBUS_ENOBASE && errno < EMBBADCRC) {
			printf("exception %d\n", errno - MODBUS_ENOBASE);
			continue;
		}
		if (result < 0) {
			printf("lost %s\n", modbus_strerror(errno));
			return 1;
		}
		fputs("ok", stdout);
		for (int i = 0; i < count; i++)
			printf(" %u", values[i]);
		putchar('\n');
	}
	modbus_close(modbus);
	modbus_free(modbus);
	return 0;
}

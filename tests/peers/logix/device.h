/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What the parts of the simulated controller share: how it was started, whether its processor runs, and
 * the lines it prints. Every line that begins with "did" names something that was carried out, so that a
 * test can show that a request never was.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a request for the denied tag is answered inside a Multiple Service Packet. */
enum deny_style {
	DENY_PARTS, /* 1E, the denied part 0F, the others as if nothing were */
	DENY_ALL,   /* 1E, every part 0F, nothing carried out */
	DENY_WHOLE, /* the packet itself 0F, nothing carried out */
	DENY_ZERO,  /* the denied part 0F, but the packet 00: what some servers do wrong */
};

struct device {
	const char *denied; /* tag that answers 0F, or NULL */
	bool deny_writes; /* only what would change it */
	enum deny_style deny_style;
	bool quiet;
	bool no_large_open;        /* answers 5B with 08 */
	bool io_ends_with_session; /* class 0/1 connections end with their TCP connection */
	unsigned slot;
	uint16_t port, io_port;
	bool running;
	bool reset; /* asked for; main ends all connections */
};

extern struct device device;

/* One line on the log, unless quiet. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Hexadecimal of at most 64 bytes, in a buffer that the next call but three uses again. */
const char *hex(const void *bytes, size_t size);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * systemd's watchdog: a sign of life as long as the supervisor gets on with its work and the gate with its own.
 * A gate that has a policy and whose inspectors have not all served, and denied what must be denied (run/self_test.h), for twice
 * systemd's limit is started again as a whole.
 */
#include <stdint.h>

struct supervisor;

struct watchdog {
	int64_t limit;     /* ms without a sign of life; 0 = nobody watches */
	int64_t due;       /* ms, CLOCK_BOOTTIME */
	int64_t served_at; /* ms: the inspectors were last seen to serve */
};

/* Reads what systemd asks for. */
void watchdog_open(struct supervisor *s);

/* Call in every turn of a loop that does the supervisor's work. */
void watchdog_tick(struct supervisor *s);

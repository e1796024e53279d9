/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The box's clock under the supervisor's eye: judged every second and at once when somebody sets it, kept in
 * STATE/clock.json across restarts and boots. When the judgement changes, the policy is compiled again.
 */
#include <stdbool.h>
#include <stdint.h>

#include "policy/compile.h"
#include "run/clock.h"

struct supervisor;

struct clock_watch {
	struct clock clock;
	bool has_servers;  /* the policy in force, or the last one, names time servers */
	bool synchronised; /* as last seen */
	bool changed;      /* judged otherwise than what the policy in force was compiled for */
	bool unsaved;      /* said once */
	int timer;         /* readable when the clock was set; -1 = none */
	int64_t judge_at, save_at, call_at; /* ms, CLOCK_BOOTTIME */
};

/* Reads what is known and judges for the first time. Before any policy is compiled. */
void clock_watch_open(struct supervisor *s);
void clock_watch_close(struct supervisor *s);

/* To poll for reading; -1 = none. clock_watch_tick() does the rest. */
int clock_watch_fd(const struct supervisor *s);

/* Call in every turn of the loop. */
void clock_watch_tick(struct supervisor *s);

/* What a policy is to be compiled for now. */
void clock_watch_time(struct supervisor *s, struct compile_time *ret);

/* True: the policy in force was compiled for another judgement, and is to be compiled again now. */
bool clock_watch_calls(struct supervisor *s);

/* A policy is in force. */
void clock_watch_applied(struct supervisor *s, const struct site *site);

/* A person says that the clock is right. */
void clock_watch_confirm(struct supervisor *s);

/* What to compile for where no supervisor judges: not before the latest time that `state` knows of. */
void clock_watch_stored(const char *state, struct compile_time *ret);

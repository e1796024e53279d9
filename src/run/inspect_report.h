/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The inspector's messages to the supervisor. Sending never waits, but for the answer to a command: what
 * does not fit is counted and reported later. The process ends when the supervisor has gone.
 */
#include <stdint.h>

#include "run/channel.h"

void report(enum inspect_message_kind kind, uint32_t conduit);

/* The answer to a command (INSPECT_LOADED, INSPECT_REFUSED): the supervisor reads until it comes. */
void report_answer(enum inspect_message_kind kind);

void report_number(enum inspect_message_kind kind, uint64_t number);
void report_event(const struct core_event *event);
void report_lost(uint64_t count);

/* A failed step of the set-up; error is a positive errno. */
void report_failure(const char *what, int error);

/* Tells about messages that were lost, if there is room now. */
void report_catch_up(void);

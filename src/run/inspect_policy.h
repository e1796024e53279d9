/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The host's own view of the match program: which conduits exist and what their addresses are. Read from
 * the mailbox, out of the core's reach, so that the core cannot name addresses. The program before
 * the one in force is kept: connections of a conduit that was taken away still have to be reset.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/program.h"

/* Copies a program of `length` bytes and puts it in force; false when it does not hold together. */
bool policy_load(const void *program, size_t length);

/* Goes back to the program before, after the core refused the newest one. */
void policy_revert(void);

/* The program in force, or NULL; 8-aligned. */
const void *policy_program(size_t *ret_length);

/* The conduit of that number, in force or in the program before; NULL when there is none. */
const struct program_conduit *policy_conduit(uint32_t number);

/* The conduit of that number in the program before the one in force. */
const struct program_conduit *policy_conduit_before(uint32_t number);

/* Rules that the larger of both programs has: indexes in events lie below. */
uint32_t policy_rule_count(void);

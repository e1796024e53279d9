/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The stand-in on the queue of the conduits that fail open: while their core makes no progress it lets their
 * packets pass, and says so; as soon as the core gets on, the queue is the inspector's again. It reads nothing
 * of a packet but its number and its mark, and decides nothing.
 */
#include "run/channel.h"

/* The process is confined and has the channel and the queue. Ends with the supervisor's channel. */
__attribute__((noreturn)) void stand_in_serve(struct board *board);

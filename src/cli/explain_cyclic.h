/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A cyclic connection of EtherNet/IP that `explain` is asked about, by what its Forward Open names.
 */
#include "protocol/cip_connection.h"

/*
 * Reads the options as they were written, each may be NULL. No interval (`rpi`, milliseconds) means the slowest.
 * NULL, or what is missing or impossible.
 */
const char *cyclic_ask_parse(const char *io, const char *assembly, const char *rpi, struct cip_cyclic *ret);

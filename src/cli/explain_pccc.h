/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What explain asks about PCCC: a function, or reading and writing of data files, as the data of Execute PCCC. Only
 * explain_cip.c uses it.
 */
#include <stdint.h>

#include "base/sink.h"

struct pccc_ask {
	uint8_t command;
	int16_t function;           /* -1: the command has none */
	uint8_t shape;              /* enum pccc_shape; where it has an address, also: */
	uint8_t type;               /* of the file, a code */
	uint16_t file, element, elements;
	uint16_t element_size;      /* bytes */
};

/*
 * `what`: "read" and "write" are those of SLC 500 and MicroLogix, else a function's name or number; `file`: as in
 * "N7:0-9", or NULL. NULL, or what is wrong.
 */
const char *pccc_ask_parse(const char *what, const char *file, struct pccc_ask *ret);

/* Writes the request; zeros for what is written. */
void pccc_ask_put(const struct pccc_ask *ask, struct sink *s);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * PCCC (DF1 application layer: SLC 500, MicroLogix, PLC-5) as Execute PCCC of CIP carries it: requester
 * id, command, status, transaction, function, and for the functions that are named in pccc_functions the
 * file address and size. One table row a function is the only place that knows its name, access and
 * layout; any other has command and function and opaque data. Freestanding.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/cip_request.h"
#include "protocol/reason.h"

#define PCCC_COMMAND_LAST 0x0fu

enum pccc_shape {
	PCCC_SHAPE_OPAQUE = 0,
	PCCC_SHAPE_READ2,    /* protected typed logical read with two address fields: size, file, type, element */
	PCCC_SHAPE_READ3,    /* three: and sub-element */
	PCCC_SHAPE_WRITE2,   /* with data */
	PCCC_SHAPE_WRITE3,
	PCCC_SHAPE_MASK3,    /* protected typed logical write with mask: size, file, type, element, sub, mask, data */
	PCCC_SHAPE_READ_PLC5, /* typed read: offset, total, logical address, size */
	PCCC_SHAPE_WRITE_PLC5,
	PCCC_SHAPE_RMW_PLC5, /* read-modify-write: address, AND, OR, ... */
	PCCC_SHAPE_WORDS_READ_PLC5, /* word range read: offset, total, address, size */
	PCCC_SHAPE_WORDS_WRITE_PLC5,
	PCCC_SHAPE_NONE      /* no data */
};

struct pccc_function {
	uint8_t command;  /* without the reply bit (0x40) and priority bits */
	int16_t function; /* -1: the command has none */
	uint8_t access;   /* enum cip_access */
	uint8_t shape;    /* enum pccc_shape */
	const char *name;
};

extern const struct pccc_function pccc_functions[];
extern const size_t pccc_function_count;

/* The row, or NULL for one that has no name here; function -1: the command has none. */
const struct pccc_function *pccc_function(uint8_t command, int function);

/* Is a function byte behind this command? */
bool pccc_has_function(uint8_t command);

/* One letter pair of a file type: "N", "ST"; NULL when the code is not known. */
const char *pccc_type_name(uint8_t type);

/* Is the type's name this one, which is not ended by 0 when it has four bytes? */
bool pccc_name_is(const char *name, const uint8_t wanted[static 4]);

/* Words of one element of a file of that type's name; 0: not known. */
unsigned pccc_type_words(const uint8_t name[static 4]);

struct pccc {
	uint8_t command;
	uint8_t status;
	uint16_t transaction;
	bool has_function;
	uint8_t function;
	const struct pccc_function *known; /* NULL: opaque */
	bool has_address;
	uint8_t type;        /* file type code; 0 where the address does not say it (PLC-5) */
	uint16_t file;
	uint16_t element;
	uint16_t subelement;
	uint16_t elements;   /* elements read or written, 0 when the type's size is not known */
	bool words;          /* `elements` counts words (PLC-5 word ranges) */
	uint16_t size;       /* bytes read or written (SLC), elements (PLC-5 typed) */
	uint32_t value_size; /* PLC-5 typed write: bytes of each element, as the message describes it */
	const uint8_t *values; /* written */
	uint16_t values_length;
};

/* Of a request with CIP_SHAPE_PCCC. */
enum reason pccc_request(const struct cip_request *r, struct pccc *ret);

/* Of the data of its reply: command with reply bit, status, transaction, data. */
enum reason pccc_reply(const uint8_t *p, size_t len, struct pccc *ret);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The request that `explain` is asked about: read from options, put together as the frame that a client
 * would send, so that the inspector's own decoder and matcher judge it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/modbus.h"

#define REQUEST_VALUES_MAX 1968u /* coils of function 15 */

/* Options with a number; the order is that of the table in explain_request.c. */
enum request_number {
	REQUEST_UNIT,
	REQUEST_ADDRESS,
	REQUEST_QUANTITY,
	REQUEST_WRITE_ADDRESS,
	REQUEST_WRITE_QUANTITY,
	REQUEST_SUBFUNCTION,
	REQUEST_READ_CODE,
	REQUEST_OBJECT,
	REQUEST_FILE,
	REQUEST_RECORD,
	REQUEST_MEI_TYPE,
	REQUEST_NUMBERS
};

struct request {
	const char *wanted;                     /* --function as written; NULL: no request */
	uint8_t code;
	const struct modbus_function *function; /* NULL: a code that is not public */
	bool given[REQUEST_NUMBERS];
	uint16_t numbers[REQUEST_NUMBERS];
	uint16_t values[REQUEST_VALUES_MAX];    /* --value, in order */
	size_t value_count;
	uint8_t frame[MODBUS_FRAME_MAX];
	size_t frame_size;
};

/*
 * Takes the option at argv[*i] when it belongs to a request; *i moves to its last word. NULL and *ret_taken,
 * or what is wrong with it (static, or in `error`).
 */
const char *request_option(struct request *r, int argc, char **argv, int *i, bool *ret_taken,
			   char error[static 160]);

/* Builds the frame. NULL, or which option is missing or impossible. */
const char *request_build(struct request *r, char error[static 160]);

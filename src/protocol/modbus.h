/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Modbus/TCP messages: framing, requests and replies of every public function, to the letter of the
 * Modbus Application Protocol 1.1b3 and Messaging on TCP/IP 1.0b. One table row a function
 * (modbus_functions) is the only place that knows its name, access and shapes. Nothing here decides
 * whether a message is allowed. Freestanding.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/reason.h"

#define MODBUS_HEADER 7u       /* MBAP: transaction, protocol, length, unit */
#define MODBUS_FRAME_MIN 8u    /* header and function code */
#define MODBUS_FRAME_MAX 260u
#define MODBUS_EXCEPTION_FRAME 9u
#define MODBUS_EXCEPTION_BIT 0x80u    /* in the function code of a reply: an exception */
#define MODBUS_MEI_CANOPEN 13u
#define MODBUS_MEI_IDENTIFICATION 14u
#define MODBUS_FILE_PARTS 35u  /* most sub-requests that fit a file record request */

enum modbus_access { MODBUS_READ = 1, MODBUS_WRITE, MODBUS_CONTROL };

/* Which data table a function addresses; decides the digit of a data-sheet reference (40001). */
enum modbus_table { MODBUS_NO_TABLE = 0, MODBUS_COILS, MODBUS_DISCRETE_INPUTS, MODBUS_INPUT_REGISTERS,
		    MODBUS_HOLDING_REGISTERS };

/* The layout of the data after the function code, requests and replies. */
enum modbus_shape {
	MODBUS_SHAPE_NONE = 0,      /* no data */
	MODBUS_SHAPE_READ,          /* address, quantity -> byte count, data */
	MODBUS_SHAPE_WRITE_ONE,     /* address, value -> echo */
	MODBUS_SHAPE_WRITE_MANY,    /* address, quantity, byte count, data -> address, quantity */
	MODBUS_SHAPE_MASK,          /* address, and, or -> echo */
	MODBUS_SHAPE_READ_WRITE,    /* read address, quantity, write address, quantity, count, data -> count, data */
	MODBUS_SHAPE_FIFO,          /* pointer address -> byte count (2), FIFO count (2), data */
	MODBUS_SHAPE_DIAGNOSTICS,   /* sub-function, data -> sub-function, data */
	MODBUS_SHAPE_STATUS,        /* none -> one byte */
	MODBUS_SHAPE_COUNTER,       /* none -> status, count */
	MODBUS_SHAPE_COUNTED,       /* none -> byte count, data (server id, event log) */
	MODBUS_SHAPE_READ_FILE,     /* byte count, sub-requests -> byte count, sub-replies */
	MODBUS_SHAPE_WRITE_FILE,    /* byte count, sub-requests with data -> echo */
	MODBUS_SHAPE_MEI,           /* MEI type 14: read code, object id -> objects; type 13: opaque */
	MODBUS_SHAPE_OPAQUE         /* a user-defined code: any data */
};

struct modbus_function {
	uint8_t code;                /* 1-127 */
	uint8_t access;              /* enum modbus_access */
	uint8_t table;               /* enum modbus_table */
	uint8_t shape;               /* enum modbus_shape */
	uint16_t max_quantity;       /* read part, 0 = has none */
	uint16_t max_write_quantity; /* write part of function 23 */
	const char *name;            /* as in rule documents */
};

/* The public functions, ascending by code. */
extern const struct modbus_function modbus_functions[];
extern const size_t modbus_function_count;

/* The row of a code, or NULL for a code that is not public. */
const struct modbus_function *modbus_function(uint8_t code);

/* enum modbus_shape of a code; MODBUS_SHAPE_OPAQUE when it is not public. */
uint8_t modbus_shape(uint8_t code);

/* Does the function's request begin with the address of a data table? */
bool modbus_has_address(uint8_t code);

/* One sub-request of a file record request. */
struct modbus_file_part {
	uint16_t file;
	uint16_t record;
	uint16_t length;     /* registers */
};

/* What is known of a message; members that its shape does not have are 0. */
struct modbus_message {
	uint16_t transaction;
	uint8_t unit;
	uint8_t function;           /* without 0x80 */
	const struct modbus_function *known; /* its row, or NULL: it is not public */
	uint8_t exception;          /* reply: exception code, 0 = none */
	uint8_t mei_type;
	uint8_t read_code;          /* device identification */
	uint8_t object_id;
	uint16_t address;
	uint16_t quantity;
	uint16_t write_address;     /* function 23 */
	uint16_t write_quantity;
	uint16_t subfunction;
	uint16_t and_mask;
	uint16_t or_mask;
	const uint8_t *data;        /* values written or read, in wire order; inside the frame */
	uint16_t data_length;       /* bytes */
	uint16_t part_count;
	struct modbus_file_part parts[MODBUS_FILE_PARTS];
};

/* How far a request that has not wholly arrived can be judged. */
enum modbus_have {
	MODBUS_HAVE_NOTHING = 0,
	MODBUS_HAVE_UNIT,
	MODBUS_HAVE_FUNCTION,
	MODBUS_HAVE_ADDRESS /* address of the first (read) part */
};

/*
 * Framing over a stream: looks at the `len` bytes at `p` and sets *ret_size to the size of the first
 * frame (8-260). Returns REASON_NONE; *ret_size is 0 while the length field has not arrived. Returns
 * REASON_MALFORMED_FRAME as soon as the bytes cannot begin a frame (protocol id, length field).
 */
enum reason modbus_frame(const uint8_t *p, size_t len, size_t *ret_size);

/*
 * Decodes one whole request frame. REASON_NONE, or REASON_MALFORMED_FRAME / REASON_TRAILING_BYTES.
 * A function that is not public decodes as MODBUS_SHAPE_OPAQUE (data = everything after the code).
 */
enum reason modbus_request(const uint8_t *frame, size_t len, struct modbus_message *ret);

/* Decodes the start of a request frame: len < its size. Sets what is known and how much that is. */
enum modbus_have modbus_request_start(const uint8_t *frame, size_t len, struct modbus_message *ret);

/*
 * Can these first `len` bytes of a frame (less than its size) still begin a good request or reply? Not
 * when its function ends elsewhere than the length field says: a receiver that goes by the function
 * would find another frame in what follows (CVE-2017-11401 was that in a commercial gate).
 */
bool modbus_request_begins(const uint8_t *frame, size_t len);
bool modbus_reply_begins(const uint8_t *frame, size_t len);

/*
 * Decodes one whole reply frame by itself: exception or the function's own shape, with its inner counts
 * agreeing with its length. Says nothing about a request (see modbus_answers).
 */
enum reason modbus_reply(const uint8_t *frame, size_t len, struct modbus_message *ret);

/*
 * The specification's own limits of a decoded request: quantity (0 and too many), value of a coil, end of
 * the address space. REASON_NONE, REASON_QUANTITY_NOT_ALLOWED, REASON_VALUE_NOT_ALLOWED or
 * REASON_ADDRESS_NOT_ALLOWED. Not part of decoding: a server would answer these with an exception.
 */
enum reason modbus_limits(const struct modbus_message *request);

/* What has to be remembered of a request to judge its reply. */
struct modbus_ask {
	uint16_t transaction;
	uint8_t unit;
	uint8_t function;
	uint8_t mei_type;
	uint8_t read_code;
	uint16_t address;
	uint16_t quantity;     /* read functions: what is asked; file functions: registers of all parts */
	uint16_t subfunction;
	uint16_t part_count;
	uint16_t data_length;
	uint32_t data_digest;  /* of what the reply must echo */
};

void modbus_ask(const struct modbus_message *request, struct modbus_ask *ret);

/*
 * Does a decoded reply answer this request: unit, function, size, echo. The transaction is compared by
 * the caller. REASON_NONE or REASON_REPLY_MISMATCH.
 */
enum reason modbus_answers(const struct modbus_ask *ask, const struct modbus_message *reply);

/* Writes an exception reply (9 bytes) to the request into out. */
void modbus_exception(const struct modbus_ask *ask, uint8_t code,
		      uint8_t out[static MODBUS_EXCEPTION_FRAME]);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as a Modbus frame, request and reply: what is accepted keeps the decoder's promises. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "protocol/modbus.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void hold(bool promise)
{
	if (!promise)
		abort();
}

static void check_message(const uint8_t *frame, size_t len, const struct modbus_message *m)
{
	size_t framed;

	hold(modbus_frame(frame, len, &framed) == REASON_NONE && framed == len);
	hold(len >= MODBUS_FRAME_MIN && len <= MODBUS_FRAME_MAX);
	hold(m->function >= 1 && m->function <= 127);
	hold(m->part_count <= MODBUS_FILE_PARTS);
	hold(m->data_length == 0 || (m->data >= frame && m->data + m->data_length <= frame + len));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct modbus_message request, reply;
	struct modbus_ask ask;
	size_t half = size ? 1 + bytes[0] % size : 0;

	if (modbus_request(bytes, size, &request) == REASON_NONE) {
		check_message(bytes, size, &request);
		modbus_limits(&request);
	}
	if (modbus_reply(bytes, size, &reply) == REASON_NONE)
		check_message(bytes, size, &reply);
	if (modbus_request(bytes, half, &request) == REASON_NONE &&
	    modbus_reply(bytes + half, size - half, &reply) == REASON_NONE) {
		modbus_ask(&request, &ask);
		modbus_answers(&ask, &reply);
	}
	modbus_request_start(bytes, size, &request);
	return 0;
}

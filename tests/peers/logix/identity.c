/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The identity, the processor, and objects of which an attribute can be set: clock and network address. */
#include <time.h>

#include "device.h"
#include "objects.h"

enum { GET_ALL = 0x01, GET_LIST = 0x03, RESET = 0x05, START = 0x06, STOP = 0x07, GET_ONE = 0x0e, SET_ONE = 0x10 };
enum { VENDOR = 1, TYPE_PLC = 14, PRODUCT = 166, MAJOR = 32, MINOR = 11, STATE_OPERATIONAL = 3 };

static const uint32_t serial = 0x60a1c3f2;
static const char product_name[] = "1756-L83E/B";

static uint16_t status_word(void)
{
	return device.running ? 0x3060 : 0x3070;
}

static void put_name(struct out *out)
{
	out_8(out, sizeof(product_name) - 1);
	out_bytes(out, product_name, sizeof(product_name) - 1);
}

static bool put_attribute(struct out *out, uint32_t attribute)
{
	switch (attribute) {
	case 1:
		out_16(out, VENDOR);
		return true;
	case 2:
		out_16(out, TYPE_PLC);
		return true;
	case 3:
		out_16(out, PRODUCT);
		return true;
	case 4:
		out_8(out, MAJOR);
		out_8(out, MINOR);
		return true;
	case 5:
		out_16(out, status_word());
		return true;
	case 6:
		out_32(out, serial);
		return true;
	case 7:
		put_name(out);
		return true;
	default:
		return false;
	}
}

static void put_all(struct out *out)
{
	for (uint32_t i = 1; i <= 7; i++)
		put_attribute(out, i);
}

static void put_listed(struct in data, struct reply *reply)
{
	unsigned count = in_16(&data);

	out_16(&reply->data, count);
	for (unsigned i = 0; i < count && !data.bad; i++) {
		uint16_t attribute = in_16(&data);
		bool known = attribute >= 1 && attribute <= 7;

		out_16(&reply->data, attribute);
		out_16(&reply->data, known ? CIP_OK : CIP_ATTRIBUTE);
		put_attribute(&reply->data, attribute);
		if (!known)
			reply->status = 0x0a; /* one of the list failed */
	}
	if (data.bad || in_left(&data))
		reply_fail(reply, data.bad ? CIP_SHORT : CIP_LONG, 0);
}

static void reset(struct in data, struct reply *reply)
{
	uint8_t type = in_left(&data) ? in_8(&data) : 0;

	if (type > 1 || in_left(&data)) {
		reply_fail(reply, CIP_VALUE, 0);
		return;
	}
	device.reset = true;
	say("did reset %u", type);
}

void identity_answer(const struct request *request, struct reply *reply)
{
	uint32_t attribute = path_number(&request->path, 2, SEG_ATTRIBUTE);

	if (path_number(&request->path, 1, SEG_INSTANCE) != 1 || request->path.count > 3)
		reply_fail(reply, CIP_PATH_UNKNOWN, 0);
	else if (request->service == GET_ALL)
		put_all(&reply->data);
	else if (request->service == GET_LIST)
		put_listed(request->data, reply);
	else if (request->service == RESET)
		reset(request->data, reply);
	else if (request->service == SET_ONE)
		reply_fail(reply, CIP_NOT_SETTABLE, 0);
	else if (request->service != GET_ONE)
		reply_fail(reply, CIP_SERVICE, 0);
	else if (!put_attribute(&reply->data, attribute))
		reply_fail(reply, CIP_ATTRIBUTE, 0);
}

void identity_item(struct out *out)
{
	static const uint8_t zeros[12];
	uint8_t port[2] = { (uint8_t)(device.port >> 8), (uint8_t)device.port };

	out_16(out, 1);           /* of the encapsulation protocol */
	out_bytes(out, "\0\2", 2); /* a socket address, big-endian */
	out_bytes(out, port, 2);
	out_bytes(out, zeros, 12);
	put_all(out);
	out_8(out, STATE_OPERATIONAL);
}

void processor_answer(const struct request *request, struct reply *reply)
{
	if (request->path.count != 2 || path_number(&request->path, 1, SEG_INSTANCE) != 1) {
		reply_fail(reply, CIP_PATH_UNKNOWN, 0);
		return;
	}
	if (request->service != START && request->service != STOP) {
		reply_fail(reply, CIP_SERVICE, 0);
		return;
	}
	device.running = request->service == START;
	say("did %s, mode %s", device.running ? "start" : "stop", device.running ? "run" : "program");
}

/* -- clock (8B/1/5) and network address (F5/1/5) ---------------------------------------------------------- */

static void put_time(struct out *out)
{
	struct timespec now;
	struct tm utc;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	out_32(out, (uint32_t)utc.tm_year + 1900);
	out_32(out, (uint32_t)utc.tm_mon + 1);
	out_32(out, (uint32_t)utc.tm_mday);
	out_32(out, (uint32_t)utc.tm_hour);
	out_32(out, (uint32_t)utc.tm_min);
	out_32(out, (uint32_t)utc.tm_sec);
	out_32(out, (uint32_t)(now.tv_nsec / 1000));
}

/* Address, mask, gateway, two name servers, and an empty domain name. */
static void put_interface(struct out *out)
{
	for (int i = 0; i < 5; i++)
		out_32(out, 0);
	out_16(out, 0);
}

void settings_answer(const struct request *request, struct reply *reply)
{
	uint32_t class = path_number(&request->path, 0, SEG_CLASS);
	struct in data = request->data;

	if (path_number(&request->path, 1, SEG_INSTANCE) != 1 || request->path.count > 3)
		reply_fail(reply, CIP_PATH_UNKNOWN, 0);
	else if (request->service != GET_ONE && request->service != SET_ONE)
		reply_fail(reply, CIP_SERVICE, 0);
	else if (path_number(&request->path, 2, SEG_ATTRIBUTE) != 5)
		reply_fail(reply, CIP_ATTRIBUTE, 0);
	else if (request->service == SET_ONE)
		say("did set-attribute %x/1/5 data %s", class, hex(data.p, in_left(&data)));
	else if (class == 0x8b)
		put_time(&reply->data);
	else
		put_interface(&reply->data);
}

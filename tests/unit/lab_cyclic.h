/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Forward Opens of cyclic connections, and their packets, through the core. */
#include "lab_enip_talk.h"
#include "lab_udp.h"

#define OWNER_T_O 0x51000101u
#define DEVICE_ID 0x40a20003u /* the device's choice: O->T */
#define RPI 20000u            /* us */
#define MULTIPLIER 1u         /* code of 8 */
#define PATIENCE (8 * RPI * 1000ull)
#define GRACE LAB_SECOND
#define IO_PORT 2222
#define OUTPUT_BYTES 38u      /* sequence count, run/idle, 32 bytes */
#define INPUT_BYTES 34u

/* What a Forward Open asks for; `good` is what rule 0 allows. */
struct wanted {
	uint32_t t_o_id;
	unsigned serial;
	uint32_t o_t_rpi, t_o_rpi;
	unsigned o_t, t_o;       /* network parameters */
	uint8_t transport;
	const char *path;
	size_t path_length;
	uint32_t socket;         /* of a T->O socket address item; 0: none */
	uint16_t socket_port;
};

#define POINT_TO_POINT 0x4000u
#define MULTICAST 0x2000u
#define VARIABLE 0x0200u
#define REDUNDANT 0x8000u
#define PATH(bytes) .path = bytes, .path_length = sizeof(bytes) - 1
#define IO_PATH "\x20\x04\x24\x97\x2c\x96\x2c\x64" /* 151, 150, 100 */

static struct wanted good;

static inline struct lab_bytes forward_open(const struct wanted *w)
{
	struct lab_bytes m = { .n = 0 };

	lab_add(&m, "\x54\x02\x20\x06\x24\x01\x0a\x0e", 8);
	lab_le(&m, 0, 4);
	lab_le(&m, w->t_o_id, 4);
	lab_le(&m, w->serial, 2);
	lab_add(&m, "\xad\x0b\x0d\xf0\x0d\x60", 6);
	lab_le(&m, MULTIPLIER, 4);
	lab_le(&m, w->o_t_rpi, 4);
	lab_le(&m, w->o_t, 2);
	lab_le(&m, w->t_o_rpi, 4);
	lab_le(&m, w->t_o, 2);
	lab_le(&m, w->transport, 1);
	lab_le(&m, (uint32_t)w->path_length / 2, 1);
	lab_add(&m, w->path, w->path_length);
	return m;
}

/* In SendRRData, with a socket address item if one is wanted. */
static inline struct lab_bytes message(const struct lab_bytes *cip, uint32_t socket, uint16_t port, uint8_t context)
{
	struct lab_bytes data = { .n = 0 };

	lab_le(&data, 0, 4);
	lab_le(&data, 0, 2);
	lab_le(&data, socket ? 3 : 2, 2);
	lab_le(&data, 0, 4);
	lab_le(&data, 0xb2, 2);
	lab_le(&data, (uint32_t)cip->n, 2);
	lab_add(&data, cip->b, cip->n);
	if (socket) {
		lab_add(&data, "\x01\x80\x10\0\0\x02", 6);
		lab_put16(data.b + data.n, port);
		lab_put32(data.b + data.n + 2, socket);
		memset(data.b + data.n + 6, 0, 8);
		data.n += 14;
	}
	return lab_enip(0x6f, SESSION, 0, context, &data);
}

static inline struct lab_bytes open_message(const struct wanted *w)
{
	struct lab_bytes cip = forward_open(w);

	return message(&cip, w->socket, w->socket_port, 1);
}

static inline struct lab_bytes opened_with(const struct wanted *w, uint32_t o_t_id, uint32_t t_o_id)
{
	struct lab_bytes m = { .b = { 0xd4 }, .n = 4 };

	lab_le(&m, o_t_id, 4);
	lab_le(&m, t_o_id, 4);
	lab_le(&m, w->serial, 2);
	lab_add(&m, "\xad\x0b\x0d\xf0\x0d\x60", 6);
	lab_le(&m, w->o_t_rpi, 4);
	lab_le(&m, w->t_o_rpi, 4);
	lab_le(&m, 0, 2);
	return m;
}

static inline struct lab_bytes opened_message(const struct wanted *w, uint32_t o_t_id)
{
	struct lab_bytes m = opened_with(w, o_t_id, w->t_o_id);

	return message(&m, 0, 0, 1);
}

static inline struct lab_bytes triad_message(uint8_t service, unsigned serial, const char *path, size_t path_length)
{
	struct lab_bytes m = { .n = 0 };

	lab_le(&m, service, 1);
	if (service & 0x80)
		lab_le(&m, 0, 3);
	else
		lab_add(&m, "\x02\x20\x06\x24\x01\x0a\x0e", 7);
	lab_le(&m, serial, 2);
	lab_add(&m, "\xad\x0b\x0d\xf0\x0d\x60", 6);
	lab_le(&m, (uint32_t)path_length / 2, 2);
	lab_add(&m, path, path_length);
	return message(&m, 0, 0, 2);
}
#define CLOSE(serial, path) triad_message(0x4e, serial, path, sizeof(path) - 1)
#define CLOSED(serial) triad_message(0xce, serial, "", 0)

static inline void open_refused(const struct wanted *w, enum reason reason)
{
	refused(open_message(w), reason, RR(1, "\xd4\0\x0f\0"));
}

static inline void opens(const struct wanted *w, uint32_t o_t_id)
{
	request_passes(open_message(w));
	reply_passes(opened_message(w, o_t_id));
	from_server(server_next, at_server);
}

/* ---- packets ---------------------------------------------------------------------------------------------- */

static inline void send_io(int to_device, struct lab_bytes m)
{
	decide_udp(put_udp(to_device, 2000, IO_PORT, &m, core_io()->packet));
}

static inline void passes(int to_device, uint32_t id, uint32_t sequence, unsigned length)
{
	struct lab_bytes m = lab_cyclic(id, sequence, length);
	uint8_t as_sent[4200];
	size_t n = put_udp(to_device, 2000, IO_PORT, &m, as_sent);

	send_io(to_device, m);
	assert_int_equal(core_io()->verdict, CORE_PASS);
	assert_int_equal(core_io()->event_count, 0);
	assert_memory_equal(core_io()->packet, as_sent, n);
}

static inline void drops(int to_device, struct lab_bytes m, enum reason reason)
{
	send_io(to_device, m);
	assert_int_equal(core_io()->verdict, CORE_DROP);
	assert_int_equal(core_io()->made_count, 0);
	denied(reason, CORE_ACTION_DROPPED);
}

static inline void dropped(int to_device, uint32_t id, uint32_t sequence, unsigned length, enum reason reason)
{
	drops(to_device, lab_cyclic(id, sequence, length), reason);
	assert_int_equal(core_io()->events[0].has, CORE_HAS_CONNECTION | CORE_HAS_SEQUENCE);
	assert_int_equal(core_io()->events[0].connection, id);
	assert_int_equal(core_io()->events[0].sequence, sequence);
	assert_int_equal(core_io()->events[0].to_device, to_device);
}

/* Dropped, and nobody is blamed. */
static inline void dropped_quietly(int to_device, uint32_t id, uint32_t sequence, unsigned length)
{
	send_io(to_device, lab_cyclic(id, sequence, length));
	held();
}

static inline void told(enum core_event_kind kind, enum reason reason)
{
	core_tick();
	recorded(kind, reason, CORE_ACTION_NONE);
	assert_int_equal(core_io()->events[0].has, CORE_HAS_CONNECTION);
	assert_int_equal(core_io()->events[0].connection, DEVICE_ID);
	core_tick();
	assert_int_equal(core_io()->event_count, 0);
}

/* ---- a policy: rule 0 allows the assemblies 100, 150 and 151 every 10 ms, at the device itself and by 1/0 -- */

static inline int policy_with_io(void **state)
{
	policy_of_the_lab(state);
	policy.ranges[0] = (struct program_range){ 100, 100 };
	policy.ranges[1] = (struct program_range){ 150, 151 };
	policy.cip[2] = (struct program_cip){ .kind = CIP_IO, .io = CIP_IO_EXCLUSIVE_OWNER, .min_rpi_us = 10000,
					      .assemblies = { 0, 2 }, .routes = { 0, 2 } };
	good = (struct wanted){ .t_o_id = OWNER_T_O, .serial = 0x101, .o_t_rpi = RPI, .t_o_rpi = RPI,
				.o_t = POINT_TO_POINT | OUTPUT_BYTES, .t_o = POINT_TO_POINT | INPUT_BYTES,
				.transport = 1, PATH(IO_PATH) };
	return 0;
}

static inline int policy_input_only(void **state)
{
	policy_with_io(state);
	policy.cip[2].io = CIP_IO_INPUT_ONLY;
	policy.ranges[1].last = 152;
	good.o_t = POINT_TO_POINT | 2;
	good.path = "\x20\x04\x24\x97\x2c\x98\x2c\x64";
	return 0;
}

static inline void start_io(void)
{
	start_session();
	opens(&good, DEVICE_ID);
	told(CORE_EVENT_OPENED, REASON_NONE);
}

static inline void load_again(void)
{
	memcpy(core_program_area(), &policy, sizeof(policy));
	assert_int_equal(core_program_load(sizeof(policy)), 1);
}

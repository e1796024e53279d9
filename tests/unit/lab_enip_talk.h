/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* What a server and a device say to each other in EtherNet/IP through the core, and what must come of it. */
#include "lab_enip.h"
#include "lab_gate.h"

#define SESSION 0x11223344u
#define O_T 0xaabbccddu
#define T_O 0x01020304u

static uint32_t server_next, device_next;          /* the senders' numbers */
static uint32_t at_device, at_server;              /* the receivers' */

/* Sends a message; the core lets it go on as it is. */
static inline void server_says(const struct lab_bytes *m)
{
	say(m->b, m->n);
	from_server(server_next, at_server);
	server_next += (uint32_t)m->n;
}

static inline void device_says(const struct lab_bytes *m)
{
	say(m->b, m->n);
	from_device(device_next, at_device);
	device_next += (uint32_t)m->n;
}

static inline void request_passes(struct lab_bytes m)
{
	server_says(&m);
	assert_int_equal(core_io()->event_count, 0);
	passed(at_device, device_next, m.b, m.n);
	at_device += (uint32_t)m.n;
}

static inline void reply_passes(struct lab_bytes m)
{
	device_says(&m);
	assert_int_equal(core_io()->event_count, 0);
	passed(at_server, server_next, m.b, m.n);
	at_server += (uint32_t)m.n;
}

/* The request is taken out and answered with exactly this. */
static inline void refused(struct lab_bytes m, enum reason reason, struct lab_bytes answer)
{
	server_says(&m);
	denied(reason, CORE_ACTION_REPLIED);
	made(0, TO_SERVER, LAB_PSH | LAB_ACK, at_server, server_next, answer.b, answer.n);
	at_server += (uint32_t)answer.n;
	from_server(server_next, at_server); /* the server has it */
}

/* The request goes on, its reply does not: the request is refused with exactly this. */
static inline void withdrawn(struct lab_bytes m, struct lab_bytes reply, struct lab_bytes answer)
{
	request_passes(m);
	device_says(&reply);
	denied(REASON_TAG_NOT_ALLOWED, CORE_ACTION_REPLIED);
	passed(at_server, server_next, NULL, 0); /* its acknowledgement */
	made(0, TO_SERVER, LAB_PSH | LAB_ACK, at_server, server_next, answer.b, answer.n);
	made(1, TO_DEVICE, LAB_ACK, at_device, device_next, NULL, 0);
	at_server += (uint32_t)answer.n;
	from_server(server_next, at_server);
}

static inline void start(void)
{
	policy.conduits[0].protocol = PROGRAM_ETHERNET_IP;
	gate_start();
	server_next = at_device = 1001;
	device_next = at_server = 5001;
}

static inline void start_session(void)
{
	start();
	request_passes(lab_register(0));
	reply_passes(lab_register(SESSION));
	from_server(server_next, at_server);
}

#define RR(context, cip) lab_rr(SESSION, context, cip, sizeof(cip) - 1)
#define UNIT(id, sequence, cip) lab_unit(SESSION, id, sequence, cip, sizeof(cip) - 1)

/* Read Tag Line3.Rate, one element; its reply, a DINT. Write Tag Line3.Rate; Recipe.Speed (1500, 1501). */
#define READ_RATE "\x4c\x07\x91\x05" "Line3\0" "\x91\x04" "Rate" "\x01\x00"
#define RATE_READ "\xcc\0\0\0" "\xc4\0" "\x2a\0\0\0"
#define WRITE_RATE "\x4d\x07\x91\x05" "LINE3\0" "\x91\x04" "Rate" "\xc4\0" "\x01\0" "\x2a\0\0\0"
#define WRITE_SPEED(low) "\x4d\x08\x91\x06" "Recipe" "\x91\x05" "Speed\0" "\xc4\0" "\x01\0" low "\x05\0\0"
#define WRITE_REFUSED "\xcd\0\x0f\0"

/* Names and types of symbols from instance 0 on; two come back: 4 is Line3, 5 is Other. */
#define LISTING "\x55\x02\x20\x6b\x24\x00\x02\0\x01\0\x02\0"
#define LISTED "\xd5\0\0\0" "\x04\0\0\0" "\x06\0" "Counts" "\xc4\x20" "\x05\0\0\0" "\x05\0" "Other" "\xc4\0"
#define READ_SYMBOL(n) "\x4c\x02\x20\x6b\x24" n "\x01\0"

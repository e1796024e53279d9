/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The decision core: a pure function of (policy, state, packet, time). It has no heap, makes no system
 * call and imports nothing. All its state is static memory of fixed size, so the same sources run as
 * WebAssembly inside the inspector and natively under sanitizers, fuzzers and `replay`.
 *
 * The host writes a packet into core_io(), calls core_packet(), and reads the verdict, the packets to
 * send and the events from the same block. The host trusts nothing in it: it bounds every length and
 * writes addresses and ports itself.
 */
#include <stdint.h>

#include "protocol/program.h"

#define CORE_PACKET_MAX 65536u /* bytes of one IP packet */
#define CORE_MADE_MAX 8u       /* packets that the gate makes in one call */
#define CORE_MADE_BYTES 1500u  /* of each */
#define CORE_EVENTS_MAX 32u    /* events of one call */
#define CORE_FLOWS_MAX 4096u
#define CORE_RULES_MAX PROGRAM_RULES_MAX

/* What becomes of the queued packet. */
enum core_verdict {
	CORE_DROP = 0,
	CORE_PASS,   /* unchanged */
	CORE_REPLACE /* by the `length` bytes now in `packet` */
};

enum core_event_kind {
	CORE_EVENT_DENIED = 1, /* a violation: `reason` says why, `action` what was done */
	CORE_EVENT_OPENED,     /* a connection was established; CORE_HAS_CONNECTION: a cyclic one */
	CORE_EVENT_CLOSED,     /* a connection ended; `reason` when the gate ended it */
	CORE_EVENT_ALLOWED     /* a message was let through; only when io->trace is set (replay) */
};

enum core_action {
	CORE_ACTION_NONE = 0,
	CORE_ACTION_REPLIED,  /* the protocol's own error went to the asker; the connection lives */
	CORE_ACTION_RESET,    /* both sides were reset */
	CORE_ACTION_DROPPED,  /* taken out silently */
	CORE_ACTION_OBSERVED  /* mode observe: recorded and let through */
};

/* A packet of the gate's own: a complete IP packet; the host writes addresses and ports from the conduit. */
struct core_made {
	uint32_t conduit;    /* its number */
	uint16_t server_port; /* the server's TCP port, host order */
	uint8_t to_device;   /* 1: to the device, 0: to the server */
	uint8_t reserved;
	uint32_t length;
	uint8_t bytes[CORE_MADE_BYTES];
};

/* The fields of an event are those of protocol/modbus.h and protocol/cip.h; `has` says which are meaningful. */
#define CORE_HAS_MESSAGE 1u   /* transaction, unit, function */
#define CORE_HAS_ADDRESS 2u
#define CORE_HAS_QUANTITY 4u
#define CORE_HAS_VALUE 8u     /* value: the first (or offending) value written */
#define CORE_HAS_WRITE 16u    /* write_address, write_quantity of function 23 */
#define CORE_HAS_SUBFUNCTION 32u
#define CORE_HAS_COMMAND 64u  /* of the encapsulation */
#define CORE_HAS_SERVICE 128u
#define CORE_HAS_CLASS 256u
#define CORE_HAS_INSTANCE 512u
#define CORE_HAS_ATTRIBUTE 1024u
#define CORE_HAS_TAG 2048u
#define CORE_HAS_CONNECTION 4096u /* connection: a cyclic one, its O->T id or that of the packet */
#define CORE_HAS_SEQUENCE 8192u   /* sequence: of a cyclic packet */
#define CORE_HAS_ATTRIBUTES 16384u  /* tag: several attribute numbers, "1,6,7" */
#define CORE_HAS_FILE 32768u        /* tag: where in a data file, "N7:0" */
#define CORE_HAS_PCCC 65536u        /* function, subfunction: command and function of PCCC (65535: it has none) */
#define CORE_HAS_ELEMENTS 131072u   /* of the tag or data file, from there on */
#define CORE_HAS_ROUTE 262144u      /* through the backplane; without it the device itself is meant */
#define CORE_HAS_RECORD 524288u     /* file, address (record), quantity (registers) of functions 20, 21 */
#define CORE_HAS_OBJECT 1048576u    /* read_code, object of device identification */

#define CORE_TAG_MAX 63u /* characters of a tag that an event tells; a longer one ends in "..." */
#define CORE_ROUTE_MAX 23u

struct core_event {
	uint32_t conduit;
	uint32_t rule;        /* index in the program's rule table, or CORE_NO_RULE */
	uint16_t kind;        /* enum core_event_kind */
	uint16_t reason;      /* enum reason */
	uint16_t cause;       /* enum reason: why, when `reason` is denied-after-partial */
	uint8_t action;       /* enum core_action */
	uint8_t to_device;    /* direction of the message: 1 request, 0 reply */
	uint16_t server_port;
	uint16_t transaction;
	uint32_t has;         /* CORE_HAS_* */
	uint32_t value;
	uint8_t unit;
	uint8_t function;
	uint16_t address;
	uint16_t quantity;
	uint16_t write_address;
	uint16_t write_quantity;
	uint16_t subfunction; /* of diagnostics; of function 43 the MEI type */
	uint16_t file;
	uint8_t read_code;
	uint8_t object;
	/* EtherNet/IP: of a message with several requests the one that was denied, else the first */
	uint32_t class;
	uint32_t instance;
	uint32_t attribute;
	uint32_t connection;
	uint32_t sequence;
	uint16_t command;
	uint16_t elements;
	uint8_t service;
	uint8_t counted;      /* it is in the table of uses (below) */
	uint8_t route_length;
	uint8_t tag_length;
	char route[CORE_ROUTE_MAX + 1]; /* "1/0", "1/3/2/10.3.0.7"; like tag */
	char tag[CORE_TAG_MAX + 1]; /* printable; the last byte is zero */
};
#define CORE_NO_RULE 0xffffffffu

struct core_io {
	/* host -> core */
	uint64_t now;      /* nanoseconds, CLOCK_BOOTTIME: timers and rates */
	int64_t wall;      /* seconds since the epoch: rule windows */
	uint32_t mark;     /* of the queued packet; conduit number 0: an ICMP error of some conduit */
	uint32_t length;   /* of the packet; core -> host: of the replacement */
	uint32_t trace;    /* 1: an event for allowed messages too */
	uint64_t taken;    /* what the table of uses held when totals.packets was this has been read */
	/* core -> host */
	uint32_t verdict;  /* enum core_verdict */
	uint32_t made_count;
	uint32_t event_count;
	uint32_t events_lost; /* did not fit this call */
	uint32_t more;     /* 1: call core_tick() (core_sweep()) again, there is more to send */
	struct core_made made[CORE_MADE_MAX];
	struct core_event events[CORE_EVENTS_MAX];
	uint8_t packet[CORE_PACKET_MAX];
};

/* Counts since the state was last cleared, one row a rule of the loaded program; they outlive a reload. */
struct core_rule_count {
	uint64_t allowed; /* requests */
	uint64_t denied;
	uint64_t bytes;   /* of requests and replies that went on */
	uint64_t other;   /* uses for which the table below had no place */
};

struct core_totals {
	uint64_t packets;
	uint64_t passed;
	uint64_t dropped;
	uint64_t requests_allowed;
	uint64_t requests_denied;
	uint64_t flows_opened;
	uint32_t flows_now;
	uint32_t cyclics_now;
	uint32_t reserved;
	uint32_t generation; /* counts successful core_program_load() calls */
	struct core_rule_count rules[CORE_RULES_MAX];
};

/*
 * What was asked for: a row for each rule, request and verdict, as long as there is room. Of a message that carries
 * several requests each is one. A row gives way to another when it was read since it last counted.
 */
#define CORE_USES_MAX 2048u
struct core_use {
	struct core_event what; /* kind, rule, reason, whether it was only observed; transaction, port and value are 0 */
	uint64_t born;          /* io->now: with its place in the table it tells the row from any other */
	uint64_t touched;       /* totals.packets when it was last asked for */
	uint64_t count;
	int64_t first;          /* io->wall */
	int64_t last;
};

struct core_uses {
	uint32_t used;          /* rows, from the first one on; free ones among them have the count 0 */
	uint32_t denied;        /* of these, rows of denials: at most half of the table */
	struct core_use rows[CORE_USES_MAX];
};

/* Both sides of the sandbox are compiled from this file, by different compilers: same sizes, or no build. */
_Static_assert(sizeof(struct core_made) == 1512, "struct core_made differs across the sandbox");
_Static_assert(sizeof(struct core_event) == 160, "struct core_event differs across the sandbox");
_Static_assert(sizeof(struct core_io) == 82816, "struct core_io differs across the sandbox");
_Static_assert(sizeof(struct core_totals) == 4194368, "struct core_totals differs across the sandbox");
_Static_assert(sizeof(struct core_uses) == 409608, "struct core_uses differs across the sandbox");

/* The block for packets, verdicts and events. Valid for the life of the instance. */
struct core_io *core_io(void);

/* Where the next match program is written: PROGRAM_MAX bytes, not in use by the policy in force. */
uint8_t *core_program_area(void);

/* The counters; the host only reads them. */
struct core_totals *core_totals(void);
struct core_uses *core_uses(void);

/*
 * Checks the first `length` bytes of core_program_area() and puts them in force. Returns 1, or 0 when
 * the program is not valid: then the old one stays. After a 1 call core_sweep() until io->more is 0,
 * before any other packet.
 */
uint32_t core_program_load(uint32_t length);

/*
 * Closes the flows whose conduit is gone since the last load: resets in io->made; and the cyclic
 * connections that no rule permits any more. Conduit numbers are those of the program that was in force
 * BEFORE the load.
 */
void core_sweep(void);

/* Decides on the packet in core_io(); see struct core_io for what goes in and comes out. */
void core_packet(void);

/* Timers: retransmits the gate's own bytes, forgets dead flows and cyclic connections. Call about every 100 ms. */
void core_tick(void);

/* Back to the state before the first call: no program, no flows. */
void core_clear(void);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The match program: what the inspector enforces, as flat tables that refer to each other by index.
 * policy/ writes it, the decision core checks every reference once when it is loaded and then reads it.
 * One block of memory, little-endian (both sides are), no pointers. Offsets are from the start of the
 * block in bytes and multiples of 8. Freestanding.
 */
#include <stdint.h>

#define PROGRAM_MAGIC 0x504d4847u /* "GHMP" */
#define PROGRAM_VERSION 4u
#define PROGRAM_MAX (64u << 20)   /* bytes */
#define PROGRAM_RULES_MAX 131072u

/* A packet's mark: the low bits number the conduit (1 and up), the high bits say how it is handled. */
#define MARK_CONDUIT 0x0001ffffu  /* the conduit's number; 0 is "no rule" */
#define MARK_TIMETABLE 0x07fe0000u /* the number of its opening times, which conduits share; 0 = always open */
#define MARK_OPEN 0x08000000u     /* open while its inspector makes no progress; a queue of its own */
#define MARK_TIMED 0x10000000u    /* has a timetable: a second look-up */
#define MARK_REPLY 0x20000000u    /* matched by the reversed key: sent by the device */
#define MARK_INSPECTED 0x40000000u
#define MARK_MADE 0x80000000u     /* made by the gate itself (replies, resets) */

#define MARK_TIMETABLE_SHIFT 17u
#define TIMETABLES_MAX (MARK_TIMETABLE >> MARK_TIMETABLE_SHIFT)

static inline uint32_t mark_timetable(uint32_t mark)
{
	return (mark & MARK_TIMETABLE) >> MARK_TIMETABLE_SHIFT;
}

enum program_protocol { PROGRAM_MODBUS = 1, PROGRAM_ETHERNET_IP };
enum program_on_violation { PROGRAM_REPLY = 1, PROGRAM_RESET, PROGRAM_DROP };
enum program_mode { PROGRAM_ENFORCE = 1, PROGRAM_OBSERVE };

struct program_table {
	uint32_t offset;
	uint32_t count;
};

struct program_header {
	uint32_t magic;
	uint32_t version;
	uint32_t size;                 /* of the whole block */
	uint32_t reserved;
	struct program_table index;    /* uint32_t by conduit number: position in conduits + 1, 0 = none */
	struct program_table conduits; /* struct program_conduit */
	struct program_table rules;    /* struct program_rule */
	struct program_table windows;  /* struct program_window */
	struct program_table entries;  /* struct program_entry */
	struct program_table ranges;   /* struct program_range */
	struct program_table values;   /* struct program_value */
	struct program_table cip;      /* struct program_cip */
	struct program_table objects;  /* struct program_object */
	struct program_table tags;     /* struct program_tag */
	struct program_table names;    /* struct program_name */
	struct program_table files;    /* struct program_file */
	struct program_table hops;     /* struct program_hop */
	struct program_table routes;   /* struct program_span of hops */
	struct program_table text;     /* uint8_t: names and addresses, without terminators */
};

/* Positions first .. first + count - 1 of a table. */
struct program_span {
	uint32_t first;
	uint32_t count;
};

struct program_conduit {
	uint32_t number;              /* the low bits of its mark */
	uint8_t family;               /* 4 or 6 */
	uint8_t protocol;             /* enum program_protocol */
	uint8_t on_violation;         /* enum program_on_violation */
	uint8_t mode;                 /* enum program_mode */
	uint8_t server[16];           /* network order; IPv4 in the first four bytes */
	uint8_t device[16];
	uint16_t port;                /* the device's, host order */
	uint16_t max_connections;     /* 0 = no limit */
	uint32_t requests_per_second; /* 0 = no limit */
	struct program_span rules;
};

struct program_rule {
	struct program_span entries; /* of a Modbus rule */
	struct program_span cip;     /* of an EtherNet/IP rule */
	struct program_span windows; /* count 0: always open */
	uint32_t quirks;             /* PROGRAM_QUIRK_* */
	uint32_t key;                /* digest of the rule's id: its counts live on across a reload */
	int64_t no_new_from;         /* seconds since the epoch: connections opened from then on are not
				      * served by this rule (its review is overdue); 0 = never */
};
#define PROGRAM_QUIRK_TRANSACTION_ID 1u

/* Open from .. until - 1, in seconds since the epoch (UTC). */
struct program_window {
	int64_t from;
	int64_t until;
};

enum program_value_type {
	PROGRAM_UINT16 = 1,
	PROGRAM_INT16,
	PROGRAM_UINT32,
	PROGRAM_INT32,
	PROGRAM_FLOAT32
};

/*
 * One allowed service of a Modbus rule. An empty span of ranges means that the function has no such
 * part, never "all": "all" is the range 0-65535.
 */
struct program_entry {
	uint8_t function;      /* 1-127 */
	uint8_t mei_type;      /* for function 43: 13 or 14, else 0 */
	uint8_t value_type;    /* enum program_value_type */
	uint8_t word_order;    /* 0 = big (first register is the high word), 1 = little */
	uint16_t max_quantity; /* 0 = what the specification allows */
	uint16_t reserved;
	uint32_t units[8];     /* bit u % 32 of word u / 32: unit id u is allowed */
	struct program_span addresses; /* of the only, or of the read part: 0-65535; function 24: the pointer address */
	struct program_span writes;    /* of the write part of function 23 */
	struct program_span values;    /* allowed written values; count 0: any value */
	struct program_span subfunctions; /* of diagnostics */
	struct program_span objects;      /* object ids of device identification; count 0: any */
	struct program_span read_codes;   /* of device identification; count 0: any */
	struct program_span files;        /* file numbers of functions 20, 21 */
	struct program_span records;      /* record numbers of functions 20, 21 */
};

/* first .. last, both included. */
struct program_range {
	uint32_t first;
	uint32_t last;
};

/* min <= value <= max; a single value has min == max. */
struct program_value {
	double min;
	double max;
};

/* ---- EtherNet/IP ---- */

enum cip_kind { CIP_SERVICE = 1, CIP_READ_OBJECTS, CIP_READ_TAGS, CIP_WRITE_TAGS, CIP_BROWSE_TAGS, CIP_PCCC_READ,
		CIP_PCCC_WRITE, CIP_PCCC_FUNCTION, CIP_IO, CIP_LIST_IDENTITY };
enum cip_io { CIP_IO_LISTEN_ONLY = 1, CIP_IO_INPUT_ONLY, CIP_IO_EXCLUSIVE_OWNER };

/* One entry of an EtherNet/IP rule; spans that its kind does not have are empty. */
struct program_cip {
	uint8_t kind;                   /* enum cip_kind */
	uint8_t service;                /* of CIP_SERVICE: 1-127 */
	uint8_t io;                     /* of CIP_IO: enum cip_io */
	uint8_t pccc_command;           /* of CIP_PCCC_FUNCTION */
	int32_t pccc_function;          /* 0-255; -1: the command has none */
	uint32_t min_rpi_us;            /* of CIP_IO; 0: any */
	struct program_span path;       /* objects, of CIP_SERVICE at least one: from the outside in */
	struct program_span attributes; /* ranges, of the innermost object; count 0: the service names none */
	struct program_span tags;
	struct program_span values;     /* of written tags; count 0: any value */
	struct program_span files;
	struct program_span assemblies; /* ranges */
	struct program_span routes;     /* at least one, but for CIP_LIST_IDENTITY */
};

/* A part of a path. */
struct program_object {
	uint32_t class;
	uint32_t reserved;
	struct program_span instances; /* ranges; 0 is the class itself */
};

#define PROGRAM_DIMENSIONS 3u /* of an array in a controller */

/* A tag, or with `rest` everything below it; no part and `rest`: every tag. */
struct program_tag {
	struct program_span parts; /* from the outside in */
	uint32_t rest;             /* 0 or 1 */
};

/* A name in lower case and the elements that may be touched; no dimension: the tag as a whole. */
struct program_name {
	struct program_span name;  /* of text, at least one byte */
	uint32_t dimension_count;  /* 0 .. PROGRAM_DIMENSIONS */
	struct program_range dimensions[PROGRAM_DIMENSIONS];
};

/* A data file of an SLC, MicroLogix or PLC-5. */
struct program_file {
	uint8_t type[4];           /* "N", "ST": upper case, the rest is zero */
	uint32_t number;
	struct program_range elements;
};

/* A step of a route: out of a port to a link address on it. */
struct program_hop {
	uint32_t port;
	struct program_span link;  /* of text: one byte is a slot or node, more are an address in writing */
};

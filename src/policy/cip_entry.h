/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Allowed EtherNet/IP services in canonical form: names are lower-case (controllers compare them without
 * case), numbers are numbers whatever they were called, ranges stay as they were written: a request must
 * lie inside one of them. All of it lives in the arena of the invocation.
 */
#include "json/value.h"
#include "protocol/cip.h"
#include "protocol/program.h"

#define CIP_INSTANCE_LAST 999999999u /* that can be written in a rule; "all" ends there */

struct range_list {
	struct program_range *items;
	size_t count;
};

/* A part of a path: a class of objects, and which of them. */
struct object {
	uint16_t class;              /* 0: not understood */
	struct range_list instances; /* 0: the class itself */
};

/* From the outside in: controllers nest objects. */
struct object_list {
	struct object *items;
	size_t count;
};

struct value_list {
	struct program_value *items;
	size_t count;
};

/* "Counts[0-9]": a name and the elements that may be touched; no dimension: the tag as a whole. */
struct tag_part {
	const char *name; /* lower-case; "program:main" and "local:1:i" are one name */
	struct program_range dimensions[PROGRAM_DIMENSIONS];
	size_t dimension_count;
};

/* "Recipe.Step[2].*": parts from the outside in. */
struct tag {
	const struct value *at;  /* NULL: of a built-in profile */
	const char *text;        /* as written */
	struct tag_part *parts;  /* none and `rest`: every tag */
	uint32_t part_count;
	bool rest;               /* ends in "*": everything below as well */
};

struct tag_list {
	struct tag *items;
	size_t count;
};

/* "N7:0-99" of an SLC, MicroLogix or PLC-5. */
struct pccc_file {
	const struct value *at;
	char type[4];            /* upper-case: "N", "ST" */
	uint16_t number;
	struct program_range elements;
};

struct pccc_file_list {
	struct pccc_file *items;
	size_t count;
};

/* One step of a route: out of a port to a link address on it. */
struct route_hop {
	uint16_t port;           /* 1: the backplane */
	const char *link;        /* a slot ("0" .. "255") or an address ("10.3.0.7"), as on the wire */
};

/* No hop: the device that the connection goes to. */
struct cip_route {
	struct route_hop *hops;
	size_t count;
};

struct cip_route_list {
	struct cip_route *items; /* count 0: the device itself and slot 0 of its backplane */
	size_t count;
};

/* One entry of "allow"; only what belongs to its kind is filled. A large site has tens of thousands of them. */
struct cip_entry {
	const struct value *at;            /* NULL: of a built-in profile */
	enum cip_kind kind;
	enum cip_io io;                    /* of CIP_IO */
	enum cip_access access : 8;        /* CIP_CONTROL also when the effect is not known */
	uint8_t service;                   /* of CIP_SERVICE: 1-127 */
	uint8_t pccc_command;              /* of CIP_PCCC_FUNCTION */
	int16_t pccc_function;             /* likewise; -1: the command has none */
	uint32_t min_rpi_us;               /* of CIP_IO: shortest packet interval, microseconds; 0: any */
	struct cip_route_list routes;      /* its own, else those of the rule */
	/* CIP_IO */
	struct range_list assemblies;      /* instances of the assembly object */
	/* CIP_SERVICE */
	struct object_list path;           /* the service is one of the innermost object's */
	struct range_list attributes;      /* count 0: the service names none; "all" is 1-65535 */
	/* CIP_READ_TAGS, CIP_WRITE_TAGS */
	struct tag_list tags;
	struct value_list values;          /* of CIP_WRITE_TAGS; count 0: any value */
	/* CIP_PCCC_READ, CIP_PCCC_WRITE */
	struct pccc_file_list files;
};

/* The class that the service's number is read against; 0: none, or not understood. */
static inline uint16_t cip_entry_class(const struct cip_entry *entry)
{
	return entry->path.count ? entry->path.items[entry->path.count - 1].class : 0;
}

struct cip_entry_list {
	struct cip_entry *items;
	size_t count;
};

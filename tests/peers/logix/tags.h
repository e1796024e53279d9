/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The controller's tags: their names, types and memory, and what a path leads to among them. Names are
 * compared without regard to case, as Logix does. tags_make() must come first.
 */
#include "message.h"

enum tag_type {
	TYPE_BOOL = 0xc1,
	TYPE_SINT = 0xc2,
	TYPE_INT = 0xc3,
	TYPE_DINT = 0xc4,
	TYPE_LINT = 0xc5,
	TYPE_REAL = 0xca,
	TYPE_DWORD = 0xd3, /* an array of BOOL is one of these */
	TYPE_STRUCT = 0x02a0,
};

enum { READ_TAG = 0x4c, WRITE_TAG = 0x4d, MODIFY_TAG = 0x4e, READ_FRAGMENT = 0x52, WRITE_FRAGMENT = 0x53 };
enum { TAGS_MOST = 2100, DIMENSIONS = 3 };

/* The one program: what its tags' paths begin with. */
#define PROGRAM_SYMBOL "Program:Main"

struct template;

struct shape {
	enum tag_type type;
	const struct template *of;     /* of TYPE_STRUCT */
	uint32_t dimensions[DIMENSIONS]; /* 0 = none */
};

struct member {
	const char *name;
	struct shape shape;
	uint16_t offset;
	uint8_t bit; /* of a BOOL, in the byte at `offset` */
};

struct template {
	uint16_t id, handle;
	uint16_t size;
	const char *name;
	const struct member *members;
	unsigned count;
};

struct tag {
	bool in_program;
	const char *name;
	struct shape shape;
	uint32_t id; /* its symbol instance */
	uint8_t *data;
};

extern struct tag tags[TAGS_MOST];
extern unsigned tag_count;
extern const struct template *const templates[];
extern const unsigned template_count;

/* The tags that are always there, and so many more of type DINT, in the order of their instances. */
void tags_make(unsigned fillers);

size_t shape_element(const struct shape *shape);
uint32_t shape_count(const struct shape *shape);
unsigned shape_rank(const struct shape *shape);

/* Where in memory a path leads. */
struct place {
	const struct tag *tag;
	uint8_t *data;
	struct shape shape;
	uint32_t elements; /* from there to the end of the array, or 1 */
	bool is_bit;
	uint8_t bit;
	char name[160]; /* in the notation of engineers */
};

bool is_name(const struct segment *segment, const char *name);

/* CIP_OK, or the status that Logix gives, with its extended status. */
uint8_t tag_find(const struct path *path, struct place *ret_place, uint16_t *ret_extended);

/* Whether that is asked of the tag that the device was told to deny. */
bool tag_denied(const struct request *request);

/* Read, write, modify at the place that the path leads to. */
void tag_answer(const struct request *request, struct reply *reply);

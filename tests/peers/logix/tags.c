/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tags.h"

#include <stdio.h>
#include <strings.h>

#include "device.h"

#define COUNT(a) (unsigned)(sizeof(a) / sizeof((a)[0]))

static const struct member string_members[] = {
	{ "LEN", { TYPE_DINT, NULL, { 0 } }, 0, 0 },
	{ "DATA", { TYPE_SINT, NULL, { 82 } }, 4, 0 },
};
static const struct template string_template = { 0x0fce, 0x0fce, 88, "STRING", string_members,
						 COUNT(string_members) };

static const struct member limits_members[] = {
	{ "Low", { TYPE_REAL, NULL, { 0 } }, 0, 0 },
	{ "High", { TYPE_REAL, NULL, { 0 } }, 4, 0 },
};
static const struct template limits_template = { 0x0152, 0x8a31, 8, "Limits", limits_members,
						 COUNT(limits_members) };

static const struct member motor_members[] = {
	{ "Speed", { TYPE_REAL, NULL, { 0 } }, 0, 0 },
	{ "Setpoint", { TYPE_DINT, NULL, { 0 } }, 4, 0 },
	{ "Hours", { TYPE_INT, NULL, { 2 } }, 8, 0 },
	{ "Range", { TYPE_STRUCT, &limits_template, { 0 } }, 12, 0 },
	{ "ZZZZZZZZZZMotor0", { TYPE_SINT, NULL, { 0 } }, 20, 0 },
	{ "Run", { TYPE_BOOL, NULL, { 0 } }, 20, 0 },
	{ "Fault", { TYPE_BOOL, NULL, { 0 } }, 20, 1 },
};
static const struct template motor_template = { 0x0153, 0x4c7e, 24, "Motor", motor_members,
						COUNT(motor_members) };

const struct template *const templates[] = { &limits_template, &motor_template, &string_template };
const unsigned template_count = COUNT(templates);

static const struct {
	bool in_program;
	const char *name;
	struct shape shape;
} made[] = {
	{ false, "Count", { TYPE_DINT, NULL, { 0 } } },
	{ false, "Speed", { TYPE_REAL, NULL, { 0 } } },
	{ false, "Setpoint", { TYPE_INT, NULL, { 0 } } },
	{ false, "Level", { TYPE_SINT, NULL, { 0 } } },
	{ false, "Running", { TYPE_BOOL, NULL, { 0 } } },
	{ false, "Total", { TYPE_LINT, NULL, { 0 } } },
	{ false, "Guard", { TYPE_DINT, NULL, { 0 } } },
	{ false, "Temps", { TYPE_REAL, NULL, { 10 } } },
	{ false, "Recipe", { TYPE_DINT, NULL, { 400 } } },
	{ false, "Matrix", { TYPE_DINT, NULL, { 3, 4 } } },
	{ false, "Alarms", { TYPE_DWORD, NULL, { 2 } } },
	{ false, "Press", { TYPE_STRUCT, &motor_template, { 0 } } },
	{ false, "Pumps", { TYPE_STRUCT, &motor_template, { 3 } } },
	{ false, "Batch", { TYPE_STRUCT, &string_template, { 0 } } },
	{ true, "Step", { TYPE_DINT, NULL, { 0 } } },
	{ true, "Delays", { TYPE_INT, NULL, { 8 } } },
};

struct tag tags[TAGS_MOST];
unsigned tag_count;

static uint8_t memory[64 << 10];
static size_t memory_used;

size_t shape_element(const struct shape *shape)
{
	switch (shape->type) {
	case TYPE_BOOL:
	case TYPE_SINT:
		return 1;
	case TYPE_INT:
		return 2;
	case TYPE_DINT:
	case TYPE_REAL:
	case TYPE_DWORD:
		return 4;
	case TYPE_LINT:
		return 8;
	case TYPE_STRUCT:
		return shape->of->size;
	}
	return 0;
}

unsigned shape_rank(const struct shape *shape)
{
	unsigned rank = 0;

	while (rank < DIMENSIONS && shape->dimensions[rank])
		rank++;
	return rank;
}

uint32_t shape_count(const struct shape *shape)
{
	uint32_t count = 1;

	for (unsigned i = 0; i < shape_rank(shape); i++)
		count *= shape->dimensions[i];
	return count;
}

static void make(bool in_program, const char *name, struct shape shape)
{
	struct tag *tag = &tags[tag_count];

	/* Instances as of a controller whose programmer has added and deleted: rising, with gaps, past a byte. */
	*tag = (struct tag){ in_program, name, shape, 5 + 11 * tag_count, memory + memory_used };
	memory_used += (shape_element(&shape) * shape_count(&shape) + 7) & ~(size_t)7;
	tag_count++;
}

void tags_make(unsigned fillers)
{
	static char names[TAGS_MOST][16];
	struct shape dint = { TYPE_DINT, NULL, { 0 } };

	for (unsigned i = 0; i < COUNT(made); i++)
		make(made[i].in_program, made[i].name, made[i].shape);
	for (unsigned i = 0; i < fillers && tag_count < TAGS_MOST; i++) {
		snprintf(names[i], sizeof(names[i]), "Zone_%u", i);
		make(false, names[i], dint);
	}
}

/* -- from a path to memory ------------------------------------------------------------------------------ */

struct walk {
	const struct path *path;
	unsigned at;
	struct place *place;
	size_t name_len;
};

bool is_name(const struct segment *segment, const char *name)
{
	return segment->kind == SEG_SYMBOL && segment->size == strlen(name) &&
	       strncasecmp((const char *)segment->text, name, segment->size) == 0;
}

static void walk_name(struct walk *walk, const char *before, const char *name)
{
	size_t room = sizeof(walk->place->name) - walk->name_len;
	int put = snprintf(walk->place->name + walk->name_len, room, "%s%s", before, name);

	walk->name_len += (size_t)put < room ? (size_t)put : room - 1;
}

static const struct tag *find_tag(struct walk *walk, bool in_program)
{
	const struct segment *segment = &walk->path->at[walk->at];
	uint32_t id = path_number(walk->path, walk->at, SEG_CLASS) == 0x6b ?
			      path_number(walk->path, walk->at + 1, SEG_INSTANCE) : 0;

	if (walk->at >= walk->path->count)
		return NULL;
	for (unsigned i = 0; i < tag_count; i++)
		if (tags[i].in_program == in_program && (id ? tags[i].id == id : is_name(segment, tags[i].name))) {
			walk->at += id ? 2 : 1;
			return &tags[i];
		}
	return NULL;
}

/* Takes the indexes that follow: none, or one for each dimension. */
static bool walk_indexes(struct walk *walk, uint16_t *ret_extended)
{
	struct place *place = walk->place;
	unsigned rank = shape_rank(&place->shape), given = 0;
	uint32_t index = 0;

	place->elements = shape_count(&place->shape);
	for (; walk->at < walk->path->count && walk->path->at[walk->at].kind == SEG_MEMBER; walk->at++) {
		uint32_t one = walk->path->at[walk->at].value;
		char text[16];

		if (given == rank || one >= place->shape.dimensions[given]) {
			*ret_extended = TAG_RANGE;
			return false;
		}
		index = index * place->shape.dimensions[given++] + one;
		snprintf(text, sizeof(text), "[%u]", one);
		walk_name(walk, "", text);
	}
	place->data += index * shape_element(&place->shape);
	place->elements -= index;
	return given == 0 || given == rank;
}

static bool walk_member(struct walk *walk)
{
	const struct template *of = walk->place->shape.of;

	for (unsigned i = 0; of && i < of->count; i++) {
		const struct member *member = &of->members[i];

		if (!is_name(&walk->path->at[walk->at], member->name))
			continue;
		walk->at++;
		walk_name(walk, ".", member->name);
		walk->place->data += member->offset;
		walk->place->shape = member->shape;
		walk->place->is_bit = member->shape.type == TYPE_BOOL;
		walk->place->bit = member->bit;
		return true;
	}
	return false;
}

static const struct tag *walk_start(struct walk *walk)
{
	bool in_program = is_name(&walk->path->at[0], PROGRAM_SYMBOL);

	walk->at = in_program ? 1 : 0;
	const struct tag *tag = find_tag(walk, in_program);

	if (tag && in_program)
		walk_name(walk, PROGRAM_SYMBOL, ".");
	if (tag)
		walk_name(walk, "", tag->name);
	return tag;
}

uint8_t tag_find(const struct path *path, struct place *ret_place, uint16_t *ret_extended)
{
	struct walk walk = { .path = path, .place = ret_place };

	*ret_place = (struct place){ 0 };
	*ret_extended = 0;
	ret_place->tag = walk_start(&walk);
	if (!ret_place->tag)
		return path->at[0].kind == SEG_CLASS ? CIP_PATH_UNKNOWN : CIP_PATH_SYNTAX;
	ret_place->data = ret_place->tag->data;
	ret_place->shape = ret_place->tag->shape;
	for (;;) {
		if (!walk_indexes(&walk, ret_extended))
			return *ret_extended ? CIP_TAG : CIP_PATH_SYNTAX;
		if (walk.at == path->count)
			return CIP_OK;
		if (!walk_member(&walk))
			return CIP_PATH_SYNTAX;
	}
}

bool tag_denied(const struct request *request)
{
	bool reads = request->service == READ_TAG || request->service == READ_FRAGMENT;
	struct place place;
	uint16_t extended;

	return device.denied && !(reads && device.deny_writes) &&
	       tag_find(&request->path, &place, &extended) == CIP_OK &&
	       strcasecmp(place.tag->name, device.denied) == 0;
}

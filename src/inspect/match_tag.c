/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/match_tag.h"

#include "protocol/bytes.h"

/* Data types of CIP (volume 1, appendix C-6.1). */
enum cip_type {
	TYPE_BOOL = 0xc1,
	TYPE_SINT,
	TYPE_INT,
	TYPE_DINT,
	TYPE_LINT,
	TYPE_USINT,
	TYPE_UINT,
	TYPE_UDINT,
	TYPE_ULINT,
	TYPE_REAL,
	TYPE_LREAL,
	TYPE_BYTE = 0xd1,
	TYPE_WORD,
	TYPE_DWORD,
	TYPE_LWORD
};

/* ---- names and elements ------------------------------------------------------------------------------- */

/* A name of a request with the array indexes behind it. */
struct step {
	const struct cip_segment *name;
	const struct cip_segment *indexes;
	unsigned index_count;
};

/* The step that begins at segment `at`; false when none does. */
static bool read_step(const struct cip_path *path, unsigned at, struct step *ret)
{
	if (at >= path->count || path->segments[at].kind != CIP_SEGMENT_SYMBOL)
		return false;
	*ret = (struct step){ .name = &path->segments[at], .indexes = &path->segments[at + 1] };
	while (at + 1 + ret->index_count < path->count &&
	       ret->indexes[ret->index_count].kind == CIP_SEGMENT_MEMBER)
		ret->index_count++;
	return true;
}

static bool name_matches(const struct program *p, const struct program_name *part, const struct step *step)
{
	return cip_name_equals(step->name, (const char *)p->text + part->name.first, part->name.count);
}

/* The index that the step gives for a dimension; without any it begins at the first element of all. */
static uint32_t index_of(const struct step *step, uint32_t dimension)
{
	return step->index_count ? step->indexes[dimension].number : 0;
}

static bool elements_match(const struct program_name *part, const struct step *step, uint32_t elements)
{
	if (part->dimension_count == 0)
		return step->index_count <= PROGRAM_DIMENSIONS;
	if (step->index_count && step->index_count != part->dimension_count)
		return false;
	for (uint32_t d = 0; d < part->dimension_count; d++) {
		const struct program_range *r = &part->dimensions[d];
		uint32_t first = index_of(step, d);
		uint64_t last = first + (d + 1 == part->dimension_count ? elements - 1ull : 0);

		if (first < r->first || last > r->last)
			return false;
	}
	return true;
}

static bool tag_holds(const struct program *p, const struct program_tag *tag, const struct cip_path *path,
		      uint32_t elements)
{
	unsigned at = 0;
	struct step step;

	for (uint32_t i = 0; i < tag->parts.count; i++) {
		const struct program_name *part = &p->names[tag->parts.first + i];

		if (!read_step(path, at, &step) || !name_matches(p, part, &step))
			return false;
		at += 1 + step.index_count;
		if (!elements_match(part, &step, at == path->count ? elements : 1))
			return false;
	}
	while (tag->rest && read_step(path, at, &step))
		at += 1 + step.index_count;
	return at == path->count;
}

static bool names_elements(const struct program *p, const struct program_tag *tag)
{
	for (uint32_t i = 0; i < tag->parts.count; i++)
		if (p->names[tag->parts.first + i].dimension_count)
			return true;
	return false;
}

bool match_tag(const struct program *p, struct program_span tags, const struct cip_path *path,
	       uint32_t elements, bool endless)
{
	if (!cip_path_names_tag(path) || elements == 0)
		return false;
	for (uint32_t i = 0; i < tags.count; i++) {
		const struct program_tag *tag = &p->tags[tags.first + i];

		if (tag_holds(p, tag, path, elements) && !(endless && names_elements(p, tag)))
			return true;
	}
	return false;
}

/* ---- values ------------------------------------------------------------------------------------------- */

static double real_of(uint32_t bits)
{
	float f;

	__builtin_memcpy(&f, &bits, sizeof(f));
	return (double)f;
}

static double long_real_of(uint64_t bits)
{
	double d;

	__builtin_memcpy(&d, &bits, sizeof(d));
	return d;
}

static uint64_t le64(const uint8_t *p)
{
	return get_le32(p) | (uint64_t)get_le32(p + 4) << 32;
}

/* One element; no number (which no interval holds) for a type that is not elementary. */
static double value_at(uint16_t type, const uint8_t *p)
{
	switch (type) {
	case TYPE_BOOL:
		return p[0] != 0;
	case TYPE_SINT:
		return (int8_t)p[0];
	case TYPE_USINT:
	case TYPE_BYTE:
		return p[0];
	case TYPE_INT:
		return (int16_t)get_le16(p);
	case TYPE_UINT:
	case TYPE_WORD:
		return get_le16(p);
	case TYPE_DINT:
		return (int32_t)get_le32(p);
	case TYPE_UDINT:
	case TYPE_DWORD:
		return get_le32(p);
	case TYPE_LINT:
		return (double)(int64_t)le64(p);
	case TYPE_ULINT:
	case TYPE_LWORD:
		return (double)le64(p);
	case TYPE_REAL:
		return real_of(get_le32(p));
	case TYPE_LREAL:
		return long_real_of(le64(p));
	}
	return __builtin_nan("");
}

static bool value_allowed(const struct program *p, struct program_span values, double value)
{
	for (uint32_t i = 0; i < values.count; i++) {
		const struct program_value *v = &p->values[values.first + i];

		if (value >= v->min && value <= v->max)
			return true;
	}
	return false;
}

bool match_tag_values(const struct program *p, struct program_span values, const struct cip_request *r)
{
	unsigned size;

	if (values.count == 0)
		return true;
	/* Masks set bits of a value that the gate does not know; a structure has no one value. */
	if (r->shape != CIP_SHAPE_WRITE_TAG && r->shape != CIP_SHAPE_WRITE_TAG_FRAGMENT)
		return false;
	size = cip_type_size(r->type);
	if (size == 0 || r->values_length == 0 || r->values_length % size ||
	    (r->shape == CIP_SHAPE_WRITE_TAG_FRAGMENT && r->offset % size))
		return false;
	for (unsigned at = 0; at < r->values_length; at += size)
		if (!value_allowed(p, values, value_at(r->type, r->values + at)))
			return false;
	return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/match_cip.h"

#include "inspect/core.h"
#include "inspect/match_tag.h"
#include "protocol/bytes.h"
#include "protocol/pccc.h"

/* How near an entry came: the later the check that refused, the nearer. */
static const uint8_t nearness[REASON_COUNT] = {
	[REASON_SERVICE_NOT_ALLOWED] = 1,  [REASON_CONNECTION_NOT_ALLOWED] = 2,
	[REASON_OBJECT_NOT_ALLOWED] = 3,   [REASON_TAG_NOT_ALLOWED] = 4,
	[REASON_ADDRESS_NOT_ALLOWED] = 4,  [REASON_ROUTE_NOT_ALLOWED] = 5,
	[REASON_VALUE_NOT_ALLOWED] = 6,    [REASON_INTERVAL_NOT_ALLOWED] = 6,
	[REASON_OUTSIDE_SCHEDULE] = 7,     [REASON_REVIEW_OVERDUE] = 8,
	[REASON_NONE] = 9,
};

/* ---- routes -------------------------------------------------------------------------------------------- */

static unsigned route_length(const struct cip_question *q)
{
	return (q->routes[0] ? q->routes[0]->count : 0u) + (q->routes[1] ? q->routes[1]->count : 0u);
}

/* Step i of the way that the request takes. */
static const struct cip_segment *route_step(const struct cip_question *q, unsigned i)
{
	unsigned first = q->routes[0] ? q->routes[0]->count : 0;

	return i < first ? &q->routes[0]->segments[i] : &q->routes[1]->segments[i - first];
}

static bool hop_is(const struct program *p, const struct program_hop *hop, const struct cip_segment *step)
{
	return step->kind == CIP_SEGMENT_PORT && step->number == hop->port &&
	       step->length == hop->link.count &&
	       bytes_equal(step->bytes, p->text + hop->link.first, hop->link.count);
}

static bool route_is(const struct cip_question *q, struct program_span hops)
{
	if (route_length(q) != hops.count)
		return false;
	for (uint32_t i = 0; i < hops.count; i++)
		if (!hop_is(q->program, &q->program->hops[hops.first + i], route_step(q, i)))
			return false;
	return true;
}

static enum reason route_allowed(const struct cip_question *q, const struct program_cip *e)
{
	for (uint32_t i = 0; i < e->routes.count; i++)
		if (route_is(q, q->program->routes[e->routes.first + i]))
			return REASON_NONE;
	return REASON_ROUTE_NOT_ALLOWED;
}

/* ---- a service on an object ------------------------------------------------------------------------------ */

static bool is_segment(const struct cip_path *path, unsigned i, enum cip_segment_kind kind)
{
	return i < path->count && path->segments[i].kind == kind;
}

/* The class at segment *at, and its instance: the class itself without one. *at moves behind both. */
static bool read_object(const struct cip_path *path, unsigned *at, uint32_t *ret_class, uint32_t *ret_instance)
{
	if (!is_segment(path, *at, CIP_SEGMENT_CLASS))
		return false;
	*ret_class = path->segments[(*at)++].number;
	*ret_instance = is_segment(path, *at, CIP_SEGMENT_INSTANCE) ? path->segments[(*at)++].number : 0;
	return true;
}

/* Behind the innermost object stands at most an attribute, and behind that a member. */
static bool ends_at(const struct cip_path *path, unsigned at)
{
	if (is_segment(path, at, CIP_SEGMENT_ATTRIBUTE))
		at += is_segment(path, at + 1, CIP_SEGMENT_MEMBER) ? 2 : 1;
	return at == path->count;
}

enum fit { FIT_NOT, FIT_CLASSES, FIT_WHOLE };

/* The whole path in its order, not a part of it: what is behind another object is another thing. */
static enum fit path_fits(const struct program *p, struct program_span objects, const struct cip_path *path)
{
	enum fit fit = FIT_WHOLE;
	uint32_t class, instance;
	unsigned at = 0;

	for (uint32_t i = 0; i < objects.count; i++) {
		const struct program_object *o = &p->objects[objects.first + i];

		if (!read_object(path, &at, &class, &instance) || class != o->class)
			return FIT_NOT;
		if (!program_holds(p, o->instances, instance))
			fit = FIT_CLASSES;
	}
	return ends_at(path, at) ? fit : FIT_NOT;
}

/* How many attributes a path names that fits. */
static unsigned path_attributes(const struct cip_path *path)
{
	return is_segment(path, path->count - 1u, CIP_SEGMENT_ATTRIBUTE) ||
	       is_segment(path, path->count - 1u, CIP_SEGMENT_MEMBER);
}

/* Where the data lists the attributes that a service is about, one in its path would be another. */
static bool names_another(const struct cip_request *r)
{
	return cip_lists_attributes(r->shape) && path_attributes(&r->path);
}

static bool all_attributes(const struct cip_question *q, const struct program_cip *e)
{
	return program_covers(q->program, e->attributes, 1, CIP_NUMBER_LAST);
}

/* Every attribute that the request names is allowed; where it does not tell which, all of them. */
static bool attributes_allowed(const struct cip_question *q, const struct program_cip *e,
			       const struct cip_request *r)
{
	unsigned named = r->attribute_count ? r->attribute_count : path_attributes(&r->path);
	uint32_t number;

	if (q->start)
		return true;
	if (named == 0)
		return e->attributes.count == 0 || all_attributes(q, e);
	for (unsigned i = 0; i < named; i++) {
		/* Where the next of several values begins the gate cannot know. */
		if (!cip_request_attribute(r, i, &number))
			return all_attributes(q, e);
		if (!program_holds(q->program, e->attributes, number))
			return false;
	}
	return true;
}

static enum reason service_allowed(const struct cip_question *q, const struct program_cip *e,
				   const struct cip_request *r)
{
	enum fit fit;

	if (e->service != r->service || (r->known && r->known->access == CIP_CARRIER))
		return REASON_SERVICE_NOT_ALLOWED;
	fit = path_fits(q->program, e->path, &r->path);
	/* The same number on another object is another service, unless it is one that all have. */
	if (fit == FIT_NOT)
		return r->known && r->known->class == CIP_COMMON ? REASON_OBJECT_NOT_ALLOWED :
								    REASON_SERVICE_NOT_ALLOWED;
	return fit == FIT_WHOLE && !names_another(r) && attributes_allowed(q, e, r) ? REASON_NONE :
										       REASON_OBJECT_NOT_ALLOWED;
}

/*
 * Numbers below 32 hex mean the same on every object, so what only reads there reads everywhere (CIP volume 1,
 * appendix A); tags have entries of their own.
 */
static enum reason reading_allowed(const struct cip_request *r)
{
	uint32_t class, instance;
	unsigned at = 0;

	if (!r->known || r->known->class != CIP_COMMON || r->known->access != CIP_READ)
		return REASON_SERVICE_NOT_ALLOWED;
	while (read_object(&r->path, &at, &class, &instance))
		;
	return at && ends_at(&r->path, at) && !names_another(r) ? REASON_NONE : REASON_OBJECT_NOT_ALLOWED;
}

/* ---- tags ------------------------------------------------------------------------------------------------- */

static bool is_tag_service(const struct cip_request *r, bool writes)
{
	if (r->object != CIP_CLASS_SYMBOL)
		return false;
	switch ((enum cip_shape)r->shape) {
	case CIP_SHAPE_READ_TAG:
	case CIP_SHAPE_READ_TAG_FRAGMENT:
		return !writes;
	case CIP_SHAPE_WRITE_TAG:
	case CIP_SHAPE_WRITE_TAG_FRAGMENT:
	case CIP_SHAPE_MODIFY_TAG:
		return writes;
	case CIP_SHAPE_OPAQUE:
	case CIP_SHAPE_NONE:
	case CIP_SHAPE_ATTRIBUTE_LIST:
	case CIP_SHAPE_SET_ATTRIBUTE_LIST:
	case CIP_SHAPE_SET:
	case CIP_SHAPE_MULTIPLE:
	case CIP_SHAPE_UNCONNECTED_SEND:
	case CIP_SHAPE_FORWARD_OPEN:
	case CIP_SHAPE_LARGE_FORWARD_OPEN:
	case CIP_SHAPE_FORWARD_CLOSE:
	case CIP_SHAPE_PCCC:
	case CIP_SHAPE_LISTING:
	case CIP_SHAPE_READ_TEMPLATE:
		return false;
	}
	return false;
}

/* A structure's size is not known, so neither is where what is written to it ends. */
static bool is_endless(const struct cip_request *r)
{
	return (r->shape == CIP_SHAPE_WRITE_TAG || r->shape == CIP_SHAPE_WRITE_TAG_FRAGMENT) &&
	       cip_type_size(r->type) == 0;
}

static enum reason tags_allowed(const struct cip_question *q, const struct program_cip *e,
				const struct cip_request *r)
{
	uint32_t elements = q->start || r->shape == CIP_SHAPE_MODIFY_TAG ? 1 : r->elements;

	if (!is_tag_service(r, e->kind == CIP_WRITE_TAGS))
		return REASON_SERVICE_NOT_ALLOWED;
	if (!q->tag || !match_tag(q->program, e->tags, q->tag, elements,
				  q->endless || (!q->start && is_endless(r))))
		return REASON_TAG_NOT_ALLOWED;
	return REASON_NONE;
}

/* Reading what symbols and templates there are, of the controller or of one program; never what tags hold. */
static enum reason browse_allowed(const struct cip_question *q, const struct cip_request *r)
{
	unsigned at = cip_path_names_tag(&r->path);
	uint32_t class, instance;

	if ((r->object != CIP_CLASS_SYMBOL && r->object != CIP_CLASS_TEMPLATE) || !r->known ||
	    r->known->access != CIP_READ || is_tag_service(r, false))
		return REASON_SERVICE_NOT_ALLOWED;
	return read_object(&r->path, &at, &class, &instance) && class == r->object && ends_at(&r->path, at) &&
			       !names_another(r) ?
		       REASON_NONE : REASON_OBJECT_NOT_ALLOWED;
}

/* ---- data files ------------------------------------------------------------------------------------------- */

/* The one object of PCCC, behind no other. */
static bool is_pccc(const struct cip_request *r)
{
	return r->shape == CIP_SHAPE_PCCC && cip_path_is(&r->path, CIP_CLASS_PCCC, 1);
}

/* Elements from the addressed one on; the PLC-5 reaches further ones by a sub-element, too, which is a word. 0: not known. */
static uint32_t elements_reached(const struct program_file *file, const struct pccc *m)
{
	uint32_t words = pccc_type_words(file->type);

	if (m->type)
		return m->elements;
	if (!words || !m->elements || m->value_size > 2 * words)
		return 0;
	if (m->words)
		return (m->subelement + m->elements + words - 1u) / words;
	return m->elements + m->subelement / words;
}

/* The PLC-5 says no type in its addresses: a number is one file there. */
static bool file_holds(const struct program_file *file, const struct pccc *m)
{
	const char *type = m->type ? pccc_type_name(m->type) : NULL;
	uint32_t elements = elements_reached(file, m), last = m->element + elements - 1u;

	return m->file == file->number && (m->type == 0 || (type && pccc_name_is(type, file->type))) &&
	       elements != 0 && m->element >= file->elements.first && last <= file->elements.last;
}

static enum reason files_allowed(const struct cip_question *q, const struct program_cip *e,
				 const struct cip_request *r)
{
	enum cip_access wanted = e->kind == CIP_PCCC_WRITE ? CIP_WRITE : CIP_READ;
	struct pccc m;

	if (!is_pccc(r))
		return REASON_SERVICE_NOT_ALLOWED;
	if (q->start)
		return REASON_NONE;
	if (pccc_request(r, &m) != REASON_NONE || !m.known || m.known->access != wanted || !m.has_address)
		return REASON_SERVICE_NOT_ALLOWED;
	for (uint32_t i = 0; i < e->files.count; i++)
		if (file_holds(&q->program->files[e->files.first + i], &m))
			return REASON_NONE;
	return REASON_ADDRESS_NOT_ALLOWED;
}

static enum reason function_allowed(const struct cip_question *q, const struct program_cip *e,
				    const struct cip_request *r)
{
	struct pccc m;

	if (!is_pccc(r))
		return REASON_SERVICE_NOT_ALLOWED;
	if (q->start)
		return REASON_NONE;
	if (pccc_request(r, &m) != REASON_NONE || m.command != e->pccc_command ||
	    (m.has_function ? m.function : -1) != e->pccc_function)
		return REASON_SERVICE_NOT_ALLOWED;
	return REASON_NONE;
}

/* ---- entries, rules, conduits ----------------------------------------------------------------------------- */

static enum reason kind_allows(const struct cip_question *q, const struct program_cip *e,
			       const struct cip_request *r)
{
	switch ((enum cip_kind)e->kind) {
	case CIP_SERVICE:
		return service_allowed(q, e, r);
	case CIP_READ_OBJECTS:
		return reading_allowed(r);
	case CIP_READ_TAGS:
	case CIP_WRITE_TAGS:
		return tags_allowed(q, e, r);
	case CIP_BROWSE_TAGS:
		return browse_allowed(q, r);
	case CIP_PCCC_READ:
	case CIP_PCCC_WRITE:
		return files_allowed(q, e, r);
	case CIP_PCCC_FUNCTION:
		return function_allowed(q, e, r);
	case CIP_IO:
	case CIP_LIST_IDENTITY:
		break;
	}
	return REASON_SERVICE_NOT_ALLOWED;
}

static enum reason request_allowed(const struct cip_question *q, const struct program_cip *e,
				   const struct cip_request *r)
{
	enum reason reason = kind_allows(q, e, r);

	if (reason == REASON_NONE)
		reason = route_allowed(q, e);
	if (reason == REASON_NONE && e->kind == CIP_WRITE_TAGS && !q->start &&
	    !match_tag_values(q->program, e->values, r))
		reason = REASON_VALUE_NOT_ALLOWED;
	return reason;
}

static enum reason identity_allowed(const struct cip_question *q, const struct program_cip *e,
				    const struct cip_request *r)
{
	return e->kind == CIP_LIST_IDENTITY ? REASON_NONE : REASON_SERVICE_NOT_ALLOWED;
}

static enum reason session_allowed(const struct cip_question *q, const struct program_cip *e,
				   const struct cip_request *r)
{
	return REASON_NONE;
}

static enum reason open_allowed(const struct cip_question *q, const struct program_cip *e,
				const struct cip_request *r)
{
	return route_allowed(q, e);
}

/* Who only listens may send signs of life and nothing else; which of the two kinds that is, the assemblies tell. */
static enum reason cyclic_allowed(const struct cip_question *q, const struct program_cip *e,
				  const struct cip_request *r)
{
	const struct cip_cyclic *asked = q->cyclic;
	enum reason reason;

	if (e->kind != CIP_IO || (e->io == CIP_IO_EXCLUSIVE_OWNER) != asked->owner)
		return REASON_CONNECTION_NOT_ALLOWED;
	for (unsigned i = 0; i < asked->count; i++)
		if (!program_holds(q->program, e->assemblies, asked->assemblies[i]))
			return REASON_OBJECT_NOT_ALLOWED;
	reason = route_allowed(q, e);
	if (reason == REASON_NONE && asked->rpi < e->min_rpi_us)
		reason = REASON_INTERVAL_NOT_ALLOWED;
	return reason;
}

typedef enum reason judge(const struct cip_question *q, const struct program_cip *e,
			  const struct cip_request *r);

static enum reason ask_rule(const struct cip_question *q, const struct program_rule *rule, judge *allowed,
			    const struct cip_request *r)
{
	enum reason nearest = REASON_SERVICE_NOT_ALLOWED;

	for (uint32_t i = 0; i < rule->cip.count; i++) {
		enum reason reason = allowed(q, &q->program->cip[rule->cip.first + i], r);

		if (nearness[reason] > nearness[nearest])
			nearest = reason;
		if (reason == REASON_NONE)
			break;
	}
	return nearest == REASON_NONE ? program_rule_serves(q->program, rule, q->time) : nearest;
}

static void ask_conduit(const struct cip_question *q, judge *allowed, const struct cip_request *r,
			struct match *ret)
{
	const struct program_span rules = q->conduit->rules;

	*ret = (struct match){ REASON_SERVICE_NOT_ALLOWED, CORE_NO_RULE };
	for (uint32_t i = 0; i < rules.count && ret->reason != REASON_NONE; i++) {
		enum reason reason = ask_rule(q, &q->program->rules[rules.first + i], allowed, r);

		if (nearness[reason] > nearness[ret->reason])
			*ret = (struct match){ reason, rules.first + i };
	}
}

void match_cip(const struct cip_question *q, const struct cip_request *r, struct match *ret)
{
	ask_conduit(q, request_allowed, r, ret);
}

void match_cip_identity(const struct cip_question *q, struct match *ret)
{
	ask_conduit(q, identity_allowed, NULL, ret);
}

void match_cip_session(const struct cip_question *q, struct match *ret)
{
	ask_conduit(q, session_allowed, NULL, ret);
}

void match_cip_open(const struct cip_question *q, struct match *ret)
{
	ask_conduit(q, open_allowed, NULL, ret);
}

void match_cip_cyclic(const struct cip_question *q, const struct cip_cyclic *asked, struct match *ret)
{
	struct cip_question question = *q;

	question.cyclic = asked;
	ask_conduit(&question, cyclic_allowed, NULL, ret);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/explain_cip.h"

#include <stdlib.h>
#include <string.h>

#include "base/sink.h"
#include "cli/explain_cyclic.h"
#include "cli/explain_pccc.h"
#include "cli/options.h"
#include "inspect/core.h"
#include "inspect/match_cip.h"
#include "policy/cip_text.h"
#include "policy/describe.h"

#define READ_TAG 0x4cu
#define WRITE_TAG 0x4du
#define EXECUTE_PCCC 0x4bu
#define TYPE_REAL 0xcau
#define NO_NUMBER 0x7fc00000u /* a REAL that lies within no limits */

/* Each --class begins an object, behind the one before; --instance belongs to it. */
static const char *take_object(struct cip_ask *ask, int argc, char **argv, int *i, bool *ret_taken)
{
	struct cip_ask_object *last = ask->object_count ? &ask->objects[ask->object_count - 1] : NULL;
	const char *text;
	bool class = option_value(argc, argv, i, "--class", &text);

	*ret_taken = class || option_value(argc, argv, i, "--instance", &text);
	if (!*ret_taken)
		return NULL;
	if (!text)
		return "an option about EtherNet/IP wants a value";
	if (!last || (class && last->class)) {
		if (ask->object_count == CIP_ASK_OBJECTS)
			return "a path leads through eight objects at most";
		last = &ask->objects[ask->object_count++];
	}
	if (!class && last->instance)
		return "--instance follows the --class that it belongs to";
	*(class ? &last->class : &last->instance) = text;
	return NULL;
}

const char *cip_ask_option(struct cip_ask *ask, int argc, char **argv, int *i, bool *ret_taken)
{
	const struct {
		const char *name;
		const char **to;
	} options[] = {
		{ "--service", &ask->service },	    { "--attribute", &ask->attribute },
		{ "--read-tag", &ask->read_tag },   { "--write-tag", &ask->write_tag },
		{ "--pccc", &ask->pccc },	    { "--data-file", &ask->data_file },
		{ "--io", &ask->io },		    { "--assembly", &ask->assembly },
		{ "--rpi", &ask->rpi },
	};

	for (size_t n = 0; n < sizeof(options) / sizeof(options[0]); n++) {
		*ret_taken = option_value(argc, argv, i, options[n].name, options[n].to);
		if (*ret_taken)
			return *options[n].to ? NULL : "an option about EtherNet/IP wants a value";
	}
	return take_object(ask, argc, argv, i, ret_taken);
}

/* ---- the request ---- */

static bool read_number(const char *text, uint32_t most, uint32_t *ret)
{
	char *end;
	unsigned long n = strtoul(text, &end, 0);

	*ret = (uint32_t)n;
	return end != text && !*end && *text != '-' && n <= most;
}

static bool find_class(const char *text, uint32_t *ret)
{
	for (size_t i = 0; i < cip_class_count; i++)
		if (!strcmp(cip_classes[i].name, text)) {
			*ret = cip_classes[i].number;
			return true;
		}
	return read_number(text, CIP_NUMBER_LAST, ret);
}

static bool find_service(const char *text, uint32_t class, uint32_t *ret)
{
	for (size_t i = 0; i < cip_service_count; i++) {
		const struct cip_service *s = &cip_services[i];

		if (!strcmp(s->name, text) && cip_service(class, s->code) == s) {
			*ret = s->code;
			return true;
		}
	}
	return read_number(text, CIP_SERVICE_LAST, ret) && *ret;
}

static bool find_attribute(const char *text, uint32_t class, uint32_t *ret)
{
	for (size_t i = 0; i < cip_attribute_count; i++)
		if (cip_attributes[i].class == class && !strcmp(cip_attributes[i].name, text)) {
			*ret = cip_attributes[i].number;
			return true;
		}
	return read_number(text, CIP_NUMBER_LAST, ret);
}

static void put(struct cip_path *path, uint8_t kind, uint32_t number)
{
	path->segments[path->count++] = (struct cip_segment){ .kind = kind, .number = number };
}

static const char *instance_text(const struct cip_ask_object *object)
{
	return object->instance ? object->instance : "1";
}

/* What is asked, before it is put together. */
struct cip_wanted {
	uint32_t service;
	uint32_t attribute;  /* of a list in the data; 0: none */
	uint16_t elements;
	uint8_t shape;       /* enum cip_shape */
	struct cip_path path;
	struct pccc_ask pccc;
};

static const char *object_path(const struct cip_ask *ask, struct cip_wanted *ret)
{
	const struct cip_service *known;
	uint32_t class = 0, number;

	if (!ask->service || !ask->object_count)
		return "--service and --class belong together; --read-tag or --write-tag name a tag";
	for (size_t i = 0; i < ask->object_count; i++) {
		const struct cip_ask_object *object = &ask->objects[i];

		if (!object->class || !find_class(object->class, &class))
			return "--class wants the name of a class (`gatehouse services`) or a number";
		if (!read_number(instance_text(object), UINT32_MAX, &number))
			return "--instance wants a number";
		put(&ret->path, CIP_SEGMENT_CLASS, class);
		put(&ret->path, CIP_SEGMENT_INSTANCE, number);
	}
	if (!find_service(ask->service, class, &ret->service))
		return "--service wants the name of a service of that class (`gatehouse services`) or a number";
	known = cip_service(class, (uint8_t)ret->service);
	ret->shape = known ? known->shape : CIP_SHAPE_OPAQUE;
	if (ret->shape == CIP_SHAPE_PCCC)
		return "--pccc asks for a function of PCCC, or for data files";
	if (!ask->attribute)
		return NULL;
	if (!find_attribute(ask->attribute, class, &number))
		return "--attribute wants the name of an attribute of that class or a number";
	if (cip_lists_attributes(ret->shape))
		ret->attribute = number;
	else
		put(&ret->path, CIP_SEGMENT_ATTRIBUTE, number);
	return NULL;
}

static const char *tag_path(const char *text, struct arena *arena, struct cip_wanted *ret)
{
	struct cip_path *path = &ret->path;
	struct tag tag;

	if (tag_parse(text, arena, &tag) || tag.rest || tag.part_count > 4)
		return "a tag is asked for as in Line3.Rate, Counts[3] or Counts[0-9]";
	for (size_t i = 0; i < tag.part_count; i++) {
		const struct tag_part *part = &tag.parts[i];

		path->segments[path->count++] = (struct cip_segment){
			.kind = CIP_SEGMENT_SYMBOL, .length = (uint16_t)strlen(part->name),
			.bytes = (const uint8_t *)part->name };
		for (size_t d = 0; d < part->dimension_count; d++) {
			put(path, CIP_SEGMENT_MEMBER, part->dimensions[d].first);
			ret->elements = (uint16_t)(part->dimensions[d].last - part->dimensions[d].first + 1);
		}
	}
	return NULL;
}

static const char *pccc_path(const struct cip_ask *ask, struct cip_wanted *ret)
{
	if (!ask->pccc)
		return "--data-file goes with --pccc, as in --pccc read --data-file N7:0-9";
	ret->service = EXECUTE_PCCC;
	ret->shape = CIP_SHAPE_PCCC;
	put(&ret->path, CIP_SEGMENT_CLASS, CIP_CLASS_PCCC);
	put(&ret->path, CIP_SEGMENT_INSTANCE, 1);
	return pccc_ask_parse(ask->pccc, ask->data_file, &ret->pccc);
}

static void put_values(struct sink *s, const struct cip_wanted *r)
{
	sink_le16(s, TYPE_REAL);
	sink_le16(s, r->elements);
	if (r->shape == CIP_SHAPE_WRITE_TAG_FRAGMENT)
		sink_le32(s, 0);
	for (unsigned i = 0; i < r->elements; i++)
		sink_le32(s, NO_NUMBER);
}

static void put_attributes(struct sink *s, const struct cip_wanted *r)
{
	sink_le16(s, r->attribute != 0);
	if (r->attribute)
		sink_le16(s, (uint16_t)r->attribute);
	if (r->attribute && r->shape == CIP_SHAPE_SET_ATTRIBUTE_LIST)
		sink_u8(s, 0);
}

/* The least that a request of that service carries; no number where tags are written, else zeros. */
static void put_data(struct sink *s, const struct cip_wanted *r)
{
	static const uint8_t zeros[10] = { 0 };

	switch ((enum cip_shape)r->shape) {
	case CIP_SHAPE_ATTRIBUTE_LIST:
	case CIP_SHAPE_SET_ATTRIBUTE_LIST:
	case CIP_SHAPE_LISTING:
		put_attributes(s, r);
		break;
	case CIP_SHAPE_SET:
		sink_u8(s, 0);
		break;
	case CIP_SHAPE_READ_TAG:
		sink_le16(s, r->elements);
		break;
	case CIP_SHAPE_READ_TAG_FRAGMENT:
		sink_le16(s, r->elements);
		sink_le32(s, 0);
		break;
	case CIP_SHAPE_WRITE_TAG:
	case CIP_SHAPE_WRITE_TAG_FRAGMENT:
		put_values(s, r);
		break;
	case CIP_SHAPE_MODIFY_TAG:
		sink_le16(s, 4); /* bytes of each mask */
		sink_bytes(s, zeros, 8);
		break;
	case CIP_SHAPE_READ_TEMPLATE:
		sink_bytes(s, zeros, 6);
		break;
	case CIP_SHAPE_PCCC:
		pccc_ask_put(&r->pccc, s);
		break;
	case CIP_SHAPE_OPAQUE:
	case CIP_SHAPE_NONE:
	case CIP_SHAPE_MULTIPLE:
	case CIP_SHAPE_UNCONNECTED_SEND:
	case CIP_SHAPE_FORWARD_OPEN:
	case CIP_SHAPE_LARGE_FORWARD_OPEN:
	case CIP_SHAPE_FORWARD_CLOSE:
		break;
	}
}

static const char *write_request(struct cip_ask *ask, const struct cip_wanted *r)
{
	struct sink s = sink_over(ask->bytes, sizeof(ask->bytes));
	uint8_t bytes[CIP_ASK_BYTES];
	size_t size = cip_path_write(&r->path, bytes, sizeof(bytes));

	sink_u8(&s, (uint8_t)r->service);
	sink_u8(&s, (uint8_t)(size / 2));
	sink_bytes(&s, bytes, size);
	put_data(&s, r);
	ask->size = s.len;
	return s.full || !size ? "the request is longer than explain can put together" : NULL;
}

const char *cip_ask_build(struct cip_ask *ask, struct arena *arena)
{
	const char *tag = ask->read_tag ? ask->read_tag : ask->write_tag;
	struct cip_wanted r = { .service = ask->read_tag ? READ_TAG : WRITE_TAG, .elements = 1,
			     .shape = ask->read_tag ? CIP_SHAPE_READ_TAG : CIP_SHAPE_WRITE_TAG };
	bool pccc = ask->pccc || ask->data_file;
	const char *wrong;

	if (!!ask->read_tag + !!ask->write_tag + (ask->service || ask->object_count) + pccc + !!ask->io > 1)
		return "one request at a time: --read-tag, --write-tag, --pccc, --io, or --service and --class";
	if (ask->io || ask->assembly || ask->rpi)
		return cyclic_ask_parse(ask->io, ask->assembly, ask->rpi, &ask->cyclic);
	wrong = tag ? tag_path(tag, arena, &r) : pccc ? pccc_path(ask, &r) : object_path(ask, &r);
	return wrong ? wrong : write_request(ask, &r);
}

const char *cip_ask_text(const struct cip_ask *ask, struct arena *arena)
{
	const char *text = ask->service;

	if (ask->read_tag || ask->write_tag)
		return arena_printf(arena, "%s %s", ask->read_tag ? "read-tag" : "write-tag",
				    ask->read_tag ? ask->read_tag : ask->write_tag);
	if (ask->io)
		return arena_printf(arena, "a cyclic connection, %s, assemblies %s%s%s%s", ask->io, ask->assembly,
				    ask->rpi ? ", every " : "", ask->rpi ? ask->rpi : "", ask->rpi ? " ms" : "");
	if (ask->pccc)
		return arena_printf(arena, "pccc %s%s%s", ask->pccc, ask->data_file ? " " : "",
				    ask->data_file ? ask->data_file : "");
	for (size_t i = 0; i < ask->object_count; i++)
		text = arena_printf(arena, "%s%s class %s, instance %s", text, i ? " /" : ",", ask->objects[i].class,
				    instance_text(&ask->objects[i]));
	return arena_printf(arena, "%s%s%s", text, ask->attribute ? ", attribute " : "",
			    ask->attribute ? ask->attribute : "");
}

/* ---- the answer ---- */

static void read_route(const struct program *p, struct program_span hops, struct cip_path *ret)
{
	*ret = (struct cip_path){ .count = (uint16_t)hops.count };
	for (uint32_t i = 0; i < hops.count; i++) {
		const struct program_hop *hop = &p->hops[hops.first + i];

		ret->segments[i] = (struct cip_segment){ .kind = CIP_SEGMENT_PORT, .number = hop->port,
							 .length = (uint16_t)hop->link.count,
							 .bytes = p->text + hop->link.first };
	}
}

/* The nearest that any route comes. `r` NULL: the cyclic connection. */
static void match_routes(struct cip_question *q, const struct cip_request *r, const struct cip_ask *ask,
			 struct match *ret)
{
	const struct program *p = q->program;
	struct cip_path route;
	struct match match;

	*ret = (struct match){ REASON_SERVICE_NOT_ALLOWED, CORE_NO_RULE };
	for (uint32_t i = 0; i < p->header->routes.count && ret->reason != REASON_NONE; i++) {
		if (p->routes[i].count > CIP_SEGMENTS_MAX)
			continue;
		read_route(p, p->routes[i], &route);
		q->routes[0] = &route;
		if (r)
			match_cip(q, r, &match);
		else
			match_cip_cyclic(q, &ask->cyclic, &match);
		if (i == 0 || ask_nearness(match.reason) > ask_nearness(ret->reason))
			*ret = match;
	}
}

static const char *allowed_text(const struct rule *rule, struct arena *arena)
{
	const char *text = "";

	for (size_t i = 0; i < rule_cip_count(rule); i++)
		text = arena_printf(arena, "%s%s%s", text, i ? "; " : "", describe_cip(rule_cip(rule, i), arena));
	return text;
}

/* Which values the rule lets be written: a write is asked for without one. */
static const char *limits_text(const struct rule *rule, struct arena *arena)
{
	const char *text = NULL;

	for (size_t i = 0; i < rule_cip_count(rule); i++)
		if (rule_cip(rule, i)->kind == CIP_WRITE_TAGS && rule_cip(rule, i)->values.count)
			text = arena_printf(arena, "%s %s", text ? arena_printf(arena, "%s;", text) :
					    "the value lies within what the rule lets be written:",
					    describe_cip(rule_cip(rule, i), arena));
	return text;
}

void cip_ask_conduit(const struct cip_ask *ask, const struct ask_site *site, uint32_t conduit, int64_t wall,
		     struct answer *ret)
{
	struct cip_question q = { .program = &site->program, .time = { wall, wall },
				  .conduit = program_conduit(&site->program, conduit) };
	struct cip_request r;
	struct match match;

	*ret = (struct answer){ .reason = ask->io ? REASON_NONE : cip_request(ask->bytes, ask->size, &r) };
	if (ret->reason != REASON_NONE || !q.conduit) {
		ret->reason = ret->reason != REASON_NONE ? ret->reason : REASON_NO_RULE;
		return;
	}
	q.tag = !ask->io && cip_path_names_tag(&r.path) ? &r.path : NULL;
	match_routes(&q, ask->io ? NULL : &r, ask, &match);
	ret->reason = match.reason == REASON_VALUE_NOT_ALLOWED ? REASON_NONE : match.reason;
	ret->rule = site->rules[match.rule != CORE_NO_RULE ? match.rule : q.conduit->rules.first];
	if (match.reason == REASON_VALUE_NOT_ALLOWED)
		ret->provided = limits_text(ret->rule, site->arena);
	if (ask_nearness(match.reason) < ask_nearness(REASON_OUTSIDE_SCHEDULE))
		explain_differ(&ret->differences, "request", cip_ask_text(ask, site->arena),
			       allowed_text(ret->rule, site->arena));
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/explain_cip.h"

#include <stdlib.h>
#include <string.h>

#include "base/sink.h"
#include "cli/options.h"
#include "inspect/core.h"
#include "inspect/match_cip.h"
#include "policy/cip_text.h"
#include "policy/describe.h"

#define READ_TAG 0x4cu
#define WRITE_TAG 0x4du
#define TYPE_REAL 0xcau
#define NO_NUMBER 0x7fc00000u /* a REAL that lies within no limits */

const char *cip_ask_option(struct cip_ask *ask, int argc, char **argv, int *i, bool *ret_taken)
{
	const struct {
		const char *name;
		const char **to;
	} options[] = {
		{ "--service", &ask->service },	    { "--class", &ask->class },
		{ "--instance", &ask->instance },   { "--attribute", &ask->attribute },
		{ "--read-tag", &ask->read_tag },   { "--write-tag", &ask->write_tag },
	};

	for (size_t n = 0; n < sizeof(options) / sizeof(options[0]); n++) {
		*ret_taken = option_value(argc, argv, i, options[n].name, options[n].to);
		if (*ret_taken)
			return *options[n].to ? NULL : "an option about EtherNet/IP wants a value";
	}
	return NULL;
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

static const char *object_path(const struct cip_ask *ask, struct cip_path *ret, uint32_t *ret_service)
{
	uint32_t class, number;

	if (!ask->service || !ask->class)
		return "--service and --class belong together; --read-tag or --write-tag name a tag";
	if (!find_class(ask->class, &class))
		return "--class wants the name of a class (`gatehouse services`) or a number";
	if (!find_service(ask->service, class, ret_service))
		return "--service wants the name of a service of that class (`gatehouse services`) or a number";
	put(ret, CIP_SEGMENT_CLASS, class);
	if (!read_number(ask->instance ? ask->instance : "1", UINT32_MAX, &number))
		return "--instance wants a number";
	put(ret, CIP_SEGMENT_INSTANCE, number);
	if (!ask->attribute)
		return NULL;
	if (!find_attribute(ask->attribute, class, &number))
		return "--attribute wants the name of an attribute of that class or a number";
	put(ret, CIP_SEGMENT_ATTRIBUTE, number);
	return NULL;
}

static const char *tag_path(const char *text, struct arena *arena, struct cip_path *ret, uint16_t *ret_elements)
{
	struct tag tag;

	if (tag_parse(text, arena, &tag) || tag.rest || tag.part_count > 4)
		return "a tag is asked for as in Line3.Rate, Counts[3] or Counts[0-9]";
	for (size_t i = 0; i < tag.part_count; i++) {
		const struct tag_part *part = &tag.parts[i];

		ret->segments[ret->count++] = (struct cip_segment){
			.kind = CIP_SEGMENT_SYMBOL, .length = (uint16_t)strlen(part->name),
			.bytes = (const uint8_t *)part->name };
		for (size_t d = 0; d < part->dimension_count; d++) {
			put(ret, CIP_SEGMENT_MEMBER, part->dimensions[d].first);
			*ret_elements = (uint16_t)(part->dimensions[d].last - part->dimensions[d].first + 1);
		}
	}
	return NULL;
}

static const char *write_request(struct cip_ask *ask, uint8_t service, const struct cip_path *path,
				 uint16_t elements)
{
	struct sink s = sink_over(ask->bytes, sizeof(ask->bytes));
	uint8_t bytes[CIP_ASK_BYTES];
	size_t size = cip_path_write(path, bytes, sizeof(bytes));

	sink_u8(&s, service);
	sink_u8(&s, (uint8_t)(size / 2));
	sink_bytes(&s, bytes, size);
	if (ask->write_tag)
		sink_le16(&s, TYPE_REAL);
	if (ask->read_tag || ask->write_tag)
		sink_le16(&s, elements);
	for (unsigned i = 0; ask->write_tag && i < elements; i++)
		sink_le32(&s, NO_NUMBER);
	ask->size = s.len;
	return s.full || !size ? "the request is longer than explain can put together" : NULL;
}

const char *cip_ask_build(struct cip_ask *ask, struct arena *arena)
{
	const char *tag = ask->read_tag ? ask->read_tag : ask->write_tag;
	uint32_t service = ask->read_tag ? READ_TAG : WRITE_TAG;
	struct cip_path path = { .count = 0 };
	uint16_t elements = 1;
	const char *wrong;

	if (!!ask->read_tag + !!ask->write_tag + !!ask->class > 1)
		return "one request at a time: --read-tag, --write-tag, or --service and --class";
	wrong = tag ? tag_path(tag, arena, &path, &elements) : object_path(ask, &path, &service);
	return wrong ? wrong : write_request(ask, (uint8_t)service, &path, elements);
}

const char *cip_ask_text(const struct cip_ask *ask, struct arena *arena)
{
	if (ask->read_tag || ask->write_tag)
		return arena_printf(arena, "%s %s", ask->read_tag ? "read-tag" : "write-tag",
				    ask->read_tag ? ask->read_tag : ask->write_tag);
	return arena_printf(arena, "%s, class %s, instance %s%s%s", ask->service, ask->class,
			    ask->instance ? ask->instance : "1", ask->attribute ? ", attribute " : "",
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

/* The nearest that any route comes. */
static void match_routes(struct cip_question *q, const struct cip_request *r, struct match *ret)
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
		match_cip(q, r, &match);
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

	*ret = (struct answer){ .reason = cip_request(ask->bytes, ask->size, &r) };
	if (ret->reason != REASON_NONE || !q.conduit) {
		ret->reason = ret->reason != REASON_NONE ? ret->reason : REASON_NO_RULE;
		return;
	}
	q.tag = cip_path_names_tag(&r.path) ? &r.path : NULL;
	match_routes(&q, &r, &match);
	ret->reason = match.reason == REASON_VALUE_NOT_ALLOWED ? REASON_NONE : match.reason;
	ret->rule = site->rules[match.rule != CORE_NO_RULE ? match.rule : q.conduit->rules.first];
	if (match.reason == REASON_VALUE_NOT_ALLOWED)
		ret->provided = limits_text(ret->rule, site->arena);
	if (ask_nearness(match.reason) < ask_nearness(REASON_OUTSIDE_SCHEDULE))
		explain_differ(&ret->differences, "request", cip_ask_text(ask, site->arena),
			       allowed_text(ret->rule, site->arena));
}

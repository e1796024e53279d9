/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/load_cip_service.h"

#include <string.h>

#include "base/nearest.h"
#include "policy/ranges.h"

#define PATH_OBJECTS_MAX 8u

/* ---- which object ---- */

static void read_class(const struct loader *l, const struct value *at, struct object *ret)
{
	struct nearest near;

	if (at->type == VALUE_INT) {
		ret->class = (uint16_t)read_number(l, at, 1, CIP_NUMBER_LAST, 0);
		return;
	}
	near = nearest_to(at->text);
	for (size_t i = 0; i < cip_class_count && !ret->class; i++) {
		nearest_offer(&near, cip_classes[i].name, NULL);
		if (!strcmp(cip_classes[i].name, at->text))
			ret->class = cip_classes[i].number;
	}
	if (!ret->class)
		report(l, FINDING_UNKNOWN_CLASS, at,
		       nearest_help(l, &near, "write its number; `gatehouse services` lists the classes with names"),
		       "there is no class of CIP objects called \"%.60s\"", at->text);
}

/* "identity", or "class 200" */
static const char *class_text(const struct loader *l, uint16_t number)
{
	const struct cip_class *class = cip_class(number);

	return class ? class->name : arena_printf(l->arena, "class %u", number);
}

/* "class 104/symbol" */
static const char *path_text(const struct loader *l, const struct object_list *path)
{
	const char *text = class_text(l, path->items[0].class);

	for (size_t i = 1; i < path->count; i++)
		text = arena_printf(l->arena, "%s/%s", text, class_text(l, path->items[i].class));
	return text;
}

static const struct cip_service *find_service(const char *name, uint16_t class)
{
	for (size_t i = 0; i < cip_service_count; i++) {
		const struct cip_service *s = &cip_services[i];

		/* a common service whose number means something else here is not meant */
		if (!strcmp(s->name, name) &&
		    (s->class == class || (s->class == CIP_COMMON && cip_service(class, s->code) == s)))
			return s;
	}
	return NULL;
}

static void report_unknown_service(const struct loader *l, const struct value *at, uint16_t class)
{
	struct nearest near = nearest_to(at->text);
	const char *help = "write its number; `gatehouse services` lists the services with names";

	for (size_t i = 0; i < cip_service_count; i++) {
		const struct cip_service *s = &cip_services[i];

		if (!strcmp(s->name, at->text))
			help = arena_printf(l->arena, "it is a service of the class \"%s\"",
					    class_text(l, s->class));
		else if (s->class == class || s->class == CIP_COMMON)
			nearest_offer(&near, s->name, NULL);
	}
	report(l, FINDING_UNKNOWN_SERVICE, at, nearest_help(l, &near, help),
	       "%s has no service called \"%.60s\"", class_text(l, class), at->text);
}

static void report_carrier(const struct loader *l, const struct value *at, const struct cip_service *s)
{
	const char *help = "requests inside others are judged one by one: allow those, and add \"route\" if they "
			   "travel on";

	if (s->class == CIP_CLASS_PCCC)
		help = "write \"pccc\": \"read\" and \"files\" instead";
	else if (strstr(s->name, "forward"))
		help = "connections to the message router come with every entry; for others write \"io\"";
	report(l, FINDING_CARRIER_SERVICE, at, help, "%s is not allowed by itself", s->name);
}

/* The service's number and access; false when nothing more can be said about the entry. */
static bool read_service(const struct loader *l, const struct value *at, struct cip_entry *ret)
{
	uint16_t class = cip_entry_class(ret);
	const struct cip_service *s;

	if (at->type == VALUE_INT) {
		ret->service = (uint8_t)read_number(l, at, 1, CIP_SERVICE_LAST, 0);
		s = ret->service ? cip_service(class, ret->service) : NULL;
	} else {
		s = find_service(at->text, class);
		if (!s)
			report_unknown_service(l, at, class);
	}
	if (s && s->access == CIP_CARRIER) {
		report_carrier(l, at, s);
		return false;
	}
	if (!s && !ret->service)
		return false;
	if (s)
		ret->service = s->code;
	ret->access = s ? (enum cip_access)s->access : CIP_CONTROL;
	return true;
}

static void append_ranges(struct range_list *list, const struct range_list *more)
{
	for (size_t i = 0; i < more->count; i++)
		list->items[list->count++] = more->items[i];
}

/* One attribute by name, number or range. */
static void read_attribute(const struct loader *l, const struct value *at, struct cip_entry *ret)
{
	uint16_t class = cip_entry_class(ret);
	struct range_list numbers = { 0 };
	struct nearest near;

	if (at->type != VALUE_TEXT || (at->text[0] >= '0' && at->text[0] <= '9')) {
		read_ranges(l, at, 1, CIP_NUMBER_LAST, &numbers);
		append_ranges(&ret->attributes, &numbers);
		return;
	}
	near = nearest_to(at->text);
	for (size_t i = 0; i < cip_attribute_count; i++) {
		const struct cip_attribute *a = &cip_attributes[i];

		if (a->class != class)
			continue;
		nearest_offer(&near, a->name, NULL);
		if (strcmp(a->name, at->text))
			continue;
		ret->attributes.items[ret->attributes.count++] =
			(struct program_range){ .first = a->number, .last = a->number };
		return;
	}
	report(l, FINDING_UNKNOWN_ATTRIBUTE, at,
	       nearest_help(l, &near, "write its number, from the device's manual"),
	       "%s has no attribute called \"%.60s\"", class_text(l, class), at->text);
}

static void read_attributes(const struct loader *l, const struct value *at, struct cip_entry *ret)
{
	if (at->type != VALUE_LIST && (at->type != VALUE_TEXT || !strcmp(at->text, "all"))) {
		read_ranges(l, at, 1, CIP_NUMBER_LAST, &ret->attributes);
		return;
	}
	if (at->type == VALUE_TEXT) {
		ret->attributes.items = arena_array(l->arena, 1, sizeof(*ret->attributes.items));
		read_attribute(l, at, ret);
		return;
	}
	check_filled(l, at);
	ret->attributes.items = arena_array(l->arena, at->count, sizeof(*ret->attributes.items));
	for (size_t i = 0; i < at->count; i++)
		if (bind_type(&l->bind, &at->items[i], BIND_TEXT | BIND_INT))
			read_attribute(l, &at->items[i], ret);
}

/* Setting some attributes, and anything inside some objects, does more than to change data. */
static void raise_access(const struct cip_service *s, struct cip_entry *ret)
{
	if (!s || !s->sets)
		return;
	for (size_t i = 0; i < ret->path.count; i++)
		if (cip_setting_controls(ret->path.items[i].class, 1, 0))
			ret->access = CIP_CONTROL;
	for (size_t i = 0; i < ret->attributes.count; i++)
		if (cip_setting_controls(cip_entry_class(ret), ret->attributes.items[i].first,
					 ret->attributes.items[i].last))
			ret->access = CIP_CONTROL;
}

static void warn_control(const struct loader *l, const struct value *at, const struct cip_entry *entry,
			 const struct cip_service *s)
{
	if (entry->access != CIP_CONTROL)
		return;
	if (s)
		report(l, FINDING_CONTROL_SERVICE, at,
		       "keep it only if this server has to control the device; else remove the entry",
		       "%s on %s changes how the device runs or is reached", s->name,
		       path_text(l, &entry->path));
	else
		report(l, FINDING_CONTROL_SERVICE, at,
		       "read in the device's manual what it does, and write that in a \"note\"",
		       "the gate does not know what service %u on %s does", entry->service,
		       path_text(l, &entry->path));
}

static void warn_write(const struct loader *l, const struct value *at, const struct cip_entry *entry,
		       const struct cip_service *s)
{
	if (entry->access == CIP_WRITE && s)
		report(l, FINDING_WRITE_WITHOUT_VALUES, at,
		       "allow no more instances and attributes than have to be set; limits of values are for \"write-tags\"",
		       "%s on %s may set any value", s->name, path_text(l, &entry->path));
}

static void read_object(const struct loader *l, const struct value *class, const struct value *instance,
			struct object *ret)
{
	if (instance)
		read_ranges(l, instance, 0, CIP_INSTANCE_LAST, &ret->instances);
	if (class)
		read_class(l, class, ret);
}

struct object_members {
	const struct value *class, *instance;
};
static const struct bind_row object_rows[] = {
	{ "class", BIND_TEXT | BIND_INT, offsetof(struct object_members, class), true },
	{ "instance", BIND_RANGES, offsetof(struct object_members, instance), true },
};
static const struct bind_table object_table = { "a part of \"path\"", BIND_ROWS(object_rows) };

static void check_depth(const struct loader *l, const struct value *list)
{
	if (list->count == 1)
		report(l, FINDING_INVALID_PATH, list, "write its \"class\" and \"instance\" without \"path\"",
		       "a path leads from one object to another: it has two parts or more");
	else if (list->count > PATH_OBJECTS_MAX)
		report(l, FINDING_INVALID_PATH, list, "write no more than eight",
		       "a path has at most eight parts");
	else
		check_filled(l, list);
}

static void read_path(const struct loader *l, const struct value *list, struct object_list *ret)
{
	check_depth(l, list);
	ret->items = arena_array(l->arena, list->count, sizeof(*ret->items));
	for (; ret->count < list->count; ret->count++) {
		struct object_members m = { 0 };

		bind_map(&l->bind, &list->items[ret->count], &object_table, &m);
		read_object(l, m.class, m.instance, &ret->items[ret->count]);
	}
}

/* False when an object was not understood. */
static bool read_objects(const struct loader *l, const struct service_members *m, struct object_list *ret)
{
	bool whole = true;

	if (m->path) {
		read_path(l, m->path, ret);
	} else {
		ret->items = arena_array(l->arena, 1, sizeof(*ret->items));
		read_object(l, m->class, m->instance, &ret->items[ret->count++]);
	}
	for (size_t i = 0; i < ret->count; i++)
		whole &= ret->items[i].class != 0;
	return whole && ret->count;
}

void load_cip_service(const struct loader *l, const struct service_members *m, struct cip_entry *ret)
{
	const struct cip_service *s;

	if (!read_objects(l, m, &ret->path) || !read_service(l, m->service, ret))
		return;
	s = cip_service(cip_entry_class(ret), ret->service);
	if (m->attributes && s && !s->attributes)
		report_name(l, FINDING_NOT_FOR_SERVICE, m->attributes, "remove it",
			    "%s names no attributes", s->name);
	else if (m->attributes)
		read_attributes(l, m->attributes, ret);
	else if (s && s->attributes) {
		ret->attributes = one_range(l->arena, 1, CIP_NUMBER_LAST);
		report(l, FINDING_BROAD_ADDRESSES, m->service, "name those in use, as in \"attributes\": [1, 6, 7]",
		       "without \"attributes\" this allows every attribute of the object");
	}
	raise_access(s, ret);
	warn_control(l, m->service, ret, s);
	warn_write(l, m->service, ret, s);
}

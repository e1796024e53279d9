/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/program.h"

#define SERVICE_LAST 127u

static bool entry_valid(const struct program_header *h, const struct program_cip *e)
{
	return e->kind >= CIP_SERVICE && e->kind <= CIP_LIST_IDENTITY &&
	       (e->kind != CIP_SERVICE ||
		(e->service >= 1 && e->service <= SERVICE_LAST && e->path.count > 0)) &&
	       (e->kind != CIP_IO || (e->io >= CIP_IO_LISTEN_ONLY && e->io <= CIP_IO_EXCLUSIVE_OWNER)) &&
	       span_inside(e->path, h->objects) && span_inside(e->attributes, h->ranges) &&
	       span_inside(e->tags, h->tags) && span_inside(e->values, h->values) &&
	       span_inside(e->files, h->files) && span_inside(e->assemblies, h->ranges) &&
	       span_inside(e->routes, h->routes);
}

static bool objects_valid(const struct program *p)
{
	for (uint32_t i = 0; i < p->header->objects.count; i++)
		if (!span_inside(p->objects[i].instances, p->header->ranges))
			return false;
	return true;
}

static bool tags_valid(const struct program *p)
{
	const struct program_header *h = p->header;

	for (uint32_t i = 0; i < h->tags.count; i++)
		if (!span_inside(p->tags[i].parts, h->names) || p->tags[i].rest > 1)
			return false;
	for (uint32_t i = 0; i < h->names.count; i++)
		if (!span_inside(p->names[i].name, h->text) || p->names[i].name.count == 0 ||
		    p->names[i].dimension_count > PROGRAM_DIMENSIONS)
			return false;
	return true;
}

static bool routes_valid(const struct program *p)
{
	const struct program_header *h = p->header;

	for (uint32_t i = 0; i < h->routes.count; i++)
		if (!span_inside(p->routes[i], h->hops))
			return false;
	for (uint32_t i = 0; i < h->hops.count; i++)
		if (!span_inside(p->hops[i].link, h->text))
			return false;
	return true;
}

bool program_cip_valid(const struct program *p)
{
	for (uint32_t i = 0; i < p->header->cip.count; i++)
		if (!entry_valid(p->header, &p->cip[i]))
			return false;
	return objects_valid(p) && tags_valid(p) && routes_valid(p);
}

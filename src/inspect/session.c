/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/session.h"

#define OPENING_LIMIT 10000000000ull /* ns: an answer to a Forward Open that comes later counts no more */

static bool same_triad(const struct cip_triad *a, const struct cip_triad *b)
{
	return a->serial == b->serial && a->vendor == b->vendor && a->originator == b->originator;
}

const struct session_connection *session_connection(const struct session *s, uint32_t o_t_id)
{
	for (unsigned i = 0; i < SESSION_CONNECTIONS_MAX; i++)
		if (s->connections[i].state == CONNECTION_OPEN && s->connections[i].o_t_id == o_t_id)
			return &s->connections[i];
	return NULL;
}

const struct session_connection *session_triad(const struct session *s, const struct cip_triad *triad)
{
	for (unsigned i = 0; i < SESSION_CONNECTIONS_MAX; i++)
		if (s->connections[i].state != CONNECTION_FREE &&
		    same_triad(&s->connections[i].triad, triad))
			return &s->connections[i];
	return NULL;
}

bool session_replies_by(const struct session *s, uint32_t t_o_id, const struct cip_triad *triad)
{
	for (unsigned i = 0; i < SESSION_CONNECTIONS_MAX; i++)
		if (s->connections[i].state == CONNECTION_OPEN && s->connections[i].t_o_id == t_o_id &&
		    !same_triad(&s->connections[i].triad, triad))
			return true;
	return false;
}

static bool is_free(const struct session_connection *c, uint64_t now)
{
	return c->state == CONNECTION_FREE || c->state == CONNECTION_CLOSED ||
	       (c->state == CONNECTION_OPENING && now - c->since > OPENING_LIMIT);
}

bool session_has_room(const struct session *s, uint64_t now)
{
	for (unsigned i = 0; i < SESSION_CONNECTIONS_MAX; i++)
		if (is_free(&s->connections[i], now))
			return true;
	return false;
}

static size_t write_route(const struct cip_open *open, uint8_t out[static SESSION_ROUTE_MAX])
{
	struct cip_path route = { .count = (uint16_t)open->route };

	__builtin_memcpy(route.segments, open->path.segments, open->route * sizeof(route.segments[0]));
	return cip_path_write(&route, out, SESSION_ROUTE_MAX);
}

bool session_route_fits(const struct cip_open *open)
{
	uint8_t bytes[SESSION_ROUTE_MAX];

	return open->route == 0 || write_route(open, bytes) != 0;
}

void session_opening(struct session *s, const struct cip_open *open, uint64_t now)
{
	for (unsigned i = 0; i < SESSION_CONNECTIONS_MAX; i++) {
		struct session_connection *c = &s->connections[i];

		if (!is_free(c, now))
			continue;
		*c = (struct session_connection){ .state = CONNECTION_OPENING, .triad = open->triad,
						  .since = now };
		c->route_length = (uint8_t)write_route(open, c->route);
		return;
	}
}

static struct session_connection *opening(struct session *s, const struct cip_triad *triad)
{
	for (unsigned i = 0; i < SESSION_CONNECTIONS_MAX; i++)
		if (s->connections[i].state == CONNECTION_OPENING &&
		    same_triad(&s->connections[i].triad, triad))
			return &s->connections[i];
	return NULL;
}

void session_opened(struct session *s, const struct cip_opened *opened)
{
	struct session_connection *fresh = opening(s, &opened->triad);

	if (!fresh)
		return;
	for (unsigned i = 0; i < SESSION_CONNECTIONS_MAX; i++) {
		struct session_connection *c = &s->connections[i];

		if (c->state == CONNECTION_OPEN &&
		    (same_triad(&c->triad, &opened->triad) || c->o_t_id == opened->o_t_id ||
		     c->t_o_id == opened->t_o_id))
			c->state = CONNECTION_FREE;
	}
	fresh->state = CONNECTION_OPEN;
	fresh->o_t_id = opened->o_t_id;
	fresh->t_o_id = opened->t_o_id;
}

void session_refused(struct session *s, const struct cip_triad *triad)
{
	struct session_connection *c = opening(s, triad);

	if (c)
		c->state = CONNECTION_FREE;
}

void session_closed(struct session *s, const struct cip_triad *triad)
{
	for (unsigned i = 0; i < SESSION_CONNECTIONS_MAX; i++)
		if (s->connections[i].state != CONNECTION_FREE &&
		    same_triad(&s->connections[i].triad, triad))
			s->connections[i].state = CONNECTION_CLOSED;
}

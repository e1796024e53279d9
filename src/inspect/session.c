/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/session.h"

#include "protocol/bytes.h"

#define OPENING_LIMIT 10000000000ull /* ns: an answer to a Forward Open that comes later counts no more */

const struct session_connection *session_connection(const struct session *s, uint32_t o_t_id)
{
	for (unsigned i = 0; i < SESSION_CONNECTIONS_MAX; i++)
		if (s->connections[i].state == CONNECTION_OPEN && s->connections[i].o_t_id == o_t_id)
			return &s->connections[i];
	return NULL;
}

bool session_replies_by(const struct session *s, uint32_t t_o_id, const struct cip_triad *triad)
{
	for (unsigned i = 0; i < SESSION_CONNECTIONS_MAX; i++)
		if (s->connections[i].state == CONNECTION_OPEN && s->connections[i].t_o_id == t_o_id &&
		    !cip_triad_equal(&s->connections[i].triad, triad))
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

bool session_route_fits(const struct cip_open *open)
{
	uint8_t bytes[SESSION_ROUTE_MAX];

	return open->route == 0 || cip_route_write(&open->path, open->route, bytes, sizeof(bytes)) != 0;
}

bool session_closes(const struct session *s, const struct cip_close *close)
{
	uint8_t route[SESSION_ROUTE_MAX];
	size_t length = cip_route_write(&close->path, close->route, route, sizeof(route));

	for (unsigned i = 0; i < SESSION_CONNECTIONS_MAX; i++) {
		const struct session_connection *c = &s->connections[i];

		if (c->state != CONNECTION_FREE && cip_triad_equal(&c->triad, &close->triad) &&
		    c->route_length == length && (length || !close->route) &&
		    bytes_equal(c->route, route, length))
			return true;
	}
	return false;
}

void session_opening(struct session *s, const struct cip_open *open, uint64_t now)
{
	s->openings++;
	for (unsigned i = 0; i < SESSION_CONNECTIONS_MAX; i++) {
		struct session_connection *c = &s->connections[i];

		if (!is_free(c, now))
			continue;
		*c = (struct session_connection){ .state = CONNECTION_OPENING, .triad = open->triad,
						  .opening = s->openings, .since = now };
		c->route_length = (uint8_t)cip_route_write(&open->path, open->route, c->route, sizeof(c->route));
		return;
	}
}

/* By its number, not by its triad: two that are under way may have the same, by different routes. */
static struct session_connection *find_opening(struct session *s, uint32_t opening)
{
	for (unsigned i = 0; i < SESSION_CONNECTIONS_MAX; i++)
		if (s->connections[i].state == CONNECTION_OPENING && s->connections[i].opening == opening)
			return &s->connections[i];
	return NULL;
}

void session_opened(struct session *s, uint32_t opening, const struct cip_opened *opened)
{
	struct session_connection *fresh = find_opening(s, opening);

	if (!fresh)
		return;
	for (unsigned i = 0; i < SESSION_CONNECTIONS_MAX; i++) {
		struct session_connection *c = &s->connections[i];

		if (c->state == CONNECTION_OPEN &&
		    (cip_triad_equal(&c->triad, &opened->triad) || c->o_t_id == opened->o_t_id ||
		     c->t_o_id == opened->t_o_id))
			c->state = CONNECTION_FREE;
	}
	fresh->state = CONNECTION_OPEN;
	fresh->o_t_id = opened->o_t_id;
	fresh->t_o_id = opened->t_o_id;
}

void session_refused(struct session *s, uint32_t opening)
{
	struct session_connection *c = find_opening(s, opening);

	if (c)
		c->state = CONNECTION_FREE;
}

void session_closed(struct session *s, const struct cip_triad *triad)
{
	for (unsigned i = 0; i < SESSION_CONNECTIONS_MAX; i++)
		if (s->connections[i].state != CONNECTION_FREE &&
		    cip_triad_equal(&s->connections[i].triad, triad))
			s->connections[i].state = CONNECTION_CLOSED;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/rows.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/sink.h"
#include "protocol/enip.h"

#define NANOSECONDS 1000000000ull

static void put_be64(struct sink *s, uint64_t value)
{
	sink_be32(s, (uint32_t)(value >> 32));
	sink_be32(s, (uint32_t)value);
}

static void put_port(struct sink *s, uint8_t transport, uint16_t port)
{
	sink_u8(s, transport);
	sink_bytes(s, (const uint8_t[3]){ 0 }, 3);
	sink_be16(s, port);
}

size_t rows_of_conduit(const struct ruleset_conduit *c, struct ruleset_conduit ret[static ROWS_OF_CONDUIT])
{
	size_t n = 0;

	ret[n++] = *c;
	if (c->datagrams & RULESET_UDP_MESSAGES) {
		ret[n] = *c;
		ret[n++].transport = IPPROTO_UDP;
	}
	if (c->datagrams & RULESET_UDP_CYCLIC) {
		ret[n] = *c;
		ret[n].transport = IPPROTO_UDP;
		ret[n++].port = ENIP_IO_PORT;
		ret[n] = ret[n - 1];
		ret[n].server = c->device;
		ret[n].device = c->server;
		ret[n++].mark |= MARK_REPLY;
	}
	return n;
}

static void put_conduit(const struct ruleset_conduit *c, struct row *row)
{
	struct sink s = sink_over(row->key, SHAPE_KEY_MAX);
	size_t size = c->server.family == 4 ? 4 : 16;

	sink_bytes(&s, c->server.b, size);
	sink_bytes(&s, c->device.b, size);
	put_port(&s, c->transport, c->port);
	row->mark = c->mark;
	row->comment = c->rules;
	row->file = c->file;
	row->line = c->line;
}

static size_t conduit_rows(const struct ruleset *ruleset, uint8_t family, struct row *rows)
{
	size_t n = 0;

	for (size_t i = 0; i < ruleset->conduit_count; i++) {
		const struct ruleset_conduit *c = &ruleset->conduits[i];
		struct ruleset_conduit elements[ROWS_OF_CONDUIT];
		size_t count = rows_of_conduit(c, elements);

		for (size_t k = 0; k < count && c->server.family == family; k++)
			put_conduit(&elements[k], &rows[n++]);
	}
	return n;
}

/* First and last address of a network, behind the name of its interface. */
static void put_home_keys(const struct ruleset_home *home, struct row *row)
{
	size_t size = home->network.family == 4 ? 4 : 16;

	memcpy(row->key, home->interface, sizeof(home->interface));
	memcpy(row->last, home->interface, sizeof(home->interface));
	for (size_t i = 0; i < size; i++) {
		unsigned kept = home->prefix > 8 * i ? home->prefix - 8 * (unsigned)i : 0;
		uint8_t host = (uint8_t)(kept >= 8 ? 0 : 0xff >> kept);

		row->key[sizeof(home->interface) + i] = home->network.b[i] & (uint8_t)~host;
		row->last[sizeof(home->interface) + i] = home->network.b[i] | host;
	}
}

static bool covers(const struct ruleset_home *outer, const struct ruleset_home *inner)
{
	unsigned whole = outer->prefix / 8, bits = outer->prefix % 8;
	uint8_t mask = (uint8_t)(0xff00 >> bits);

	return outer->network.family == inner->network.family && outer->prefix <= inner->prefix &&
	       !strncmp(outer->interface, inner->interface, sizeof(outer->interface)) &&
	       !memcmp(outer->network.b, inner->network.b, whole) &&
	       (!bits || !((outer->network.b[whole] ^ inner->network.b[whole]) & mask));
}

bool rows_home_covered(const struct ruleset *ruleset, size_t position)
{
	for (size_t i = 0; i < position; i++) {
		if (covers(&ruleset->homes[i], &ruleset->homes[position]))
			return true;
	}
	return false;
}

static size_t home_rows(const struct ruleset *ruleset, uint8_t family, struct row *rows)
{
	size_t n = 0;

	for (size_t i = 0; i < ruleset->home_count; i++) {
		if (ruleset->homes[i].network.family == family && !rows_home_covered(ruleset, i))
			put_home_keys(&ruleset->homes[i], &rows[n++]);
	}
	return n;
}

static void put_window_key(uint32_t timetable, uint32_t second, int64_t time,
			   uint8_t key[static SHAPE_KEY_MAX])
{
	struct sink s = sink_over(key, SHAPE_KEY_MAX);

	sink_be32(&s, timetable << MARK_TIMETABLE_SHIFT);
	sink_be32(&s, second);
	put_be64(&s, (uint64_t)time * NANOSECONDS);
}

/* The kernel's intervals are closed: the window ends with the first nanosecond of `until`, as in the text. */
static size_t window_rows(const struct ruleset *ruleset, struct row *rows)
{
	for (size_t i = 0; i < ruleset->window_count; i++) {
		const struct ruleset_window *w = &ruleset->windows[i];

		put_window_key(w->timetable, w->first, w->from, rows[i].key);
		put_window_key(w->timetable, w->last, w->until, rows[i].last);
	}
	return ruleset->window_count;
}

static void put_overdue_key(uint32_t mark, int64_t seconds, uint8_t key[static SHAPE_KEY_MAX])
{
	struct sink s = sink_over(key, SHAPE_KEY_MAX);

	sink_be32(&s, mark);
	put_be64(&s, (uint64_t)seconds * NANOSECONDS);
}

static size_t overdue_rows(const struct ruleset *ruleset, struct row *rows)
{
	for (size_t i = 0; i < ruleset->overdue_count; i++) {
		put_overdue_key(ruleset->overdue[i].first, ruleset->overdue[i].from, rows[i].key);
		put_overdue_key(ruleset->overdue[i].last, RULESET_FOREVER, rows[i].last);
	}
	return ruleset->overdue_count;
}

static size_t own_rows(const struct ruleset *ruleset, uint8_t family, struct row *rows)
{
	size_t n = 0;

	for (size_t i = 0; i < ruleset->own_count; i++) {
		const struct ruleset_own *own = &ruleset->own[i];
		struct sink s = sink_over(rows[n].key, SHAPE_KEY_MAX);

		if (own->to.family != family)
			continue;
		sink_bytes(&s, own->to.b, family == 4 ? 4 : 16);
		put_port(&s, own->transport, own->port);
		rows[n].comment = own->what;
		rows[n].file = own->file;
		rows[n++].line = own->line;
	}
	return n;
}

static size_t rows_most(const struct ruleset *ruleset, enum shape_set_id id)
{
	if (id == SHAPE_WINDOWS)
		return ruleset->window_count;
	if (id == SHAPE_OVERDUE)
		return ruleset->overdue_count;
	if (id == SHAPE_HOMES4 || id == SHAPE_HOMES6)
		return ruleset->home_count;
	return shape_sets[id].map ? ROWS_OF_CONDUIT * ruleset->conduit_count : ruleset->own_count;
}

static size_t fill_rows(const struct ruleset *ruleset, enum shape_set_id id, struct row *rows)
{
	switch (id) {
	case SHAPE_CONDUITS4:
	case SHAPE_CONDUITS6:
		return conduit_rows(ruleset, id == SHAPE_CONDUITS4 ? 4 : 6, rows);
	case SHAPE_HOMES4:
	case SHAPE_HOMES6:
		return home_rows(ruleset, id == SHAPE_HOMES4 ? 4 : 6, rows);
	case SHAPE_WINDOWS:
		return window_rows(ruleset, rows);
	case SHAPE_OVERDUE:
		return overdue_rows(ruleset, rows);
	case SHAPE_OWN4:
	case SHAPE_OWN6:
		return own_rows(ruleset, id == SHAPE_OWN4 ? 4 : 6, rows);
	case SHAPE_SETS:
		break;
	}
	return 0;
}

void rows_wanted(const struct ruleset *ruleset, enum shape_set_id id, struct arena *arena,
		 struct rows *ret)
{
	ret->items = arena_array(arena, rows_most(ruleset, id) + 1, sizeof(*ret->items));
	ret->count = fill_rows(ruleset, id, ret->items);
	qsort(ret->items, ret->count, sizeof(*ret->items), rows_compare);
}

int rows_compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = memcmp(x->key, y->key, sizeof(x->key));

	return order ? order : memcmp(x->last, y->last, sizeof(x->last));
}

bool rows_same(const struct row *a, const struct row *b)
{
	return !rows_compare(a, b) && a->mark == b->mark && !a->odd && !b->odd &&
	       !strcmp(a->comment ? a->comment : "", b->comment ? b->comment : "");
}

void rows_conduit(enum shape_set_id id, const struct row *row, struct ruleset_conduit *ret)
{
	size_t size = id == SHAPE_CONDUITS4 ? 4 : 16;
	const uint8_t *p = row->key;

	*ret = (struct ruleset_conduit){ .mark = row->mark, .rules = row->comment,
					 .file = row->file, .line = row->line };
	ret->server.family = ret->device.family = size == 4 ? 4 : 6;
	memcpy(ret->server.b, p, size);
	memcpy(ret->device.b, p + size, size);
	ret->transport = p[2 * size];
	ret->port = (uint16_t)(p[2 * size + 4] << 8 | p[2 * size + 5]);
}

void rows_side_by_side(const struct rows *had, const struct rows *wanted,
		       void (*each)(const struct row *old, const struct row *new, void *data), void *data)
{
	size_t i = 0, j = 0;

	while (i < had->count || j < wanted->count) {
		const struct row *old = i < had->count ? &had->items[i] : NULL;
		const struct row *new = j < wanted->count ? &wanted->items[j] : NULL;
		int order = !new ? -1 : !old ? 1 : rows_compare(old, new);

		each(order <= 0 ? old : NULL, order >= 0 ? new : NULL, data);
		i += order <= 0;
		j += order >= 0;
	}
}

/* ---- in words ---- */

static const char *conduit_name(enum shape_set_id id, const struct row *row, struct arena *arena)
{
	char server[INET6_ADDRSTRLEN] = "", device[INET6_ADDRSTRLEN] = "";
	int family = id == SHAPE_CONDUITS4 ? AF_INET : AF_INET6;
	struct ruleset_conduit c;

	rows_conduit(id, row, &c);
	inet_ntop(family, c.server.b, server, sizeof(server));
	inet_ntop(family, c.device.b, device, sizeof(device));
	return arena_printf(arena, "the conduit %s -> %s, %s port %u", server, device,
			    c.transport == IPPROTO_UDP ? "udp" : c.transport == IPPROTO_TCP ? "tcp" :
			    arena_printf(arena, "protocol %u", c.transport), c.port);
}

static const char *home_name(enum shape_set_id id, const struct row *row, struct arena *arena)
{
	const size_t name = shape_sets[id].parts[0];
	char first[INET6_ADDRSTRLEN] = "", last[INET6_ADDRSTRLEN] = "";
	int family = id == SHAPE_HOMES4 ? AF_INET : AF_INET6;

	inet_ntop(family, row->key + name, first, sizeof(first));
	inet_ntop(family, row->last + name, last, sizeof(last));
	return arena_printf(arena, "%s to %s behind %.*s", first, last, (int)name, (const char *)row->key);
}

static const char *instant(const uint8_t *bytes, struct arena *arena)
{
	uint64_t nanoseconds = 0;
	struct tm tm;
	time_t t;
	char text[32];

	for (int i = 0; i < 8; i++)
		nanoseconds = nanoseconds << 8 | bytes[i];
	t = (time_t)(nanoseconds / NANOSECONDS);
	if (!gmtime_r(&t, &tm) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return "?";
	return arena_printf(arena, "%s", text);
}

static uint32_t word_at(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

uint32_t rows_first_mark(const struct row *row)
{
	return word_at(row->key);
}

uint32_t rows_last_mark(const struct row *row)
{
	return word_at(row->last);
}

uint32_t rows_window_timetable(const struct row *row)
{
	return word_at(row->key) >> MARK_TIMETABLE_SHIFT;
}

/* "07:30:00", of a second of the day. */
static const char *clock_text(uint32_t second, struct arena *arena)
{
	return arena_printf(arena, "%02u:%02u:%02u", second / 3600, second / 60 % 60, second % 60);
}

static const char *window_name(const struct row *row, struct arena *arena)
{
	return arena_printf(arena, "timetable %u, daily from %s to %s UTC, from %s to %s",
			    rows_window_timetable(row), clock_text(word_at(row->key + 4), arena),
			    clock_text(word_at(row->last + 4), arena), instant(row->key + 8, arena),
			    instant(row->last + 8, arena));
}

static const char *own_name(enum shape_set_id id, const struct row *row, struct arena *arena)
{
	char to[INET6_ADDRSTRLEN] = "";
	size_t size = id == SHAPE_OWN4 ? 4 : 16;
	const uint8_t *behind = row->key + size;

	inet_ntop(id == SHAPE_OWN4 ? AF_INET : AF_INET6, row->key, to, sizeof(to));
	return arena_printf(arena, "the gate's own permit to %s, %s port %u", to,
			    behind[0] == IPPROTO_UDP ? "udp" : behind[0] == IPPROTO_TCP ? "tcp" :
			    arena_printf(arena, "protocol %u", behind[0]),
			    (unsigned)behind[4] << 8 | behind[5]);
}

static const char *overdue_name(const struct row *row, struct arena *arena)
{
	return arena_printf(arena, "no new connection on conduits %u to %u from %s on",
			    rows_first_mark(row) & MARK_CONDUIT, rows_last_mark(row) & MARK_CONDUIT,
			    instant(row->key + 4, arena));
}

const char *rows_name(enum shape_set_id id, const struct row *row, struct arena *arena)
{
	if (shape_sets[id].map)
		return conduit_name(id, row, arena);
	if (id == SHAPE_OWN4 || id == SHAPE_OWN6)
		return own_name(id, row, arena);
	if (id == SHAPE_OVERDUE)
		return overdue_name(row, arena);
	return id == SHAPE_WINDOWS ? window_name(row, arena) : home_name(id, row, arena);
}

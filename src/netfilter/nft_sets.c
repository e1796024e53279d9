/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/nft_sets.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "netfilter/offsets.h"
#include "netfilter/rows.h"
#include "netfilter/shape.h"

void nft_put_plain(FILE *out, const char *text)
{
	for (; *text; text++)
		fputc(*text == '"' || (unsigned char)*text < ' ' ? '?' : *text, out);
}

static void put_address(FILE *out, const struct address *address)
{
	char text[INET6_ADDRSTRLEN];

	if (inet_ntop(address->family == 4 ? AF_INET : AF_INET6, address->b, text, sizeof(text)))
		fputs(text, out);
}

/* ---- rows of the sets ---- */

static const char *transport_word(uint8_t transport)
{
	return transport == IPPROTO_UDP ? "udp" : "tcp";
}

/*
 * Rows `first` and on of one list. nft 1.0.6 sends a list of intervals beyond 64 kB in pieces that the
 * kernel refuses, so longer ones are written as several.
 */
struct list {
	const struct ruleset *ruleset;
	FILE *out;
	size_t first;
	size_t most;
	size_t count; /* of all rows, written or not */
};
#define INTERVALS_MAX 1000u

/* Every element stands on a line of its own, so that two rulesets compare well. False: not in this list. */
static bool begin_element(struct list *list)
{
	size_t nth = list->count++;

	if (nth < list->first || nth - list->first >= list->most)
		return false;
	fputs(nth == list->first ? "{\n\t\t\t" : ",\n\t\t\t", list->out);
	return true;
}

static void put_conduit(struct list *list, const struct ruleset_conduit *c)
{
	FILE *out = list->out;

	if (!begin_element(list))
		return;
	put_address(out, &c->server);
	fputs(" . ", out);
	put_address(out, &c->device);
	fprintf(out, " . %s . %u counter comment \"", transport_word(c->transport), c->port);
	nft_put_plain(out, c->rules);
	fprintf(out, "\" : 0x%08x", c->mark);
}

static void put_number(FILE *out, const uint8_t *bytes, size_t size)
{
	fputs("0x", out);
	for (size_t i = 0; i < size; i++)
		fprintf(out, "%02x", bytes[i]);
}

/* The same row for what an ICMP error quotes: no counter, the mark says which conduit it is. */
static void put_quoted(struct list *list, const struct ruleset_conduit *c)
{
	size_t size = c->server.family == 4 ? 4 : 16;

	if (!begin_element(list))
		return;
	put_number(list->out, c->server.b, size);
	fputs(" . ", list->out);
	put_number(list->out, c->device.b, size);
	fprintf(list->out, " . %u . %u : 0x%08x", c->transport, c->port, c->mark);
}

static void put_conduits(struct list *list, uint8_t family,
			 void (*put)(struct list *, const struct ruleset_conduit *))
{
	const struct ruleset *ruleset = list->ruleset;

	for (size_t i = 0; i < ruleset->conduit_count; i++) {
		const struct ruleset_conduit *c = &ruleset->conduits[i];
		struct ruleset_conduit elements[ROWS_OF_CONDUIT];
		size_t count = rows_of_conduit(c, elements);

		for (size_t k = 0; k < count && c->server.family == family; k++)
			put(list, &elements[k]);
	}
}

static void put_homes(struct list *list, uint8_t family)
{
	const struct ruleset *ruleset = list->ruleset;

	for (size_t i = 0; i < ruleset->home_count; i++) {
		const struct ruleset_home *h = &ruleset->homes[i];

		if (h->network.family != family || rows_home_covered(ruleset, i) || !begin_element(list))
			continue;
		fprintf(list->out, "\"%s\" . ", h->interface);
		put_address(list->out, &h->network);
		if (h->prefix < (family == 4 ? 32 : 128))
			fprintf(list->out, "/%u", h->prefix);
	}
}

static void put_windows(struct list *list)
{
	const struct ruleset *ruleset = list->ruleset;

	for (size_t i = 0; i < ruleset->window_count; i++) {
		const struct ruleset_window *w = &ruleset->windows[i];

		if (begin_element(list))
			fprintf(list->out, "0x%08x . %u-%u . %" PRId64 "-%" PRId64,
				w->timetable << MARK_TIMETABLE_SHIFT, w->first, w->last, w->from, w->until);
	}
}

static void put_overdue(struct list *list)
{
	const struct ruleset *ruleset = list->ruleset;

	for (size_t i = 0; i < ruleset->overdue_count; i++) {
		const struct ruleset_overdue *o = &ruleset->overdue[i];

		if (begin_element(list))
			fprintf(list->out, "0x%08x-0x%08x . %" PRId64 "-%" PRId64, o->first, o->last, o->from,
				RULESET_FOREVER);
	}
}

static void put_own_rows(struct list *list, uint8_t family)
{
	const struct ruleset *ruleset = list->ruleset;

	for (size_t i = 0; i < ruleset->own_count; i++) {
		const struct ruleset_own *own = &ruleset->own[i];

		if (own->to.family != family || !begin_element(list))
			continue;
		put_address(list->out, &own->to);
		fprintf(list->out, " . %s . %u counter comment \"", transport_word(own->transport), own->port);
		nft_put_plain(list->out, own->what);
		fputc('"', list->out);
	}
}

/* Returns how many rows the set has. */
static size_t put_list(const struct ruleset *ruleset, FILE *out, enum shape_set_id id, size_t first)
{
	struct list list = { .ruleset = ruleset, .out = out, .first = first,
			     .most = shape_sets[id].exact ? SIZE_MAX : INTERVALS_MAX };

	switch (id) {
	case SHAPE_CONDUITS4:
	case SHAPE_CONDUITS6:
		put_conduits(&list, id == SHAPE_CONDUITS4 ? 4 : 6, put_conduit);
		break;
	case SHAPE_HOMES4:
	case SHAPE_HOMES6:
		put_homes(&list, id == SHAPE_HOMES4 ? 4 : 6);
		break;
	case SHAPE_WINDOWS:
		put_windows(&list);
		break;
	case SHAPE_OVERDUE:
		put_overdue(&list);
		break;
	case SHAPE_OWN4:
	case SHAPE_OWN6:
		put_own_rows(&list, id == SHAPE_OWN4 ? 4 : 6);
		break;
	case SHAPE_SETS:
		break;
	}
	return list.count;
}

static size_t rows_of(const struct ruleset *ruleset, FILE *out, enum shape_set_id id)
{
	return put_list(ruleset, out, id, SIZE_MAX);
}

static void put_set(const struct ruleset *ruleset, FILE *out, enum shape_set_id id)
{
	const struct shape_set *set = &shape_sets[id];

	fprintf(out, "\n\t# %s\n\t%s %s {\n\t\t%s\n", set->comment, set->keyword, set->name, set->type);
	if (set->most)
		fprintf(out, "\t\tsize %u\n", set->most);
	fprintf(out, "\t\t%s\n", set->exact ? "counter" : "flags interval");
	if (rows_of(ruleset, out, id)) {
		fputs("\t\telements = ", out);
		put_list(ruleset, out, id, 0);
		fputs("\n\t\t}\n", out);
	}
	fputs("\t}\n", out);
}

/* What of an interval set did not go into its first list; in the same transaction. */
static void put_rest(const struct ruleset *ruleset, FILE *out, enum shape_set_id id)
{
	size_t rows = shape_sets[id].exact ? 0 : rows_of(ruleset, out, id);

	for (size_t first = INTERVALS_MAX; first < rows; first += INTERVALS_MAX) {
		fprintf(out, "\nadd element inet " SHAPE_TABLE " %s ", shape_sets[id].name);
		put_list(ruleset, out, id, first);
		fputs("\n}\n", out);
	}
}


/* ---- what ICMP errors quote ---- */

static const char *quoted_map(bool ip4)
{
	return ip4 ? "quoted_conduits4" : "quoted_conduits6";
}

/* Places and lengths in bits. */
static void put_quoted_key(FILE *out, const struct quoted_key *key)
{
	fprintf(out, "@th,%u,%u . @th,%u,%u . @th,%u,8 . @th,%u,16", 8 * key->server, 8 * key->size,
		8 * key->device, 8 * key->size, 8 * key->protocol, 8 * key->port);
}

void nft_put_quoted_look_up(FILE *out, uint32_t family, bool reversed)
{
	struct quoted_key key = quoted_key(family == 4, reversed);

	put_quoted_key(out, &key);
	fprintf(out, " map @%s", quoted_map(family == 4));
}

static size_t put_quoted_rows(const struct ruleset *ruleset, FILE *out, bool ip4, size_t first)
{
	struct list list = { .ruleset = ruleset, .out = out, .first = first, .most = SIZE_MAX };

	put_conduits(&list, ip4 ? 4 : 6, put_quoted);
	return list.count;
}

static void put_quoted_map(const struct ruleset *ruleset, FILE *out, bool ip4)
{
	struct quoted_key key = quoted_key(ip4, false);

	fprintf(out, "\n\t# %s\n\tmap %s {\n\t\ttypeof ",
		ip4 ? "the conduits again, by the bytes of a packet that an ICMP error quotes, for which nft has no types" :
		      "the same for IPv6", quoted_map(ip4));
	put_quoted_key(out, &key);
	fputs(" : meta mark\n", out);
	if (put_quoted_rows(ruleset, out, ip4, SIZE_MAX)) {
		fputs("\t\telements = ", out);
		put_quoted_rows(ruleset, out, ip4, 0);
		fputs("\n\t\t}\n", out);
	}
	fputs("\t}\n", out);
}

/* ---- all of them ---- */

void nft_sets_write(const struct ruleset *ruleset, FILE *out)
{
	for (unsigned id = 0; id < SHAPE_SETS; id++)
		put_set(ruleset, out, (enum shape_set_id)id);
	put_quoted_map(ruleset, out, true);
	put_quoted_map(ruleset, out, false);
}

void nft_sets_write_rest(const struct ruleset *ruleset, FILE *out)
{
	for (unsigned id = 0; id < SHAPE_SETS; id++)
		put_rest(ruleset, out, (enum shape_set_id)id);
}

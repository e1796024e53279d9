/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/fragment.h"

#include <stdlib.h>
#include <string.h>

#define DATAGRAMS 32u
#define DATAGRAM_MAX 65536u

struct datagram {
	struct ip_part key;     /* of the fragment that came first */
	uint64_t age;           /* when it began; 0 = free */
	size_t total;           /* bytes; 0 = the last fragment has not come */
	size_t present;
	uint8_t bytes[DATAGRAM_MAX];
	uint8_t have[DATAGRAM_MAX / 8]; /* a bit a byte */
};

struct fragments {
	uint64_t clock;
	struct datagram datagrams[DATAGRAMS];
};

struct fragments *fragments_new(void)
{
	return calloc(1, sizeof(struct fragments));
}

void fragments_free(struct fragments *fragments)
{
	free(fragments);
}

static bool same_datagram(const struct ip_part *a, const struct ip_part *b)
{
	return a->identification == b->identification && a->protocol == b->protocol &&
	       endpoint_equal(&a->source, &b->source) && endpoint_equal(&a->target, &b->target);
}

static struct datagram *find_datagram(struct fragments *fragments, const struct ip_part *part)
{
	struct datagram *oldest = &fragments->datagrams[0];

	for (size_t i = 0; i < DATAGRAMS; i++) {
		struct datagram *d = &fragments->datagrams[i];

		if (d->age && same_datagram(&d->key, part))
			return d;
		if (d->age < oldest->age)
			oldest = d;
	}
	memset(oldest, 0, sizeof(*oldest));
	oldest->key = *part;
	oldest->age = ++fragments->clock;
	return oldest;
}

bool fragments_add(struct fragments *fragments, const struct ip_part *part, struct ip_part *ret)
{
	struct datagram *d;

	if (part->offset + part->length > DATAGRAM_MAX)
		return false;
	d = find_datagram(fragments, part);
	for (size_t i = 0; i < part->length; i++) {
		size_t at = part->offset + i;
		uint8_t bit = (uint8_t)(1u << at % 8);

		if (d->have[at / 8] & bit)
			continue;
		d->have[at / 8] |= bit;
		d->bytes[at] = part->payload[i];
		d->present++;
	}
	if (!part->more)
		d->total = part->offset + part->length + part->cut;
	if (d->total == 0 || d->present < d->total)
		return false;
	d->age = 0;
	*ret = d->key;
	ret->more = false;
	ret->offset = 0;
	ret->cut = 0;
	ret->payload = d->bytes;
	ret->length = d->total;
	return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/listing.h"

#define WAIT 5000000000ull /* ns; a device may take the two seconds that the specification gives it */

static bool waits(const struct listing *i, uint64_t now)
{
	return i->conduit && now - i->since < WAIT;
}

bool listing_add(struct listings *l, const struct listing *asked)
{
	struct listing *place = NULL;
	unsigned same = 0;

	for (unsigned i = 0; i < LISTINGS_MAX; i++) {
		struct listing *item = &l->items[i];

		if (!waits(item, asked->since))
			place = item;
		else
			same += item->conduit == asked->conduit;
	}
	if (!place || same >= LISTINGS_OF_CONDUIT)
		return false;
	*place = *asked;
	return true;
}

bool listing_take(struct listings *l, uint32_t conduit, uint16_t port, const struct enip_message *reply,
		  uint64_t now)
{
	for (unsigned i = 0; i < LISTINGS_MAX; i++) {
		struct listing *item = &l->items[i];

		if (item->conduit == conduit && item->port == port && waits(item, now) &&
		    enip_pairs(&item->ask, reply)) {
			item->conduit = 0;
			return true;
		}
	}
	return false;
}

void listing_forget(struct listings *l, uint32_t conduit)
{
	for (unsigned i = 0; i < LISTINGS_MAX; i++)
		if (l->items[i].conduit == conduit)
			l->items[i].conduit = 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/state.h"

#define SECOND 1000000000ull

void request_count(struct core_state *core, uint32_t rule, bool allowed)
{
	struct core_totals *t = &core->totals;

	if (allowed)
		t->requests_allowed++;
	else
		t->requests_denied++;
	if (rule == CORE_NO_RULE)
		return;
	if (allowed)
		t->rules[rule].allowed++;
	else
		t->rules[rule].denied++;
}

bool request_rate_allows(struct core_state *core, const struct program_conduit *c)
{
	struct rate *r = &core->rates[c->number % RATES_MAX];
	uint64_t full = c->requests_per_second * SECOND;
	uint64_t since = core->io.now - r->at;

	if (c->requests_per_second == 0)
		return true;
	r->tokens = since >= SECOND ? full : r->tokens + since * c->requests_per_second;
	r->at = core->io.now;
	if (r->tokens > full)
		r->tokens = full;
	if (r->tokens < SECOND)
		return false;
	r->tokens -= SECOND;
	return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/rates.h"

#include <stdlib.h>

#include "run/status.h"
#include "run/supervisor.h"

static void look_free(struct rate_look *look)
{
	free(look->first);
	free(look->second);
	*look = (struct rate_look){ 0 };
}

/* Without memory there is no look, and so no rate. */
static void look_new(struct rate_look look[2], size_t count)
{
	look_free(&look[1]);
	look[1] = look[0];
	look[0] = (struct rate_look){ calloc(count + 1, sizeof(uint64_t)), calloc(count + 1, sizeof(uint64_t)), count };
	if (!look[0].first || !look[0].second)
		look_free(&look[0]);
}

static void look_at_rules(struct supervisor *s)
{
	struct rate_look *look = &s->rates.rules[0];
	struct core_rule_count count;

	look_new(s->rates.rules, s->policy->compiled.rule_count);
	for (size_t i = 0; i < look->count; i++)
		if (status_count_rule(s, i, &count)) {
			look->first[i] = count.allowed;
			look->second[i] = count.denied;
		}
}

/* A conduit may have a row for TCP and one for UDP. */
static void look_at_conduits(struct rates *rates, const struct netfilter_counts *counts)
{
	size_t most = 0;

	for (size_t i = 0; i < counts->conduit_count; i++) {
		size_t number = counts->conduits[i].conduit.mark & MARK_CONDUIT;

		most = number > most ? number : most;
	}
	look_new(rates->conduits, most + 1);
	for (size_t i = 0; i < counts->conduit_count && rates->conduits[0].count; i++) {
		size_t number = counts->conduits[i].conduit.mark & MARK_CONDUIT;

		rates->conduits[0].first[number] += counts->conduits[i].packets;
		rates->conduits[0].second[number] += counts->conduits[i].bytes;
	}
}

void rates_look(struct supervisor *s, const struct netfilter_counts *counts)
{
	if (!s->policy)
		return;
	look_at_rules(s);
	look_at_conduits(&s->rates, counts);
	s->rates.at[1] = s->rates.at[0];
	s->rates.at[0] = child_now();
}

void rates_forget(struct rates *rates)
{
	for (int i = 0; i < 2; i++) {
		look_free(&rates->rules[i]);
		look_free(&rates->conduits[i]);
	}
	*rates = (struct rates){ 0 };
}

static bool rate_of(const struct rates *rates, const struct rate_look look[2], size_t i, struct rate *ret)
{
	double seconds = (double)(rates->at[0] - rates->at[1]) / 1000;

	*ret = (struct rate){ 0 };
	if (!rates->at[1] || seconds <= 0 || i >= look[0].count || i >= look[1].count ||
	    look[0].first[i] < look[1].first[i] || look[0].second[i] < look[1].second[i])
		return false;
	ret->first = (double)(look[0].first[i] - look[1].first[i]) / seconds;
	ret->second = (double)(look[0].second[i] - look[1].second[i]) / seconds;
	return true;
}

bool rates_of_rule(const struct rates *rates, size_t rule, struct rate *ret)
{
	return rate_of(rates, rates->rules, rule, ret);
}

bool rates_of_conduit(const struct rates *rates, uint32_t mark, struct rate *ret)
{
	return rate_of(rates, rates->conduits, mark & MARK_CONDUIT, ret);
}

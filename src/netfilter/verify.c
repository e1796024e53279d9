/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/verify.h"

#include <errno.h>
#include <string.h>

#include "netfilter/foreign.h"
#include "netfilter/link.h"
#include "netfilter/probe.h"
#include "netfilter/rows.h"
#include "netfilter/state.h"
#include "netfilter/verify_rules.h"

#define ATTEMPTS 8 /* while others change the ruleset */

struct comparing {
	const struct ruleset *ruleset;
	struct drift_list *drifts;
	enum shape_set_id id;
	const char *where;
};

/* ---- rows ---- */

static bool has_times(enum shape_set_id id)
{
	return id == SHAPE_WINDOWS || id == SHAPE_OVERDUE;
}

/* Is the row of windows or reviews about the conduit? */
static bool is_about(enum shape_set_id id, const struct row *row, const struct ruleset_conduit *conduit)
{
	if (id == SHAPE_OVERDUE)
		return conduit->mark >= rows_first_mark(row) && conduit->mark <= rows_last_mark(row);
	return conduit->mark & MARK_TIMED && mark_timetable(conduit->mark) == rows_window_timetable(row);
}

/* The finding of a row: a map's carry the rules' ids; those with times tell those of the first conduit. */
static struct drift of_row(const struct comparing *c, enum drift_code code, const struct row *row)
{
	struct drift drift = { .code = code, .rules = row->comment, .file = row->file, .line = row->line };

	for (size_t i = 0; has_times(c->id) && i < c->ruleset->conduit_count; i++) {
		const struct ruleset_conduit *conduit = &c->ruleset->conduits[i];

		if (!is_about(c->id, row, conduit))
			continue;
		drift.rules = conduit->rules;
		drift.file = conduit->file;
		drift.line = conduit->line;
		break;
	}
	return drift;
}

static bool is_homes(enum shape_set_id id)
{
	return id == SHAPE_HOMES4 || id == SHAPE_HOMES6;
}

static void report_added(const struct comparing *c, const struct row *row)
{
	enum drift_code code = has_times(c->id) ? DRIFT_WINDOW_CHANGED :
			       is_homes(c->id) ? DRIFT_HOME_ADDED : DRIFT_ELEMENT_ADDED;
	struct drift drift = of_row(c, code, row);

	drift_add(c->drifts, &drift, c->where, "%s is in the kernel, but not in the policy%s%s%s",
		  rows_name(c->id, row, c->drifts->arena), row->odd ? " (" : "", row->odd ? row->odd : "",
		  row->odd ? ")" : "");
}

static void report_removed(const struct comparing *c, const struct row *row)
{
	enum drift_code code = has_times(c->id) ? DRIFT_WINDOW_CHANGED :
			       is_homes(c->id) ? DRIFT_HOME_REMOVED : DRIFT_ELEMENT_REMOVED;
	struct drift drift = of_row(c, code, row);

	drift_add(c->drifts, &drift, c->where, "%s is in the policy, but not in the kernel",
		  rows_name(c->id, row, c->drifts->arena));
}

static void report_changed(const struct comparing *c, const struct row *had, const struct row *wanted)
{
	enum drift_code code = has_times(c->id) ? DRIFT_WINDOW_CHANGED : DRIFT_ELEMENT_CHANGED;
	struct drift drift = of_row(c, code, wanted);
	const char *name = rows_name(c->id, wanted, c->drifts->arena);

	if (had->odd)
		drift_add(c->drifts, &drift, c->where, "%s is not as it should be: %s", name, had->odd);
	else if (had->mark != wanted->mark)
		drift_add(c->drifts, &drift, c->where, "%s has the mark 0x%08x, it should have 0x%08x", name,
			  had->mark, wanted->mark);
	else
		drift_add(c->drifts, &drift, c->where, "%s carries the comment \"%s\", it should be \"%s\"",
			  name, had->comment ? had->comment : "", wanted->comment ? wanted->comment : "");
}

static void compare_row(const struct row *had, const struct row *wanted, void *data)
{
	const struct comparing *c = data;

	if (!wanted)
		report_added(c, had);
	else if (!had)
		report_removed(c, wanted);
	else if (!rows_same(had, wanted))
		report_changed(c, had, wanted);
}

static void compare_set(struct comparing *c, const struct rows *had, enum shape_set_id id)
{
	struct arena *arena = c->drifts->arena;
	struct rows wanted;

	rows_wanted(c->ruleset, id, arena, &wanted);
	c->id = id;
	c->where = arena_printf(arena, "%s %s", shape_sets[id].keyword, shape_sets[id].name);
	if (wanted.count > 1 && !had->count)
		drift_add(c->drifts, &(struct drift){ .code = DRIFT_SET_FLUSHED }, c->where,
			  "it is empty; it should have %zu elements", wanted.count);
	else
		rows_side_by_side(had, &wanted, compare_row, c);
}

/* ---- all of it ---- */

static int read_once(struct link *link, const struct ruleset *ruleset,
		     const struct netfilter_kernel *kernel, struct drift_list *drifts)
{
	struct comparing c = { .ruleset = ruleset, .drifts = drifts };
	struct state state;
	uint32_t generation;
	int error = state_read(link, drifts->arena, drifts, &state);

	for (unsigned id = 0; id < SHAPE_SETS && !error; id++)
		if (state.sets[id])
			compare_set(&c, &state.rows[id], (enum shape_set_id)id);
	if (!error && state.table)
		error = verify_rules(link, ruleset, kernel, drifts);
	if (!error)
		error = foreign_report(link, drifts);
	if (!error)
		error = link_generation(link, &generation);
	/* The answers are about one ruleset only if nobody changed it between them. */
	return !error && generation != state.generation ? -EINTR : error;
}

int netfilter_verify(const struct ruleset *ruleset, struct arena *arena, struct drift_list *ret)
{
	struct netfilter_kernel kernel;
	struct link link;
	int error = link_open(&link);

	drift_init(ret, arena);
	if (error)
		return error;
	error = netfilter_probe(&link, &kernel);
	if (!error)
		error = -EINTR;
	for (int i = 0; i < ATTEMPTS && error == -EINTR; i++) {
		drift_init(ret, arena);
		error = read_once(&link, ruleset, &kernel, ret);
	}
	link_close(&link);
	return error;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/supervisor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/failure.h"
#include "bundle/trust_store.h"
#include "netfilter/commit.h"
#include "policy/model.h"
#include "run/bundle_site.h"
#include "run/control.h"
#include "run/in_force.h"
#include "run/numbers.h"

#define RENEW_EVERY (12 * 3600 * 1000) /* ms */

static const char *state_path(struct supervisor *s, const char *name, struct arena *arena)
{
	return arena_printf(arena, "%s/%s", s->state, name);
}

static void policy_free(struct policy *policy)
{
	if (policy)
		arena_free(&policy->arena);
	free(policy);
}

/* ---- documents -> policy ---- */

static bool is_folder(enum policy_source from)
{
	return from == SOURCE_PROPOSED || from == SOURCE_FOLDER;
}

static const char *cannot_read(const char *path, int error, struct arena *arena)
{
	return arena_printf(arena, "cannot read %s: %s", path, failure_text(error));
}

static int read_in_force(struct supervisor *s, struct policy *policy, struct diag_list *diags, struct arena *arena,
			 const char **ret_text)
{
	struct in_force in_force;
	int r = in_force_load(s->state, s->trial.damaged ? NULL : &s->trial.slots, &policy->arena, diags, &in_force);

	policy->documents = in_force.documents;
	policy->bundle = in_force.bundle;
	if (r < 0)
		*ret_text = cannot_read(in_force.path, r, arena);
	return r;
}

static void copy_running(const struct policy *from, struct policy *to)
{
	documents_copy(&from->documents, &to->arena, &to->documents);
	to->bundle = from->bundle ? bundle_copy(from->bundle, &to->arena) : NULL;
}

/* Of a site folder: where it is, or as a client handed it over. */
static int read_folder(struct supervisor *s, const char *folder, struct policy *policy, struct diag_list *diags,
		       struct arena *arena, const char **ret_text)
{
	const char *path = folder ? folder : state_path(s, CONTROL_PROPOSED, arena);
	int r;

	if (trust_store_exists(s->state)) {
		*ret_text = SUPERVISOR_FOLDER_REFUSED;
		return 1;
	}
	r = folder ? documents_read(folder, &policy->arena, diags, &policy->documents) :
		     documents_load(path, &policy->arena, &policy->documents);
	if (r < 0)
		*ret_text = cannot_read(path, r, arena);
	return r;
}

static int read_documents(struct supervisor *s, enum policy_source from, const char *folder, struct policy *policy,
			  struct diag_list *diags, struct arena *arena, const char **ret_text)
{
	switch (from) {
	case SOURCE_IN_FORCE:
		return read_in_force(s, policy, diags, arena, ret_text);
	case SOURCE_RUNNING:
		copy_running(s->policy, policy);
		return 0;
	case SOURCE_BUNDLE:
		return trial_read(s, policy, diags, ret_text);
	case SOURCE_PROPOSED:
	case SOURCE_FOLDER:
		return read_folder(s, folder, policy, diags, arena, ret_text);
	}
	return -EINVAL;
}

/*
 * Numbers that cannot be read are given anew: at the start no packet waits that has an old one, and later
 * those in force are known. Anything else would keep the gate closed for want of a list that it makes itself.
 */
static int load_numbers(struct supervisor *s, struct policy *policy, const struct compile_time *time,
			struct numbers *ret)
{
	const char *path = state_path(s, "conduits.json", &policy->arena);
	int r = numbers_load(path, &policy->arena, ret);

	if (r != -EBADMSG)
		return r;
	s->voice->warn(arena_printf(&policy->arena, "%s is damaged; it is written anew", path));
	*ret = (struct numbers){ 0 };
	if (s->policy)
		numbers_next(&(struct numbers){ 0 }, &s->policy->compiled.ruleset, time, &policy->arena,
			     ret);
	return 0;
}

static int compile_policy(struct supervisor *s, struct policy *policy, struct numbers *ret_numbers,
			  struct diag_list *diags)
{
	struct documents all = policy->documents;
	struct compile_time time;
	struct numbers before;
	int r;

	clock_watch_time(s, &time);
	time.island = s->island.on;
	if (granted_documents(&s->granted, &policy->arena, &all))
		s->voice->warn("a grant is not what it was when it was begun: it is closed");
	r = load_numbers(s, policy, &time, &before);
	if (r < 0)
		return r;
	if (!compile_for_box(&all, &time, before.items, before.count, &policy->arena, diags,
			     &policy->compiled))
		return 1;
	policy->compiled.ruleset.queue_count = (uint16_t)s->crew.queues;
	numbers_next(&before, &policy->compiled.ruleset, &time, &policy->arena, ret_numbers);
	return 0;
}

/* Findings outlive the policy that they were made with. */
static void keep_findings(const struct diag_list *from, struct arena *arena, struct diag_list *to)
{
	for (size_t i = 0; i < from->count; i++) {
		const struct diag *d = &from->items[i];
		struct diag_place place = d->place;

		place.file = place.file ? arena_printf(arena, "%s", place.file) : NULL;
		place.pointer = place.pointer ? arena_printf(arena, "%s", place.pointer) : NULL;
		place.text = place.text ? arena_printf(arena, "%s", place.text) : NULL;
		diag_add(to, d->severity, d->code, &place,
			 d->help ? arena_printf(arena, "%s", d->help) : NULL, "%s", d->message);
	}
}

/* ---- policy -> inspector -> kernel ---- */

static int load_inspectors(struct supervisor *s, const struct policy *policy)
{
	return crew_load(s, policy->compiled.program, policy->compiled.program_size);
}

static void go_back(struct supervisor *s)
{
	if (s->policy && load_inspectors(s, s->policy) < 0)
		s->voice->warn("an inspector did not take the former policy again either: its "
			       "traffic is closed until it does");
}

/* A policy applied by hand lifts every quarantine. */
static void lift_quarantines(struct supervisor *s, const struct policy *policy)
{
	const struct ruleset *ruleset = &policy->compiled.ruleset;

	for (size_t i = 0; i < ruleset->conduit_count; i++)
		for (size_t k = 0; k < s->crew.count; k++)
			s->crew.members[k].board->traps[ruleset->conduits[i].mark & MARK_CONDUIT] = 0;
}

static int enforce(struct supervisor *s, struct policy *policy, struct arena *arena,
		   struct diag_list *diags, const char **ret_text)
{
	int r = crew_reinforce(s, &policy->compiled.ruleset);

	if (r < 0) {
		*ret_text = arena_printf(arena, "the inspector of the conduits that fail open cannot be started: "
					 "%s; nothing was changed", failure_text(r));
		return r;
	}
	feed_pause(s);
	r = load_inspectors(s, policy);
	if (r < 0) {
		*ret_text = r == -ETIMEDOUT ?
			"an inspector does not answer; nothing was changed. `gatehouse status` says more" :
			"an inspector does not take this policy; nothing was changed. Is gatehouse-inspect of "
			"the same version?";
		go_back(s);
		return r;
	}
	r = netfilter_commit(&policy->compiled.ruleset, diags);
	if (r < 0) {
		*ret_text = arena_printf(arena, "the kernel does not take this policy: %s. What was in force "
					 "stays so", failure_text(r));
		go_back(s);
		return r;
	}
	return 0;
}

static int store(struct supervisor *s, const struct policy *policy, const struct numbers *numbers,
		 enum policy_source from, struct arena *arena)
{
	int r = numbers_store(numbers, state_path(s, "conduits.json", arena));

	if (r == 0 && is_folder(from))
		r = in_force_store_folder(s->state, &policy->documents);
	return r;
}

void supervisor_put_in_force(struct supervisor *s, struct policy *policy)
{
	policy_free(s->policy);
	s->policy = policy;
	s->events.compiled = policy ? &policy->compiled : NULL;
	if (policy)
		policy->applied_at = time(NULL);
	rates_forget(&s->rates);
	s->renew_at = child_now() + RENEW_EVERY;
	clock_watch_applied(s, policy ? policy->compiled.site : NULL);
	drift_watch_applied(s);
	self_test_soon(&s->self_test);
}

/*
 * G1: at its first apply a bundle must come to the permit list that was signed; a newer program that reads it in another
 * way says so and goes on.
 */
static int check_bundle(struct supervisor *s, enum policy_source from, struct policy *policy, struct arena *arena,
			struct diag_list *diags, const char **ret_text)
{
	bool first = from == SOURCE_BUNDLE;
	int r = 0;

	if (policy->bundle && !bundle_site_check(policy->bundle, &policy->compiled, first ? DIAG_ERROR : DIAG_WARNING,
						 diags) && first) {
		*ret_text = "the bundle was refused; nothing was changed";
		return 1;
	}
	if (first)
		r = trial_begin(s, policy);
	if (r < 0)
		*ret_text = arena_printf(arena, "the bundle cannot be stored in %s: %s; nothing was changed", s->state,
					 failure_text(r));
	return r;
}

static const char *success_text(struct supervisor *s, enum policy_source from, const struct policy *policy,
				struct arena *arena)
{
	const struct compiled *c = &policy->compiled;

	if (from == SOURCE_BUNDLE)
		return arena_printf(arena, "The bundle of %s with serial %lld is on trial: rules %zu, conduits %zu. Unless "
				    "`gatehouse confirm` comes within %lld seconds, it undoes itself.", c->site->id,
				    (long long)policy->bundle->serial, c->site->rule_count, c->ruleset.conduit_count,
				    (long long)s->trial.seconds);
	return arena_printf(arena, "The policy of %s is in force: rules %zu, conduits %zu.", c->site->id,
			    c->site->rule_count, c->ruleset.conduit_count);
}

static int try_policy(struct supervisor *s, enum policy_source from, struct policy *policy,
		      struct arena *arena, struct diag_list *diags, const char **ret_text)
{
	struct numbers numbers;
	int r = compile_policy(s, policy, &numbers, diags);

	if (r < 0)
		*ret_text = arena_printf(arena, "cannot read %s/conduits.json: %s; nothing was changed. Moved "
					 "away, conduits are numbered anew", s->state, failure_text(r));
	if (r > 0)
		*ret_text = "the documents have errors; nothing was changed";
	if (r == 0)
		r = check_bundle(s, from, policy, arena, diags, ret_text);
	if (r != 0)
		return r;
	r = enforce(s, policy, arena, diags, ret_text);
	if (r != 0 && from == SOURCE_BUNDLE)
		trial_cancel(s, policy);
	if (r != 0)
		return r;
	if (is_folder(from) || from == SOURCE_BUNDLE)
		lift_quarantines(s, policy);
	*ret_text = success_text(s, from, policy, arena);
	r = store(s, policy, &numbers, from, arena);
	if (r < 0)
		s->voice->warn(arena_printf(arena, "the policy is in force but could not be stored in %s (%s)%s",
			s->state, failure_text(r), !is_folder(from) ? "" :
			": after a restart the one stored before is back. Apply it again then"));
	return 0;
}

int supervisor_apply(struct supervisor *s, enum policy_source from, const char *folder,
		     struct arena *arena, struct diag_list *diags, const char **ret_text)
{
	struct policy *policy = calloc(1, sizeof(*policy));
	struct diag_list found;
	int r;

	if (!policy)
		return -ENOMEM;
	diag_init(&found, &policy->arena);
	*ret_text = "";
	r = read_documents(s, from, folder, policy, &found, arena, ret_text);
	if (r == 0)
		r = try_policy(s, from, policy, arena, &found, ret_text);
	diag_sort(&found);
	keep_findings(&found, arena, diags);
	if (r == 0)
		supervisor_put_in_force(s, policy);
	feed_resume(s);
	if (r == 0) {
		events_applied(&s->events, *ret_text);
		feed_applied(s, *ret_text);
		return 0;
	}
	r = found.errors ? 1 : r;
	policy_free(policy);
	if (r > 0 && from == SOURCE_IN_FORCE && grants_give_way(s))
		return supervisor_apply(s, from, folder, arena, diags, ret_text);
	return r;
}

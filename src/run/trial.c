/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/trial.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/calendar.h"
#include "base/failure.h"
#include "bundle/trust_store.h"
#include "record/change_log.h"
#include "run/bundle_site.h"
#include "run/control.h"
#include "run/in_force.h"
#include "run/supervisor.h"

#define PATIENCE 30000 /* ms that inspectors may not serve during a trial */
#define TRIES 10u      /* a second apart, to go back; then everything is denied */
#define ITSELF "gatehouse"

/* ---- the record ---- */

static void record(struct supervisor *s, const char *event, const char *user, const char *digest,
		   const struct envelope *envelope, const char *text)
{
	struct change change = { .event = event, .user = user, .text = text };
	int r;

	for (size_t i = 0; envelope && i < envelope->signature_count && i < CHANGE_KEYS_MAX; i++)
		change.keys[change.key_count++] = envelope->signatures[i].key_id;
	change_add(&change, "bundle", digest);
	r = change_log_append(s->state, &change);
	if (r < 0 && !s->trial.record_at)
		supervisor_warn(s, "%s is not in the change log (%s/" CHANGE_LOG ") yet: %s", event, s->state,
				failure_text(r));
	s->trial.record_at = r < 0 ? child_now() + 1000 : 0;
}

/* All of it or nothing: where only syncing failed, the new state is on disk already and the former one goes back. */
static int store(struct supervisor *s, const struct slots *slots)
{
	int r = slots_store(s->state, slots);

	if (r == 0)
		s->trial.slots = *slots;
	else if (slots_store(s->state, &s->trial.slots) < 0)
		supervisor_warn(s, "%s/bundles.json may be ahead of what is in force", s->state);
	return r;
}

static struct slots without_trial(const struct slots *slots)
{
	struct slots next = *slots;

	next.trial[0] = next.trial_boot[0] = '\0';
	next.trial_ends = 0;
	return next;
}

/* It is over, whether that can be written or not. */
static void forget(struct supervisor *s)
{
	int r;

	s->trial.slots = without_trial(&s->trial.slots);
	r = slots_store(s->state, &s->trial.slots);
	if (r < 0)
		supervisor_warn(s, "that the trial is over cannot be written to %s: %s", s->state, failure_text(r));
	else
		slots_clean(s->state, &s->trial.slots);
}

bool trial_runs(const struct supervisor *s)
{
	return *s->trial.slots.trial;
}

/* ---- the start ---- */

/* Why one that was not confirmed is undone, or NULL: it goes on. */
static const char *is_over(const struct supervisor *s)
{
	const struct slots *slots = &s->trial.slots;

	if (strcmp(slots->trial_boot, s->trial.boot_id) != 0)
		return "the box was started again before it was confirmed";
	return child_now() >= slots->trial_ends ? "it was not confirmed in time" : NULL;
}

static void drop(struct supervisor *s, const char *why)
{
	const struct slots before = s->trial.slots;

	forget(s);
	supervisor_warn(s, "the bundle on trial is undone: %s", why);
	record(s, "bundle-undone", ITSELF, before.trial, NULL, why);
}

/* What happened to the bundle of the log's last line when no line says so; NULL: the line is right. */
static const char *missing_event(const struct slots *slots, const char *event, const char *digest)
{
	bool was_trial = !strcmp(event, "bundle-trial");

	if (*slots->trial)
		return was_trial && !strcmp(digest, slots->trial) ? NULL : "bundle-trial";
	if (!was_trial)
		return *slots->confirmed && !strcmp(event, "bundle-none") ? "bundle-confirmed" : NULL;
	return !strcmp(digest, slots->confirmed) ? "bundle-confirmed" : "bundle-undone";
}

/* G5: a crash came between a step and its line, or the disk was full. */
static void catch_up(struct supervisor *s)
{
	const char *event, *digest, *missing;
	const struct slots *slots = &s->trial.slots;
	struct arena arena = { 0 };
	int r = change_log_last(s->state, "bundle-", "bundle", &arena, &event, &digest);

	if (r < 0) {
		event = "bundle-none";
		digest = slots->confirmed;
	}
	missing = r == 0 || r == -ENOENT ? missing_event(slots, event, digest) : NULL;
	s->trial.record_at = 0;
	if (missing)
		record(s, missing, ITSELF, *slots->trial ? slots->trial : digest, NULL,
		       "written down later: it could not be when it happened");
	arena_free(&arena);
}

void trial_open(struct supervisor *s)
{
	struct arena arena = { 0 };
	int r = slots_load(s->state, &arena, &s->trial.slots);

	s->trial.damaged = r < 0;
	if (r < 0)
		supervisor_warn(s, "%s/bundles.json: %s", s->state, failure_text(r));
	if (r == 0)
		catch_up(s);
	if (slots_boot_id(s->trial.boot_id) < 0)
		s->voice->warn("this boot has no id: a trial that runs is undone");
	if (trial_runs(s) && is_over(s))
		drop(s, is_over(s));
	arena_free(&arena);
}

/* ---- apply ---- */

static bool refuse(struct diag_list *diags, const char *code, const char *help, const char *text)
{
	diag_add(diags, DIAG_ERROR, code, NULL, help, "%s", text);
	return false;
}

static bool may_begin(struct supervisor *s, struct diag_list *diags)
{
	if (trial_runs(s))
		return refuse(diags, "on-trial", "`gatehouse confirm` or `gatehouse rollback` first",
			      "another bundle is on trial");
	return !s->trial.damaged ||
	       refuse(diags, "damaged", "move bundles.json in the state folder away, and apply a bundle that is made with "
		      "--reset-from 0", "the state of bundles cannot be read, so nobody knows which serial is the next");
}

static bool judge_proposed(struct supervisor *s, struct policy *policy, struct diag_list *diags)
{
	struct trust *trust = arena_alloc(&policy->arena, sizeof(*trust));
	int r = trust_store_load(s->state, &policy->arena, diags, trust);

	if (r == -ENOENT)
		return refuse(diags, "no-trust", "`gatehouse trust init FILE` first",
			      "this box has no trust document, so no signature counts");
	return r == 0 && bundle_judge(policy->envelope, policy->bundle, trust, time(NULL) / CALENDAR_DAY_SECONDS, diags) &&
	       slots_judge(&s->trial.slots, policy->bundle, diags);
}

int trial_read(struct supervisor *s, struct policy *policy, struct diag_list *diags, const char **ret_text)
{
	struct arena *arena = &policy->arena;
	const char *path = arena_printf(arena, "%s/" CONTROL_BUNDLE, s->state);
	bool good;

	policy->envelope = arena_alloc(arena, sizeof(*policy->envelope));
	policy->bundle = arena_alloc(arena, sizeof(*policy->bundle));
	*ret_text = "the bundle was refused; nothing was changed";
	good = may_begin(s, diags) && envelope_read(path, PAYLOAD_BUNDLE, arena, diags, policy->envelope) &&
	       bundle_from(policy->envelope, arena, diags, policy->bundle) && judge_proposed(s, policy, diags);
	unlink(path);
	if (good)
		bundle_site_documents(policy->bundle, arena, &policy->documents);
	return good ? 0 : 1;
}

int trial_begin(struct supervisor *s, const struct policy *policy)
{
	struct slots next = s->trial.slots;
	int r = slots_put(s->state, policy->envelope);

	if (r < 0)
		return r;
	next.highest = policy->bundle->serial;
	memcpy(next.highest_digest, policy->bundle->digest, DIGEST_SIZE);
	memcpy(next.trial, policy->bundle->digest, DIGEST_SIZE);
	memcpy(next.trial_boot, s->trial.boot_id, BOOT_ID_SIZE);
	next.trial_ends = child_now() + s->trial.seconds * 1000;
	s->trial.not_serving_since = 0;
	return store(s, &next);
}

void trial_cancel(struct supervisor *s, const struct policy *policy)
{
	forget(s);
	record(s, "bundle-refused", ITSELF, policy->bundle->digest, policy->envelope,
	       "the kernel or an inspector did not take it");
}

void trial_begun(struct supervisor *s, const struct policy *policy, const char *user, const char *text)
{
	record(s, "bundle-trial", user, policy->bundle->digest, policy->envelope, text);
}

/* ---- confirm ---- */

int trial_confirm(struct supervisor *s, const char *user, struct arena *arena, const char **ret_text)
{
	struct slots next = without_trial(&s->trial.slots);
	int r;

	*ret_text = "no bundle is on trial";
	if (!trial_runs(s))
		return 1;
	memcpy(next.confirmed, s->trial.slots.trial, DIGEST_SIZE);
	r = store(s, &next);
	if (r < 0) {
		*ret_text = arena_printf(arena, "it is not confirmed, and the trial goes on: cannot write to %s: %s", s->state,
					 failure_text(r));
		return r;
	}
	slots_clean(s->state, &s->trial.slots);
	*ret_text = arena_printf(arena, "The bundle with serial %lld is confirmed.", (long long)next.highest);
	record(s, "bundle-confirmed", user, next.confirmed, NULL, *ret_text);
	return 0;
}

/* ---- going back ---- */

static int load_former(struct supervisor *s, struct arena *arena, const char **ret_text)
{
	struct diag_list diags;
	int r;

	diag_init(&diags, arena);
	if (!in_force_exists(s->state, &s->trial.slots)) {
		*ret_text = "There was nothing in force before: everything is denied.";
		return supervisor_deny(s);
	}
	r = supervisor_apply(s, SOURCE_IN_FORCE, NULL, arena, &diags, ret_text);
	s->voice->findings(&diags);
	return r > 0 ? -EINVAL : r;
}

/* A trial that nobody confirmed must not go on, whatever keeps the former policy out. */
static int go_back(struct supervisor *s, struct arena *arena, const char **ret_text)
{
	int r = load_former(s, arena, ret_text);

	if (r < 0 && ++s->trial.tries >= TRIES) {
		supervisor_warn(s, "%s. EVERYTHING IS DENIED: apply a bundle", *ret_text);
		r = supervisor_deny(s);
	}
	s->trial.again_at = r < 0 ? child_now() + 1000 : 0;
	if (r == 0)
		s->trial.tries = 0;
	return r;
}

int trial_roll_back(struct supervisor *s, const char *user, const char *why, struct arena *arena,
		    const char **ret_text)
{
	const struct slots before = s->trial.slots;
	int r;

	*ret_text = "no bundle is on trial; to go back to older content, sign it again as a bundle with a new serial";
	if (!trial_runs(s))
		return 1;
	forget(s);
	r = go_back(s, arena, ret_text);
	record(s, "bundle-undone", user, before.trial, NULL, why);
	return r;
}

/* ---- the loop ---- */

static bool serves(struct supervisor *s)
{
	if (crew_serves(&s->crew))
		s->trial.not_serving_since = 0;
	else if (!s->trial.not_serving_since)
		s->trial.not_serving_since = child_now();
	return !s->trial.not_serving_since || child_now() - s->trial.not_serving_since < PATIENCE;
}

static void undo(struct supervisor *s, const char *why)
{
	struct arena arena = { 0 };
	const char *text;
	int r = trial_roll_back(s, ITSELF, why, &arena, &text);

	supervisor_warn(s, "the bundle on trial is undone: %s. %s", why, text);
	if (r < 0)
		s->voice->warn("what was in force before does not come back yet; it is tried again");
	arena_free(&arena);
}

static void try_again(struct supervisor *s)
{
	struct arena arena = { 0 };
	const char *text;

	if (go_back(s, &arena, &text) == 0)
		s->voice->say(text);
	arena_free(&arena);
}

void trial_tick(struct supervisor *s)
{
	if (s->trial.again_at && child_now() >= s->trial.again_at)
		try_again(s);
	if (s->trial.record_at && child_now() >= s->trial.record_at)
		catch_up(s);
	if (!trial_runs(s))
		return;
	if (is_over(s))
		undo(s, is_over(s));
	else if (!serves(s))
		undo(s, "an inspector does not serve with it");
}

int trial_timeout(const struct supervisor *s)
{
	int64_t at = s->trial.again_at ? s->trial.again_at : INT64_MAX, left;

	if (s->trial.record_at && s->trial.record_at < at)
		at = s->trial.record_at;
	if (trial_runs(s) && s->trial.slots.trial_ends < at)
		at = s->trial.slots.trial_ends;
	if (s->trial.not_serving_since && s->trial.not_serving_since + PATIENCE < at)
		at = s->trial.not_serving_since + PATIENCE;
	left = at == INT64_MAX ? INT_MAX : at - child_now();
	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/grants.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/failure.h"
#include "bundle/trust_store.h"
#include "record/change_log.h"
#include "run/control.h"
#include "run/supervisor.h"

#define ITSELF "gatehouse"
#define AGAIN 1000 /* ms */

static int64_t now_of(struct supervisor *s)
{
	struct compile_time time;

	clock_watch_time(s, &time);
	return time.now;
}

/* ---- the record ---- */

static void keep(struct supervisor *s)
{
	int r = granted_store(s->state, &s->granted);

	if (r < 0)
		supervisor_warn(s, "%s/grants.json cannot be written: %s", s->state, failure_text(r));
}

/* Tells the change log of a grant's last step; what could not be written is told later. */
static void record(struct supervisor *s, struct granted *g, const char *user, const char *text)
{
	struct change change = { .event = g->over ? "grant-ended" : "grant-begun", .user = user, .text = text };
	struct arena arena = { 0 };
	struct envelope *envelope = arena_alloc(&arena, sizeof(*envelope));
	struct grant grant;

	if (granted_read(g, &arena, envelope, &grant))
		for (size_t i = 0; i < envelope->signature_count && i < CHANGE_KEYS_MAX; i++)
			change.keys[change.key_count++] = envelope->signatures[i].key_id;
	change_add(&change, "grant", g->digest);
	g->untold = change_log_append(s->state, &change) < 0;
	if (g->untold && !s->grants_again_at)
		supervisor_warn(s, "%s is not in the change log (%s/" CHANGE_LOG ") yet", change.event, s->state);
	s->grants_again_at = g->untold ? child_now() + AGAIN : 0;
	arena_free(&arena);
}

static void tell_later(struct supervisor *s)
{
	s->grants_again_at = 0;
	for (size_t i = 0; i < s->granted.count; i++)
		if (s->granted.items[i].untold)
			record(s, &s->granted.items[i], ITSELF, "written down later: it could not be when it happened");
	keep(s);
}

void grants_open(struct supervisor *s)
{
	int r = granted_load(s->state, &s->granted);

	if (r < 0)
		supervisor_warn(s, "%s/grants.json: %s. No grant runs", s->state, failure_text(r));
	for (size_t i = 0; i < s->granted.count; i++)
		if (s->granted.items[i].untold)
			s->grants_again_at = child_now();
}

/* ---- the end ---- */

static void end_one(struct supervisor *s, struct granted *g, const char *user, const char *why)
{
	g->over = g->untold = true;
	record(s, g, user, why);
	events_deed(&s->events, EVENTS_GRANT_ENDED, why);
}

static int compile_without(struct supervisor *s, struct arena *arena, const char **ret_text)
{
	struct diag_list diags;
	int r = 0;

	keep(s);
	diag_init(&diags, arena);
	if (s->policy)
		r = supervisor_apply(s, SOURCE_RUNNING, NULL, arena, &diags, ret_text);
	s->voice->findings(&diags);
	return r > 0 ? -EINVAL : r;
}

int grants_end(struct supervisor *s, const char *digest, const char *user, struct arena *arena, const char **ret_text)
{
	size_t ended = 0;
	int r;

	for (size_t i = 0; i < s->granted.count; i++) {
		struct granted *g = &s->granted.items[i];

		if (g->over || strncmp(g->digest, digest, strlen(digest)) != 0)
			continue;
		end_one(s, g, user, "Somebody at the box ended the grant.");
		ended++;
	}
	*ret_text = "no such grant runs";
	if (!ended)
		return 1;
	r = compile_without(s, arena, ret_text);
	if (r == 0)
		*ret_text = arena_printf(arena, "Grants ended: %zu.", ended);
	return r;
}

bool grants_give_way(struct supervisor *s)
{
	bool any = granted_running(&s->granted) != 0;

	for (size_t i = 0; i < s->granted.count; i++)
		if (!s->granted.items[i].over)
			end_one(s, &s->granted.items[i], ITSELF, "The grant does not fit what came into force.");
	if (any)
		keep(s);
	return any;
}

/* ---- the beginning ---- */

static bool refuse(struct diag_list *diags, const char *code, const char *help, const char *text)
{
	diag_add(diags, DIAG_ERROR, code, NULL, help, "%s", text);
	return false;
}

static bool may_begin(struct supervisor *s, struct diag_list *diags)
{
	if (!s->policy)
		return refuse(diags, "nothing-in-force", "apply a bundle first", "no policy is in force, so there is nothing "
			      "to add to");
	if (s->island.on)
		return refuse(diags, "island", "`gatehouse island --end` first", "this box is an island: every conduit is closed");
	if (s->clock.clock.doubt != CLOCK_TRUSTED)
		return refuse(diags, "clock", "`gatehouse clock --confirm` when the time is right",
			      "the clock is not trusted, so nobody knows when the grant would end");
	return true;
}

static bool judge_trust(struct supervisor *s, const struct envelope *envelope, const struct grant *grant, int64_t now,
			struct arena *arena, struct diag_list *diags)
{
	struct trust *trust = arena_alloc(arena, sizeof(*trust));
	int r = trust_store_load(s->state, arena, diags, trust);

	if (r == -ENOENT)
		return refuse(diags, "no-trust", "`gatehouse trust init FILE` first",
			      "this box has no trust document, so no signature counts");
	return r == 0 && grant_judge(envelope, grant, trust, now, diags);
}

static bool judge_proposed(struct supervisor *s, int64_t now, struct arena *arena, struct diag_list *diags,
			   struct envelope *ret_envelope, struct grant *ret)
{
	const char *path = arena_printf(arena, "%s/" CONTROL_GRANT, s->state);
	bool good = may_begin(s, diags) && envelope_read(path, PAYLOAD_GRANT, arena, diags, ret_envelope) &&
		    grant_from(ret_envelope, arena, diags, ret) &&
		    judge_trust(s, ret_envelope, ret, now, arena, diags);

	unlink(path);
	return good && (!granted_find(&s->granted, ret->digest) ||
			refuse(diags, "grant-used", "let another one be made", "this grant was begun before; each begins once"));
}

static struct granted *add(struct supervisor *s, const struct envelope *envelope, const struct grant *grant,
			   int64_t now, const char *user, struct arena *arena, struct diag_list *diags)
{
	struct granted granted = { .user = user, .begun = now, .ends = now + grant->seconds,
				   .begin_by = grant->begin_by, .untold = true };
	struct granted *g;
	size_t len;

	granted.envelope = envelope_text(envelope, arena, &len);
	memcpy(granted.digest, grant->digest, DIGEST_SIZE);
	granted_forget(&s->granted, now);
	g = granted_add(&s->granted, &granted);
	if (!g)
		refuse(diags, "too-many-grants", "make a bundle of them", "there are too many grants");
	return g;
}

/* It was not begun after all: it may be tried again. The last one that was added. */
static void take_back(struct supervisor *s)
{
	arena_free(&s->granted.items[--s->granted.count].arena);
}

/* Written first: what the kernel has must not be begun once more after a crash. */
static int put_in_force(struct supervisor *s, struct arena *arena, struct diag_list *diags, const char **ret_text)
{
	int r = granted_store(s->state, &s->granted);

	if (r < 0) {
		*ret_text = arena_printf(arena, "the grant cannot be stored in %s: %s; nothing was changed", s->state,
					 failure_text(r));
		take_back(s);
		return r;
	}
	r = supervisor_apply(s, SOURCE_RUNNING, NULL, arena, diags, ret_text);
	if (r) {
		take_back(s);
		keep(s);
	}
	return r;
}

int grants_begin(struct supervisor *s, const char *user, struct arena *arena, struct diag_list *diags,
		 const char **ret_text)
{
	struct envelope *envelope = arena_alloc(arena, sizeof(*envelope));
	int64_t now = now_of(s);
	struct granted *g;
	struct grant grant;
	char ends[32];
	struct tm tm;
	time_t t;
	int r;

	*ret_text = "the grant was refused; nothing was changed";
	if (!judge_proposed(s, now, arena, diags, envelope, &grant))
		return 1;
	g = add(s, envelope, &grant, now, user, arena, diags);
	r = g ? put_in_force(s, arena, diags, ret_text) : 1;
	if (r)
		return r;
	t = g->ends;
	strftime(ends, sizeof(ends), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
	*ret_text = arena_printf(arena, "The grant %.12s is open until %s: %s", g->digest, ends, grant.note);
	record(s, g, user, *ret_text);
	keep(s);
	events_deed(&s->events, EVENTS_GRANT_BEGUN, *ret_text);
	return 0;
}

/* ---- the loop ---- */

void grants_tick(struct supervisor *s)
{
	int64_t now = now_of(s);
	struct arena arena = { 0 };
	const char *text;
	bool ended = false;

	if (s->grants_again_at && child_now() >= s->grants_again_at)
		tell_later(s);
	for (size_t i = 0; i < s->granted.count; i++) {
		if (s->granted.items[i].over || now < s->granted.items[i].ends)
			continue;
		end_one(s, &s->granted.items[i], ITSELF, "The grant's time was over.");
		ended = true;
	}
	if (ended && compile_without(s, &arena, &text) < 0)
		supervisor_warn(s, "what a grant has left behind is closed, but still there: %s", text);
	if (granted_forget(&s->granted, now))
		keep(s);
	arena_free(&arena);
}

int grants_timeout(struct supervisor *s)
{
	int64_t now = now_of(s), left = INT_MAX;

	for (size_t i = 0; i < s->granted.count; i++) {
		const struct granted *g = &s->granted.items[i];

		if (!g->over && (g->ends - now) * 1000 < left)
			left = (g->ends - now) * 1000;
	}
	if (s->grants_again_at && s->grants_again_at - child_now() < left)
		left = s->grants_again_at - child_now();
	return left < 0 ? 0 : (int)left;
}

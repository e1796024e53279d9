/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The supervisor: puts policies in force (inspectors first, then kernel), keeps the inspectors alive, records
 * events, answers the control socket. When it ends the ruleset stays: without it nothing is inspected,
 * so inspected traffic is closed.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "netfilter/nflog.h"
#include "policy/compile.h"
#include "policy/documents.h"
#include "run/crew.h"
#include "run/clock_watch.h"
#include "run/drift_watch.h"
#include "run/events.h"
#include "run/feed.h"
#include "run/grants.h"
#include "run/island.h"
#include "run/rates.h"
#include "run/self_test.h"
#include "run/spool.h"
#include "run/trial.h"
#include "run/watchdog.h"

/* How the supervisor speaks: cli/ prints. Lines have no newline. */
struct supervisor_voice {
	void (*say)(const char *line);
	void (*warn)(const char *line);
	void (*findings)(const struct diag_list *diags);
};

/* A policy with everything that it lives in. */
struct policy {
	struct arena arena;
	struct documents documents;
	struct compiled compiled;
	int64_t applied_at; /* seconds UTC */
	struct envelope *envelope; /* of a bundle that is applied now */
	struct bundle *bundle;     /* NULL: a site folder */
};

struct supervisor {
	const char *state;
	const char *runtime;
	const struct supervisor_voice *voice;
	int lock;
	int signals;
	int listener;
	struct nflog nflog;
	bool nflog_open;
	struct crew crew;
	struct events events;
	struct drift_watch drift;
	struct feed feed;
	struct clock_watch clock;
	struct rates rates;
	struct self_test self_test;
	struct watchdog watchdog;
	struct trial trial;
	struct granted_list granted;
	int64_t grants_again_at; /* ms: what the change log did not take is told again; 0 */
	struct island island;
	struct spool spool;
	bool metrics_failed;    /* said once */
	struct policy *policy;  /* in force; NULL: default deny */
	int64_t started_at;     /* seconds UTC */
	int64_t renew_at;       /* ms, CLOCK_BOOTTIME: time windows are unrolled again */
	bool stopping;
	bool after_a_crash;     /* the gate before this one did not end by itself */
	char events_path[4096];
};

/* What is enforced while no policy is: nothing passes. */
extern const struct ruleset supervisor_nothing;

/*
 * Runs until it is told to stop. folder: applied first, or NULL for what is in force by the state folder.
 * queues: packet queues, each with an inspector, 1 .. RULESET_QUEUES_MAX.
 * Returns 0, or negative errno when it could not start (said by voice); -EINVAL: the documents have errors.
 */
__attribute__((warn_unused_result))
int supervisor_run(const char *state, const char *runtime, const char *folder, unsigned queues,
		   const struct supervisor_voice *voice);

enum policy_source {
	SOURCE_IN_FORCE = 1, /* as run/in_force.h finds it */
	SOURCE_PROPOSED,     /* STATE/proposed.json */
	SOURCE_BUNDLE,       /* STATE/proposed.bundle: on trial */
	SOURCE_FOLDER,       /* a site folder */
	SOURCE_RUNNING       /* what is in force, from memory */
};

#define SUPERVISOR_FOLDER_REFUSED \
	"this box has a trust document: only signed bundles are applied (`gatehouse bundle create`); nothing was changed"

/*
 * Applies a site (folder: for SOURCE_FOLDER, otherwise NULL). Returns 0; 1 when the documents or the
 * kernel's refusal are findings in diags; negative errno otherwise. Whatever it returns but 0, the old
 * policy is in force. *ret_text: what happened, in arena. Folders are refused once the box has a trust document.
 */
__attribute__((warn_unused_result))
int supervisor_apply(struct supervisor *s, enum policy_source from, const char *folder,
		     struct arena *arena, struct diag_list *diags, const char **ret_text);

/* This policy (NULL: none) is in force from now on; the former one is freed. */
void supervisor_put_in_force(struct supervisor *s, struct policy *policy);

/* Nothing passes any more, and no policy is in force. Negative errno: the kernel did not take that. */
__attribute__((warn_unused_result)) int supervisor_deny(struct supervisor *s);

/* Answers one client of the control socket. */
void supervisor_serve_client(struct supervisor *s);

/* Tells systemd ("READY=1"), where there is one. */
void supervisor_notify(const char *state);

/* One warning to who watches; cut at a kilobyte. */
__attribute__((format(printf, 2, 3)))
void supervisor_warn(const struct supervisor *s, const char *format, ...);

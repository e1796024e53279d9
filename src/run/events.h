/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * From what the inspector and the kernel report to lines of the event log: numbers become the operator's
 * names, codes become sentences. `compiled` is the policy in force, or NULL.
 */
#include "netfilter/drift.h"
#include "netfilter/nflog.h"
#include "policy/compile.h"
#include "protocol/cip.h"
#include "record/event_log.h"
#include "record/ledger.h"
#include "run/channel.h"
#include "run/child.h"

struct events {
	struct event_log log;
	const struct compiled *compiled;
	void (*warn)(const char *line); /* for failures of the log itself */
	struct ledger *ledger;          /* gets a row of what happens to the gate itself; may be NULL */
};

/* A violation, a connection opened or closed. */
void events_core(struct events *events, const struct core_event *core);

/* A packet that the kernel refused. */
void events_refused(struct events *events, const struct nflog_message *message);

/* The row of the event's CIP service, or NULL. */
const struct cip_service *events_service(const struct core_event *core);

/* What interfaces say by themselves when they come up: the kernel counts it, nobody needs to read it. */
bool events_is_chatter(const struct nflog_message *message);

/* "trap", "quarantined": what the inspector or its death says about a conduit. */
void events_trap(struct events *events, uint32_t conduit);
void events_quarantined(struct events *events, uint32_t conduit);

void events_restarted(struct events *events, const struct child_end *end);
/* Conduits that fail open: their packets pass uninspected; so many did, and they are inspected again. */
void events_failed_open(struct events *events);
void events_inspects_again(struct events *events, uint64_t packets);

void events_lost(struct events *events, uint64_t count);
void events_applied(struct events *events, const char *text);

/* What of the kernel differs from the policy; `who` is a sentence or "". Further ones are counted in one line. */
void events_drift(struct events *events, const struct drift *drift, const char *who);
void events_drift_more(struct events *events, size_t count);

/* What the supervisor did about it. */
enum events_deed {
	EVENTS_STARTED = 0,
	EVENTS_STOPPED,
	EVENTS_NOT_STARTED,
	EVENTS_SELF_TEST_FAILED,
	EVENTS_SELF_TEST_WORKS,
	EVENTS_RESTORED,
	EVENTS_NOT_RESTORED,
	EVENTS_FIGHT,
	EVENTS_MAINTENANCE_BEGUN,
	EVENTS_MAINTENANCE_ENDED,
	EVENTS_CLOCK_DOUBTED,
	EVENTS_CLOCK_TRUSTED,
	EVENTS_CLOCK_CONFIRMED,
	EVENTS_GRANT_BEGUN,
	EVENTS_GRANT_ENDED,
	EVENTS_ISLAND_BEGUN,
	EVENTS_ISLAND_ENDED,
	EVENTS_SPOOL
};
void events_deed(struct events *events, enum events_deed deed, const char *text);

/* What became of the usage ledger; the text is a sentence without its end. */
void events_ledger(struct events *events, enum ledger_news news, const char *text);

/* Call about every second. */
void events_tick(struct events *events);

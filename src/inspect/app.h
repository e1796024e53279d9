/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What the stream engine asks of a protocol: where a message ends, whether a request is allowed, which
 * request a reply answers, and what an error reply looks like. One table row a protocol (app.c).
 */
#include "inspect/cyclic.h"
#include "inspect/flow.h"
#include "inspect/program.h"
#include "inspect/uses.h"

/* What is asked about: the message's bytes and the policy that it is held against. */
struct question_context {
	const struct program *program;
	const struct program_conduit *conduit;
	const struct flow *flow;
	const struct symbols *symbols;
	const struct cyclics *cyclics;
	struct program_time time;
	uint64_t now;
	bool recorded; /* an allowed message's fields are wanted too, not only those of a denied one */
	struct core_state *core; /* whose table of uses (uses.h) a request is noted in; NULL: in none */
};

struct decision {
	enum reason reason;      /* REASON_NONE: allowed */
	bool malformed;          /* cannot be answered in the protocol's own words */
	bool unanswerable;       /* of a request's start: too little is known of it for an error reply */
	bool carries;            /* of a request's start: more can only be told of the whole message */
	bool unanswered;         /* of a request: the device does not answer it, nor does the gate */
	bool withdrawn;          /* of a reply: its request is refused instead, as in `asked` */
	bool any_transaction;    /* of a request: its reply may carry another transaction id */
	uint32_t rule;
	unsigned answered;       /* of a reply: which of the flow's asks */
	union asked asked;       /* of a request that was decoded, or of a reply that is withdrawn */
	struct core_event fields; /* what was decoded, for an event: transaction, unit, ...; not set while `has` is 0 */
};

/* Allowed, by no rule. What is large is not cleared: who decides writes it, where it is wanted. */
static inline void decision_begin(struct decision *d)
{
	d->reason = REASON_NONE;
	d->malformed = d->unanswerable = d->carries = d->unanswered = d->withdrawn = d->any_transaction = false;
	d->rule = CORE_NO_RULE;
	d->answered = 0;
	d->fields.has = 0;
}

/* It cannot be decoded: there is nothing to tell of it. */
static inline void decision_malformed(struct decision *d, enum reason reason)
{
	decision_begin(d);
	d->reason = reason;
	d->malformed = true;
}

/* Are the fields wanted? An allowed message's only where it is recorded. */
static inline bool decision_tells(const struct decision *d, const struct question_context *q)
{
	return d->reason != REASON_NONE || q->recorded;
}

/* May a request of this reason go on, so that it is noted as a use? Of one that is denied only one of several. */
static inline bool decision_is_use(enum reason reason, bool several, const struct question_context *q)
{
	return q->core && (reason == REASON_NONE || (several && q->conduit->mode == PROGRAM_OBSERVE));
}

/*
 * The rule that a use is told of. What is only observed and no rule came near is the first rule's to learn from: that
 * observes, too.
 */
static inline uint32_t use_rule(uint32_t rule, enum reason reason, const struct program_conduit *c)
{
	return rule == CORE_NO_RULE && reason != REASON_NONE ? c->rules.first : rule;
}

/* What a passing message changes of what is known: see `passes`. */
struct passing {
	struct flow *flow;
	struct symbols *symbols;
	struct cyclics *cyclics;
	uint64_t now;
	bool request;
	const uint8_t *bytes;
	size_t length;
	const struct decision *decision;
};

struct app {
	uint32_t largest; /* bytes of the largest message */
	/* Size of the first message in a stream, 0 = not known yet; REASON_NONE or why it is none. */
	enum reason (*frame)(const uint8_t *p, size_t len, size_t *ret_size);
	/* One whole request. */
	void (*request)(const struct question_context *q, const uint8_t *p, size_t len,
			struct decision *ret);
	/* The beginning of a request: can it still become an allowed one? */
	void (*request_start)(const struct question_context *q, const uint8_t *p, size_t len,
			      struct decision *ret);
	/* One whole reply against the flow's asks. */
	void (*reply)(const struct question_context *q, const uint8_t *p, size_t len, struct decision *ret);
	/* The beginning of a reply. */
	void (*reply_start)(const struct flow *f, const uint8_t *p, size_t len, struct decision *ret);
	/*
	 * Writes the error reply to the request p, or in place of the reply p that is withdrawn: at most INSERTED_MAX
	 * bytes. Returns its length, 0: none.
	 */
	uint32_t (*error)(const struct decision *d, const uint8_t *p, size_t len, uint8_t *out);
	/* A whole message goes on; NULL: the protocol has no state of its own. */
	void (*passes)(const struct passing *m);
};

/* The row of enum program_protocol. */
const struct app *app_of(uint8_t protocol);

extern const struct app app_modbus, app_enip;

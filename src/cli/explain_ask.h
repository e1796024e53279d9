/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Puts a request to the inspector's own matcher over the compiled program, and finds by further questions
 * to the same matcher in what the request differs from the entry that came nearest. Nothing here decides by itself.
 */
#include "inspect/program.h"
#include "policy/compile.h"
#include "policy/explain.h"
#include "protocol/modbus.h"
#include "protocol/reason.h"

struct ask_site {
	const struct compiled *compiled;
	struct program program;
	const struct rule **rules; /* of the program, by index */
	struct arena *arena;
};

struct answer {
	enum reason reason;         /* REASON_NONE: allowed */
	const struct rule *rule;    /* that allows it, or that came nearest */
	const struct entry *entry;  /* of that rule; NULL: none knows the function */
	struct explain_differences differences;
	const char *provided;       /* allowed under a condition: which, in words; or NULL */
};

/* False when the inspector would not take the program. */
bool ask_open(const struct compiled *compiled, struct arena *arena, struct ask_site *ret);

/* What the inspector decides about a whole request frame on the conduit of that number. */
void ask_frame(const struct ask_site *site, uint32_t conduit, const uint8_t *frame, size_t len,
	       int64_t wall, struct answer *ret);

/* The number of an inspected rule's conduit; 0: it is not inspected, or has ended. */
uint32_t ask_conduit(const struct ask_site *site, const struct rule *rule);

/* May a new connection use an inspected rule at that time? REASON_NONE for one that is not inspected. */
enum reason ask_serves(const struct ask_site *site, const struct rule *rule, int64_t wall);

/* The message of a frame in words: "read-holding-registers, unit 1, addresses 5-14". */
const char *ask_text(const struct modbus_message *m, struct arena *arena);

/* How near a refusal came: greater is nearer. */
unsigned ask_nearness(enum reason reason);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The result of a verification as one JSON object: {clean, site, compared_with, conduits, windows, findings:
 * list of {code, severity, where, text, rules, file, line, help}, left_out}. severity: "finding" or "warning".
 */
#include "json/writer.h"
#include "netfilter/drift.h"
#include "policy/ruleset.h"

/* compared_with: "supervisor" (what it holds) or "state" (compiled again). */
void drift_json_write(struct writer *w, const struct drift_list *list, const struct ruleset *ruleset,
		      const char *compared_with);

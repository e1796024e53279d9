/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* What `explain` found out, for the two files that say it: explain.c and explain_print.c. */
#include "cli/command.h"
#include "cli/explain_ask.h"
#include "cli/explain_request.h"
#include "policy/documents.h"
#include "policy/explain.h"
#include "policy/model.h"

struct explanation {
	const struct context *context;
	struct arena arena;
	struct diag_list diags;
	struct documents documents;
	struct compiled compiled;
	struct explain_path path;
	int64_t at;                   /* seconds UTC */

	/* the question */
	const char *asked;            /* the request in words; NULL: only the path was asked about */

	/* the answer */
	enum reason reason;           /* REASON_NONE: allowed */
	bool observed;                /* refused, but the conduit lets it through */
	const char *note;             /* why, where the reason code says too little; or NULL */
	const struct rule **rules;    /* that allow it, or all of the path that are open */
	size_t rule_count;
	const struct rule *nearest;   /* when refused; or NULL */
	const char *provided;         /* the condition under which it is allowed, or NULL */
	const struct entry *entry;    /* that allows it, or that came nearest; or NULL */
	struct explain_differences differences;
};

void explanation_print(struct explanation *e);
void explanation_write(struct explanation *e);

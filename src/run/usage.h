/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What the ledger counts, from what the core and the kernel report: the operator's names, one text a detail
 * that is always the same for the same request, and its parts as JSON.
 */
#include "netfilter/nflog.h"
#include "netfilter/read.h"
#include "policy/compile.h"
#include "record/ledger.h"
#include "run/channel.h"

/* A subject and room for its texts; it must stay where it is while the subject is in use. */
struct usage {
	struct ledger_subject subject;
	char detail[256];   /* "unit=1 address=120 quantity=1" */
	char parts[512];    /* {"unit": 1, "address": 120, "quantity": 1} */
	char service[32];   /* without a name: "function-90", "service-77", "command-6" */
	char verdict[64];
	char ends[2][64];
	char port[8];
};

/* A request that was allowed or denied. Its texts are printable and ended. */
void usage_of_request(const struct compiled *compiled, const struct core_event *event, struct usage *ret);

/* A packet that the kernel refused; false when it is nothing worth keeping. */
bool usage_of_refusal(const struct nflog_message *message, struct usage *ret);

void usage_of_conduit(const struct netfilter_conduit *conduit, struct usage *ret);

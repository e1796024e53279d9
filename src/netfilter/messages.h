/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The shape and its rows as netlink messages in a batch: what each function adds is checked and carried
 * out by the kernel in the order of the calls.
 */
#include "netfilter/link.h"
#include "netfilter/rows.h"
#include "netfilter/shape.h"
#include "policy/ruleset.h"

/* Makes sure that the table exists; delete: and then takes it away with all it holds. */
void messages_table(struct batch *batch, bool delete);

/* Counters, sets without rows, chains without rules; what exists already is left as it is. */
void messages_frame(struct batch *batch);

/* Every rule of every chain; flush: those that are there go first. */
void messages_rules(struct batch *batch, bool flush, const struct ruleset *ruleset,
		    const struct netfilter_kernel *kernel);

/* The self-test's table, owned likewise. */
void messages_self_test(struct batch *batch, const struct netfilter_kernel *kernel);

/* The guard's table, owned by the socket that sends the batch: nobody else can change it. */
void messages_guard(struct batch *batch);

/* A chain of its own with a queue expression in it: only for a batch that is not committed. */
void messages_probe(struct batch *batch);

/* The counter of a drop place set to a value, for a table that is built anew. */
void messages_counter(struct batch *batch, const char *name, uint64_t packets, uint64_t bytes);

/*
 * One row, which must live as long as the batch. counted: whose counts go on in it; NULL: it begins with none.
 */
void messages_row_add(struct batch *batch, enum shape_set_id id, const struct row *row,
		      const struct row *counted);
void messages_row_delete(struct batch *batch, enum shape_set_id id, const struct row *row);

/* What a message stands for: "the conduit 10.1.0.2 -> 10.2.0.2, tcp port 502"; NULL: the batch itself. */
const char *messages_origin(const struct origin *origin, struct arena *arena);

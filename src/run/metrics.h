/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * RUNTIME/metrics.prom: the gate's state in Prometheus' text format, replaced as a whole each time, so
 * that an exporter (node_exporter's textfile collector) can pick it up. docs/metrics.md names them all.
 */
#include "netfilter/read.h"

struct supervisor;

/* read_result: of netfilter_read() that filled in `counts`. A failure is told once. */
void metrics_write(struct supervisor *s, const struct netfilter_counts *counts, int read_result);

/* When the supervisor ends: numbers that stand still would be taken for those of a gate at work. */
void metrics_forget(struct supervisor *s);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The requests of one EtherNet/IP message against the rules: session and connection first, then every
 * innermost request by itself. One that is denied denies the message.
 */
#include "inspect/app.h"

/* A whole message. */
void enip_judge(const struct question_context *q, const struct enip_message *m, struct decision *ret);

/* One of which `there` bytes of m->cip have arrived. */
void enip_judge_start(const struct question_context *q, const struct enip_message *m, size_t there,
		      struct decision *ret);

/* Who a symbol's number belongs to. */
uint64_t enip_owner(const struct flow *f);
